/**
 * What is sent to one peer of a topic, as fast as it reads.
 *
 * Owns: the messages that wait, and how much the peer may still be sent. A message goes out when the connection has room
 * and the peer has; those behind it wait, so the order stays. Always true: at most `SOCKET_SENDS_QUEUED_MAX` messages
 * and `SOCKET_BYTES_QUEUED_MAX` wait for a peer that does not read; the next one is not taken.
 */

import { DatError } from '../base/errors.ts'
import {
  SOCKET_BYTES_QUEUED_MAX,
  SOCKET_MESSAGE_COST,
  SOCKET_SENDS_QUEUED_MAX,
  SOCKET_WINDOW_BYTES,
} from '../base/limits.ts'

/** A message that waits. Settled once: sent, or never to be sent. */
interface Waiting {
  readonly bytes: Uint8Array
  readonly settle: (error: DatError | undefined) => void
}

/** A connection that messages are written to. */
export interface Outlet {
  isWritable(): boolean
  write(message: Uint8Array): void
}

export class Outbox {
  readonly #outlet: Outlet
  #roomBytes = SOCKET_WINDOW_BYTES
  #waiting: Waiting[] = []
  #waitingBytes = 0

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Sends the message or lets it wait; false if there is no room to wait in. */
  take(bytes: Uint8Array, settle: (error: DatError | undefined) => void): boolean {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#write(bytes)
      settle(undefined)
      return true
    }
    const waitingBytes = this.#waitingBytes + bytes.length
    if (this.#waiting.length >= SOCKET_SENDS_QUEUED_MAX) return false
    if (waitingBytes > SOCKET_BYTES_QUEUED_MAX) return false
    this.#waiting.push({ bytes, settle })
    this.#waitingBytes = waitingBytes
    return true
  }

  /** The message is not to be sent, if it still waits. */
  withdraw(bytes: Uint8Array): void {
    const at = this.#waiting.findIndex((waiting) => waiting.bytes === bytes)
    if (at < 0) return
    this.#waiting.splice(at, 1)
    this.#waitingBytes -= bytes.length
    this.flush()
  }

  /** The peer has read so much. Throws `OVER_LIMIT` if it was never sent that. */
  giveBack(bytes: number): void {
    if (this.#roomBytes + bytes > SOCKET_WINDOW_BYTES) {
      throw new DatError('OVER_LIMIT', 'A peer has read more than it was sent.', { bytes })
    }
    this.#roomBytes += bytes
    this.flush()
  }

  /** Sends what waits, as far as there is room. */
  flush(): void {
    let count = 0
    for (const { bytes, settle } of this.#waiting) {
      if (!this.#fits(bytes)) break
      this.#write(bytes)
      this.#waitingBytes -= bytes.length
      count++
      settle(undefined)
    }
    if (count > 0) this.#waiting.splice(0, count)
  }

  /** What waits is never sent. */
  end(error: DatError): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { settle } of waiting) settle(error)
  }

  #fits(bytes: Uint8Array): boolean {
    return bytes.length + SOCKET_MESSAGE_COST <= this.#roomBytes && this.#outlet.isWritable()
  }

  #write(bytes: Uint8Array): void {
    this.#roomBytes -= bytes.length + SOCKET_MESSAGE_COST
    this.#outlet.write(bytes)
  }
}
