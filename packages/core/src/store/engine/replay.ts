/**
 * Reading back what was committed behind the last checkpoint.
 *
 * Owns: the decision what a record that is not whole means. The stations:
 *
 * 1. Records are read from `position` on, each with the checksum of the one before; a commit of several records counts
 *    when its last one is there.
 * 2. At the first record that is not whole, everything behind it is searched for whole ones. If one of them says that
 *    the bad place was synced, or the index does, it is damage. Otherwise it is a torn tail: nobody was
 *    promised it, and it is cut.
 * 3. What is whole is applied in order, as if it were staged. Leaf hashes are made again from the bytes.
 */

import { type DatError, isCode } from '../../base/errors.ts'
import { readU32LE, writeU64LE } from '../../bytes/integers.ts'
import { crypto, HASH_BYTES } from '../../crypto/crypto.ts'
import { LEAF_PREFIX_BYTES } from '../../tree/hash.ts'
import type { Crc32 } from '../crc32.ts'
import type { Head, LogIdentity } from '../store.ts'
import type { Frees } from './frees.ts'
import { type ItemVisitor, readItems } from './items.ts'
import type { LogTable } from './log-table.ts'
import { isWhole, RECORD_HEADER_BYTES, type RecordFields, readRecord } from './record.ts'
import type { Segment, SegmentLog } from './segments.ts'
import type { EngineSlot } from './slot.ts'
import type { Undo } from './undo.ts'

/** The parts of the store that a replay touches. */
export interface ReplayParts {
  readonly data: SegmentLog
  readonly logs: LogTable
  readonly undo: Undo
  readonly frees: Frees
  readonly crc32: Crc32
}

/** How far the log is whole. */
export interface Replayed {
  /** Address behind the last record that counts, and its checksum. */
  readonly end: number
  readonly crc: number
  /** What is wrong, if the log does not end there by right. */
  readonly damage: string | undefined
}

/** A record whose commit is not complete yet. */
interface Pending {
  readonly bytes: Uint8Array
  readonly from: number
  readonly end: number
  readonly address: number
}

/**
 * Applies everything committed from `position` on.
 *
 * @param previous - checksum of the record that ends at `position`
 * @param durable - an address below which everything was synced
 */
export function replay(
  parts: ReplayParts,
  position: number,
  previous: number,
  durable: number,
): Replayed {
  let pending: Pending[] = []
  let end = position
  let endCrc = previous
  let address = position
  let crc = previous
  for (const segment of parts.data.segments) {
    if (segment.end <= address && segment.start < address) continue
    if (segment.start > address) break
    const bytes = readFrom(parts.data, segment, address)
    const base = address
    for (;;) {
      const at = address - base
      const record = readRecord(bytes, at, address, bytes.length - at)
      if (record === undefined || record.previous !== crc) break
      if (!isWhole(bytes, at, record, parts.crc32)) break
      pending.push({ bytes, from: at, end: at + record.bytes, address })
      address += record.bytes
      crc = record.crc
      if (record.continued) continue
      const problem = applyAll(parts, pending)
      if (problem !== undefined) return { end, crc: endCrc, damage: problem }
      pending = []
      end = address
      endCrc = crc
    }
    if (address < segment.end) break
  }
  const promised = Math.max(durable, syncedBehind(parts, address))
  const isDamaged = promised > end
  const damage = isDamaged
    ? `bytes of the data log at ${address} are damaged or missing`
    : undefined
  return { end, crc: endCrc, damage }
}

/** The bytes of a segment from `address` to its end. */
function readFrom(data: SegmentLog, segment: Segment, address: number): Uint8Array {
  const bytes = new Uint8Array(segment.end - address)
  if (bytes.length === 0) return bytes
  return bytes.subarray(0, data.read(bytes, 0, bytes.length, address))
}

/** The highest address that whole records behind `address` say was synced. */
function syncedBehind(parts: ReplayParts, address: number): number {
  let synced = 0
  for (const segment of parts.data.segments) {
    if (segment.end <= address) continue
    const from = Math.max(segment.start, address)
    const bytes = readFrom(parts.data, segment, from)
    for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; at++) {
      const record = recordAt(bytes, at, from + at, parts.crc32)
      if (record !== undefined) synced = Math.max(synced, record.synced)
    }
  }
  return synced
}

const wanted = new Uint8Array(8)

/** A whole record that knows its own address: nothing else looks like that. */
function recordAt(
  bytes: Uint8Array,
  at: number,
  address: number,
  crc32: Crc32,
): RecordFields | undefined {
  writeU64LE(wanted, 0, address)
  if (readU32LE(bytes, at + 16) !== readU32LE(wanted, 0)) return undefined
  const record = readRecord(bytes, at, address, bytes.length - at)
  return record !== undefined && isWhole(bytes, at, record, crc32) ? record : undefined
}

/** Applies the records of one commit; returns what is wrong if they break the grammar. */
function applyAll(parts: ReplayParts, records: readonly Pending[]): string | undefined {
  const { undo, frees } = parts
  try {
    for (const { bytes, from, end, address } of records) {
      readItems(bytes, from + RECORD_HEADER_BYTES, end, new Replayer(parts, address - from))
    }
  } catch (error) {
    // The checksum was right, so this is no accident of the disk; a damaged index page can be in the way too.
    undo.rewind(0)
    frees.rewind(0, 0, 0, 0)
    const isKnown = ['CORRUPT_STORE', 'BAD_FRAME', 'OVER_LIMIT', 'NOT_FOUND'] as const
    if (isKnown.some((code) => isCode(error, code))) return (error as DatError).message
    throw error
  }
  undo.clear()
  frees.apply([])
  return undefined
}

/** Applies the items of one record. */
class Replayer implements ItemVisitor {
  readonly #parts: ReplayParts
  /** Address of the byte at offset 0 of the buffer. */
  readonly #base: number
  readonly #hash = new Uint8Array(HASH_BYTES)
  #log = -1
  #slot: EngineSlot | undefined

  constructor(parts: ReplayParts, base: number) {
    this.#parts = parts
    this.#base = base
  }

  log(log: number): void {
    this.#log = log
    this.#slot = undefined
  }

  get #current(): EngineSlot {
    this.#slot ??= this.#parts.logs.slot(this.#log)
    return this.#slot
  }

  block(index: number, bytes: Uint8Array, at: number, size: number): void {
    // First the block: it must still see the size of the one that it replaces.
    this.#current.state.applyBlock(index, this.#base + at, size)
    this.leaf(index, bytes, at, size)
    this.#parts.data.addLive(this.#base + at - 1, size, 1)
  }

  leaf(index: number, bytes: Uint8Array, at: number, size: number): void {
    crypto().hashPart(this.#hash, bytes, at - LEAF_PREFIX_BYTES, at + size)
    this.#current.state.applyNode(2 * index, size, this.#hash, 0)
  }

  node(index: number, size: number, bytes: Uint8Array, at: number): void {
    this.#current.state.applyNode(index, size, bytes, at)
  }

  head(head: Head): void {
    this.#current.state.applyHead(head, this.#base)
  }

  truncate(head: Head): void {
    this.#current.state.applyTruncate(head, this.#base)
  }

  clear(start: number, length: number): void {
    this.#current.state.applyClear(start, start + length)
  }

  manifest(manifest: Uint8Array): void {
    this.#current.state.applyManifest(manifest)
  }

  signature(length: number, signature: Uint8Array): void {
    this.#current.state.applySignature(length, signature)
  }

  userData(name: string, value: Uint8Array | undefined): void {
    this.#current.state.applyUserData(name, value)
  }

  created(identity: LogIdentity): void {
    this.#parts.logs.add(this.#log, identity)
  }

  removed(): void {
    const slot = this.#current
    slot.state.applyDropAll()
    this.#parts.logs.remove(slot)
    this.#slot = undefined
  }
}
