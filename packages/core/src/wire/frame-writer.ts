/**
 * The outgoing frame of a connection: messages of many channels, one behind the other in one buffer.
 *
 * Owns: the layout of protomux's BATCH (replication.md section 3). Every message is encoded where it will be
 * sent from, so the bytes of a block are written once before they are encrypted:
 *
 *     00 00  channel  len message  len message …  00 channel  len message …      message = type | body
 *
 * A length stands before its message and is known only after it, so room is left for the length that the
 * caller expects; a wrong guess moves the message once. A frame with a single message can also be taken
 * without the wrapping: its channel is then written over the end of the wrapping, right before the type.
 *
 * Always true: between `begin` and `end` or `abandon` nobody else writes; before the first `begin` and after
 * `take` the frame is empty. Control messages are messages of channel 0.
 */

import { DatError } from '../base/errors.ts'
import { FRAME_BYTES_MAX } from '../base/limits.ts'
import { EMPTY } from '../bytes/bytes.ts'
import { Writer } from '../bytes/cursor.ts'
import { uintBytes, writeUint } from '../bytes/integers.ts'
import { STREAM_OVERHEAD_BYTES } from '../crypto/crypto.ts'

/** Longest message of a secret stream before encryption. */
export const MESSAGE_BYTES_MAX: number = FRAME_BYTES_MAX - STREAM_OVERHEAD_BYTES

const BATCH_BEGIN_BYTES = 2
const ROOM_FIRST_BYTES = 1024
/** A buffer that one large block has made larger than this is not kept. */
const ROOM_KEPT_BYTES = 1_048_576

/** One per connection; its buffer is used again for the next frame unless a large block has made it grow. */
export class FrameWriter {
  #writer: Writer = new Writer(ROOM_FIRST_BYTES)
  /** Finished messages. */
  #count = 0
  /** Channel of the last message; -1 in an empty frame. */
  #channel = -1
  /** Where the last message's type stands. */
  #messageAt = 0
  #lengthBytes = 1

  // What `abandon` goes back to.
  #beforeAt = 0
  #beforeChannel = -1

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Bytes so far. */
  get size(): number {
    return this.#writer.at
  }

  /** The writer stands behind the type: the body follows. */
  begin(channel: number, type: number, bodyHint: number): Writer {
    const writer = this.#writer
    this.#beforeAt = writer.at
    this.#beforeChannel = this.#channel
    if (this.#channel === -1) {
      writer.at = BATCH_BEGIN_BYTES
      writer.bytes[0] = 0
      writer.bytes[1] = 0
      writer.uint(channel)
    } else if (this.#channel !== channel) {
      writer.u8(0)
      writer.uint(channel)
    }
    this.#channel = channel
    this.#lengthBytes = uintBytes(bodyHint + 1)
    writer.ensure(this.#lengthBytes + 1 + bodyHint)
    this.#messageAt = writer.skip(this.#lengthBytes) + this.#lengthBytes
    writer.uint(type)
    return writer
  }

  /** @throws DatError BAD_ARGUMENT if the frame cannot hold the message; it is then taken back */
  end(): void {
    const writer = this.#writer
    const length = writer.at - this.#messageAt
    const lengthBytes = uintBytes(length)
    const shift = lengthBytes - this.#lengthBytes
    if (writer.at + shift > MESSAGE_BYTES_MAX) {
      this.abandon()
      throw new DatError('BAD_ARGUMENT', 'A message is too large for a frame.', { length })
    }
    if (shift !== 0) {
      writer.ensure(Math.max(shift, 0))
      writer.bytes.copyWithin(this.#messageAt + shift, this.#messageAt, writer.at)
      writer.at += shift
      this.#messageAt += shift
    }
    writeUint(writer.bytes, this.#messageAt - lengthBytes, length)
    this.#count++
  }

  abandon(): void {
    this.#writer.at = this.#beforeAt
    this.#channel = this.#beforeChannel
  }

  /**
   * The frame, as a view that is valid until the next `begin`; the frame is empty afterwards.
   *
   * @param wrapSingle also a single message is sent as a batch
   */
  take(wrapSingle: boolean): Uint8Array {
    if (this.#count === 0) return EMPTY
    const writer = this.#writer
    let from = 0
    if (this.#count === 1 && !wrapSingle) {
      from = this.#messageAt - uintBytes(this.#channel)
      writeUint(writer.bytes, from, this.#channel)
    }
    const frame = writer.bytes.subarray(from, writer.at)
    this.#count = 0
    this.#channel = -1
    if (writer.bytes.length > ROOM_KEPT_BYTES) this.#writer = new Writer(ROOM_FIRST_BYTES)
    else writer.reset()
    return frame
  }
}
