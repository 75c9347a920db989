/**
 * Encoded blocks of one bee side by side in few pieces of memory, and the numbers of their fields.
 *
 *     piece   := word record record …                 up to 256 KiB; a larger record has a piece of its own
 *     record  := 5 words of 32 bits: number of the block (low, high), lengths of key and index, and of the value plus 2
 *                (0: it has none, 1: it is too long to be kept); then key, index and value, padded to whole words
 *     seat    := slot of a piece: 16 bits, word in it: 16 bits      0: free, for no record begins at the first word
 *
 * Owns: the cache of a bee. The fields of blocks stay as they were written, and are read in place: nothing here is an
 * object that the collector would have to visit, so a bee of 50,000 keys is 6 MB in some forty objects, where decoded nodes
 * were 600,000. What a search looks at most, number and key, stands together: that is one line of the processor's cache
 * for each comparison. These statements always hold:
 *
 * - What was written to a piece never changes: `bytes` and `at`, once taken, are good whatever is loaded after them.
 * - No block at or above the log's length is here.
 * - A seat leads to the one record of its block that counts.
 * - When the memory is used up, the oldest piece leaves. What is used of the pieces that leave next is copied to the
 *   newest one. This keeps what is hot without a list to be maintained at each look, and moves nothing while there is room.
 */

import { EMPTY } from '../bytes/bytes.ts'
import type { BlockFields } from './block.ts'

/** Default budget, for pieces and seats together. */
const CACHE_BYTES = 16 * 1024 * 1024
/** What a seat has bits for. */
const PIECE_BYTES_MAX = 262_144
const FIRST_PIECE_BYTES = 4_096
/** Pieces that a full cache has at least, unless they would be smaller than the first. */
const PIECES_MIN = 16
/** The part of the pieces that leaves next: what is used of it moves on. */
const LEAVING_PART = 4
const WORD_BYTES = 4
const HEAD_BYTES = 20
/** Up to this length a loop is sooner done than the view that `set` needs. */
const LOOP_BYTES_MAX = 96
const SEATS_MIN = 64
/** 2^32 by the golden ratio: the numbers of neighbours come to lie far apart, and evenly. */
const SPREAD = 0x9e3779b1
const TWO_32 = 2 ** 32

/** Words of a record, behind the low half of its number. */
const HIGH = 1
const KEY = 2
const INDEX = 3
const VALUE = 4

/** A value that a record does not hold, because there is none, or because it is too long. */
const NO_VALUE = 0
const LONG_VALUE = 1
const VALUE_BASE = 2

interface Piece {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly slot: number
  /** Pieces that were made before it. */
  readonly age: number
  /** Behind the last record, in words. */
  end: number
}

const NO_PIECE: Piece = { bytes: EMPTY, words: new Uint32Array(0), slot: 0, age: 0, end: 0 }

/** The cache, and one record of it at a time to be looked at. */
export class Packed {
  /** The record that was found last: its memory, and where in it. */
  bytes: Uint8Array = EMPTY
  #words: Uint32Array = NO_PIECE.words
  #at = 0
  readonly #bytesMax: number
  readonly #pieceBytes: number
  /** By slot. */
  #pieces: Piece[] = []
  #freeSlots: number[] = []
  /** Oldest first; the last one is being filled. */
  #queue: Piece[] = []
  #piece: Piece = NO_PIECE
  #age = 0
  /** Records of pieces that are older move when they are used. */
  #leavingAge = 0
  #seats = new Uint32Array(SEATS_MIN)
  #seatShift = 32 - Math.log2(SEATS_MIN)
  #count = 0
  /** Where the tree nodes of blocks begin that have very many, by number of the block. */
  readonly #directories = new Map<number, Float64Array>()
  /** Memory in use. */
  #used = 0

  constructor(cacheBytes: number = CACHE_BYTES) {
    this.#bytesMax = cacheBytes
    const part = Math.floor(cacheBytes / PIECES_MIN / WORD_BYTES) * WORD_BYTES
    this.#pieceBytes = Math.max(FIRST_PIECE_BYTES, Math.min(part, PIECE_BYTES_MAX))
  }

  clear(): void {
    this.#pieces = []
    this.#freeSlots = []
    this.#queue = []
    this.#piece = NO_PIECE
    this.#age = 0
    this.#leavingAge = 0
    this.#seats = new Uint32Array(SEATS_MIN)
    this.#seatShift = 32 - Math.log2(SEATS_MIN)
    this.#count = 0
    this.#directories.clear()
    this.#used = 0
  }

  /** Looks at block `seq`. False if it is not here. */
  find(seq: number): boolean {
    const seats = this.#seats
    const mask = seats.length - 1
    for (let seat = Math.imul(seq, SPREAD) >>> this.#seatShift; ; seat = (seat + 1) & mask) {
      const spot = seats[seat] ?? 0
      if (spot === 0) return false
      const piece = this.#look(spot)
      if (this.#number !== seq) continue
      if (piece.age < this.#leavingAge) this.#move(seq)
      return true
    }
  }

  /**
   * Takes a block in that is not here, and looks at it.
   *
   * @param fields where its fields are
   * @param keepsValue a long one is read again when it is asked for
   */
  add(seq: number, block: Uint8Array, fields: BlockFields, keepsValue: boolean): void {
    const { indexAt, indexLength, keyAt, keyLength, valueAt, valueLength } = fields
    const kept = keepsValue ? valueLength : 0
    const size = HEAD_BYTES + keyLength + indexLength + kept
    const spot = this.#open(Math.ceil(size / WORD_BYTES))
    const words = this.#words
    const at = this.#at
    words[at] = seq
    words[at + HIGH] = Math.floor(seq / TWO_32)
    words[at + KEY] = keyLength
    words[at + INDEX] = indexLength
    words[at + VALUE] =
      valueAt === 0 ? NO_VALUE : keepsValue ? VALUE_BASE + valueLength : LONG_VALUE
    const { bytes } = this
    const to = this.keyAt
    put(bytes, to, block, keyAt, keyLength)
    put(bytes, to + keyLength, block, indexAt, indexLength)
    put(bytes, to + keyLength + indexLength, block, valueAt, kept)
    if (2 * ++this.#count > this.#seats.length) this.#widen()
    this.#seats[this.#seatOf(seq)] = spot
  }

  // ---- The record that was found last ----

  /** The list that was kept for block `seq`, as long as the block stays. */
  directory(seq: number): Float64Array | undefined {
    return this.#directories.get(seq)
  }

  keepDirectory(seq: number, list: Float64Array): void {
    this.#directories.set(seq, list)
    this.#used += list.byteLength
  }

  /** Offset of the key in `bytes`; the others likewise. */
  get keyAt(): number {
    return this.#at * WORD_BYTES + HEAD_BYTES
  }

  get keyLength(): number {
    return this.#words[this.#at + KEY] ?? 0
  }

  get indexAt(): number {
    return this.keyAt + this.keyLength
  }

  get indexLength(): number {
    return this.#words[this.#at + INDEX] ?? 0
  }

  get hasValue(): boolean {
    return this.#words[this.#at + VALUE] !== NO_VALUE
  }

  /** Is the value in memory, or absent? */
  get valueKept(): boolean {
    return this.#words[this.#at + VALUE] !== LONG_VALUE
  }

  get valueAt(): number {
    return this.indexAt + this.indexLength
  }

  /** 0 for a value that is not kept. */
  get valueLength(): number {
    return Math.max(0, (this.#words[this.#at + VALUE] ?? 0) - VALUE_BASE)
  }

  get #number(): number {
    return (this.#words[this.#at] ?? 0) + (this.#words[this.#at + HIGH] ?? 0) * TWO_32
  }

  /** Words of the record. */
  get #size(): number {
    return Math.ceil(
      (HEAD_BYTES + this.keyLength + this.indexLength + this.valueLength) / WORD_BYTES,
    )
  }

  #look(spot: number): Piece {
    const piece = this.#pieces[spot >>> 16] ?? NO_PIECE
    this.bytes = piece.bytes
    this.#words = piece.words
    this.#at = spot & 0xffff
    return piece
  }

  // ---- Seats ----

  /** The seat of block `seq`, or the free one that it would get. */
  #seatOf(seq: number): number {
    const seats = this.#seats
    const mask = seats.length - 1
    for (let seat = Math.imul(seq, SPREAD) >>> this.#seatShift; ; seat = (seat + 1) & mask) {
      const spot = seats[seat] ?? 0
      if (spot === 0 || this.#numberAt(spot) === seq) return seat
    }
  }

  /** Number of the block whose record is there. */
  #numberAt(spot: number): number {
    const words = this.#pieces[spot >>> 16]?.words ?? NO_PIECE.words
    const at = spot & 0xffff
    return (words[at] ?? 0) + (words[at + HIGH] ?? 0) * TWO_32
  }

  #widen(): void {
    const before = this.#seats
    this.#seats = new Uint32Array(2 * before.length)
    this.#seatShift--
    this.#used += before.byteLength
    for (const spot of before)
      if (spot !== 0) this.#seats[this.#seatOf(this.#numberAt(spot))] = spot
  }

  /** Frees a seat. Those behind it that were full before them move up, so that they are still found. */
  #unseat(seat: number): void {
    const seats = this.#seats
    const mask = seats.length - 1
    let free = seat
    for (let next = (seat + 1) & mask; ; next = (next + 1) & mask) {
      const spot = seats[next] ?? 0
      if (spot === 0) break
      const wanted = Math.imul(this.#numberAt(spot), SPREAD) >>> this.#seatShift
      if (((next - wanted) & mask) < ((next - free) & mask)) continue
      seats[free] = spot
      free = next
    }
    seats[free] = 0
    this.#count--
  }

  // ---- Pieces ----

  /** Room for a record of so many words, which is looked at then; returns its spot. */
  #open(words: number): number {
    if (this.#piece.end + words > this.#piece.words.length) this.#grow(words)
    const piece = this.#piece
    const spot = spotOf(piece.slot, piece.end)
    piece.end += words
    this.#look(spot)
    return spot
  }

  /** Copies the record that is looked at to the newest piece, and looks at it there. */
  #move(seq: number): void {
    const words = this.#words
    const from = this.#at
    const size = this.#size
    const spot = this.#open(size)
    for (let i = 0; i < size; i++) this.#words[this.#at + i] = words[from + i] ?? 0
    // Its own piece may have left for it, and its seat with that.
    const seat = this.#seatOf(seq)
    if (this.#seats[seat] === 0) this.#count++
    this.#seats[seat] = spot
  }

  /** A new piece with room for so many words, in place of the oldest ones where the memory is used up. */
  #grow(words: number): void {
    const usual = Math.min(this.#pieceBytes, FIRST_PIECE_BYTES << Math.min(this.#age, 6))
    const size = Math.max(usual, (1 + words) * WORD_BYTES)
    while (this.#used + size > this.#bytesMax && this.#queue.length > 0) this.#drop()
    const memory = new ArrayBuffer(size)
    const slot = this.#freeSlots.pop() ?? this.#pieces.length
    this.#piece = {
      bytes: new Uint8Array(memory),
      words: new Uint32Array(memory),
      slot,
      age: this.#age++,
      end: 1,
    }
    this.#pieces[slot] = this.#piece
    this.#queue.push(this.#piece)
    this.#used += size
    const isFull = this.#used + this.#pieceBytes > this.#bytesMax
    const staying = this.#queue[Math.floor(this.#queue.length / LEAVING_PART)]
    this.#leavingAge = isFull ? (staying?.age ?? 0) : 0
  }

  /** The oldest piece leaves, and with it all records that have not moved. */
  #drop(): void {
    const piece = this.#queue.shift()
    if (piece === undefined) return
    const { slot, end } = piece
    for (let at = 1; at < end; at += this.#size) {
      const spot = spotOf(slot, at)
      this.#look(spot)
      const seq = this.#number
      const seat = this.#seatOf(seq)
      if (this.#seats[seat] !== spot) continue
      this.#unseat(seat)
      this.#used -= this.#directories.get(seq)?.byteLength ?? 0
      this.#directories.delete(seq)
    }
    this.#pieces[slot] = NO_PIECE
    this.#freeSlots.push(slot)
    this.#used -= piece.bytes.length
  }
}

function spotOf(slot: number, at: number): number {
  return ((slot << 16) | at) >>> 0
}

function put(into: Uint8Array, at: number, from: Uint8Array, fromAt: number, length: number): void {
  if (length > LOOP_BYTES_MAX) into.set(from.subarray(fromAt, fromAt + length), at)
  else for (let i = 0; i < length; i++) into[at + i] = from[fromAt + i] ?? 0
}
