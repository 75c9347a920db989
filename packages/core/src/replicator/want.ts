/**
 * Asking a peer what it holds.
 *
 * Owns: our Wants with one peer, in batches of 2^21 blocks as stock peers use them (replication 7.2). Always
 * true: a batch is asked for once, at most `WANTS_PER_CHANNEL_MAX` are open, and a peer that is known to hold
 * everything is asked nothing.
 */

import { WANT_BLOCKS_MAX, WANTS_PER_CHANNEL_MAX } from '../base/limits.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'

/** Asks, once, what the peer holds around `block`. */
export function wantBatch(shared: Shared, peer: Peer, block: number): void {
  if (peer.complete || block >= peer.length || peer.fork !== shared.replica.fork) return
  peer.wanted ??= new Set()
  if (peer.has.forgot) {
    peer.has.forgot = false
    unwantAll(peer)
    peer.wanted = new Set()
  }
  const batch = Math.floor(block / WANT_BLOCKS_MAX)
  if (peer.wanted.has(batch)) return
  const oldest = peer.wanted.values().next().value
  if (peer.wanted.size >= WANTS_PER_CHANNEL_MAX && oldest !== undefined) {
    peer.wanted.delete(oldest)
    peer.sender.unwant(oldest * WANT_BLOCKS_MAX, WANT_BLOCKS_MAX)
  }
  peer.wanted.add(batch)
  peer.sender.want(batch * WANT_BLOCKS_MAX, WANT_BLOCKS_MAX)
}

/** Asks what the peer holds around `block` although it was asked before: what it tells may have changed. */
export function wantAgain(shared: Shared, peer: Peer, block: number): void {
  const batch = Math.floor(block / WANT_BLOCKS_MAX)
  if (peer.wanted?.delete(batch) === true) {
    peer.sender.unwant(batch * WANT_BLOCKS_MAX, WANT_BLOCKS_MAX)
  }
  wantBatch(shared, peer, block)
}

/**
 * The peer refused a block that it was thought to hold. It is asked again what it holds, since the refusal may
 * have been about a moment; how often, its rests decide.
 */
export function lacks(peer: Peer, block: number): void {
  peer.has.unhave(block, 1)
  peer.wanted?.delete(Math.floor(block / WANT_BLOCKS_MAX))
}

/** Nobody waits for anything any more: the subscriptions end. */
export function unwantAll(peer: Peer): void {
  if (peer.wanted === undefined) return
  for (const batch of peer.wanted) peer.sender.unwant(batch * WANT_BLOCKS_MAX, WANT_BLOCKS_MAX)
  peer.wanted = undefined
}
