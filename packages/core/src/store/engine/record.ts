/**
 * The frame around what a commit writes to the data log.
 *
 *     record := length:    u32   // of the payload
 *               crc32:     u32   // of everything behind this field
 *               previous:  u32   // crc32 of the record before, so that a stale one is not taken for the next
 *               flags:     u32   // 1: the commit goes on in the next record
 *               address:   u64   // of this record
 *               synced:    u64   // all below this address was synced when the record was written
 *               payload:   item *
 *
 * Owns: the 32 bytes in front of the items. `address` makes a record recognisable behind a damaged one; `synced`
 * tells a torn tail (never synced, so nobody was promised it) from damage. These numbers are on people's disks. Do not
 * change them.
 */

import { RECORD_BYTES_MAX } from '../../base/limits.ts'
import { readU32LE, readU64LE, writeU32LE, writeU64LE } from '../../bytes/integers.ts'
import type { Crc32 } from '../crc32.ts'

/** In front of the items of a record. */
export const RECORD_HEADER_BYTES = 32
const CRC_AT = 4
const BODY_AT = 8
const FLAG_CONTINUED = 1

/** What the header of a record says. */
export interface RecordFields {
  /** Bytes of the whole record. */
  readonly bytes: number
  readonly crc: number
  readonly previous: number
  readonly continued: boolean
  readonly address: number
  readonly synced: number
}

/** Fills in the header of the record that is all of `bytes`; returns its checksum. */
export function sealRecord(
  bytes: Uint8Array,
  previous: number,
  continued: boolean,
  address: number,
  synced: number,
  crc32: Crc32,
): number {
  writeU32LE(bytes, 0, bytes.length - RECORD_HEADER_BYTES)
  writeU32LE(bytes, 8, previous)
  writeU32LE(bytes, 12, continued ? FLAG_CONTINUED : 0)
  writeU64LE(bytes, 16, address)
  writeU64LE(bytes, 24, synced)
  const crc = crc32(bytes.subarray(BODY_AT))
  writeU32LE(bytes, CRC_AT, crc)
  return crc
}

/** The fields of a header that claims to stand at `address` and can't be longer than `room`, unchecked. */
export function readRecord(
  bytes: Uint8Array,
  at: number,
  address: number,
  room: number,
): RecordFields | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined
  const length = readU32LE(bytes, at) + RECORD_HEADER_BYTES
  if (length > room || length > RECORD_BYTES_MAX) return undefined
  if (readU64LE(bytes, at + 16) !== address) return undefined
  return {
    bytes: length,
    crc: readU32LE(bytes, at + CRC_AT),
    previous: readU32LE(bytes, at + 8),
    continued: (readU32LE(bytes, at + 12) & FLAG_CONTINUED) !== 0,
    address,
    synced: readU64LE(bytes, at + 24),
  }
}

/** Is the checksum of the record that begins at `at` right? */
export function isWhole(
  bytes: Uint8Array,
  at: number,
  record: RecordFields,
  crc32: Crc32,
): boolean {
  return crc32(bytes.subarray(at + BODY_AT, at + record.bytes)) === record.crc
}
