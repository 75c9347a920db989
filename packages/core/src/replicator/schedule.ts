/**
 * Who is asked for what next.
 *
 * Owns: the order of things. In one pass: what callers wait for, then positions, then ranges (`ranges.ts`), then a
 * bare upgrade; to a peer only while its window has room. It looks at state and calls `ask`. Blocks that nobody can be asked for are put aside until the
 * version of the work changes, so that a pass costs what it sends, not what is waited for.
 */

import { ask } from './exchange.ts'
import { mayUpgrade } from './negotiate.ts'
import type { Peer } from './peer.ts'
import { planRanges } from './ranges.ts'
import { newOrder, type Order, type Shared } from './shared.ts'
import { wantBatch } from './want.ts'

/** One pass over everybody who may be asked. Returns true if there is more to ask for, in another slice of time. */
export function plan(shared: Shared, peers: readonly Peer[]): boolean {
  const takesBlocks = shared.full === undefined
  if (takesBlocks) planUrgent(shared, peers)
  planSeeks(shared, peers)
  const isMore = takesBlocks && planRanges(shared, peers)
  planUpgrade(shared, peers)
  return isMore
}

// ---- What callers wait for -----------------------------------------------------------------------

type Found = Peer | 'busy' | 'nobody'

function planUrgent(shared: Shared, peers: readonly Peer[]): void {
  const { wants, flights } = shared
  if (wants.stuckAt !== shared.version) wants.unstick(shared.version)
  const queue = wants.queue
  let at = 0
  while (at < queue.length) {
    const index = queue[at] ?? 0
    const want = wants.blocks.get(index)
    const waits = want?.queued === true && !flights.has(index)
    const found = waits ? bestFor(shared, peers, index) : 'nobody'
    if (found === 'busy') break
    at++
    if (want === undefined) continue
    want.queued = false
    if (!waits) continue
    if (found !== 'nobody') askUrgent(shared, found, index)
    else {
      want.queued = true
      wants.stuck.push(index)
      for (const peer of peers) wantBatch(shared, peer, index)
    }
  }
  queue.splice(0, at)
}

function askUrgent(shared: Shared, peer: Peer, index: number): void {
  const next = newOrder(shared.replica.fork)
  next.block = index
  next.urgent = true
  if (index >= shared.replica.length) addUpgrade(shared, peer, next)
  ask(shared, peer, next)
}

/** The peer that is likely to answer first; one that has misbehaved only if there is no other. */
function bestFor(shared: Shared, peers: readonly Peer[], index: number): Found {
  let best: Found = 'nobody'
  let bestCost = Number.POSITIVE_INFINITY
  for (const peer of peers) {
    if (!mayAsk(shared, peer, index)) continue
    if (!peer.hasUrgentRoom) {
      if (best === 'nobody') best = 'busy'
      continue
    }
    const window = peer.window
    const queueMs = window === undefined || window.rate === 0 ? 0 : window.bytes / window.rate
    const cost = (window?.answerMs ?? 0) + queueMs + (peer.suspect ? 1e9 : 0)
    if (cost >= bestCost) continue
    best = peer
    bestCost = cost
  }
  return best
}

/** May the peer be asked for this block: one of our tree, or one that an upgrade brings along? */
function mayAsk(shared: Shared, peer: Peer, index: number): boolean {
  if (peer.fork !== shared.replica.fork || !peer.holds(index)) return false
  if (index < shared.replica.length) return true
  return mayComeAlong(shared, index) && mayUpgrade(shared, peer)
}

/**
 * May an upgrade from our length bring this block? What lies behind a prologue can't be asked for before that is here, and
 * of a log that is empty here it may be unknown; but block 0 is the first of any prologue.
 */
function mayComeAlong({ replica }: Shared, index: number): boolean {
  return index === 0 || replica.length > 0
}

// ---- Positions -----------------------------------------------------------------------------------

function planSeeks(shared: Shared, peers: readonly Peer[]): void {
  const { wants, replica } = shared
  for (const seek of wants.seeks) {
    if (seek.inFlight || peers.length === 0) continue
    const result = replica.seekLocal(seek.position, seek.padding)
    if (result.kind !== 'range') continue
    const able = peers.filter((p) => {
      return p.hasUrgentRoom && p.fork === replica.fork && p.length >= replica.length
    })
    const peer = able.find((p) => !p.suspect) ?? able[0]
    if (peer === undefined) continue
    // Any block of the subtree will do, but the proof must be there, so best one that the peer holds.
    const span = result.end - result.start
    const held = peer.has.nextHeld(result.start + Math.floor(shared.random() * span), result.end)
    const next = newOrder(replica.fork)
    next.hash = 2 * (held < result.end ? held : result.start)
    next.nodes = replica.missingNodes(next.hash)
    next.seek = seek
    ask(shared, peer, next)
  }
}

// ---- Upgrades ------------------------------------------------------------------------------------

function planUpgrade(shared: Shared, peers: readonly Peer[]): void {
  const { replica, wants } = shared
  if (shared.upgrade !== undefined || !(shared.downloading || !wants.idle)) return
  let best: Peer | undefined
  for (const peer of peers) {
    if (!mayUpgrade(shared, peer)) continue
    if (best === undefined || (best.suspect && !peer.suspect)) best = peer
    else if (best.suspect === peer.suspect && peer.length > best.length) best = peer
  }
  if (best === undefined) return
  const next = newOrder(replica.fork)
  addUpgrade(shared, best, next)
  next.block = blockAlong(shared, best)
  // Such a head is not spelt out, so that it can only come along with something.
  if (next.block < 0 && replica.generation.headFromNodes) next.hash = 2 * (best.length - 1)
  ask(shared, best, next)
}

/**
 * A block of a range that the upgrade brings along, which saves a way there and back and a commit; -1 for none. Not of a peer
 * that has failed: where its block is what is wrong, the head by itself may be right.
 */
function blockAlong(shared: Shared, peer: Peer): number {
  const { replica, wants, flights, full } = shared
  if (full !== undefined || peer.suspect || peer.failures > 0 || !peer.hasRoom) return -1
  for (const range of wants.ranges) {
    // Whoever follows a log as it grows wants its newest block next.
    const block = range.live ? peer.length - 1 : range.firstFrom(replica.length)
    if (mayComeAlong(shared, block) && peer.holds(block) && !flights.has(block)) return block
  }
  return -1
}

function addUpgrade(shared: Shared, peer: Peer, next: Order): void {
  const { replica } = shared
  const { length, prologueLength } = replica
  next.upgradeStart = length
  // A prologue is proved by itself; what comes behind it comes along, or with the next upgrade.
  const end = length < prologueLength ? Math.min(prologueLength, peer.length) : peer.length
  next.upgradeLength = end - length
  next.manifest = replica.manifest === undefined && !replica.compat && peer.hasManifest
}
