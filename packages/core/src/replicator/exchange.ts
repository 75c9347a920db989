/**
 * Asking a peer, and being done with it: the two places where reservations are taken and given back.
 *
 * Owns: `ask` and `release`. Always true: whatever `ask` reserved (the block, its window, the upgrade, the
 * seek, the connection's budget) is given back by the one call of `release` for that request, whichever way
 * it ended: answered, refused, cancelled, or the peer gone. Source: DECISIONS 8, threat-model 3.6.
 */

import { NOTHING_ASKED } from '../tree/prove.ts'
import type { Request } from '../wire/messages.ts'
import { ANSWER_BYTES } from './passage.ts'
import type { Peer } from './peer.ts'
import type { Flight } from './requests.ts'
import type { Order, Shared } from './shared.ts'

/** How a request ended. `covered`: another peer brought the same, so this one is cancelled. */
export type Ending = 'delivered' | 'refused' | 'cancelled' | 'covered' | 'gone'

/** Messages are written from this one; senders copy what they need. */
const message: Request = { id: 0, ...NOTHING_ASKED, priority: 0 }

/** Reserves what `order` names and sends it to `peer`. `now`, on the shared clock, is read once by who asks for many. */
export function ask(
  shared: Shared,
  peer: Peer,
  order: Readonly<Order>,
  now: number = shared.clock.now(),
): Flight {
  const { replica, flights } = shared
  const flight = peer.requests.add(now)
  flight.block = order.block
  flight.hash = order.hash
  flight.nodes = order.nodes
  flight.seek = order.seek
  flight.upgradeStart = order.upgradeStart
  flight.upgradeLength = order.upgradeLength
  flight.manifest = order.manifest
  flight.urgent = order.urgent
  flight.fork = order.fork
  flight.reorg = order.reorg
  peer.budget.asked++
  if (order.block >= 0) {
    const inTree = order.block < replica.length
    flight.nodes = flights.reserve(order.block, peer.id, inTree, order.urgent)
    // What comes with the first head is not counted: a window begins with the size of blocks, which nobody knows yet.
    if (replica.length > 0) {
      const window = peer.window ?? peer.windowOrNew(averageBytes(shared))
      flight.countedBytes = window.sent(flight.sentAt)
    }
    if (peer.passage.down.isLimited) peer.passage.down.reserve(flight.countedBytes)
  }
  if (order.seek !== undefined) order.seek.inFlight = true
  if (order.upgradeLength > 0 && !order.reorg) shared.upgrade = { peer, flight }
  send(shared, peer, flight)
  if (order.block >= 0) peer.asked(flight.countedBytes)
  return flight
}

/**
 * Gives back what the request reserved. After it the flight belongs to the table again.
 *
 * @param now on the shared clock, read once by who is done with many
 */
export function release(
  shared: Shared,
  peer: Peer,
  flight: Flight,
  ending: Ending,
  blockBytes = 0,
  now: number = shared.clock.now(),
): void {
  const { flights, wants } = shared
  const came = ending === 'delivered' || ending === 'covered'
  peer.budget.answered()
  if (flight.block >= 0) {
    const window = flight.countedBytes > 0 ? peer.window : undefined
    if (ending === 'delivered') {
      window?.answered(flight.countedBytes, blockBytes, flight.sentAt, now)
      if (window !== undefined) peer.budget.windowBytes = window.limitBytes
      peer.passage.down.came(blockBytes + ANSWER_BYTES, flight.countedBytes, now)
    } else {
      window?.gone(flight.countedBytes)
      if (peer.passage.down.isLimited) peer.passage.down.reserve(-flight.countedBytes)
    }
    const free = flights.release(flight.block, came)
    if (free && !came) wants.requeue(flight.block)
  }
  if (flight.seek !== undefined) flight.seek.inFlight = false
  if (shared.upgrade?.flight === flight) shared.upgrade = undefined
  if (!came) shared.version++
  if (ending === 'gone') peer.requests.forget(flight)
  else if (ending === 'cancelled' || ending === 'covered') {
    peer.requests.cancelled(flight)
    if (peer.sender.abilities.cancel) peer.sender.cancel(flight.id)
  } else peer.requests.answered(flight)
}

/** Average size of the log's blocks, as its signed tree tells. */
function averageBytes(shared: Shared): number {
  const { length, byteLength } = shared.replica
  return byteLength / length
}

function send({ replica }: Shared, peer: Peer, flight: Flight): void {
  const { generation, slot } = replica
  const about = flight.block >= 0 ? flight.block : flight.hash / 2
  message.id = flight.id
  message.fork = flight.fork
  message.block = flight.block
  message.hash = flight.hash
  message.nodes = flight.nodes
  message.digest = about < 0 ? -1 : generation.digest(slot, about)
  message.seekBytes = -1
  message.seekPadding = 0
  if (flight.seek !== undefined && peer.sender.abilities.seek) {
    message.seekBytes = flight.seek.position
    message.seekPadding = flight.seek.padding
  }
  message.upgradeStart = flight.upgradeStart
  message.upgradeLength = flight.upgradeLength
  message.manifest = flight.manifest
  message.priority = flight.urgent ? 1 : 0
  peer.sender.request(message)
}
