/**
 * Reading and writing one value behind another in one buffer.
 *
 * Owns: `Reader`, which checks the end of the buffer once per value and never allocates for a number that
 * it read (a length or a count is compared with the bytes that are really there first), and `Writer`, whose
 * buffer grows. Neither copies: `fixed` and `buffer` of a reader are views, valid as long as its bytes are.
 *
 * Every error is `BAD_FRAME` (the bytes break the grammar) or `OVER_LIMIT` (a limit given by the
 * caller). After an error the position is undefined; nothing before it was changed.
 */

import { DatError } from '../base/errors.ts'
import { fromUtf8, utf8 } from './bytes.ts'
import {
  readU16LE,
  readU32BE,
  readU32LE,
  readU64BE,
  readU64LE,
  uintBytes,
  varintBytes,
  writeU16LE,
  writeU32BE,
  writeU32LE,
  writeU64BE,
  writeU64LE,
  writeUint,
  writeVarint,
} from './integers.ts'

/** A 64-bit number has at most ten groups of seven bits. */
const VARINT_BYTES_MAX = 10

/** Reads values from a part of a buffer. */
export class Reader {
  bytes: Uint8Array
  /** Offset of the next value. */
  at: number
  /** Offset behind the last byte that may be read. */
  end: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Starts over on other bytes, so that one reader serves all messages of a connection. */
  reset(bytes: Uint8Array, at = 0, end: number = bytes.length): void {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.end - this.at
  }

  /** Steps over `length` bytes and returns the offset at which they start. */
  skip(length: number): number {
    const at = this.at
    if (length > this.end - at) throw truncated(length, this.end - at)
    this.at = at + length
    return at
  }

  u8(): number {
    return this.bytes[this.skip(1)] ?? 0
  }

  u16LE(): number {
    return readU16LE(this.bytes, this.skip(2))
  }

  u32LE(): number {
    return readU32LE(this.bytes, this.skip(4))
  }

  u32BE(): number {
    return readU32BE(this.bytes, this.skip(4))
  }

  u64LE(): number {
    return safe(readU64LE(this.bytes, this.skip(8)))
  }

  u64BE(): number {
    return safe(readU64BE(this.bytes, this.skip(8)))
  }

  /** The compact integer of generation 3; longer forms than needed are accepted, as everywhere. */
  uint(): number {
    const first = this.u8()
    if (first <= 0xfc) return first
    if (first === 0xfd) return this.u16LE()
    return first === 0xfe ? this.u32LE() : this.u64LE()
  }

  /** LEB128; longer forms than needed are accepted up to ten bytes. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8()
      // High groups of zeros are legal; 0 * scale stays exact however large scale is.
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return safe(value)
      scale *= 0x80
    }
    throw new DatError('BAD_FRAME', 'A variable integer has more than ten bytes.')
  }

  /** A view of `length` bytes. */
  fixed(length: number): Uint8Array {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.fixed(this.end - this.at)
  }

  /** `uint` length, then a view of so many bytes. */
  buffer(bytesMax: number = Number.MAX_SAFE_INTEGER): Uint8Array {
    const length = this.uint()
    if (length > bytesMax) throw over('bytes', length, bytesMax)
    return this.fixed(length)
  }

  /** Like `buffer`, but no bytes mean that there is no value. */
  optionalBuffer(bytesMax: number = Number.MAX_SAFE_INTEGER): Uint8Array | undefined {
    const view = this.buffer(bytesMax)
    return view.length === 0 ? undefined : view
  }

  /** A `buffer` that holds UTF-8. */
  string(bytesMax: number = Number.MAX_SAFE_INTEGER): string {
    return fromUtf8(this.buffer(bytesMax))
  }

  /**
   * `uint` count of elements that take at least `bytesEach` bytes each. A count whose elements cannot be
   * there is refused before anybody makes room for them.
   */
  count(bytesEach: number, countMax: number = Number.MAX_SAFE_INTEGER): number {
    const count = this.uint()
    if (count > countMax) throw over('elements', count, countMax)
    if (count * bytesEach > this.left) throw truncated(count * bytesEach, this.left)
    return count
  }
}

/** Writes values into memory that grows. */
export class Writer {
  /** Replaced when it must grow: take views only after the last write. */
  bytes: Uint8Array
  /** Offset at which the next value is written. */
  at = 0

  /** @param into bytes to begin in, or how many to begin with */
  constructor(into: Uint8Array | number = 256) {
    this.bytes = typeof into === 'number' ? new Uint8Array(into) : into
  }

  /** Starts over in the same memory. */
  reset(): void {
    this.at = 0
  }

  /** Makes sure that `length` more bytes fit. Memory at least doubles, so growth costs little overall. */
  ensure(length: number): void {
    const needed = this.at + length
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
  }

  /** Leaves `length` bytes to be written by the caller and returns the offset at which they start. */
  skip(length: number): number {
    this.ensure(length)
    const at = this.at
    this.at = at + length
    return at
  }

  u8(value: number): void {
    const at = this.skip(1)
    this.bytes[at] = value
  }

  u16LE(value: number): void {
    const at = this.skip(2)
    writeU16LE(this.bytes, at, value)
  }

  u32LE(value: number): void {
    const at = this.skip(4)
    writeU32LE(this.bytes, at, value)
  }

  u32BE(value: number): void {
    const at = this.skip(4)
    writeU32BE(this.bytes, at, value)
  }

  u64LE(value: number): void {
    const at = this.skip(8)
    writeU64LE(this.bytes, at, value)
  }

  u64BE(value: number): void {
    const at = this.skip(8)
    writeU64BE(this.bytes, at, value)
  }

  /** The compact integer of generation 3, in its shortest form. */
  uint(value: number): void {
    this.ensure(uintBytes(value))
    this.at = writeUint(this.bytes, this.at, value)
  }

  /** LEB128, in its shortest form. */
  varint(value: number): void {
    this.ensure(varintBytes(value))
    this.at = writeVarint(this.bytes, this.at, value)
  }

  /** The bytes as they are, without a length. */
  fixed(bytes: Uint8Array): void {
    const at = this.skip(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** `bytes[from .. from + length)`, without making a view of it. */
  fixedAt(bytes: Uint8Array, from: number, length: number): void {
    const at = this.skip(length)
    for (let i = 0; i < length; i++) this.bytes[at + i] = bytes[from + i] ?? 0
  }

  /** `uint` length, then the bytes. Nothing (`undefined`) is written as length 0. */
  buffer(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.u8(0)
      return
    }
    this.uint(bytes.length)
    this.fixed(bytes)
  }

  /** A `buffer` that holds UTF-8. */
  string(text: string): void {
    this.buffer(utf8(text))
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    const out = new Uint8Array(this.at)
    out.set(this.view())
    return out
  }
}

// Built apart from the hot functions, which stay small enough to be inlined.
function truncated(needed: number, left: number): DatError {
  return new DatError('BAD_FRAME', 'The bytes end in the middle of a value.', { needed, left })
}

function over(what: string, value: number, max: number): DatError {
  return new DatError('OVER_LIMIT', `A value announces ${value} ${what}; ${max} are allowed.`, {
    value,
    max,
  })
}

function safe(value: number): number {
  if (value <= Number.MAX_SAFE_INTEGER) return value
  throw new DatError('BAD_FRAME', 'A number is larger than 2^53 - 1.')
}
