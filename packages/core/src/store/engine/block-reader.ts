/**
 * Reading blocks: from the staging buffer, from what is kept in memory, or from the file.
 *
 * Owns: the path of a read, and that it never gives out wrong bytes. The stations:
 *
 * 1. What is staged is copied from there.
 * 2. A read inside the read-ahead window is a copy. One that goes on where the window ends, or where the last read ended,
 *    fills the window.
 * 3. Pieces that are read often are kept (`read-windows.ts`).
 * 4. A block that stands alone is read by itself, into memory that stays in the processor's cache, and costs nothing else.
 * 5. The first time in a process that a block comes from its file, its leaf hash is made again and compared.
 */

import { DatError, isCode } from '../../base/errors.ts'
import { READ_AHEAD_BYTES } from '../../base/limits.ts'
import { copyAt, EMPTY, equalAt } from '../../bytes/bytes.ts'
import { crypto, HASH_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import { type ColdGuard, DISK_READ_MS } from './cold-guard.ts'
import type { Page } from './page.ts'
import { LEAF_BLOCKS } from './page-layout.ts'
import { ReadWindows } from './read-windows.ts'
import type { SegmentLog } from './segments.ts'
import type { Staging } from './staging.ts'

/** Between two blocks of a log stand nodes and record headers: still one behind the other. */
const GAP_BYTES_MAX = 4_096
/** Blocks up to this size, prefix included, are read alone where nothing was read beside them. */
const ALONE_BYTES = 16_384
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
  /** For blocks that stand alone. */
  readonly #alone = new Uint8Array(ALONE_BYTES)
  /** Where the last read ended. */
  #lastEnd = 0
  /** Did the last bytes that were read come from the disk? */
  #fromDisk = false
  /** What `#find` and `#fetch` found. */
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

  /** Block `i` of a leaf page, in memory of its own. Throws `CORRUPT_STORE` if its bytes are not those that were stored. */
  take(leaf: Page, i: number): Uint8Array {
    const size = leaf.nodeSize(leaf.nodeAt(2 * i))
    this.#find(leaf, i, size)
    return copyAt(this.#bytes, this.#at, size)
  }

  /** The same, copied to `into` at `at`. */
  copy(leaf: Page, i: number, into: Uint8Array, at: number): void {
    const size = leaf.nodeSize(leaf.nodeAt(2 * i))
    this.#find(leaf, i, size)
    into.set(this.#bytes.subarray(this.#at, this.#at + size), at)
  }

  /** Leaves the block in `#bytes` at `#at`. */
  #find(leaf: Page, i: number, size: number): void {
    const position = leaf.entry(i)
    if (position > this.#staging.firstAddress) {
      const { writer, address } = this.#staging.find(position)
      this.#bytes = writer.bytes
      this.#at = position - address
      return
    }
    const length = LEAF_PREFIX_BYTES + size
    const isThere = this.#fetch(position - LEAF_PREFIX_BYTES, length)
    if (!isThere) throw this.#damaged(leaf, i)
    if (!leaf.isVerified(i)) this.#verify(leaf, i, length)
    this.#at += LEAF_PREFIX_BYTES
  }

  /** Leaves `length` bytes from `address` in `#bytes` at `#at`. False if the file is too short. */
  #fetch(address: number, length: number): boolean {
    const end = address + length
    const lastEnd = this.#lastEnd
    this.#lastEnd = end
    if (address >= this.#windowFrom && end <= this.#windowEnd) {
      this.#bytes = this.#window
      this.#at = address - this.#windowFrom
      return true
    }
    const kept = this.#kept.find(address, end)
    if (kept !== undefined) {
      this.#bytes = kept.bytes
      this.#at = address - kept.from
      return true
    }
    const isNext = isBehind(address, lastEnd) || isBehind(address, this.#windowEnd)
    if (isNext || length > ALONE_BYTES) return this.#ahead(address, length, isNext)
    if (this.#kept.touch(address, end, this.#fromDisk) && this.#keep(address, end)) return true
    this.#bytes = this.#alone
    this.#at = 0
    return this.#read(length, address) >= length
  }

  /** As `#fetch`, into the window, or into memory for it alone what is larger than that. */
  #ahead(address: number, length: number, isNext: boolean): boolean {
    this.#at = 0
    if (length > READ_AHEAD_BYTES) {
      this.#bytes = new Uint8Array(length)
      return this.#read(length, address) >= length
    }
    this.#bytes = this.#window
    // If the read fails, the window must not pass for what it held before.
    this.#windowEnd = 0
    const read = this.#read(isNext ? READ_AHEAD_BYTES : length, address)
    this.#windowFrom = address
    this.#windowEnd = address + read
    return read >= length
  }

  /** As `#fetch`, by reading the whole piece around it. False if that can't be read, though a part of it may be. */
  #keep(address: number, end: number): boolean {
    const segment = this.#data.at(address)
    if (segment === undefined) return false
    const window = this.#kept.make(address, segment.start)
    this.#bytes = window.bytes
    this.#at = address - window.from
    try {
      window.end = window.from + this.#read(window.length, window.from)
    } catch (error) {
      // Some other bytes of the piece may be to blame.
      if (!isCode(error, 'IO')) throw error
    }
    return end <= window.end
  }

  /** Reads into `#bytes`; nothing where the file is missing, which `copy` reports with the block's number. */
  #read(length: number, address: number): number {
    const began = this.#guard.now()
    try {
      const read = this.#data.read(this.#bytes, 0, length, address)
      this.#fromDisk = this.#guard.ended(began) > DISK_READ_MS
      return read
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
    const from = position - LEAF_PREFIX_BYTES
    const end = position + size
    if (from >= this.#windowFrom && end <= this.#windowEnd) return false
    if (this.#kept.has(from, end)) return false
    // Who asks has mostly just warmed it: the last ones first.
    for (let i = this.#warm.length - 2; i >= 0; i -= 2) {
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

/** Does something at `address` follow on what ended at `end`? */
function isBehind(address: number, end: number): boolean {
  return address >= end && address - end <= GAP_BYTES_MAX
}
