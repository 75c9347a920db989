/**
 * Whole frames out of a stream of bytes that is encrypted from some byte on: a varint of length, then the payload.
 *
 * Owns: what is kept between two chunks, and the keystream of what comes in (generation 2, sections 4 and 5; the same
 * in 1). Chunks are decrypted where they lie. A payload of no bytes is a sign of life and is stepped over.
 *
 * Always true: memory grows with the bytes that have arrived, never with the length that a frame claims.
 */

import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { Keystream } from '../crypto/crypto.ts'

/** Four groups of seven bits hold more than any frame has. */
const LENGTH_BYTES_MAX = 4
/** Memory that one large frame has needed is not kept for the next. */
const ROOM_KEPT_BYTES = 1_048_576

export class FeedDeframer {
  /** Longer payloads are refused when their length is seen. */
  payloadBytesMax: number
  #bytes: Uint8Array = EMPTY
  #at = 0
  #end = 0
  /** `#bytes` is memory of ours, with room behind `#end`. */
  #isOurs = false
  #key: Keystream | undefined

  constructor(payloadBytesMax: number) {
    this.payloadBytesMax = payloadBytesMax
  }

  /** Bytes that are here and not handed over. */
  get sizeBytes(): number {
    return this.#end - this.#at
  }

  /** Everything from here on, also what is here already, is encrypted. */
  decrypt(key: Keystream): void {
    this.#key = key
    key.xor(this.#bytes.subarray(this.#at, this.#end))
  }

  /** The next chunk; it is ours from now on. No payload handed over before is valid any more. */
  push(chunk: Uint8Array): void {
    this.#key?.xor(chunk)
    const left = this.#end - this.#at
    if (left === 0) {
      this.#bytes = chunk
      this.#at = 0
      this.#end = chunk.length
      this.#isOurs = false
      return
    }
    if (!this.#isOurs || this.#end + chunk.length > this.#bytes.length) {
      const room = new Uint8Array(Math.max(left + chunk.length, 2 * left))
      room.set(this.#bytes.subarray(this.#at, this.#end))
      this.#bytes = room
      this.#at = 0
      this.#end = left
      this.#isOurs = true
    }
    this.#bytes.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /**
   * The payload of the next frame if all of it is here: a view that is valid until the next `push`.
   *
   * @throws DatError OVER_LIMIT if it is announced longer than `payloadBytesMax`
   */
  next(): Uint8Array | undefined {
    for (;;) {
      const from = this.#payloadAt()
      if (from < 0 || from + this.#length > this.#end) return undefined
      const end = from + this.#length
      this.#at = end
      if (this.#length === 0) continue
      return this.#bytes.subarray(from, end)
    }
  }

  /** Lets go of memory that nobody needs. To be called when no payload is looked at any more. */
  rest(): void {
    if (this.#at < this.#end || this.#bytes.length <= ROOM_KEPT_BYTES) return
    this.#bytes = EMPTY
    this.#at = 0
    this.#end = 0
  }

  /** Length of the payload that `#payloadAt` has found. */
  #length = 0

  /** Where the next payload begins, or -1. */
  #payloadAt(): number {
    let length = 0
    for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
      const at = this.#at + i
      if (at >= this.#end) return -1
      const byte = this.#bytes[at] ?? 0
      length += (byte & 0x7f) * 2 ** (7 * i)
      if (byte >= 0x80) continue
      if (length > this.payloadBytesMax) break
      this.#length = length
      return at + 1
    }
    throw new DatError('OVER_LIMIT', 'A frame is longer than may come at this point.', {
      max: this.payloadBytesMax,
    })
  }
}
