/**
 * Whole frames out of a stream of bytes: three bytes of length, little-endian, then the payload.
 *
 * Owns: what is kept between two chunks (replication.md section 2.1). A frame that lies in one chunk is a view
 * into it; one that does not is gathered.
 *
 * Always true: memory grows with the bytes that have arrived, never with the length that a frame claims. A chunk stays
 * its sender's: what is left of it when he wants it back is copied (`keep`).
 */

import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'

/** What stands before each payload. */
export const LENGTH_BYTES = 3

const ROOM_FIRST_BYTES = 256
/** Memory that one large frame has needed is not kept for the next. */
const ROOM_KEPT_BYTES = 1_048_576

/** Writes the length of a frame's payload. */
export function writeLength(into: Uint8Array, at: number, length: number): void {
  into[at] = length
  into[at + 1] = length >>> 8
  into[at + 2] = length >>> 16
}

/** The incoming half of one connection. A payload that it hands over is valid until the next is asked for. */
export class Deframer {
  /** Longer payloads are refused when their length is seen. */
  payloadBytesMax: number
  #chunk: Uint8Array = EMPTY
  #at = 0
  /** What `keep` has kept, and after that room for the next time: nothing is read from here when it is called. */
  #kept: Uint8Array = EMPTY
  /** The beginning of a frame whose end is not here, with its length. */
  #held: Uint8Array = EMPTY
  #heldBytes = 0

  constructor(payloadBytesMax: number) {
    this.payloadBytesMax = payloadBytesMax
  }

  /** Bytes that are here and not handed over. */
  get sizeBytes(): number {
    return this.#heldBytes + this.#chunk.length - this.#at
  }

  /** The next chunk, when `next` had nothing more, or before: then both are read as one. Read where it is until `keep`. */
  push(chunk: Uint8Array): void {
    if (this.#at === this.#chunk.length) {
      this.#chunk = chunk
      this.#at = 0
      return
    }
    const joined = new Uint8Array(this.#chunk.length - this.#at + chunk.length)
    joined.set(this.#chunk.subarray(this.#at))
    joined.set(chunk, this.#chunk.length - this.#at)
    this.#chunk = joined
    this.#at = 0
  }

  /** Call it once after each `push`: the chunk's memory is not ours any more, and what is left goes into our own. */
  keep(): void {
    const left = this.#chunk.length - this.#at
    if (left === 0) this.#chunk = EMPTY
    else {
      if (left > this.#kept.length) {
        this.#kept = new Uint8Array(Math.max(left, 2 * this.#kept.length))
      }
      this.#kept.set(this.#chunk.subarray(this.#at))
      this.#chunk = this.#kept.subarray(0, left)
      if (left > ROOM_KEPT_BYTES) this.#kept = EMPTY
    }
    this.#at = 0
  }

  /**
   * The payload of the next frame if all of it is here: a view that is valid until the next call.
   *
   * @throws DatError OVER_LIMIT if it is announced longer than `payloadBytesMax`
   */
  next(): Uint8Array | undefined {
    if (this.#heldBytes > 0) return this.#nextHeld()
    const left = this.#chunk.length - this.#at
    if (left >= LENGTH_BYTES) {
      const length = this.#check(readLength(this.#chunk, this.#at))
      if (left >= LENGTH_BYTES + length) {
        const from = this.#at + LENGTH_BYTES
        this.#at = from + length
        return this.#chunk.subarray(from, from + length)
      }
    }
    this.#hold(left)
    return undefined
  }

  #nextHeld(): Uint8Array | undefined {
    if (this.#heldBytes < LENGTH_BYTES) this.#hold(LENGTH_BYTES - this.#heldBytes)
    if (this.#heldBytes < LENGTH_BYTES) return undefined
    const length = this.#check(readLength(this.#held, 0))
    this.#hold(LENGTH_BYTES + length - this.#heldBytes)
    if (this.#heldBytes < LENGTH_BYTES + length) return undefined
    const payload = this.#held.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    this.#heldBytes = 0
    if (this.#held.length > ROOM_KEPT_BYTES) this.#held = EMPTY
    return payload
  }

  /** Moves up to `count` bytes of the chunk to what is held. */
  #hold(count: number): void {
    const moved = Math.min(count, this.#chunk.length - this.#at)
    const needed = this.#heldBytes + moved
    if (needed > this.#held.length) {
      const room = new Uint8Array(Math.max(needed, 2 * this.#held.length, ROOM_FIRST_BYTES))
      room.set(this.#held.subarray(0, this.#heldBytes))
      this.#held = room
    }
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + moved), this.#heldBytes)
    this.#heldBytes = needed
    this.#at += moved
    if (this.#at === this.#chunk.length) {
      this.#chunk = EMPTY
      this.#at = 0
    }
  }

  #check(length: number): number {
    if (length <= this.payloadBytesMax) return length
    throw new DatError('OVER_LIMIT', 'A frame is longer than may come at this point.', {
      length,
      max: this.payloadBytesMax,
    })
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
}
