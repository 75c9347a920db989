/**
 * Lines of a file, read in pieces and found by halving.
 *
 * Owns: a reader of a file whose lines are sorted by a key. It holds one piece in memory, whatever the file's
 * size. Reads are synchronous: the file was just written or is read from front to back, so it is in the
 * system's cache or about to be.
 */

import { readSync } from 'node:fs'

const PIECE_BYTES = 65_536
const LINE_BREAK = 10

export class LineReader {
  readonly #file: number
  readonly #end: number
  #piece: Buffer = Buffer.alloc(0)
  /** Offset in the file of the piece's first byte. */
  #pieceAt = 0
  /** Offset in the file of the next line. */
  #at: number

  /** Reads lines of `file` from offset `start` up to `end`, which lies behind a line break. */
  constructor(file: number, start: number, end: number) {
    this.#file = file
    this.#at = start
    this.#end = end
  }

  /** Offset of the line that `next()` will give. */
  get offset(): number {
    return this.#at
  }

  set offset(at: number) {
    this.#at = at
  }

  /** The next line without its line break, or `undefined` at the end. */
  next(): string | undefined {
    if (this.#at >= this.#end) return undefined
    let from = this.#at - this.#pieceAt
    let to = from < 0 || from > this.#piece.length ? -1 : this.#piece.indexOf(LINE_BREAK, from)
    for (let bytes = PIECE_BYTES; to === -1; bytes *= 2) {
      if (!this.#read(this.#at, bytes)) return undefined
      from = 0
      to = this.#piece.indexOf(LINE_BREAK)
    }
    this.#at = this.#pieceAt + to + 1
    return this.#piece.toString('utf8', from, to)
  }

  /**
   * Moves before the first line at or behind `start` that is not before the place sought.
   *
   * @param isBefore true for all lines up to that place, false behind it, `undefined` for lines without a key
   */
  seek(start: number, isBefore: (line: string) => boolean | undefined): void {
    let low = start
    let high = this.#end
    while (high - low > PIECE_BYTES) {
      this.#at = Math.floor((low + high) / 2)
      this.next()
      const at = this.#at
      const before = this.#nextKeyed(isBefore)
      if (before === undefined || at >= high) break
      if (before) low = at
      else high = at
    }
    this.#at = low
    for (let at = low; ; at = this.#at) {
      const line = this.next()
      if (line !== undefined && isBefore(line) !== false) continue
      this.#at = at
      return
    }
  }

  #nextKeyed(isBefore: (line: string) => boolean | undefined): boolean | undefined {
    for (let line = this.next(); line !== undefined; line = this.next()) {
      const before = isBefore(line)
      if (before !== undefined) return before
    }
    return undefined
  }

  /** Loads `bytes` bytes from `at`. False at the end of the file, or if it has no line break left. */
  #read(at: number, bytes: number): boolean {
    const length = Math.min(bytes, this.#end - at)
    if (length <= 0 || (this.#pieceAt === at && this.#piece.length === length)) return false
    const piece = Buffer.allocUnsafe(length)
    const read = readSync(this.#file, piece, 0, length, at)
    this.#piece = piece.subarray(0, read)
    this.#pieceAt = at
    return read > 0
  }
}
