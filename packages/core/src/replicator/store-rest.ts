/**
 * Downloads that rest because the store did not take what came.
 *
 * Owns: `restUntil`, `full` and `fullUntil`. After a write that failed nothing is asked for during `STORE_REST_MS`. A store
 * that knows that it is full (`Store.roomBytes`) is asked every `STORE_REST_MS` whether it has room for the block that it
 * refused; where only a write can tell, as on a disk that is full without saying so, one is tried as often. Always true:
 * while it is full, no block is asked for, so that nothing is fetched to be thrown away; heads and hashes still are where
 * it knows, as they are no blocks. Who waits for a block or a download is told `STORE_FULL`; ranges stay, and go on when
 * there is room. It is told once as an event, until something was kept again. Of a store that takes nothing any more, or
 * never did (`whyClosed`), `Pulse` tells whoever waits, and asks for nothing.
 */

import { DatError, isCode } from '../base/errors.ts'
import { hex } from '../bytes/bytes.ts'
import type { Peer } from './peer.ts'
import type { Flight } from './requests.ts'
import type { Shared } from './shared.ts'

const STORE_REST_MS = 2_000
/** What a block takes beside its bytes, at most. */
const BESIDE_BYTES = 256

/** One log's. */
export class StoreRest {
  readonly #shared: Shared
  /** Ends a request that nobody needs an answer to any more. */
  readonly #cancel: (peer: Peer, flight: Flight) => void
  /** A timer is set, for the next look at the room. */
  #isLooking = false
  #isTold = false

  constructor(shared: Shared, cancel: (peer: Peer, flight: Flight) => void) {
    this.#shared = shared
    this.#cancel = cancel
  }

  /** What came in a frame is in the store. */
  kept(): void {
    this.#isTold = false
  }

  /** What was staged is taken back by the store: it is fetched again, after a while. @param lowest block of it */
  failed(error: unknown, lowest = 0): void {
    const { replica, clock, wants, flights, events, peers } = this.#shared
    wants.truncated(lowest)
    for (const peer of peers) peer.receipts = undefined
    for (const index of wants.blocks.keys()) if (!flights.has(index)) wants.requeue(index)
    if (isCode(error, 'STORE_FULL')) {
      const isKnown = replica.store.roomBytes < bytesOf(error)
      this.#fill(named(error, replica.discoveryKey), isKnown)
      return
    }
    this.#shared.restUntil = clock.now() + STORE_REST_MS
    events.emit('storage-error', { error })
    clock.after(STORE_REST_MS, () => this.#wake())
  }

  /** @param isKnown the store can be asked when there is room again; otherwise nothing at all is taken for a while */
  #fill(error: DatError, isKnown: boolean): void {
    const shared = this.#shared
    const { clock, events, peers } = shared
    const wasFull = shared.full !== undefined
    shared.full = error
    if (!isKnown) shared.fullUntil = shared.restUntil = clock.now() + STORE_REST_MS
    this.#refuse(error)
    if (wasFull) return
    for (const peer of peers) {
      peer.requests.each((flight) => {
        if (flight.block >= 0 && flight.upgradeLength === 0) this.#cancel(peer, flight)
      })
    }
    if (!this.#isTold) events.emit('storage-error', { error })
    this.#isTold = true
    shared.wake()
    this.#lookLater()
  }

  #lookLater(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    const { replica, clock } = this.#shared
    clock.after(STORE_REST_MS, () => {
      this.#isLooking = false
      const { full } = this.#shared
      if (full === undefined || replica.closed) return
      if (isStillFull(this.#shared)) {
        this.#refuse(full)
        this.#lookLater()
      } else this.#wake()
    })
  }

  #refuse(error: DatError): void {
    const { wants, replica } = this.#shared
    if (!wants.idle) wants.refuse(error, (block) => replica.has(block))
  }

  #wake(): void {
    this.#shared.version++
    this.#shared.wake()
  }
}

/** Is there no room for what was refused last? Forgets that there was none once there is, or once it may be tried. */
export function isStillFull(shared: Shared): boolean {
  const { full, replica, clock } = shared
  if (full === undefined) return false
  if (replica.store.roomBytes < bytesOf(full) || clock.now() < shared.fullUntil) return true
  shared.full = undefined
  shared.version++
  return false
}

/** Why nothing that peers have can be kept here, if the store is open for reading only and there are peers. */
export function whyClosed(shared: Shared): DatError | undefined {
  const { store, discoveryKey } = shared.replica
  const { peers, opening, finding } = shared
  if (store.writable || peers.length + opening + finding === 0) return undefined
  const log = shortName(discoveryKey)
  const why = store.whyReadOnly ?? 'it is open for reading only'
  const message = `Log ${log} can't be fetched, because its store takes nothing: ${why}.`
  const recoverable = store.whyReadOnly !== undefined
  return new DatError('NOT_WRITABLE', message, { discoveryKey: log, recoverable })
}

function shortName(discoveryKey: Uint8Array): string {
  return hex(discoveryKey.subarray(0, 4))
}

/** The same error, which names the log. */
function named(error: DatError, discoveryKey: Uint8Array): DatError {
  const log = shortName(discoveryKey)
  const message = `Log ${log} is not fetched any further: ${error.message}`
  return new DatError('STORE_FULL', message, { ...error.facts, discoveryKey: log }, error)
}

/** Room that the refused block needs. */
function bytesOf({ facts }: DatError): number {
  const { bytes } = facts
  return typeof bytes === 'number' ? bytes + BESIDE_BYTES : 1
}
