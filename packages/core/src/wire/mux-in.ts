/**
 * The incoming half of a mux: frames taken apart, a bounded time per turn.
 *
 * Owns: the frame at hand and the pauses. A frame of eight megabytes, or one with ten thousand openings, is left
 * after `SLICE_MS`, or when somebody pauses, and continued in a later turn; meanwhile the transport is paused. Every
 * part ends with `onFrameEnd`, so views into the frame's bytes stay valid until then.
 *
 * Always true: the transport is paused while a frame is parked or somebody holds a pause, and only then.
 */

import type { Clock } from '../base/clock.ts'
import { TURN_ITEMS } from '../base/limits.ts'
import { TurnPace } from '../base/pace.ts'
import type { Reader } from '../bytes/cursor.ts'
import { FrameReader } from './frame-reader.ts'
import type { Transport } from './transport.ts'

/** What the mux does with what came in. Errors thrown from `onMessage` end the connection. */
export interface Incoming {
  onMessage(channel: number, type: number, body: Reader): void
  onFrameEnd(): void
  onError(error: unknown): void
}

export class MuxIn {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #into: Incoming
  readonly #frame = new FrameReader()
  #pauseCount = 0
  #isParked = false
  #isReadDue = false
  /** All frames of one turn share a slice: a socket may bring dozens of them before the event loop goes on. */
  readonly #pace: TurnPace
  /** Messages until the next look at the clock, whichever frames they are in. */
  #left = TURN_ITEMS
  #closed = false

  constructor(transport: Transport, clock: Clock, into: Incoming) {
    this.#transport = transport
    this.#clock = clock
    this.#pace = TurnPace.on(clock)
    this.#into = into
  }

  frame(bytes: Uint8Array): void {
    if (this.#closed) return
    try {
      this.#frame.start(bytes)
    } catch (error) {
      this.#into.onError(error)
      return
    }
    this.#read()
  }

  pause(): void {
    if (this.#pauseCount++ === 0 && !this.#isParked) this.#transport.pause()
  }

  resume(): void {
    if (this.#pauseCount === 0 || --this.#pauseCount > 0) return
    if (this.#closed) return
    if (this.#isParked) this.#laterRead()
    else this.#transport.resume()
  }

  close(): void {
    this.#closed = true
  }

  #read(): void {
    const frame = this.#frame
    this.#pace.begin()
    try {
      while (!this.#closed && frame.next()) {
        this.#into.onMessage(frame.channel, frame.type, frame.body)
        if (--this.#left > 0) continue
        this.#left = TURN_ITEMS
        const isOver = this.#pauseCount > 0 || this.#pace.isOver
        if (isOver && frame.more) {
          this.#park()
          return
        }
      }
    } catch (error) {
      this.#into.onError(error)
    }
    this.#into.onFrameEnd()
    frame.clear()
    if (this.#isParked) this.#unpark()
  }

  #park(): void {
    this.#into.onFrameEnd()
    this.#frame.park()
    if (!this.#isParked && this.#pauseCount === 0) this.#transport.pause()
    this.#isParked = true
    if (this.#pauseCount === 0) this.#laterRead()
  }

  #unpark(): void {
    this.#isParked = false
    if (this.#pauseCount === 0 && !this.#closed) this.#transport.resume()
  }

  #laterRead(): void {
    if (this.#isReadDue) return
    this.#isReadDue = true
    this.#clock.soon(() => {
      this.#isReadDue = false
      if (this.#isParked && this.#pauseCount === 0 && !this.#closed) this.#read()
    })
  }
}
