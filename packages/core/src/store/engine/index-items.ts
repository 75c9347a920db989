/**
 * What stands in a frame of the index file: the newest state of logs and segments at one position of the data log.
 *
 *     item      := type: u8, length: u32, body
 *     base      := 01  position: u64     // of the data log; all below is in the index
 *                      previous: u32     // crc32 of the record that ends there
 *                      nextLog: u32
 *                      pagesEnd: u64     // of the page log
 *                      identity: string  // of the disk; see `Disk.identity`
 *     identity  := 02  log: u32, identity as in items.ts
 *     state     := 03  log: u32, flags: u8 (1: something lies beyond the head's length), height: u8, rootRef: u64,
 *                      headAddress: u64, contiguous: uint, held: uint, blockBytes: uint, extent: uint,
 *                      fork: uint, length: uint, byteLength: uint, signature: buffer
 *     user data := 04  log: u32, name: string, present: u8, value: buffer
 *     removed   := 05  log: u32
 *     segment   := 06  kind: u8, start: u64, end: u64, liveBytes: u64, liveItems: u64, punchedBytes: u64
 *     gone      := 07  kind: u8, start: u64
 *     used      := 08  log: u32, hour: u32     // since 1970: when somebody last used the log
 *
 * Owns: this grammar. A later item replaces an earlier one of the same log, segment or name. On opening only the
 * fixed fields are looked at; the rest of a log is decoded when somebody asks for it. Do not change these numbers.
 */

import { copy } from '../../bytes/bytes.ts'
import { Reader, type Writer } from '../../bytes/cursor.ts'
import { readU32LE, readU64LE, writeU32LE } from '../../bytes/integers.ts'
import type { Head, LogIdentity } from '../store.ts'
import { asGeneration, readHead, readIdentity, writeHead, writeIdentity } from './items.ts'
import type { Segment } from './segments.ts'
import type { SlotState } from './slot-state.ts'

/** Types of items. */
export const INDEX_BASE = 1
export const INDEX_IDENTITY = 2
export const INDEX_STATE = 3
export const INDEX_USER_DATA = 4
export const INDEX_REMOVED = 5
export const INDEX_SEGMENT = 6
export const INDEX_GONE = 7
export const INDEX_USED = 8

/** In front of the body of an item. */
export const ITEM_HEADER_BYTES = 5

/** In the body of an identity: where the identity itself begins, behind the log's number. */
export const IDENTITY_AT = 4

/** In the body of a state. */
const FLAGS_AT = 4
const FLAG_BEYOND = 1
/** Where the counters begin, behind log, flags, height and two addresses; and how many there are before the head. */
const CONTIGUOUS_AT = 22
const COUNTERS = 4

/** Up to where the index knows everything. */
export interface IndexBase {
  readonly position: number
  readonly previous: number
  readonly nextLog: number
  readonly pagesEnd: number
  readonly identity: string
}

/** A segment as the index knows it. */
export interface StoredSegment {
  readonly kind: number
  readonly start: number
  readonly end: number
  readonly liveBytes: number
  readonly liveItems: number
  readonly punchedBytes: number
}

// ---- Writing ----

/** Begins an item; `endItem` with the returned offset must follow its body. */
function beginItem(writer: Writer, type: number): number {
  writer.u8(type)
  return writer.skip(4)
}

function endItem(writer: Writer, lengthAt: number): void {
  writeU32LE(writer.bytes, lengthAt, writer.at - lengthAt - 4)
}

/** The last item of a checkpoint. */
export function writeBase(writer: Writer, base: IndexBase): void {
  const at = beginItem(writer, INDEX_BASE)
  writer.u64LE(base.position)
  writer.u32LE(base.previous)
  writer.u32LE(base.nextLog)
  writer.u64LE(base.pagesEnd)
  writer.string(base.identity)
  endItem(writer, at)
}

/** Who a log is. */
export function writeIdentityItem(writer: Writer, log: number, identity: LogIdentity): void {
  const at = beginItem(writer, INDEX_IDENTITY)
  writer.u32LE(log)
  writeIdentity(writer, identity)
  endItem(writer, at)
}

/** Everything else about a log, but for its user data. */
export function writeState(writer: Writer, state: SlotState): void {
  const at = beginItem(writer, INDEX_STATE)
  writer.u32LE(state.log)
  writer.u8(state.extent > state.length ? FLAG_BEYOND : 0)
  writer.u8(state.tree.height)
  writer.u64LE(state.tree.rootRef)
  writer.u64LE(state.headAddress)
  writer.uint(state.contiguousLength)
  writer.uint(state.heldBlocks)
  writer.uint(state.blockBytes)
  writer.uint(state.extent)
  writeHead(writer, state.head)
  endItem(writer, at)
}

/** One value; `undefined` for one that was deleted. */
export function writeUserData(
  writer: Writer,
  log: number,
  name: string,
  value: Uint8Array | undefined,
): void {
  const at = beginItem(writer, INDEX_USER_DATA)
  writer.u32LE(log)
  writer.string(name)
  writer.u8(value === undefined ? 0 : 1)
  writer.buffer(value)
  endItem(writer, at)
}

/** The log is gone, with all its items. */
export function writeRemoved(writer: Writer, log: number): void {
  const at = beginItem(writer, INDEX_REMOVED)
  writer.u32LE(log)
  endItem(writer, at)
}

/** Counters of a segment. */
export function writeSegment(writer: Writer, kind: number, segment: Segment): void {
  const at = beginItem(writer, INDEX_SEGMENT)
  writer.u8(kind)
  writer.u64LE(segment.start)
  writer.u64LE(segment.end)
  writer.u64LE(segment.liveBytes)
  writer.u64LE(segment.liveItems)
  writer.u64LE(segment.punchedBytes)
  endItem(writer, at)
}

/** The segment was deleted. */
export function writeGone(writer: Writer, kind: number, start: number): void {
  const at = beginItem(writer, INDEX_GONE)
  writer.u8(kind)
  writer.u64LE(start)
  endItem(writer, at)
}

/** When somebody last used the log. */
export function writeUsed(writer: Writer, log: number, hour: number): void {
  const at = beginItem(writer, INDEX_USED)
  writer.u32LE(log)
  writer.u32LE(hour)
  endItem(writer, at)
}

// ---- Reading ----

/** The body of a `base`. */
export function readBase(bytes: Uint8Array, at: number, length: number): IndexBase {
  const reader = new Reader(bytes, at, at + length)
  return {
    position: reader.u64LE(),
    previous: reader.u32LE(),
    nextLog: reader.u32LE(),
    pagesEnd: reader.u64LE(),
    identity: reader.string(),
  }
}

/** The body of a `segment`. */
export function readSegment(bytes: Uint8Array, at: number, length: number): StoredSegment {
  const reader = new Reader(bytes, at, at + length)
  return {
    kind: reader.u8(),
    start: reader.u64LE(),
    end: reader.u64LE(),
    liveBytes: reader.u64LE(),
    liveItems: reader.u64LE(),
    punchedBytes: reader.u64LE(),
  }
}

/** Kind and start of the segment that a `segment` or `gone` is about. */
export function segmentName(bytes: Uint8Array, at: number): string {
  return `${bytes[at] ?? 0}-${readU64LE(bytes, at + 1)}`
}

/** The log that an identity, a state, user data or a removal is about. */
export function logOf(bytes: Uint8Array, at: number): number {
  return readU32LE(bytes, at)
}

/** Does something of the log lie beyond its head's length? */
export function liesBeyond(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at + FLAGS_AT] ?? 0) & FLAG_BEYOND) !== 0
}

/** The generation in the body of an `identity`. */
export function generationOf(bytes: Uint8Array, at: number): LogIdentity['generation'] {
  return asGeneration(bytes[at + 4] ?? 0)
}

/** The body of an `identity`. It owns its bytes: one copy, and views of it. */
export function readIdentityItem(bytes: Uint8Array, at: number, length: number): LogIdentity {
  const own = copy(bytes.subarray(at + 4, at + length))
  return readIdentity(new Reader(own), (view) => view)
}

/** The body of a `state`, into the log that it is about; but for the signature, which few ask for. */
export function readState(bytes: Uint8Array, at: number, length: number, into: SlotState): void {
  const reader = new Reader(bytes, at + FLAGS_AT + 1, at + length)
  const height = reader.u8()
  into.storedTree(height, reader.u64LE())
  into.headAddress = reader.u64LE()
  into.contiguousLength = reader.uint()
  into.heldBlocks = reader.uint()
  into.blockBytes = reader.uint()
  into.extent = reader.uint()
  const fork = reader.uint()
  const blocks = reader.uint()
  const blockBytes = reader.uint()
  into.storedHead(fork, blocks, blockBytes, reader.uint() > 0)
}

/** The head in the body of a `state`, with its signature. */
export function readStateHead(bytes: Uint8Array, at: number, length: number): Head {
  const reader = new Reader(bytes, at + CONTIGUOUS_AT, at + length)
  for (let skipped = 0; skipped < COUNTERS; skipped++) reader.uint()
  return readHead(reader)
}

/** What a list tells of a log's state. */
export interface StateSummary {
  readonly length: number
  readonly fork: number
  readonly heldBlocks: number
  readonly heldBytes: number
}

/** The part of a `state` that lists show. */
export function readSummary(bytes: Uint8Array, at: number, length: number): StateSummary {
  const reader = new Reader(bytes, at + CONTIGUOUS_AT, at + length)
  reader.uint()
  const heldBlocks = reader.uint()
  const heldBytes = reader.uint()
  reader.uint()
  const fork = reader.uint()
  return { length: reader.uint(), fork, heldBlocks, heldBytes }
}

/** The hour in the body of a `used`. */
export function readUsed(bytes: Uint8Array, at: number): number {
  return readU32LE(bytes, at + 4)
}

/** Which value the body of a `user data` is about, and whether it says that there is one. */
export function readUserDataName(
  bytes: Uint8Array,
  at: number,
  length: number,
): { readonly name: string; readonly isPresent: boolean } {
  const reader = new Reader(bytes, at + 4, at + length)
  return { name: reader.string(), isPresent: reader.u8() === 1 }
}

/** One value; `undefined` for one that was deleted. */
export interface UserDataItem {
  readonly name: string
  readonly value: Uint8Array | undefined
}

/** The body of `user data`. The value is a copy. */
export function readUserData(bytes: Uint8Array, at: number, length: number): UserDataItem {
  const reader = new Reader(bytes, at + 4, at + length)
  const name = reader.string()
  const isPresent = reader.u8() === 1
  const value = copy(reader.buffer())
  return { name, value: isPresent ? value : undefined }
}
