/**
 * SLEEP files as bytes: headers, pages of bits, and the length that follows from them.
 *
 *     header     05 02 57 | type | version 0 | u16be entry bytes | length of name | name | zeros      32 bytes
 *     bitfield   pages of 3,584 (older: 3,328) bytes: 1,024 of block bits, 2,048 of node bits, an index
 *     tree       hash 32, u64be size for each node           signatures   64 bytes for each block
 *
 * Owns: where what lies. Pure. Bits count from the most significant one of each byte. Source: the generation 1 log,
 * section 5.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { fromUtf8Lossy } from '@dat-rhino/core/bytes/bytes'

/** Of the header, of one entry of each file, and of one page of the bitfield. */
export const SLEEP_HEADER_BYTES = 32
export const SLEEP_NODE_BYTES = 40
export const SLEEP_SIGNATURE_BYTES = 64
export const SLEEP_PAGE_BYTES = 3_584
/** Before hypercore 6.22.1. */
export const SLEEP_OLD_PAGE_BYTES = 3_328

/** Blocks and nodes of one page, and where its node bits begin. */
export const PAGE_BLOCKS = 8_192
export const PAGE_NODES = 16_384
const PAGE_NODES_AT = 1_024

/** Which of the three files a header is of. */
export type SleepType = 'bitfield' | 'signatures' | 'tree'
const TYPES: readonly SleepType[] = ['bitfield', 'signatures', 'tree']

/** What a header says. */
export interface SleepHeader {
  readonly type: SleepType
  /** Bytes of one entry, or of one page. */
  readonly entryBytes: number
  readonly algorithm: string
}

/** Throws `CORRUPT_STORE` for anything but a header of version 0. */
export function parseSleepHeader(bytes: Uint8Array): SleepHeader {
  const [a, b, c, typeByte = -1, version, high = 0, low = 0, nameLength = 0] = bytes
  const type = TYPES[typeByte]
  const isRight = a === 5 && b === 2 && c === 0x57 && version === 0 && type !== undefined
  if (bytes.length < SLEEP_HEADER_BYTES || !isRight || nameLength > SLEEP_HEADER_BYTES - 8) {
    throw new DatError('CORRUPT_STORE', 'The file does not begin with a SLEEP header.')
  }
  const algorithm = fromUtf8Lossy(bytes.subarray(8, 8 + nameLength))
  return { type, entryBytes: 256 * high + low, algorithm }
}

/** Offset in the bitfield file of the byte that holds the bit of `block`. */
export function blockByteAt(block: number, pageBytes: number): number {
  const page = Math.floor(block / PAGE_BLOCKS)
  return SLEEP_HEADER_BYTES + page * pageBytes + Math.floor((block % PAGE_BLOCKS) / 8)
}

/** Offset in the bitfield file of the byte that holds the bit of node `index`. */
export function nodeByteAt(index: number, pageBytes: number): number {
  const page = Math.floor(index / PAGE_NODES)
  const inPage = Math.floor((index % PAGE_NODES) / 8)
  return SLEEP_HEADER_BYTES + page * pageBytes + PAGE_NODES_AT + inPage
}

/** Bit number `index` of a part, in its byte. */
export function isBitSet(byte: number, index: number): boolean {
  return (byte & (0x80 >> (index % 8))) !== 0
}

/**
 * Blocks of a log of which these nodes are known: no file says it. From the left, the largest complete subtree, then the
 * largest that follows it, and so on.
 *
 * @param nodesEnd behind the last index that may be known: of it, never of a number in a file, the work depends
 */
export function lengthOfNodes(has: (index: number) => boolean, nodesEnd: number): number {
  let blocks = 1
  while (2 * blocks - 1 < nodesEnd) blocks *= 2
  let length = 0
  for (; blocks >= 1; blocks /= 2) {
    if (has(2 * length + blocks - 1)) length += blocks
  }
  return length
}
