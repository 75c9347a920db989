/**
 * The buffer in which a commit grows: items behind room for a record's header, in one or several records.
 *
 * Owns: where staged bytes stand and which address they will have. A block is written here once, by its caller, and
 * from here to the file; while it is staged it is read from here. These statements always hold:
 *
 * - Records lie one behind the other from the address given to `begin`, so an address is known before the write.
 * - A reserved block is a void item until it is put; then one byte makes it count.
 * - Nothing here is given to a reader but as a copy.
 */

import { DatError } from '../../base/errors.ts'
import { copy32 } from '../../bytes/bytes.ts'
import { Writer } from '../../bytes/cursor.ts'
import { HASH_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import { writeLeafPrefix } from '../leaf-prefix.ts'
import { ITEM_BLOCK, ITEM_LEAF, ITEM_LOG, ITEM_NEXT, ITEM_NODE, ITEM_VOID } from './items.ts'
import { RECORD_HEADER_BYTES } from './record.ts'

/** One record that is being staged. */
export interface StagedRecord {
  readonly writer: Writer
  address: number
  /** Blocks in it that count. */
  liveBytes: number
  liveItems: number
}

/** The log that an item belongs to, as staging needs it. */
export interface StagedLog {
  readonly log: number
  readonly generation: 1 | 2 | 3
  readonly writeSize: (bytes: Uint8Array, at: number, value: number) => void
}

const FIRST_BYTES = 65_536
/** More than the fixed part of any item but a block. */
const ITEM_BYTES = 64

export class Staging {
  readonly #recordBytes: number
  /** Of this commit, oldest first; never empty after `begin`. */
  readonly #records: StagedRecord[] = []
  #spare: Writer | undefined
  #current: StagedRecord
  #log = -1
  #nextIndex = -1
  /** Rises with every change of log or record, where `next block` starts anew. */
  #context = 0
  /** The record of the reserved block; items of others may have begun a new one since. */
  #reserved: StagedRecord | undefined
  #reservedFrom = -1
  /** The same, or where the item stands that names the log, if that was written for this block. */
  #reservedStart = -1
  /** Where its content begins and ends. */
  #reservedAt = -1
  #reservedEnd = -1
  #reservedIndex = -1
  #reservedLog = -1
  #reservedContext = -1
  #reservedLeaf = false

  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes
    this.#current = this.#open(0)
  }

  /** Starts over for the next commit, whose first record will stand at `address`. */
  begin(address: number): void {
    this.#forgetContext()
    const only = this.#records.length === 1 ? this.#current : undefined
    if (only !== undefined && only.writer.bytes.length <= this.#recordBytes) {
      // As most commits leave it: one record, used again with its memory.
      only.writer.at = RECORD_HEADER_BYTES
      only.address = address
      only.liveBytes = 0
      only.liveItems = 0
      return
    }
    for (const { writer } of this.#records) this.#recycle(writer)
    this.#records.length = 0
    this.#current = this.#open(address)
  }

  get records(): readonly StagedRecord[] {
    return this.#records
  }

  get isEmpty(): boolean {
    return this.#records.length === 1 && this.#current.writer.at === RECORD_HEADER_BYTES
  }

  /** Address of the first byte that is not committed yet. */
  get firstAddress(): number {
    return this.#records[0]?.address ?? this.#current.address
  }

  /** Address behind everything staged. */
  get address(): number {
    return this.#current.address + this.#current.writer.at
  }

  /** The buffer that `reserve` points into. */
  get bytes(): Uint8Array {
    return (this.#reserved ?? this.#current).writer.bytes
  }

  // ---- Blocks ----

  /** Makes room for a block; returns the offset in `bytes` where its content goes. */
  reserve(log: StagedLog, index: number, size: number): number {
    this.giveUp()
    const context = this.#context
    const records = this.#records.length
    const before = this.#current.writer.at
    const writer = this.#room(log, ITEM_BYTES + size)
    const isFirst = context !== this.#context && records === this.#records.length
    const isNext = index === this.#nextIndex
    this.#reserved = this.#current
    this.#reservedContext = this.#context
    this.#reservedFrom = writer.at
    this.#reservedStart = isFirst ? before : writer.at
    writer.u8((isNext ? ITEM_NEXT : ITEM_BLOCK) + ITEM_VOID)
    if (!isNext) writer.uint(index)
    const at = writer.skip(LEAF_PREFIX_BYTES + size) + LEAF_PREFIX_BYTES
    writeLeafPrefix(writer.bytes, at, size, log.writeSize)
    this.#reservedAt = at
    this.#reservedEnd = writer.at
    this.#reservedIndex = index
    this.#reservedLog = log.log
    return at
  }

  isReserved(log: number, index: number): boolean {
    return this.#reservedIndex === index && this.#reservedLog === log
  }

  /** The leaf hash of the reserved block was put: it can't be used again without a trace. */
  keepLeaf(): void {
    this.#reservedLeaf = true
  }

  /** Size of the reserved block. Throws `INVARIANT` if that is another one, or none. */
  reservedSize(log: number, index: number): number {
    if (!this.isReserved(log, index)) {
      throw new DatError('INVARIANT', 'A block was put that is not the reserved one.', { index })
    }
    return this.#reservedEnd - this.#reservedAt
  }

  /** The reserved block counts from now on. */
  put(index: number): void {
    const record = this.#reserved ?? this.#current
    const { bytes } = record.writer
    const from = this.#reservedFrom
    bytes[from] = (bytes[from] ?? 0) - ITEM_VOID
    record.liveBytes += this.#reservedEnd - this.#reservedAt
    record.liveItems++
    if (this.#reservedContext === this.#context) this.#nextIndex = index + 1
    this.#endReservation()
  }

  /** Address of the content of the reserved block. */
  get reservedAddress(): number {
    return (this.#reserved ?? this.#current).address + this.#reservedAt
  }

  /** The reserved block will not come: its room is used again, if nothing stands behind it. */
  giveUp(): void {
    const record = this.#reserved
    if (record === undefined) return
    const { writer } = record
    const isLast = record === this.#current && writer.at === this.#reservedEnd
    if (this.#reservedLeaf) {
      const from = this.#reservedFrom
      writer.bytes[from] = (writer.bytes[from] ?? 0) - ITEM_VOID + ITEM_LEAF
    } else if (isLast) {
      writer.at = this.#reservedStart
      if (this.#reservedStart < this.#reservedFrom) this.#log = -1
    }
    this.#endReservation()
  }

  #endReservation(): void {
    this.#reserved = undefined
    this.#reservedLeaf = false
    this.#reservedFrom = -1
    this.#reservedIndex = -1
    this.#reservedLog = -1
  }

  // ---- Other items ----

  node(log: StagedLog, index: number, size: number, bytes: Uint8Array, at: number): void {
    const writer = this.#room(log, ITEM_BYTES)
    writer.u8(ITEM_NODE)
    writer.uint(index)
    writer.uint(size)
    const to = writer.skip(HASH_BYTES)
    copy32(writer.bytes, to, bytes, at)
  }

  /** Begins an item of at most `bytes` bytes; the caller writes what follows its type. */
  item(log: StagedLog, type: number, bytes: number): Writer {
    const writer = this.#room(log, ITEM_BYTES + bytes)
    writer.u8(type)
    return writer
  }

  /** A writer with room for an item, in the context of its log. */
  #room(log: StagedLog, bytes: number): Writer {
    let { writer } = this.#current
    if (writer.at > RECORD_HEADER_BYTES && writer.at + bytes > this.#recordBytes) {
      this.#log = -1
      this.#current = this.#open(this.address)
      writer = this.#current.writer
    }
    if (this.#log !== log.log) {
      this.#log = log.log
      this.#nextIndex = -1
      this.#context++
      writer.u8(ITEM_LOG)
      writer.uint(log.log)
      writer.u8(log.generation)
    }
    return writer
  }

  #open(address: number): StagedRecord {
    const writer = this.#spare ?? new Writer(FIRST_BYTES)
    this.#spare = undefined
    writer.reset()
    writer.skip(RECORD_HEADER_BYTES)
    const record = { writer, address, liveBytes: 0, liveItems: 0 }
    this.#records.push(record)
    return record
  }

  #recycle(writer: Writer): void {
    if (writer.bytes.length <= this.#recordBytes) this.#spare = writer
  }

  #forgetContext(): void {
    this.#log = -1
    this.#nextIndex = -1
    this.#context++
    this.#endReservation()
  }

  // ---- Reading ----

  /** The record that holds `address`; the byte stands at `address - record.address` of its writer. */
  find(address: number): StagedRecord {
    for (let i = this.#records.length - 1; i > 0; i--) {
      const record = this.#records[i]
      if (record !== undefined && record.address <= address) return record
    }
    return this.#records[0] ?? this.#current
  }

  // ---- Taking back ----

  /** Writes six numbers to `out` from `at` on, for `rewind`. */
  mark(out: number[], at: number): void {
    this.giveUp()
    const { writer, liveBytes, liveItems } = this.#current
    out[at] = this.#records.length
    out[at + 1] = writer.at
    out[at + 2] = liveBytes
    out[at + 3] = liveItems
    out[at + 4] = this.#log
    out[at + 5] = this.#nextIndex
  }

  rewind(
    records: number,
    at: number,
    liveBytes: number,
    liveItems: number,
    log: number,
    nextIndex: number,
  ): void {
    this.#forgetContext()
    while (this.#records.length > records) {
      const last = this.#records.pop()
      if (last !== undefined) this.#recycle(last.writer)
    }
    const current = this.#records.at(-1)
    if (current === undefined) return
    this.#current = current
    current.writer.at = at
    current.liveBytes = liveBytes
    current.liveItems = liveItems
    this.#log = log
    this.#nextIndex = nextIndex
  }
}
