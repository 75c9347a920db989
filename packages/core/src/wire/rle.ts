/**
 * Bitfields as generations 1 and 2 send them: runs of equal bytes, and bytes as they are.
 *
 * Owns: the coding (generation 2, section 6): varints `v`, each the head of a run. Odd: `v >> 2` bytes of ff (`v & 2`)
 * or 00; even: `v >> 1` bytes follow. The first bit is the most significant of the first byte; zeros at the end are
 * left out.
 *
 * Always true: reading costs in proportion to the coded bytes, whatever numbers are in them; nobody makes room
 * for a run of equal bytes. Errors are `BAD_FRAME`, and `OVER_LIMIT` for bits beyond 2^53.
 */

import { DatError } from '../base/errors.ts'
import { Reader, type Writer } from '../bytes/cursor.ts'
import { varintBytes } from '../bytes/integers.ts'

/** What a coded bitfield says. Positions are of bits, from 0; all are multiples of 8, `start` of words of 32. */
export interface RunVisitor {
  /** Bits `start .. start + length` are set. */
  ones(start: number, length: number): void
  /** Bits from `start` on, least significant first in each word; valid during the call. */
  words(start: number, words: Uint32Array): void
}

const BITS_MAX = 2 ** 53

/** One past the last bit that is set; 0 for none. */
export function lastBitOf(coded: Uint8Array): number {
  const from = new Reader(coded)
  let bytes = 0
  let end = 0
  while (from.left > 0) {
    const head = from.varint()
    const length = runBytes(head)
    if (head % 2 === 1) {
      if (head % 4 === 3 && length > 0) end = 8 * (bytes + length)
    } else {
      const at = from.skip(length)
      for (let i = length - 1; i >= 0; i--) {
        const byte = from.bytes[at + i] ?? 0
        if (byte === 0) continue
        end = 8 * (bytes + i) + 8 - trailingZeros(byte)
        break
      }
    }
    bytes += length
    if (8 * bytes > BITS_MAX) throw tooLong()
  }
  return end
}

/** Hands over everything that is set. What lies in between is not set. */
export function eachRun(coded: Uint8Array, to: RunVisitor): void {
  const from = new Reader(coded)
  const out = new Gathered(to, Math.min(WORDS_MAX, 2 * coded.length + 1))
  while (from.left > 0) {
    const head = from.varint()
    const length = runBytes(head)
    if (head % 2 === 1) out.run(head % 4 === 3, length)
    else {
      const at = from.skip(length)
      for (let i = 0; i < length; i++) out.byte(from.bytes[at + i] ?? 0)
    }
    if (8 * out.bytes > BITS_MAX) throw tooLong()
  }
  out.flush()
}

/** Words that are handed over together, of a literal run. */
const WORDS_MAX = 1_024

/** Bytes put together to words, long runs kept apart. */
class Gathered {
  /** Bytes so far. */
  bytes = 0
  readonly #to: RunVisitor
  readonly #words: Uint32Array
  #count = 0
  /** Where `#words` begins, in bytes. */
  #from = 0
  #word = 0

  constructor(to: RunVisitor, wordsMax: number) {
    this.#to = to
    this.#words = new Uint32Array(wordsMax)
  }

  byte(value: number): void {
    const place = this.bytes % 4
    this.#word |= reversed(value) << (8 * place)
    this.bytes++
    if (place === 3) this.#endWord()
  }

  run(isSet: boolean, length: number): void {
    let left = length
    while (left > 0 && this.bytes % 4 !== 0) {
      this.byte(isSet ? 0xff : 0)
      left--
    }
    const whole = left - (left % 4)
    if (whole > 0) {
      this.#handOver()
      if (isSet) this.#to.ones(8 * this.bytes, 8 * whole)
      this.bytes += whole
      this.#from = this.bytes
    }
    for (let i = whole; i < left; i++) this.byte(isSet ? 0xff : 0)
  }

  flush(): void {
    if (this.bytes % 4 !== 0) this.#endWord()
    this.#handOver()
  }

  #endWord(): void {
    this.#words[this.#count++] = this.#word
    this.#word = 0
    if (this.#count === this.#words.length) this.#handOver()
  }

  #handOver(): void {
    if (this.#count > 0) this.#to.words(8 * this.#from, this.#words.subarray(0, this.#count))
    this.#from += 4 * this.#count
    this.#count = 0
  }
}

// ---- Writing -------------------------------------------------------------------------------------

/** What is to be coded: the next bit from `from` on, up to `end`, that is or is not set. */
export interface BitSource {
  nextSet(from: number, end: number): number
  nextUnset(from: number, end: number): number
}

/** Equal bytes that are worth a head of their own. */
const RUN_BYTES_MIN = 4
/** Literal bytes in one run; what a decoder of any age reads. */
const LITERAL_BYTES_MAX = 8_192

/**
 * Writes bits `start .. end` of `bits`, in time that goes with the runs in them.
 *
 * @param start becomes bit 0
 */
export function writeRuns(into: Writer, bits: BitSource, start: number, end: number): void {
  const literal: number[] = []
  let at = start
  let zeroBytes = 0
  for (;;) {
    const set = bits.nextSet(at, end)
    if (set >= end) break
    const zeros = Math.floor((set - at) / 8)
    zeroBytes += zeros
    at += 8 * zeros
    if (zeroBytes >= RUN_BYTES_MIN) {
      writeLiteral(into, literal)
      into.varint(4 * zeroBytes + 1)
    } else for (let i = 0; i < zeroBytes; i++) literal.push(0)
    zeroBytes = 0
    const ones = Math.floor((bits.nextUnset(at, end) - at) / 8)
    if (ones >= RUN_BYTES_MIN) {
      writeLiteral(into, literal)
      into.varint(4 * ones + 3)
      at += 8 * ones
      continue
    }
    literal.push(byteOf(bits, at, end))
    at += 8
    if (literal.length === LITERAL_BYTES_MAX) writeLiteral(into, literal)
  }
  writeLiteral(into, literal)
}

function writeLiteral(into: Writer, literal: number[]): void {
  if (literal.length === 0) return
  into.ensure(varintBytes(2 * literal.length) + literal.length)
  into.varint(2 * literal.length)
  for (const byte of literal) into.u8(byte)
  literal.length = 0
}

function byteOf(bits: BitSource, at: number, end: number): number {
  const stop = Math.min(at + 8, end)
  let byte = 0
  let bit = bits.nextSet(at, stop)
  while (bit < stop) {
    byte |= 0x80 >> (bit - at)
    bit = bits.nextSet(bit + 1, stop)
  }
  return byte
}

// ---- Helpers -------------------------------------------------------------------------------------

function runBytes(head: number): number {
  return Math.floor(head / (head % 2 === 1 ? 4 : 2))
}

function trailingZeros(byte: number): number {
  return 31 - Math.clz32(byte & -byte)
}

/** The bits of a byte in the other order. */
function reversed(byte: number): number {
  let out = byte
  out = ((out & 0xf0) >> 4) | ((out & 0x0f) << 4)
  out = ((out & 0xcc) >> 2) | ((out & 0x33) << 2)
  return ((out & 0xaa) >> 1) | ((out & 0x55) << 1)
}

function tooLong(): DatError {
  return new DatError('OVER_LIMIT', 'A bitfield speaks of blocks beyond 2^53.')
}
