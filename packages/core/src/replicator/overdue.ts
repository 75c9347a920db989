/**
 * What becomes of requests that are not answered.
 *
 * Owns: deadlines and second choices (threat-model 3.4). A request is overdue when its peer has delivered nothing
 * for `ANSWER_MS_MIN` or eight of its usual answer times, about this log or, since it may have been asked about ten thousand
 * at once, about any log of the connection. Then its peer counts as late, is asked last, and the
 * block is asked of somebody else too; the first answer wins and the others are cancelled. With no second
 * choice the request stays: cancelling it would only lose what is on its way. An upgrade that is overdue is
 * cancelled, because only one may be in flight, and so is a seek. Towards the end of a range idle peers take over
 * blocks that a slow one has had for long.
 */

import { ANSWER_MS_MIN } from '../base/limits.ts'
import { ask, release } from './exchange.ts'
import { claimFailed } from './negotiate.ts'
import type { Peer } from './peer.ts'
import type { Flight } from './requests.ts'
import { newOrder, type Shared } from './shared.ts'

/** How often deadlines are looked at while anything is in flight with several peers, or somebody waits for news. */
export const TICK_MS = 250
/** So long a request waits behind those about other logs of its connection, while these are answered. */
const QUEUE_MS_MAX = 60_000
/** Requests for one block at the same time, at most. */
const COPIES_MAX = 3
/** An idle peer takes over what another has had for this many of its own answer times. */
const TAKE_OVER_TIMES = 4
/** Blocks that one peer takes over at a time. */
const TAKE_OVER_MAX = 16

/** Looks at everything in flight; `giveUp` ends a parked answer whose promise was not kept. */
export function checkDeadlines(
  shared: Shared,
  peers: readonly Peer[],
  giveUp: (peer: Peer, flight: Flight) => void,
): void {
  const now = shared.clock.now()
  for (const peer of shared.peers) {
    if (peer.inFlight === 0) continue
    const limitMs = limitOf(peer)
    peer.requests.each((flight) => {
      if (now - waitsSince(peer, flight) < limitMs) return
      if (flight.parked) giveUp(peer, flight)
      else if (!flight.overdue) expire(shared, peer, flight)
    })
  }
  for (const peer of peers) takeOver(shared, peer, now)
}

/** So long may pass without an answer. */
function limitOf(peer: Peer): number {
  return Math.max(ANSWER_MS_MIN, 8 * (peer.window?.answerMs ?? 0))
}

/** Since when a request has nothing to show for its waiting. */
function waitsSince(peer: Peer, flight: Flight): number {
  const busyUntil = Math.min(peer.budget.deliveredAt, flight.sentAt + QUEUE_MS_MAX)
  return Math.max(flight.sentAt, peer.deliveredAt, busyUntil)
}

/**
 * Milliseconds until a request of the only peer may be overdue, `TICK_MS` at least and `ANSWER_MS_MIN` at most: of ten
 * thousand logs that wait each would be looked at four times a second otherwise.
 */
export function untilOverdueMs(peer: Peer, now: number): number {
  const limitMs = limitOf(peer)
  let dueAt = now + ANSWER_MS_MIN
  peer.requests.each((flight) => {
    dueAt = Math.min(dueAt, waitsSince(peer, flight) + limitMs)
  })
  return Math.max(dueAt - now, TICK_MS)
}

function expire(shared: Shared, peer: Peer, flight: Flight): void {
  flight.overdue = true
  peer.late = true
  shared.version++
  if (flight.upgradeLength > 0) claimFailed(shared, peer, flight.reorg)
  if (flight.block < 0 || flight.upgradeLength > 0) release(shared, peer, flight, 'cancelled')
}

/** Asks an idle peer for blocks that others owe us for too long. */
function takeOver(shared: Shared, peer: Peer, now: number): void {
  if (peer.suspect || !peer.hasRoom || peer.fork !== shared.replica.fork) return
  const answerMs = peer.window?.answerMs ?? 0
  const patienceMs = answerMs === 0 ? ANSWER_MS_MIN : answerMs * TAKE_OVER_TIMES
  let room = TAKE_OVER_MAX - peer.inFlight
  for (const other of shared.peers) {
    if (other === peer || other.inFlight === 0) continue
    other.requests.each((flight) => {
      if (room <= 0 || flight.block < 0 || flight.upgradeLength > 0 || !peer.hasRoom) return
      if (!flight.overdue && now - flight.sentAt < patienceMs) return
      if (!peer.holds(flight.block) || shared.flights.copies(flight.block) >= COPIES_MAX) return
      if (isAsked(peer, flight.block)) return
      const order = newOrder(shared.replica.fork)
      order.block = flight.block
      order.urgent = true
      ask(shared, peer, order)
      room--
    })
  }
}

function isAsked(peer: Peer, block: number): boolean {
  let asked = false
  if (peer.inFlight > 0) {
    peer.requests.each((flight) => {
      if (flight.block === block) asked = true
    })
  }
  return asked
}
