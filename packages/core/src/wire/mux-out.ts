/**
 * The outgoing half of a mux: when the frame that all channels write into is sent.
 *
 * Owns: the frame and the corks. A frame is sent at the end of the
 * turn in which it was begun, at the outermost uncork, or when it has grown to `BATCH_FLUSH_BYTES`; so the
 * answers to everything that came in one turn go out together, and a large answer does not wait.
 *
 * Always true: writing is never refused here; senders ask `isWritable` first, which bounds what piles up.
 */

import type { Clock } from '../base/clock.ts'
import { BATCH_FLUSH_BYTES } from '../base/limits.ts'
import type { Writer } from '../bytes/cursor.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Transport } from './transport.ts'

export class MuxOut {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #frame = new FrameWriter()
  #corkCount = 0
  #isFlushDue = false
  #closed = false
  /** Made once: a function that makes one pays for it also when it is not needed. */
  readonly #flushLate = (): void => {
    this.#isFlushDue = false
    this.flushNow()
  }

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport
    this.#clock = clock
  }

  begin(channel: number, type: number, bodyHint: number): Writer {
    // A large message does not make the frame before it wait, nor the buffer grow by both.
    if (!this.#frame.isEmpty && this.#frame.size + bodyHint > BATCH_FLUSH_BYTES) this.flush(true)
    return this.#frame.begin(channel, type, bodyHint)
  }

  end(): void {
    this.#frame.end()
    if (this.#frame.size >= BATCH_FLUSH_BYTES) this.flush(true)
    else if (this.#corkCount === 0) this.#laterFlush()
  }

  abandon(): void {
    this.#frame.abandon()
  }

  cork(): void {
    this.#corkCount++
  }

  uncork(): void {
    if (this.#corkCount > 0 && --this.#corkCount === 0) this.flush(true)
  }

  /** Ends the frame before the turn does, unless somebody wants more in it. */
  flushNow(): void {
    if (this.#corkCount === 0) this.flush(false)
  }

  /** @param wrapSingle what was corked goes out as a batch even if it is one message, as protomux does it */
  flush(wrapSingle: boolean): void {
    if (this.#closed || this.#frame.isEmpty) return
    this.#transport.send(this.#frame.take(wrapSingle))
  }

  get writable(): boolean {
    return this.#transport.writable
  }

  close(): void {
    this.#closed = true
  }

  #laterFlush(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.#clock.soon(this.#flushLate)
  }
}
