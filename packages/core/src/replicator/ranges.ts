/**
 * The next blocks of ranges, peer by peer.
 *
 * Owns: where each peer goes on in the range that it works at. Ranges are worked on in chunks of 64 blocks: a
 * peer stays in its chunk and avoids those of others until nothing else is left, so that the answers of one peer
 * lean on one another and not on somebody else's. With several peers each begins at another chunk, so that
 * they can later serve one another. Always true: a fruitless search ends after one round through the range, is
 * remembered with the version of the work, and is cut into slices of `SLICE_MS`.
 */

import { SLICE_ITEMS, SLICE_MS } from '../base/limits.ts'
import { ask } from './exchange.ts'
import { CHUNK_BLOCKS } from './flights.ts'
import type { Peer } from './peer.ts'
import { newOrder, type Shared } from './shared.ts'
import { wantBatch } from './want.ts'
import { lowerBound, type RangeWant } from './wants.ts'

const NOTHING = -1
const LATER = -2

/** Fills the peers' windows. Returns true if there is more for another slice of time. */
export function planRanges(shared: Shared, peers: readonly Peer[]): boolean {
  if (shared.wants.ranges.length === 0) return false
  const now = shared.clock.now()
  let more = false
  let isBusy = false
  for (const peer of peers) {
    if (peer.suspect || peer.fork !== shared.replica.fork) continue
    if (peer.dryAt !== shared.version && fill(shared, peer, now)) more = true
    if (peer.dryAt !== shared.version) isBusy = true
  }
  // Who has misbehaved is asked for what is left when the others have nothing more to ask for.
  for (const peer of peers) {
    if (isBusy || !peer.suspect || peer.fork !== shared.replica.fork) continue
    if (peer.dryAt !== shared.version && fill(shared, peer, now)) more = true
  }
  return more
}

function fill(shared: Shared, peer: Peer, now: number): boolean {
  const until = now + SLICE_MS
  const order = newOrder(shared.replica.fork)
  const ranges = shared.wants.ranges
  let at = 0
  while (peer.hasRoom) {
    const range = ranges[at]
    if (range === undefined) {
      peer.dryAt = shared.version
      return false
    }
    const block = nextOf(shared, peer, range, until)
    if (block === LATER) return true
    if (block === NOTHING) {
      at++
      continue
    }
    const end = endOfRun(shared, peer, range, block)
    for (let next = block; next < end && peer.hasRoom; next++) {
      order.block = next
      ask(shared, peer, order, now)
      if (range.blocks === undefined) peer.cursor = next + 1
    }
  }
  return false
}

/** Behind the blocks from `block` on, in its chunk, of which what was found for it holds too: they are asked for unseen. */
function endOfRun(shared: Shared, peer: Peer, range: RangeWant, block: number): number {
  const { replica, flights } = shared
  if (range.blocks !== undefined) return block + 1
  const chunkEnd = block - (block % CHUNK_BLOCKS) + CHUNK_BLOCKS
  const end = Math.min(chunkEnd, range.end, replica.length, peer.length)
  const missingTo = replica.slot.nextHeld(block, end)
  return flights.nextTaken(block, peer.has.nextMissing(block, missingTo))
}

function nextOf(shared: Shared, peer: Peer, range: RangeWant, until: number): number {
  const isList = range.blocks !== undefined
  const end = isList ? range.blocks.length : Math.min(range.end, shared.replica.length, peer.length)
  if (range.low >= end) return NOTHING
  if (peer.cursorRange !== range) {
    peer.cursorRange = range
    peer.cursor = isList ? range.low : firstPlace(shared, range, end)
    peer.left = 0
    peer.alone = true
  }
  // A new round begins after each block that was found: what lies behind may have become free.
  if (peer.left <= 0) peer.left = end - range.low
  const found = search(shared, peer, range, end, until)
  if (found === NOTHING && peer.alone && shared.peers.length > 1) {
    peer.alone = false
    peer.left = end - range.low
    return search(shared, peer, range, end, until)
  }
  return found
}

/** Each begins somewhere else, if there are others and the range does not care. */
function firstPlace(shared: Shared, range: RangeWant, end: number): number {
  if (range.linear || shared.peers.length === 1) return range.low
  const chunks = Math.ceil((end - range.low) / CHUNK_BLOCKS)
  const at = range.low + Math.floor(shared.random() * chunks) * CHUNK_BLOCKS
  return at - (at % CHUNK_BLOCKS)
}

/** Goes on from the cursor, round the end, for what is left of the round. */
function search(shared: Shared, peer: Peer, range: RangeWant, end: number, until: number): number {
  let at = peer.cursor
  for (let steps = 1; peer.left > 0; steps++) {
    if (at >= end || at < range.low) at = range.low
    const next =
      range.blocks === undefined
        ? stepSpan(shared, peer, at, end)
        : stepList(shared, peer, range.blocks, at)
    if (next === at) {
      peer.left = 0
      peer.alone = true
      peer.cursor = at + 1
      return range.blocks === undefined ? at : (range.blocks[at] ?? 0)
    }
    peer.left -= next - at
    at = next
    if (steps % SLICE_ITEMS === 0 && shared.clock.now() >= until) {
      peer.cursor = at
      return LATER
    }
  }
  peer.cursor = at
  return NOTHING
}

/** `at` if that block may be asked for, else where to look next. */
function stepSpan(shared: Shared, peer: Peer, at: number, end: number): number {
  const missing = shared.replica.slot.nextMissing(at, end)
  if (missing > at) return missing
  const held = peer.has.nextHeld(at, end)
  if (held > at) {
    wantBatch(shared, peer, at)
    return held
  }
  const free = shared.flights.nextFree(at, end)
  if (free > at) return free
  if (peer.alone && shared.peers.length > 1 && shared.flights.isTaken(at, peer.id)) {
    return Math.min(at - (at % CHUNK_BLOCKS) + CHUNK_BLOCKS, end)
  }
  return at
}

/** The same for a list: positions in it. */
function stepList(shared: Shared, peer: Peer, blocks: readonly number[], at: number): number {
  const { replica, flights } = shared
  const block = blocks[at] ?? 0
  if (block >= replica.length || replica.has(block)) return at + 1
  if (!peer.holds(block)) {
    wantBatch(shared, peer, block)
    return at + 1
  }
  if (peer.alone && shared.peers.length > 1 && flights.isTaken(block, peer.id)) {
    return lowerBound(blocks, block - (block % CHUNK_BLOCKS) + CHUNK_BLOCKS)
  }
  return flights.has(block) ? at + 1 : at
}
