/**
 * The header that every file of a store begins with, and the kinds of file there are.
 *
 * Owns: file names and the first 32 bytes. The grammar of what follows stands with its reader: `record.ts` and
 * `items.ts` (data log), `page.ts` (page log), `frames.ts` and `index-items.ts`, `key-file.ts`, `sync-mark.ts`; `docs/store-format.md` shows all
 * of it with an example.
 *
 *     header := magic:   byte[8]   "datrhino"
 *               kind:    u8        1 data, 2 pages, 3 index, 4 keys, 5 sync mark
 *               version: u8
 *               zero:    byte[2]
 *               crc32:   u32       of these 32 bytes with this field 0
 *               store:   byte[8]   random, the same in all files of a store but the keys
 *               number:  u64       data, pages: address of the byte behind the header; index: its number
 *
 * These numbers are on people's disks. Do not change them. Numbers are little-endian everywhere in a store.
 */

import { DatError } from '../../base/errors.ts'
import { utf8 } from '../../bytes/bytes.ts'
import { readU32LE, readU64LE, writeU32LE, writeU64LE } from '../../bytes/integers.ts'
import type { Crc32 } from '../crc32.ts'

/** Sizes of the header and of the id in it; our version. */
export const HEADER_BYTES = 32
export const STORE_ID_BYTES = 8
export const VERSION = 1

/** The kinds of file. */
export const KIND_DATA = 1
export const KIND_PAGES = 2
export const KIND_INDEX = 3
export const KIND_KEYS = 4
export const KIND_MARK = 5
/** Which of them. */
export type FileKind =
  | typeof KIND_DATA
  | typeof KIND_PAGES
  | typeof KIND_INDEX
  | typeof KIND_KEYS
  | typeof KIND_MARK

/** The first address of either log: behind the header, so that 0 can mean "nowhere". */
export const FIRST_ADDRESS = 32

/** Names of files; those of segments are in `segments.ts`. */
export const KEYS_NAME = 'keys'
export const MARK_NAME = 'synced'
export const INDEX_PREFIX = 'index-'
/** Behind the name of an index that is still being written. */
export const UNFINISHED = '.new'

const MAGIC = utf8('datrhino')
const VERSION_AT = 9
const CRC_AT = 12
const STORE_AT = 16
const NUMBER_AT = 24

/** What a header says. */
export interface FileHeader {
  readonly kind: number
  readonly storeId: Uint8Array
  readonly number: number
}

/** A header of our version. */
export function encodeHeader(
  kind: FileKind,
  storeId: Uint8Array,
  number: number,
  crc32: Crc32,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  bytes.set(MAGIC)
  bytes[8] = kind
  bytes[VERSION_AT] = VERSION
  bytes.set(storeId, STORE_AT)
  writeU64LE(bytes, NUMBER_AT, number)
  writeU32LE(bytes, CRC_AT, crc32(bytes))
  return bytes
}

/**
 * The header at the start of `bytes`, or `undefined` if it is torn or damaged. Throws `STORE_TOO_NEW`: only a
 * header whose checksum is right is believed when it says so.
 */
export function decodeHeader(
  bytes: Uint8Array,
  name: string,
  crc32: Crc32,
): FileHeader | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const header = new Uint8Array(HEADER_BYTES)
  header.set(bytes.subarray(0, HEADER_BYTES))
  const crc = readU32LE(header, CRC_AT)
  writeU32LE(header, CRC_AT, 0)
  if (MAGIC.some((byte, i) => header[i] !== byte) || crc32(header) !== crc) return undefined
  const version = header[VERSION_AT] ?? 0
  if (version > VERSION) {
    throw new DatError(
      'STORE_TOO_NEW',
      `The file ${name} was written by a newer version (format ${version}, we read ${VERSION}). Update first.`,
      { file: name, version },
    )
  }
  return {
    kind: header[8] ?? 0,
    storeId: header.subarray(STORE_AT, STORE_AT + STORE_ID_BYTES),
    number: readU64LE(header, NUMBER_AT),
  }
}
