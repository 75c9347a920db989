/**
 * Reading blocks: from the staging buffer, from what is kept in memory, or from the file.
 *
 * Owns: the path of a read, and that it never gives out wrong bytes. The stations:
 *
 * 1. What is staged is copied from there.
 * 2. A read inside the read-ahead window is a copy. One that begins where the last one ended reads a whole window at once.
 * 3. Pieces that are read often are kept (`read-windows.ts`).
 * 4. The first time in a process that a block comes from its file, its leaf hash is made again and compared.
 */

import { DatError, isCode } from '../../base/errors.ts'
import { READ_AHEAD_BYTES } from '../../base/limits.ts'
import { EMPTY, equalAt } from '../../bytes/bytes.ts'
import { crypto, HASH_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import type { ColdGuard } from './cold-guard.ts'
import type { Page } from './page.ts'
import { LEAF_BLOCKS } from './page-layout.ts'
import { ReadWindows } from './read-windows.ts'
import type { SegmentLog } from './segments.ts'
import type { Staging } from './staging.ts'

/** Between two blocks of a log stand nodes and record headers: still one behind the other. */
const GAP_BYTES_MAX = 4_096
/** Ranges that were warmed lately, at most. */
const WARM_RANGES_MAX = 256

export class BlockReader {
  readonly #staging: Staging
  readonly #data: SegmentLog
  readonly #guard: ColdGuard
  readonly #window = new Uint8Array(READ_AHEAD_BYTES)
  readonly #kept = new ReadWindows()
  #windowFrom = 0
  #windowEnd = 0
  /** Where the last read ended. */
  #lastEnd = 0
  /** What `#fetch` found. */
  #bytes: Uint8Array = EMPTY
  #at = 0
  readonly #hash = new Uint8Array(HASH_BYTES)
  /** Rows of two: from, end. */
  readonly #warm: number[] = []

  constructor(staging: Staging, data: SegmentLog, guard: ColdGuard) {
    this.#staging = staging
    this.#data = data
    this.#guard = guard
  }

  /**
   * Copies block `i` of a leaf page to `into` at `at`. Throws `CORRUPT_STORE` if its bytes are not those that
   * were stored.
   */
  copy(leaf: Page, i: number, size: number, into: Uint8Array, at: number): void {
    const position = leaf.entry(i)
    if (position > this.#staging.firstAddress) {
      const { writer, address } = this.#staging.find(position)
      const from = position - address
      into.set(writer.bytes.subarray(from, from + size), at)
      return
    }
    const length = LEAF_PREFIX_BYTES + size
    const isThere = this.#fetch(position - LEAF_PREFIX_BYTES, length)
    if (!isThere) throw this.#damaged(leaf, i)
    if (!leaf.isVerified(i)) this.#verify(leaf, i, length)
    const from = this.#at + LEAF_PREFIX_BYTES
    into.set(this.#bytes.subarray(from, from + size), at)
  }

  /** Leaves `length` bytes from `address` in `#bytes` at `#at`. False if the file is too short. */
  #fetch(address: number, length: number): boolean {
    const end = address + length
    if (address >= this.#windowFrom && end <= this.#windowEnd) {
      this.#bytes = this.#window
      this.#at = address - this.#windowFrom
      this.#lastEnd = end
      return true
    }
    const kept = this.#kept.find(address, end)
    if (kept !== undefined) {
      this.#bytes = kept.bytes
      this.#at = address - kept.from
      this.#lastEnd = end
      return true
    }
    const gap = address - this.#lastEnd
    const isNext = gap >= 0 && gap <= GAP_BYTES_MAX
    this.#lastEnd = end
    if (!isNext && this.#kept.touch(address, end) && this.#keep(address, end)) return true
    const fits = length <= READ_AHEAD_BYTES
    this.#bytes = fits ? this.#window : new Uint8Array(length)
    this.#at = 0
    // If the read fails, the window must not pass for what it held before.
    if (fits) this.#windowEnd = 0
    const began = this.#guard.now()
    const read = this.#read(fits && isNext ? READ_AHEAD_BYTES : length, address)
    this.#guard.ended(began)
    if (fits) {
      this.#windowFrom = address
      this.#windowEnd = address + read
    }
    return read >= length
  }

  /** As `#fetch`, by reading the whole piece around it. False if that can't be read, though a part of it may be. */
  #keep(address: number, end: number): boolean {
    const segment = this.#data.at(address)
    if (segment === undefined) return false
    const window = this.#kept.make(address, segment.start)
    this.#bytes = window.bytes
    this.#at = address - window.from
    const began = this.#guard.now()
    try {
      window.end = window.from + this.#read(window.length, window.from)
    } catch (error) {
      // Some other bytes of the piece may be to blame.
      if (!isCode(error, 'IO')) throw error
    }
    this.#guard.ended(began)
    return end <= window.end
  }

  /** Reads into `#bytes`; nothing where the file is missing, which `copy` reports with the block's number. */
  #read(length: number, address: number): number {
    try {
      return this.#data.read(this.#bytes, 0, length, address)
    } catch (error) {
      if (isCode(error, 'CORRUPT_STORE')) return 0
      throw error
    }
  }

  #verify(leaf: Page, i: number, length: number): void {
    crypto().hashPart(this.#hash, this.#bytes, this.#at, this.#at + length)
    const node = leaf.nodeAt(2 * i)
    if (!equalAt(this.#hash, 0, leaf.bytes, node, HASH_BYTES)) throw this.#damaged(leaf, i)
    leaf.setVerified(i, true)
  }

  #damaged(leaf: Page, i: number): DatError {
    const block = leaf.number * LEAF_BLOCKS + i
    const file = this.#data.at(leaf.entry(i) - 1)?.name ?? ''
    return new DatError('CORRUPT_STORE', `The stored bytes of block ${block} are damaged.`, {
      ...leaf.tree.describe(),
      block,
      file,
    })
  }

  // ---- Cold data ----

  /** Would reading `size` bytes at `position` stall, as far as one can know? */
  isCold(position: number, size: number): boolean {
    if (!this.#guard.isCold || position > this.#staging.firstAddress) return false
    const end = position + size
    if (position >= this.#windowFrom && end <= this.#windowEnd) return false
    for (let i = 0; i < this.#warm.length; i += 2) {
      if (position >= (this.#warm[i] ?? 0) && end <= (this.#warm[i + 1] ?? 0)) return false
    }
    return true
  }

  /** Reads `from .. end` in the thread pool, so that the system has it in memory. */
  async warm(from: number, end: number): Promise<void> {
    const bytes = new Uint8Array(Math.min(end - from, READ_AHEAD_BYTES))
    for (let at = from; at < end; ) {
      const began = this.#guard.now()
      const read = await this.#data.readLater(bytes, Math.min(bytes.length, end - at), at)
      this.#guard.endedLater(began)
      if (read === 0) break
      at += read
    }
    if (this.#warm.length >= 2 * WARM_RANGES_MAX) this.#warm.splice(0, 2)
    this.#warm.push(from, end)
  }
}
