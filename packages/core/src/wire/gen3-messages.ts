/**
 * The bodies of `hypercore/alpha`, to and from the neutral words of `messages.ts`.
 *
 * Owns: replication.md section 5, without Data (`gen3-data.ts`). Decoders fill objects of the caller's, so a
 * connection needs one of each; the bytes they put in are views into the frame. Unknown flags and trailing
 * bytes are ignored everywhere (that is how fields are added). What breaks the grammar is `BAD_FRAME`, what is
 * grammatical but larger than any honest peer's is `OVER_LIMIT`.
 *
 * Always true: decoding costs time and memory in proportion to the bytes that are there, never to a number in
 * them; `start + length` of a decoded range is a safe integer.
 */

import { DatError } from '../base/errors.ts'
import {
  BITFIELD_BYTES_MAX,
  EXTENSION_BYTES_MAX,
  EXTENSION_NAME_BYTES_MAX,
} from '../base/limits.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import { readU32LE } from '../bytes/integers.ts'
import type { Refusal, Request, Status } from './messages.ts'

/** Types of the messages of a channel (replication.md section 5). The numbers are the order of registration. */
export const SYNC = 0
export const REQUEST = 1
export const CANCEL = 2
export const DATA = 3
export const NO_DATA = 4
export const WANT = 5
export const UNWANT = 6
export const BITFIELD = 7
export const RANGE = 8
export const EXTENSION = 9

const SYNC_CAN_UPGRADE = 1
const SYNC_UPLOADING = 2
const SYNC_DOWNLOADING = 4
const SYNC_HAS_MANIFEST = 8

/** Parts of a Request and of the Data that answers it. */
export const PART_BLOCK = 1
export const PART_HASH = 2
export const PART_SEEK = 4
export const PART_UPGRADE = 8
export const PART_MANIFEST = 16
const REQUEST_PRIORITY = 32

const RANGE_DROP = 1
const RANGE_SINGLE = 2

// ---- Sync ----------------------------------------------------------------------------------------

/** flags | fork | length | remote length: all uints. */
export function writeStatus(into: Writer, status: Readonly<Status>): void {
  into.uint(
    (status.canUpgrade ? SYNC_CAN_UPGRADE : 0) |
      (status.uploading ? SYNC_UPLOADING : 0) |
      (status.downloading ? SYNC_DOWNLOADING : 0) |
      (status.hasManifest ? SYNC_HAS_MANIFEST : 0),
  )
  into.uint(status.fork)
  into.uint(status.length)
  into.uint(status.remoteLength)
}

/** Fills all of `status`. */
export function readStatus(from: Reader, status: Status): void {
  const flags = from.uint()
  status.canUpgrade = has(flags, SYNC_CAN_UPGRADE)
  status.uploading = has(flags, SYNC_UPLOADING)
  status.downloading = has(flags, SYNC_DOWNLOADING)
  status.hasManifest = has(flags, SYNC_HAS_MANIFEST)
  status.fork = from.uint()
  status.length = from.uint()
  status.remoteLength = from.uint()
}

// ---- Request -------------------------------------------------------------------------------------

/** flags | id | fork, then the parts that the flags name, in the order of their bits; the priority last. */
export function writeRequest(into: Writer, request: Readonly<Request>): void {
  const { block, hash, seekBytes, upgradeLength, priority } = request
  into.uint(
    (block >= 0 ? PART_BLOCK : 0) |
      (hash >= 0 ? PART_HASH : 0) |
      (seekBytes >= 0 ? PART_SEEK : 0) |
      (upgradeLength > 0 ? PART_UPGRADE : 0) |
      (request.manifest ? PART_MANIFEST : 0) |
      (priority > 0 ? REQUEST_PRIORITY : 0),
  )
  into.uint(request.id)
  into.uint(request.fork)
  if (block >= 0) {
    into.uint(block)
    into.uint(request.nodes)
  }
  if (hash >= 0) {
    into.uint(hash)
    into.uint(request.nodes)
  }
  if (seekBytes >= 0) {
    into.uint(seekBytes)
    into.uint(request.seekPadding)
  }
  if (upgradeLength > 0) {
    into.uint(request.upgradeStart)
    into.uint(upgradeLength)
  }
  if (priority > 0) into.uint(priority)
}

/** If a block and a hash are asked for, the block counts. An upgrade of length 0 is none. */
export function readRequest(from: Reader, request: Request): void {
  const flags = from.uint()
  request.id = from.uint()
  request.fork = from.uint()
  request.block = -1
  request.hash = -1
  request.nodes = 0
  request.digest = -1
  if (has(flags, PART_BLOCK)) {
    request.block = from.uint()
    request.nodes = from.uint()
  }
  if (has(flags, PART_HASH)) {
    const hash = from.uint()
    const nodes = from.uint()
    if (request.block < 0) {
      request.hash = hash
      request.nodes = nodes
    }
  }
  request.seekBytes = has(flags, PART_SEEK) ? from.uint() : -1
  request.seekPadding = has(flags, PART_SEEK) ? from.uint() : 0
  const isUpgrade = has(flags, PART_UPGRADE)
  request.upgradeStart = isUpgrade ? from.uint() : 0
  request.upgradeLength = isUpgrade ? within(request.upgradeStart, from.uint()) : 0
  request.manifest = has(flags, PART_MANIFEST)
  request.priority = has(flags, REQUEST_PRIORITY) ? from.uint() : 0
}

// ---- NoData --------------------------------------------------------------------------------------

const REASONS: readonly Refusal[] = ['none', 'unavailable', 'invalid']

/** id | flags | reason, the last only where the flags say that there is one. */
export function writeRefusal(into: Writer, id: number, reason: Refusal): void {
  into.uint(id)
  const number = REASONS.indexOf(reason)
  if (number <= 0) {
    into.u8(0)
  } else {
    into.u8(1)
    into.uint(number)
  }
}

/** Behind the id. Version 10 of the stock package sends nothing more; numbers of the future are no reason. */
export function readReason(from: Reader): Refusal {
  if (from.left === 0 || !has(from.uint(), 1)) return 'none'
  return REASONS[from.uint()] ?? 'none'
}

// ---- Want, Unwant, Range -------------------------------------------------------------------------

/** Some blocks, and one bit about them: `any` in a Want, `drop` in a Range. */
export interface BlockRange {
  start: number
  length: number
  flag: boolean
}

/** start | length. Of an Unwant too. A flag "any of these" may follow; we always want all. */
export function writeWant(into: Writer, start: number, length: number): void {
  into.uint(start)
  into.uint(length)
}

/** `flag` is "any": one block of the range would do. */
export function readWant(from: Reader, range: BlockRange): void {
  range.start = from.uint()
  range.length = within(range.start, from.uint())
  range.flag = from.left > 0 && has(from.uint(), 1)
}

/** flags | start | length, which is left out for a single block: most haves are. */
export function writeRange(into: Writer, drop: boolean, start: number, length: number): void {
  into.u8((drop ? RANGE_DROP : 0) | (length === 1 ? RANGE_SINGLE : 0))
  into.uint(start)
  if (length !== 1) into.uint(length)
}

/** `flag` is "drop": the blocks are no longer held. */
export function readRange(from: Reader, range: BlockRange): void {
  const flags = from.uint()
  range.flag = has(flags, RANGE_DROP)
  range.start = from.uint()
  range.length = within(range.start, has(flags, RANGE_SINGLE) ? 1 : from.uint())
}

// ---- Bitfield ------------------------------------------------------------------------------------

/** start | number of words | words of 32 bits, little-endian: bit 0 of the first is block `start`. */
export function writeBitfield(into: Writer, start: number, words: Uint32Array): void {
  into.uint(start)
  into.uint(words.length)
  for (let i = 0; i < words.length; i++) into.u32LE(words[i] ?? 0)
}

/** The words of a Bitfield, in memory that is used again for the next one. */
export class BitfieldWords {
  start = 0
  #room: Uint32Array = new Uint32Array(64)
  words: Uint32Array = this.#room.subarray(0, 0)

  read(from: Reader): void {
    this.start = from.uint()
    const count = from.count(4, BITFIELD_BYTES_MAX / 4)
    within(this.start, count * 32)
    const at = from.skip(count * 4)
    if (count > this.#room.length) this.#room = new Uint32Array(count)
    for (let i = 0; i < count; i++) this.#room[i] = readU32LE(from.bytes, at + 4 * i)
    this.words = this.#room.subarray(0, count)
  }
}

// ---- Extension -----------------------------------------------------------------------------------

/** @param name empty for the name of the message before on this channel in this direction */
export function writeExtension(into: Writer, name: string, message: Uint8Array): void {
  into.string(name)
  into.fixed(message)
}

/** The name; what is left in the reader is the message. */
export function readExtensionName(from: Reader): string {
  const name = from.string(EXTENSION_NAME_BYTES_MAX)
  if (from.left > EXTENSION_BYTES_MAX) {
    throw new DatError('OVER_LIMIT', 'An extension message is too long.', { bytes: from.left })
  }
  return name
}

// ---- Helpers -------------------------------------------------------------------------------------

/** Flags are uints of any size: bit tests on the low 32 bits, where all known ones are. */
export function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}

/** `length`, if the range ends at a number that is one. */
export function within(start: number, length: number): number {
  if (start + length <= Number.MAX_SAFE_INTEGER) return length
  throw new DatError('OVER_LIMIT', 'A range ends beyond 2^53 - 1.', { start, length })
}
