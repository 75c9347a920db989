/**
 * The requests that one peer owes us an answer to, and their ids.
 *
 * Owns: the table id → request. Ids are small and reused, last freed first. The id of a cancelled request
 * rests until the answer to a request sent *after* the cancellation has come: from then on no late answer
 * to the old request can be mistaken for one to the new (replication 7.4). Entries are reused, so a full
 * download allocates as many as its window is wide.
 */

import type { SeekWant } from './wants.ts'

/** One request in flight. Fields as in `Request`; -1 or 0 for what it does not have. */
export class Flight {
  readonly id: number
  /** Waiting for its answer. */
  active = false
  block = -1
  hash = -1
  nodes = 0
  seek: SeekWant | undefined = undefined
  upgradeStart = 0
  upgradeLength = 0
  manifest = false
  fork = 0
  /** Is it part of a reorganisation: a head of another fork, or hashes on the way down. */
  reorg = false
  /** What the window counted. */
  countedBytes = 0
  sentAt = 0
  /** Position in the order of all requests to this peer. */
  sequence = 0
  /** A caller waits for it: not for a range alone. */
  urgent = false
  /** Its deadline has passed: others may be asked too. */
  overdue = false
  /** The answer came before what it leans on and is kept (`receive.ts`). */
  parked = false

  constructor(id: number) {
    this.id = id
  }
}

interface Resting {
  readonly flight: Flight
  /** Free when an answer to a request with this sequence or a later one has come. */
  readonly until: number
}

/** The requests in flight to one peer. */
export class Requests {
  readonly #table: Flight[] = []
  readonly #free: Flight[] = []
  #resting: Resting[] = []
  #sequence = 1
  #active = 0

  /** Ids given out so far, resting ones included. */
  get size(): number {
    return this.#table.length
  }

  /** Requests that wait for an answer. */
  get active(): number {
    return this.#active
  }

  /** Is nothing lost if this is made anew for the next request? */
  get isSpare(): boolean {
    return this.#active === 0 && this.#resting.length === 0
  }

  /** A blank entry under a free id. */
  add(now: number): Flight {
    let flight = this.#free.pop()
    if (flight === undefined) {
      flight = new Flight(this.#table.length + 1)
      this.#table.push(flight)
    }
    flight.active = true
    flight.block = -1
    flight.hash = -1
    flight.nodes = 0
    flight.seek = undefined
    flight.upgradeStart = 0
    flight.upgradeLength = 0
    flight.manifest = false
    flight.fork = 0
    flight.reorg = false
    flight.countedBytes = 0
    flight.sentAt = now
    flight.sequence = this.#sequence++
    flight.urgent = false
    flight.overdue = false
    flight.parked = false
    this.#active++
    return flight
  }

  /** The request that waits for an answer under `id`. */
  get(id: number): Flight | undefined {
    const flight = this.#table[id - 1]
    return flight?.active === true ? flight : undefined
  }

  /** The answer (or refusal) came: the id is free, and so are those that rested for it. */
  answered(flight: Flight): void {
    this.#end(flight)
    this.#free.push(flight)
    if (this.#resting.length > 0) this.#wake(flight.sequence)
  }

  /** We told the remote to forget it. */
  cancelled(flight: Flight): void {
    this.#end(flight)
    this.#resting.push({ flight, until: this.#sequence })
  }

  /** The peer is gone, and its ids with it. */
  forget(flight: Flight): void {
    this.#end(flight)
  }

  /** Calls `visit` for each request in flight; it may end that request. */
  each(visit: (flight: Flight) => void): void {
    for (const flight of this.#table) if (flight.active) visit(flight)
  }

  #end(flight: Flight): void {
    flight.active = false
    this.#active--
  }

  #wake(sequence: number): void {
    let kept = 0
    for (const resting of this.#resting) {
      if (resting.until <= sequence) this.#free.push(resting.flight)
      else this.#resting[kept++] = resting
    }
    this.#resting.length = kept
  }
}
