/**
 * What one remote says it holds of a log.
 *
 * Owns: the claims of one peer: everything below `contiguous`, and scattered blocks in a bitfield that is
 * made only for peers that need it. Always true: a claim costs constant memory and O(log n) time, whatever
 * numbers are in it, and all claims together stay below `REMOTE_PAGES_MAX` pages and `REMOTE_RANGES_MAX`
 * runs; what does not fit is forgotten, lowest first, and learnt again by a Want. Nothing here is truth:
 * only a verified block is. Source: replication 7.2, threat-model 5.
 */

import { REMOTE_PAGES_MAX, REMOTE_RANGES_MAX } from '../base/limits.ts'
import { Bitfield, PAGE_BITS } from '../bytes/bitfield.ts'

export class Availability {
  /** The remote holds every block below. */
  contiguous = 0
  #sparse: Bitfield | undefined = undefined
  /** Claims were dropped for lack of room since this was last set to false. */
  forgot = false

  has(index: number): boolean {
    return index < this.contiguous || this.#sparse?.get(index) === true
  }

  /** First block in `from .. end` that the remote claims; `end` if there is none. */
  nextHeld(from: number, end: number): number {
    if (from < this.contiguous) return Math.min(from, end)
    return this.#sparse === undefined ? end : this.#sparse.nextSet(from, end)
  }

  /** First block in `from .. end` that the remote does not claim; `end` if there is none. */
  nextMissing(from: number, end: number): number {
    const at = Math.max(from, this.contiguous)
    if (at >= end) return end
    return this.#sparse === undefined ? at : this.#sparse.nextUnset(at, end)
  }

  have(start: number, length: number): void {
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER)
    if (end <= this.contiguous) return
    if (start <= this.contiguous) {
      this.contiguous = end
      this.#absorb()
      return
    }
    this.#sparseOrNew().setRange(start, end, true)
    this.#trim(end)
  }

  unhave(start: number, length: number): void {
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER)
    if (length <= 0) return
    if (start < this.contiguous) {
      const rest = this.contiguous
      this.contiguous = start
      if (end < rest) this.#sparseOrNew().setRange(end, rest, true)
    }
    this.#sparse?.setRange(start, end, false)
    this.#trim(end)
  }

  /**
   * The truth about a range as the remote tells it; replaces what it said before. `start` is a multiple of
   * 32; bits at or above `length`, the remote's own length, are not kept.
   */
  words(start: number, words: Uint32Array, length: number): void {
    if (start % 32 !== 0 || start >= length) return
    const count = Math.min(words.length, Math.ceil((length - start) / 32))
    const end = start + count * 32
    if (count === 0) return
    const kept = words.subarray(0, count)
    if (start < this.contiguous) {
      const rest = this.contiguous
      this.contiguous = start
      if (end < rest) this.#sparseOrNew().setRange(end, rest, true)
    }
    this.#sparseOrNew().setWords(start, kept)
    if (end > length) this.#sparse?.setRange(length, end, false)
    this.#absorb()
    this.#trim(end)
  }

  /** The remote's history changed at `length`: what lies above was about other blocks. */
  truncate(length: number): void {
    this.contiguous = Math.min(this.contiguous, length)
    this.#sparse?.setRange(length, Number.MAX_SAFE_INTEGER, false)
  }

  clear(): void {
    this.contiguous = 0
    this.#sparse = undefined
  }

  #sparseOrNew(): Bitfield {
    this.#sparse ??= new Bitfield()
    return this.#sparse
  }

  /** Bits that continue the contiguous part move into it; an empty bitfield is let go. */
  #absorb(): void {
    const sparse = this.#sparse
    if (sparse === undefined) return
    const end = sparse.nextUnset(this.contiguous, Number.MAX_SAFE_INTEGER)
    if (end > this.contiguous) this.contiguous = end
    sparse.setRange(0, this.contiguous, false)
    if (sparse.runCount === 0) this.#sparse = undefined
  }

  /** Forgets pages from below until the limits hold, the page of `latest` last. */
  #trim(latest: number): void {
    const sparse = this.#sparse
    if (sparse === undefined) return
    const keep = Math.floor(latest / PAGE_BITS)
    let at = 0
    while (sparse.pageCount > REMOTE_PAGES_MAX || sparse.runCount > REMOTE_RANGES_MAX) {
      at = sparse.nextSet(at, Number.MAX_SAFE_INTEGER)
      const page = Math.floor(at / PAGE_BITS)
      const end = (page + 1) * PAGE_BITS
      if (page !== keep) {
        sparse.setRange(at, Math.max(end, sparse.nextUnset(at, Number.MAX_SAFE_INTEGER)), false)
        this.forgot = true
      }
      at = end
    }
  }
}
