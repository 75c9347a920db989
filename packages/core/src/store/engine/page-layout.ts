/**
 * Index pages: where 64 blocks lie and what their subtree hashes to, and the pages above those.
 *
 * The pages of a log are a tree of their own. A page of level 0 serves 64 blocks: their positions in the
 * data log and the 128 node slots of their subtree. A page of level n serves 128 pages of the level below: where
 * they are stored, which of their blocks are held, and the nodes that stand above them. Where node `i` lives:
 * while its low seven bits are all ones, `i = (i - 127) / 128` and one level up; then page `i >> 7`, slot `i & 127`.
 *
 *     page   := seal:       byte[32]
 *               nodes:      node * slots     // slots: 2 x room - 1 at level 0, else room - 1
 *               refs:       u64 * room       // level 0: positions of blocks; else where child pages are stored
 *               held:       u64 * room       // above level 0. Level 1: one bit per block of the child; else their number
 *               signatures: byte[64] * room  // level 0 of generations 1 and 2: for length = index + 1
 *     node   := hash: byte[32], size: u64    // all zero: absent
 *     ref    := address * 4 + class of the child's room; 0: no page, no block (positions have no class)
 *
 *     seal   := crc32: u32 (of the page with this field 0), log: u32, level: u8, class: u8, signed: u8,
 *               zero: byte[5], number: u64, zero: byte[8]
 *
 * Owns: this grammar as numbers. A page has room for 4, 16 or all of its entries, so that short logs pay little. By
 * its seal a page is known and checked when it is read. These numbers are on people's disks. Do not change them.
 */

import { readU32LE, readU64LE } from '../../bytes/integers.ts'
import { HASH_BYTES } from '../../crypto/crypto.ts'
import { KEPT_SIGNATURE_BYTES } from '../checks.ts'

/** Blocks of a page of level 0; child pages of one above. */
export const LEAF_BLOCKS = 64
export const FANOUT = 128
/** With 64 blocks per page and 128 pages per page above, this is more than 2^53 nodes. */
export const LEVEL_MAX = 7
export const NODE_BYTES: number = HASH_BYTES + 8
const LEAF_ROOMS = [4, 16, LEAF_BLOCKS] as const
const UPPER_ROOMS = [4, 16, FANOUT] as const
export const ROOM_CLASS_MAX = 2

/** At the start of a page. */
export const SEAL_BYTES = 32

/** A ref keeps the class of the page's room in its low bits. */
const CLASSES = 4

/** A ref to a page that is stored at `address`. */
export function makeRef(address: number, roomClass: number): number {
  return address * CLASSES + roomClass
}

/** Where the page is stored. */
export function refAddress(ref: number): number {
  return Math.floor(ref / CLASSES)
}

/** The class of its room. */
export function refClass(ref: number): number {
  return ref % CLASSES
}

/** Entries that a page of this class has room for. */
export function roomOf(level: number, roomClass: number): number {
  return (level === 0 ? LEAF_ROOMS : UPPER_ROOMS)[roomClass] ?? 0
}

/** Node slots of a page; the slot behind the last one belongs to a node higher up. */
export function slotsOf(level: number, roomClass: number): number {
  return (level === 0 ? 2 : 1) * roomOf(level, roomClass) - 1
}

/** Size of a page. `signed`: it keeps a signature per length. */
export function pageBytes(level: number, roomClass: number, signed: boolean): number {
  const room = roomOf(level, roomClass)
  const extraBytes = level > 0 ? 8 : signed ? KEPT_SIGNATURE_BYTES : 0
  return SEAL_BYTES + slotsOf(level, roomClass) * NODE_BYTES + room * (8 + extraBytes)
}

/** What the seal at the start of `bytes` says, unchecked: enough to know how long the page is. */
export interface SealFields {
  readonly log: number
  readonly level: number
  readonly number: number
  readonly roomClass: number
  readonly bytes: number
}

/** Reads a seal; `undefined` if no page begins here. */
export function readSeal(bytes: Uint8Array, at: number): SealFields | undefined {
  const level = bytes[at + 8] ?? 0
  const roomClass = bytes[at + 9] ?? 0
  const signed = bytes[at + 10] ?? 0
  if (
    at + SEAL_BYTES > bytes.length ||
    level > LEVEL_MAX ||
    roomClass > ROOM_CLASS_MAX ||
    signed > 1
  ) {
    return undefined
  }
  return {
    log: readU32LE(bytes, at + 4),
    level,
    number: readU64LE(bytes, at + 16),
    roomClass,
    bytes: pageBytes(level, roomClass, signed === 1),
  }
}
