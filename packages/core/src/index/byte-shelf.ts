/**
 * Many short byte strings in few pieces of memory, each named by a number.
 *
 *     piece  := string string …          64 KiB; a string that does not fit has a piece of its own
 *     string := 4 bytes length, bytes
 *
 * Owns: the memory of keys and values that a draft holds: as objects they were what the collector of a long batch copied
 * most. Nothing is given back before `reset`. 0 names no string.
 */

import { DatError } from '../base/errors.ts'
import { readU32LE, writeU32LE } from '../bytes/integers.ts'

const PIECE_BITS = 16
const PIECE_BYTES = 1 << PIECE_BITS
const LENGTH_BYTES = 4

export class ByteShelf {
  readonly #pieces: Uint8Array[] = []
  /** Piece that is being filled, and where in it the next string goes. */
  #last = -1
  #at = 0
  /** Memory in use. */
  bytes = 0
  /** What `find` found: memory, place and length of a string. */
  found: Uint8Array = new Uint8Array(0)
  at = 0
  length = 0

  /** Keeps a copy of `content`, and gives its name: 1 or more. */
  add(content: Uint8Array): number {
    const needed = LENGTH_BYTES + content.length
    let piece = this.#pieces[this.#last]
    if (piece === undefined || this.#at + needed > piece.length) piece = this.#grow(needed)
    const at = this.#at
    writeU32LE(piece, at, content.length)
    piece.set(content, at + LENGTH_BYTES)
    this.#at = at + needed
    // A piece of its own is full at once: `at` stays below what the name has room for.
    return this.#last * PIECE_BYTES + at + 1
  }

  /** Order of `content` and the string of that name, as `compare` has it. */
  compare(content: Uint8Array, name: number): number {
    this.find(name)
    const { found, at, length } = this
    const common = Math.min(content.length, length)
    for (let i = 0; i < common; i++) {
      const difference = (content[i] ?? 0) - (found[at + i] ?? 0)
      if (difference !== 0) return difference
    }
    return content.length - length
  }

  /** Looks a string up. */
  find(name: number): void {
    const spot = name - 1
    const piece = this.#pieces[Math.floor(spot / PIECE_BYTES)]
    if (piece === undefined) throw new DatError('INVARIANT', 'No string has this name.', { name })
    const at = spot % PIECE_BYTES
    this.found = piece
    this.at = at + LENGTH_BYTES
    this.length = readU32LE(piece, at)
  }

  /** Forgets all strings. A single piece stays, to be used again. */
  reset(): void {
    this.#at = 0
    if (this.#last === 0 && this.bytes <= PIECE_BYTES) return
    this.#pieces.length = 0
    this.#last = -1
    this.bytes = 0
  }

  #grow(needed: number): Uint8Array {
    // The first one is small: most bees that are written get a key now and then.
    const usual = this.#last === -1 && needed <= PIECE_BYTES / 16 ? PIECE_BYTES / 16 : PIECE_BYTES
    const piece = new Uint8Array(Math.max(usual, needed))
    this.#pieces.push(piece)
    this.#last++
    this.#at = 0
    this.bytes += piece.length
    return piece
  }
}
