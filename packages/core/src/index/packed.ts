/**
 * Encoded blocks of one bee side by side in few pieces of memory, and the numbers of their fields.
 *
 *     piece   := record record …                      up to 256 KiB; a larger record has a piece of its own
 *     record  := 7 words of 32 bits: spans (at, length) of index, key and value, length of the record; then the block
 *
 * Owns: the cache of a bee. Blocks stay as they were written, and are read in place: nothing here is an object that the
 * collector would have to visit, so a bee of 50,000 keys is 8 MB in some thirty objects, where decoded nodes were
 * 600,000. These statements always hold:
 *
 * - What was written to a piece never changes: `bytes` and `at`, once taken, are good whatever is loaded after them.
 * - No block at or above the log's length is here.
 * - There are two halves. What is used moves to the young one; when that is half of the budget, the old one is
 *   dropped. This keeps what is hot without a list to be maintained at each look.
 */

import { EMPTY } from '../bytes/bytes.ts'
import type { BlockFields } from './block.ts'

/** Default budget. */
const CACHE_BYTES = 16 * 1024 * 1024
const PIECE_BITS = 18
const PIECE_BYTES = 1 << PIECE_BITS
const FIRST_PIECE_BYTES = 4_096
const HEAD_BYTES = 28
/** A place in a table: number and spot, at most half of them in use. */
const SEAT_BYTES = 32
const SEATS_MIN = 64

/** Spans of a record begin so many words behind its first. */
const INDEX = 0
const KEY = 2
const VALUE = 4
const LENGTH = 6

/** A value that a record does not hold, because there is none, or because it is too long. */
const NO_VALUE = 0
const LONG_VALUE = 1

interface Piece {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
}

const NO_PIECE: Piece = { bytes: EMPTY, words: new Uint32Array(0) }

/** Blocks that came in one after the other, found by number. */
class Half {
  readonly #pieces: Piece[] = []
  #piece: Piece = NO_PIECE
  /** Where the next record begins in the last piece. */
  #at = 0
  /** Pairs of a block's number and its spot, which is `(piece << PIECE_BITS) + offset`; number 0 is a free seat. */
  #seats = new Float64Array(2 * SEATS_MIN)
  #count = 0
  /** Where the tree nodes of blocks begin that have very many, by number of the block. */
  readonly directories = new Map<number, Float64Array>()
  /** Bytes in use. */
  used = 0

  /** Spot of block `seq`, or -1. Block 0 is the header of a bee, and never here. */
  find(seq: number): number {
    const seats = this.#seats
    const mask = seats.length - 2
    for (let seat = seatOf(seq, mask); ; seat = (seat + 2) & mask) {
      const there = seats[seat]
      if (there === seq) return seats[seat + 1] ?? -1
      if (there === 0) return -1
    }
  }

  piece(spot: number): Piece {
    return this.#pieces[spot >>> PIECE_BITS] ?? NO_PIECE
  }

  /** Room for a record of `length` bytes, which its caller fills. */
  add(seq: number, length: number): number {
    const padded = (length + 3) & ~3
    if (this.#at + padded > this.#piece.bytes.length) this.#grow(padded)
    const spot = ((this.#pieces.length - 1) << PIECE_BITS) + this.#at
    this.#at += padded
    this.used += padded + SEAT_BYTES
    if (4 * (this.#count + 1) > this.#seats.length) this.#widen()
    this.#seat(seq, spot)
    this.#count++
    return spot
  }

  #grow(needed: number): void {
    const usual = Math.min(PIECE_BYTES, FIRST_PIECE_BYTES << Math.min(this.#pieces.length, 6))
    const memory = new ArrayBuffer(Math.max(needed, usual))
    this.#piece = { bytes: new Uint8Array(memory), words: new Uint32Array(memory) }
    this.#pieces.push(this.#piece)
    this.#at = 0
  }

  #widen(): void {
    const before = this.#seats
    this.#seats = new Float64Array(2 * before.length)
    for (let seat = 0; seat < before.length; seat += 2) {
      const seq = before[seat] ?? 0
      if (seq !== 0) this.#seat(seq, before[seat + 1] ?? 0)
    }
  }

  #seat(seq: number, spot: number): void {
    const seats = this.#seats
    const mask = seats.length - 2
    let seat = seatOf(seq, mask)
    while (seats[seat] !== 0) seat = (seat + 2) & mask
    seats[seat] = seq
    seats[seat + 1] = spot
  }
}

/** Neighbours get neighbouring seats: blocks of one batch are looked for together. */
function seatOf(seq: number, mask: number): number {
  return (2 * seq) & mask
}

/** The cache, and one record of it at a time to be looked at. */
export class Packed {
  /** The record that was found last: its memory, and where in it. */
  bytes: Uint8Array = EMPTY
  #words: Uint32Array = NO_PIECE.words
  #at = 0
  readonly #halfBytes: number
  #young = new Half()
  #old = new Half()

  constructor(cacheBytes: number = CACHE_BYTES) {
    this.#halfBytes = cacheBytes / 2
  }

  clear(): void {
    this.#young = new Half()
    this.#old = new Half()
  }

  /** Looks at block `seq`. False if it is not here. */
  find(seq: number): boolean {
    const spot = this.#young.find(seq)
    if (spot !== -1) {
      this.#look(this.#young.piece(spot), spot)
      return true
    }
    const before = this.#old.find(seq)
    if (before === -1) return false
    this.#look(this.#old.piece(before), before)
    const { bytes } = this
    const from = this.#at << 2
    const length = this.#word(LENGTH)
    this.#open(seq, length)
    this.bytes.set(bytes.subarray(from, from + length), this.#at << 2)
    return true
  }

  /**
   * Takes a block in, and looks at it.
   *
   * @param fields where its fields are
   * @param keepsValue a long one is read again when it is asked for
   */
  add(seq: number, block: Uint8Array, fields: BlockFields, keepsValue: boolean): void {
    const { indexAt, indexLength, keyAt, keyLength, valueAt, valueLength } = fields
    if (keepsValue) {
      this.#open(seq, HEAD_BYTES + block.length)
      this.bytes.set(block, (this.#at << 2) + HEAD_BYTES)
      this.#span(INDEX, HEAD_BYTES + indexAt, indexLength)
      this.#span(KEY, HEAD_BYTES + keyAt, keyLength)
      this.#span(VALUE, valueAt === 0 ? NO_VALUE : HEAD_BYTES + valueAt, valueLength)
      this.#words[this.#at + LENGTH] = HEAD_BYTES + block.length
      return
    }
    const length = HEAD_BYTES + indexLength + keyLength
    this.#open(seq, length)
    const at = (this.#at << 2) + HEAD_BYTES
    this.bytes.set(block.subarray(indexAt, indexAt + indexLength), at)
    this.bytes.set(block.subarray(keyAt, keyAt + keyLength), at + indexLength)
    this.#span(INDEX, HEAD_BYTES, indexLength)
    this.#span(KEY, HEAD_BYTES + indexLength, keyLength)
    this.#span(VALUE, valueAt === 0 ? NO_VALUE : LONG_VALUE, valueLength)
    this.#words[this.#at + LENGTH] = length
  }

  // ---- The record that was found last ----

  /** The list that was kept for block `seq`, as long as the block stays. */
  directory(seq: number): Float64Array | undefined {
    return this.#young.directories.get(seq)
  }

  keepDirectory(seq: number, list: Float64Array): void {
    this.#young.directories.set(seq, list)
    this.#young.used += list.byteLength
  }

  /** Offset of the index in `bytes`; the others likewise. */
  get indexAt(): number {
    return (this.#at << 2) + this.#word(INDEX)
  }

  get indexLength(): number {
    return this.#word(INDEX + 1)
  }

  get keyAt(): number {
    return (this.#at << 2) + this.#word(KEY)
  }

  get keyLength(): number {
    return this.#word(KEY + 1)
  }

  get hasValue(): boolean {
    return this.#word(VALUE) !== NO_VALUE
  }

  /** Is the value in memory, or absent? */
  get valueKept(): boolean {
    return this.#word(VALUE) !== LONG_VALUE
  }

  get valueAt(): number {
    return (this.#at << 2) + this.#word(VALUE)
  }

  get valueLength(): number {
    return this.#word(VALUE + 1)
  }

  #word(i: number): number {
    return this.#words[this.#at + i] ?? 0
  }

  #span(i: number, at: number, length: number): void {
    this.#words[this.#at + i] = at
    this.#words[this.#at + i + 1] = length
  }

  #look(piece: Piece, spot: number): void {
    this.bytes = piece.bytes
    this.#words = piece.words
    this.#at = (spot & (PIECE_BYTES - 1)) >>> 2
  }

  /** A record to be filled. */
  #open(seq: number, length: number): void {
    if (this.#young.used > this.#halfBytes) {
      this.#old = this.#young
      this.#young = new Half()
    }
    const spot = this.#young.add(seq, length)
    this.#look(this.#young.piece(spot), spot)
  }
}
