/**
 * The `oplog` file of hypercore 10: two header slots and a list of entries, each with its checksum.
 *
 *     slot 0 at 0 | slot 1 at 4096 | entries from 8192 on
 *     frame := u32le CRC-32 of what follows | u32le (bytes << 2 | partial << 1 | header bit) | payload
 *
 * Owns: which slot is in force, which entries belong to it, and what they say. Pure: bytes in, values out, which are
 * copies. Entries end at the first that is not whole, or of another round; a batch that was not finished is
 * dropped. Source: the corestore specification, sections 9.2 to 9.4.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { copy } from '@dat-rhino/core/bytes/bytes'
import { Reader } from '@dat-rhino/core/bytes/cursor'
import { readU32LE } from '@dat-rhino/core/bytes/integers'
import { HASH_BYTES } from '@dat-rhino/core/crypto/crypto'
import type { Crc32 } from '@dat-rhino/core/store/crc32'
import { type OplogHeader, readHeader } from './oplog-header.ts'

const SLOT_BYTES = 4_096
const ENTRIES_AT = 2 * SLOT_BYTES
const FRAME_BYTES = 8

/** A change of the log that was written after its header. */
export interface OplogEntry {
  /** `undefined` as a value: the name was taken away. */
  readonly userData: { readonly name: string; readonly value: Uint8Array | undefined } | undefined
  readonly nodes: readonly {
    readonly index: number
    readonly size: number
    readonly hash: Uint8Array
  }[]
  readonly upgrade:
    | { readonly fork: number; readonly length: number; readonly signature: Uint8Array | undefined }
    | undefined
  /** Blocks that came, or went. */
  readonly bits:
    | { readonly drop: boolean; readonly start: number; readonly length: number }
    | undefined
}

/** What an oplog file says. */
export interface Oplog {
  /** In force; `undefined` in a file that was never written to its end. */
  readonly header: OplogHeader | undefined
  readonly entries: readonly OplogEntry[]
  /** Bytes behind the entries that are no entry: cut short, or damaged. */
  readonly leftBytes: number
  /** The other slot, or this one, was there and could not be read. */
  readonly isSlotDamaged: boolean
}

/**
 * @param external reads a part of the file `header`, to which a header goes that has outgrown its slot
 * @throws DatError CORRUPT_STORE if there are entries, or slots, and no header that can be read
 */
export function parseOplog(
  bytes: Uint8Array,
  crc32: Crc32,
  external: (at: number, length: number) => Uint8Array | undefined,
): Oplog {
  const slots = [0, SLOT_BYTES].map((at) => frameAt(bytes, at, at + SLOT_BYTES, crc32))
  const [first, second] = slots.map((frame) => frame && headerOf(frame, external))
  const isSlotDamaged = [first, second].some((header, i) => {
    return header === undefined && isWritten(bytes, i * SLOT_BYTES)
  })
  if (first === undefined && second === undefined) {
    if (bytes.length < ENTRIES_AT && !isSlotDamaged) {
      return { header: undefined, entries: [], leftBytes: 0, isSlotDamaged }
    }
    throw new DatError('CORRUPT_STORE', 'The oplog has no header that can be read.')
  }
  const bit = roundOf(first && slots[0]?.bit, second && slots[1]?.bit)
  const header = bit.slot === 0 ? first : second
  return { header, ...readEntries(bytes, bit.sum, crc32), isSlotDamaged }
}

interface Frame {
  readonly payload: Uint8Array
  readonly bit: number
  readonly isPartial: boolean
  readonly end: number
}

/** Which slot is in force, and the bit that entries of its round carry. */
function roundOf(
  first: number | undefined,
  second: number | undefined,
): { slot: number; sum: number } {
  const bit0 = first ?? ((second ?? 0) + 1) % 2
  const bit1 = second ?? bit0
  const sum = (bit0 + bit1) % 2
  return { slot: sum, sum }
}

function frameAt(bytes: Uint8Array, at: number, end: number, crc32: Crc32): Frame | undefined {
  const limit = Math.min(end, bytes.length)
  if (at + FRAME_BYTES > limit) return undefined
  const word = readU32LE(bytes, at + 4)
  const from = at + FRAME_BYTES
  const length = word >>> 2
  if (length === 0 || length > limit - from) return undefined
  const to = from + length
  if (crc32(bytes.subarray(at + 4, to)) !== readU32LE(bytes, at)) return undefined
  const payload = bytes.subarray(from, to)
  return { payload, bit: word & 1, isPartial: (word & 2) !== 0, end: to }
}

function isWritten(bytes: Uint8Array, at: number): boolean {
  const end = Math.min(at + SLOT_BYTES, bytes.length)
  for (let i = at; i < end; i++) if (bytes[i] !== 0) return true
  return false
}

function headerOf(
  frame: Frame,
  external: (at: number, length: number) => Uint8Array | undefined,
): OplogHeader | undefined {
  return orUndefined(() => readHeader(frame.payload, external))
}

/** What `read` gives, or nothing if the bytes are not what they should be. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DatError && !isCode(error, 'INVARIANT')) return undefined
    throw error
  }
}

// ---- Entries -------------------------------------------------------------------------------------

function readEntries(
  bytes: Uint8Array,
  bit: number,
  crc32: Crc32,
): { entries: OplogEntry[]; leftBytes: number } {
  const entries: OplogEntry[] = []
  /** Behind the last entry that ends a batch, in the list and in the file. */
  let whole = 0
  let wholeAt = ENTRIES_AT
  let isOfOtherRound = false
  for (let at = ENTRIES_AT; ; ) {
    const frame = frameAt(bytes, at, bytes.length, crc32)
    isOfOtherRound = frame !== undefined && frame.bit !== bit
    const entry = frame?.bit === bit ? orUndefined(() => readEntry(frame.payload)) : undefined
    if (frame === undefined || entry === undefined) break
    entries.push(entry)
    at = frame.end
    if (!frame.isPartial) {
      whole = entries.length
      wholeAt = at
    }
  }
  entries.length = whole
  // A crash right behind a new header leaves whole entries of the round before, which that header holds.
  return { entries, leftBytes: isOfOtherRound ? 0 : Math.max(0, bytes.length - wholeAt) }
}

function readEntry(payload: Uint8Array): OplogEntry {
  const r = new Reader(payload)
  const flags = r.uint()
  return {
    userData: flags & 1 ? { name: r.string(), value: kept(r.optionalBuffer()) } : undefined,
    nodes: flags & 2 ? readNodes(r) : [],
    upgrade: flags & 4 ? readUpgrade(r) : undefined,
    bits: flags & 8 ? { drop: (r.u8() & 1) === 1, start: r.uint(), length: r.uint() } : undefined,
  }
}

function readNodes(r: Reader): OplogEntry['nodes'] {
  const count = r.count(2 + HASH_BYTES)
  return Array.from({ length: count }, () => {
    return { index: r.uint(), size: r.uint(), hash: copy(r.fixed(HASH_BYTES)) }
  })
}

function readUpgrade(r: Reader): NonNullable<OplogEntry['upgrade']> {
  const fork = r.uint()
  r.uint() // ancestors: a truncation is always flushed into the header
  return { fork, length: r.uint(), signature: kept(r.optionalBuffer()) }
}

function kept(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && copy(bytes)
}
