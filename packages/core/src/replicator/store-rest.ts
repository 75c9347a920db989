/**
 * Downloads that rest because the store did not take what came.
 *
 * Owns: `restUntil` and `full`. After a write that failed nothing is asked for during `STORE_REST_MS`. A store that is full
 * (`Store.roomBytes`) is asked every `STORE_REST_MS` whether it has room for the block that it refused. Always true:
 * while it has not, no block is asked for, so that nothing is fetched to be thrown away; heads and hashes still are, as they
 * are no blocks. Who waits for a block that is not here is told `STORE_FULL`; ranges stay, and go on when there is room.
 */

import { type DatError, isCode } from '../base/errors.ts'
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

  constructor(shared: Shared, cancel: (peer: Peer, flight: Flight) => void) {
    this.#shared = shared
    this.#cancel = cancel
  }

  /** What was staged is taken back by the store: it is fetched again, after a while. @param lowest block of it */
  failed(error: unknown, lowest = 0): void {
    const { replica, clock, wants, flights, events, peers } = this.#shared
    wants.truncated(lowest)
    for (const peer of peers) peer.receipts = undefined
    for (const index of wants.blocks.keys()) if (!flights.has(index)) wants.requeue(index)
    if (isCode(error, 'STORE_FULL') && replica.store.roomBytes < bytesOf(error)) {
      this.#fill(error)
      return
    }
    this.#shared.restUntil = clock.now() + STORE_REST_MS
    events.emit('storage-error', { error })
    clock.after(STORE_REST_MS, () => this.#wake())
  }

  #fill(error: DatError): void {
    const { events, peers } = this.#shared
    const isKnown = this.#shared.full !== undefined
    this.#shared.full = error
    this.#refuse(error)
    if (isKnown) return
    for (const peer of peers) {
      peer.requests.each((flight) => {
        if (flight.block >= 0 && flight.upgradeLength === 0) this.#cancel(peer, flight)
      })
    }
    events.emit('storage-error', { error })
    this.#shared.wake()
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
    if (wants.blocks.size > 0) wants.refuseBlocks(error, (block) => replica.has(block))
  }

  #wake(): void {
    this.#shared.version++
    this.#shared.wake()
  }
}

/** Is there no room for what was refused last? Forgets that there was none once there is. */
export function isStillFull(shared: Shared): boolean {
  const { full, replica } = shared
  if (full === undefined) return false
  if (replica.store.roomBytes < bytesOf(full)) return true
  shared.full = undefined
  shared.version++
  return false
}

/** Room that the refused block needs. */
function bytesOf({ facts }: DatError): number {
  const { bytes } = facts
  return typeof bytes === 'number' ? bytes + BESIDE_BYTES : 1
}
