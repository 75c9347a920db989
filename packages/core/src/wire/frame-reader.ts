/**
 * The incoming frame of a connection, taken apart message by message without an object per message.
 *
 * Owns: the reading side of protomux's frames (replication.md section 3) and the place in the frame, so that
 * a long frame can be left and continued in a later turn. A frame is one message, or a BATCH of messages;
 * channel 0 carries the control messages in both.
 *
 * Always true: `body` lies within the frame and ends where the message ends; each step consumes bytes.
 */

import { DatError } from '../base/errors.ts'
import { BATCH_MESSAGES_MAX } from '../base/limits.ts'
import { EMPTY } from '../bytes/bytes.ts'
import { Reader } from '../bytes/cursor.ts'

/** Control messages are messages of this channel. */
export const CONTROL = 0

/** Types of the messages on channel 0. */
export const CONTROL_BATCH = 0
export const CONTROL_OPEN = 1
export const CONTROL_REJECT = 2
export const CONTROL_CLOSE = 3

/** Memory that the rest of one large frame has needed is not kept for the next. */
const ROOM_KEPT_BYTES = 1_048_576

/**
 * One per connection: `start` gives it a frame, each step puts the next message into `channel`, `type` and `body`.
 */
export class FrameReader {
  /** The sender's number of the channel of the message at hand; 0 for control. */
  channel = 0
  type = 0
  /** Stands behind the type of the message at hand. */
  readonly body: Reader = new Reader(EMPTY)
  readonly #frame: Reader = new Reader(EMPTY)
  /** The rest of a frame that was left, or of one before. */
  #kept: Uint8Array = EMPTY
  #isBatch = false
  #isParked = false
  #count = 0

  /** @throws DatError BAD_FRAME if the frame does not begin like one */
  start(frame: Uint8Array): void {
    this.#frame.reset(frame)
    this.#isBatch = false
    this.#isParked = false
    this.#count = 0
    if (frame.length === 0) return
    this.channel = this.#frame.uint()
    if (this.#frame.left === 0) throw new DatError('BAD_FRAME', 'A frame ends before its message.')
    if (this.channel !== 0 || frame[this.#frame.at] !== CONTROL_BATCH) return
    this.#frame.at++
    this.#isBatch = true
    this.channel = this.#frame.uint()
  }

  /** Is there anything left to read? */
  get more(): boolean {
    return this.#frame.left > 0
  }

  /**
   * Goes to the next message; false when the frame is done.
   *
   * @throws DatError BAD_FRAME, or OVER_LIMIT for too many messages in one batch
   */
  next(): boolean {
    return this.#isBatch ? this.#nextInBatch() : this.#single()
  }

  /** Keeps what is left in memory of our own, so that it can be read after the frame's bytes are gone. */
  park(): void {
    if (this.#isParked) return
    this.#isParked = true
    const rest = this.#frame.rest()
    if (rest.length > this.#kept.length) {
      this.#kept = new Uint8Array(Math.max(rest.length, 2 * this.#kept.length))
    }
    this.#kept.set(rest)
    this.#frame.reset(this.#kept, 0, rest.length)
    // Used again for the next one: long frames come in numbers.
    if (rest.length > ROOM_KEPT_BYTES) this.#kept = EMPTY
  }

  /** Lets go of the frame's bytes. */
  clear(): void {
    this.#frame.reset(EMPTY)
    this.body.reset(EMPTY)
  }

  #single(): boolean {
    const frame = this.#frame
    if (frame.left === 0) return false
    this.body.reset(frame.bytes, frame.at, frame.end)
    frame.at = frame.end
    this.type = this.body.uint()
    return true
  }

  #nextInBatch(): boolean {
    const frame = this.#frame
    while (frame.left > 0) {
      const length = frame.uint()
      if (length === 0) {
        this.channel = frame.uint()
        continue
      }
      const at = frame.skip(length)
      if (++this.#count > BATCH_MESSAGES_MAX) {
        throw new DatError('OVER_LIMIT', 'A batch has too many messages.', {
          max: BATCH_MESSAGES_MAX,
        })
      }
      this.body.reset(frame.bytes, at, at + length)
      this.type = this.body.uint()
      if (this.channel === 0 && this.type === CONTROL_BATCH) {
        throw new DatError('BAD_FRAME', 'A batch stands inside a batch.')
      }
      return true
    }
    return false
  }
}
