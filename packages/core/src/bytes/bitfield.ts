/**
 * A set of block numbers in memory: which blocks are held, by us or by a peer.
 *
 * Owns: a sorted list of runs over pages of 32,768 bits. A run is either one page with words and a count,
 * or any number of pages that are full; what no run covers is empty. These statements always hold:
 *
 * - Runs are disjoint and in order; full runs do not touch one another.
 * - A page with words is neither empty nor full: such pages are dropped or become a full run at once.
 *
 * So memory follows the number of changes and never a number in one of them: a remote that claims 2^50
 * blocks costs one run. Whoever feeds it from a remote bounds `runCount` and `pageCount` (limits.ts).
 * Positions are 0 .. 2^53 - 1; a range is `start .. end`, end not included; nothing loops per bit.
 */

import { countBits, fillBits, findBit } from './words.ts'

/** Blocks of one page. */
export const PAGE_BITS = 32_768
const PAGE_WORDS = PAGE_BITS / 32

/** Full pages `first .. end`. */
interface FullRun {
  first: number
  end: number
  readonly words: undefined
}

/** One page that is neither empty nor full. */
interface Page {
  readonly first: number
  readonly end: number
  readonly words: Uint32Array
  /** Set bits. */
  count: number
}

type Run = FullRun | Page

/** A set of block numbers that is small where it is simple. */
export class Bitfield {
  #runs: Run[] = []
  #pageCount = 0
  /** The run of the last look-up, because neighbours are asked for in turn. */
  #last: Run | undefined = undefined

  /** Runs in memory. */
  get runCount(): number {
    return this.#runs.length
  }

  /** Runs that hold words: 4 KiB each. */
  get pageCount(): number {
    return this.#pageCount
  }

  get(index: number): boolean {
    const page = Math.floor(index / PAGE_BITS)
    const run = this.#find(page)
    if (run === undefined) return false
    if (run.words === undefined) return true
    const bit = index - page * PAGE_BITS
    return (((run.words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1
  }

  /** Returns whether that changed anything. */
  set(index: number, value: boolean): boolean {
    const page = Math.floor(index / PAGE_BITS)
    const run = this.#find(page)
    if (run === undefined ? !value : run.words === undefined && value) return false
    const dense = run?.words === undefined ? this.#dense(page) : run
    const bit = index - page * PAGE_BITS
    const old = dense.words[bit >>> 5] ?? 0
    const mask = 1 << (bit & 31)
    if (((old & mask) !== 0) === value) return false
    dense.words[bit >>> 5] = old ^ mask
    dense.count += value ? 1 : -1
    this.#settle(dense)
    return true
  }

  /** Sets or clears every bit of `start .. end`. */
  setRange(start: number, end: number, value: boolean): void {
    if (start >= end) return
    let page = Math.floor(start / PAGE_BITS)
    const lastPage = Math.floor(end / PAGE_BITS)
    const from = start - page * PAGE_BITS
    if (page === lastPage) {
      this.#fill(page, from, end - page * PAGE_BITS, value)
      return
    }
    if (from > 0) this.#fill(page++, from, PAGE_BITS, value)
    if (page < lastPage) {
      const full = { first: page, end: lastPage, words: undefined }
      this.#replace(page, lastPage, value ? full : undefined)
    }
    const rest = end - lastPage * PAGE_BITS
    if (rest > 0) this.#fill(lastPage, 0, rest, value)
  }

  /** First position in `from .. end` that is set; `end` if there is none. */
  nextSet(from: number, end: number): number {
    for (let i = this.#position(Math.floor(from / PAGE_BITS)); i < this.#runs.length; i++) {
      const run = this.#runs[i]
      if (run === undefined) break
      const base = run.first * PAGE_BITS
      const at = Math.max(from, base)
      if (at >= end) break
      if (run.words === undefined) return at
      const hit = findBit(run.words, at - base, PAGE_BITS, true)
      if (hit < PAGE_BITS) return Math.min(base + hit, end)
    }
    return end
  }

  /** First position in `from .. end` that is not set; `end` if there is none. */
  nextUnset(from: number, end: number): number {
    let at = from
    for (let i = this.#position(Math.floor(from / PAGE_BITS)); at < end; i++) {
      const run = this.#runs[i]
      if (run === undefined || run.first * PAGE_BITS > at) break
      const base = run.first * PAGE_BITS
      const hit = run.words === undefined ? -1 : findBit(run.words, at - base, PAGE_BITS, false)
      if (hit >= 0 && hit < PAGE_BITS) return Math.min(base + hit, end)
      at = run.end * PAGE_BITS
    }
    return Math.min(at, end)
  }

  /** Is every position of `start .. end` set? True for an empty range. */
  hasAll(start: number, end: number): boolean {
    return this.nextUnset(start, end) >= end
  }

  /** Number of set positions in `start .. end`. */
  count(start: number, end: number): number {
    let count = 0
    for (let i = this.#position(Math.floor(start / PAGE_BITS)); i < this.#runs.length; i++) {
      const run = this.#runs[i]
      if (run === undefined || run.first * PAGE_BITS >= end) break
      const base = run.first * PAGE_BITS
      const from = Math.max(start - base, 0)
      const to = Math.min(end, run.end * PAGE_BITS) - base
      if (run.words === undefined) count += to - from
      else count += to - from === PAGE_BITS ? run.count : countBits(run.words, from, to)
    }
    return count
  }

  /** Overwrites `start .. start + 32 * words.length`; `start` is a multiple of 32. */
  setWords(start: number, words: Uint32Array): void {
    let from = 0
    while (from < words.length) {
      const at = start + from * 32
      const page = Math.floor(at / PAGE_BITS)
      const firstWord = (at - page * PAGE_BITS) / 32
      const length = Math.min(words.length - from, PAGE_WORDS - firstWord)
      this.#setPageWords(page, firstWord, words.subarray(from, from + length))
      from += length
    }
  }

  clear(): void {
    this.#runs = []
    this.#pageCount = 0
    this.#last = undefined
  }

  // ---- Runs ----

  /** Position in the list of the first run that ends behind `page`. */
  #position(page: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#runs[middle]?.end ?? 0) > page) high = middle
      else low = middle + 1
    }
    return low
  }

  #find(page: number): Run | undefined {
    const last = this.#last
    if (last !== undefined && last.first <= page && page < last.end) return last
    const run = this.#runs[this.#position(page)]
    if (run === undefined || run.first > page) return undefined
    this.#last = run
    return run
  }

  /** Sets or clears bits `from .. to` of one page. */
  #fill(page: number, from: number, to: number, value: boolean): void {
    const run = this.#find(page)
    if (run === undefined ? !value : run.words === undefined && value) return
    const dense = this.#dense(page)
    dense.count += fillBits(dense.words, from, to, value)
    this.#settle(dense)
  }

  #setPageWords(page: number, firstWord: number, words: Uint32Array): void {
    const run = this.#find(page)
    const same = run === undefined ? 0 : 0xffffffff
    if (run?.words === undefined && words.every((word) => word === same)) return
    const dense = this.#dense(page)
    const from = firstWord * 32
    const to = from + words.length * 32
    dense.count -= countBits(dense.words, from, to)
    dense.words.set(words, firstWord)
    dense.count += countBits(dense.words, from, to)
    this.#settle(dense)
  }

  /** The page with words, made from an empty or a full one if need be; `#settle` must follow. */
  #dense(page: number): Page {
    const run = this.#find(page)
    if (run?.words !== undefined) return run
    const words = new Uint32Array(PAGE_WORDS)
    if (run !== undefined) words.fill(0xffffffff)
    const count = run === undefined ? 0 : PAGE_BITS
    const dense = { first: page, end: page + 1, words, count }
    this.#replace(page, page + 1, dense)
    return dense
  }

  /** Keeps the second invariant after a page has changed. */
  #settle(page: Page): void {
    if (page.count > 0 && page.count < PAGE_BITS) return
    const { first, end, count } = page
    this.#replace(first, end, count === 0 ? undefined : { first, end, words: undefined })
  }

  /** Makes pages `first .. end` be `run`, or empty, and joins full runs that touch. */
  #replace(first: number, end: number, run: Run | undefined): void {
    const runs = this.#runs
    const from = this.#position(first)
    let to = from
    while ((runs[to]?.first ?? Number.POSITIVE_INFINITY) < end) to++
    const put: Run[] = []
    const before = runs[from]
    if (before !== undefined && to > from && before.first < first) {
      put.push({ first: before.first, end: first, words: undefined })
    }
    if (run !== undefined) put.push(run)
    const after = runs[to - 1]
    if (after !== undefined && to > from && after.end > end) {
      put.push({ first: end, end: after.end, words: undefined })
    }
    for (let i = from; i < to; i++) if (runs[i]?.words !== undefined) this.#pageCount--
    if (run?.words !== undefined) this.#pageCount++
    runs.splice(from, to - from, ...put)
    this.#last = undefined
    this.#join(Math.max(from - 1, 0), from + put.length)
  }

  /** Joins touching full runs between list positions `from` and `to`, both included. */
  #join(from: number, to: number): void {
    for (let i = Math.min(to, this.#runs.length - 1); i > from; i--) {
      const left = this.#runs[i - 1]
      const right = this.#runs[i]
      if (left === undefined || right === undefined) continue
      if (left.words !== undefined || right.words !== undefined || left.end !== right.first)
        continue
      left.end = right.end
      this.#runs.splice(i, 1)
    }
  }
}
