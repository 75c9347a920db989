/**
 * Figures that must agree with one another at any moment.
 *
 * Owns: counting them from both sides: what is reserved, and what is in flight. The simulator compares the two
 * after each step; in between nothing reads them.
 */

import type { Shared } from './shared.ts'

/** What is reserved, and what is in flight, counted apart. */
export interface Audit {
  readonly blocksReserved: number
  readonly blocksInFlight: number
  readonly windowBlocks: number
  readonly upgradesReserved: number
  readonly upgradesInFlight: number
  readonly seeksReserved: number
  readonly seeksInFlight: number
  /** Requests that the peers' tables say they owe us. */
  readonly requests: number
  /** Callers that wait. */
  readonly waiting: number
}

export function audit(shared: Shared, waiting: number): Audit {
  const { peers, flights, upgrade, wants } = shared
  let blocksInFlight = 0
  let windowBlocks = 0
  let upgradesInFlight = 0
  let seeksInFlight = 0
  let requests = 0
  for (const peer of peers) {
    windowBlocks += peer.window?.blocks ?? 0
    requests += peer.inFlight
    if (peer.inFlight === 0) continue
    peer.requests.each((flight) => {
      if (flight.block >= 0) blocksInFlight++
      // What comes with a first head.
      if (flight.block >= 0 && flight.countedBytes === 0) windowBlocks++
      if (flight.upgradeLength > 0 && !flight.reorg) upgradesInFlight++
      if (flight.seek !== undefined) seeksInFlight++
    })
  }
  return {
    blocksReserved: flights.blocksReserved,
    blocksInFlight,
    windowBlocks,
    upgradesReserved: upgrade === undefined ? 0 : 1,
    upgradesInFlight,
    seeksReserved: wants.seeks.filter((seek) => seek.inFlight).length,
    seeksInFlight,
    requests,
    waiting,
  }
}
