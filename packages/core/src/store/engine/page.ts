/**
 * One index page in memory: a view of its bytes, and where it stands in the tree of pages.
 *
 * Owns: reading and writing the entries of a page by the layout of `page-layout.ts`, which has the picture. A page is
 * one buffer and no object per entry; it grows with what is in it.
 */

import type { Facts } from '../../base/errors.ts'
import { copy32, isZero, isZero32 } from '../../bytes/bytes.ts'
import { readU32LE, readU64LE, writeU32LE, writeU64LE } from '../../bytes/integers.ts'
import { HASH_BYTES } from '../../crypto/crypto.ts'
import { KEPT_SIGNATURE_BYTES } from '../checks.ts'
import type { Crc32 } from '../crc32.ts'
import {
  NODE_BYTES,
  pageBytes,
  ROOM_CLASS_MAX,
  readSeal,
  roomOf,
  SEAL_BYTES,
  slotsOf,
} from './page-layout.ts'

const NO_BITS = new Uint32Array(0)

/** The index that a page belongs to, as far as pages and their cache need it. */
export interface PageOwner {
  readonly log: number
  /** Are signatures kept per length? */
  readonly signed: boolean
  /** The highest page, if it is in memory. */
  root: Page | undefined
  /** For errors: which log. */
  describe(): Facts
  /** The page is no longer in memory. */
  left(page: Page): void
}

export class Page {
  readonly tree: PageOwner
  readonly level: number
  /** Among the pages of its level. */
  readonly number: number
  bytes: Uint8Array
  roomClass: number
  /** The page above, always in memory; `undefined` for the highest. */
  parent: Page | undefined
  /** Child pages that are in memory. */
  children: (Page | undefined)[]
  /** How many of them. */
  loaded = 0
  /** Where it was last stored; 0: nowhere. */
  ref = 0
  /** Bytes that it takes there. */
  storedBytes = 0
  /** Differs from what is stored. Then its parent does too. */
  dirty = false
  /** Used since the cache last looked for something to throw out. */
  used = true
  /** It is no longer in the cache. */
  evicted = false
  /** Blocks whose bytes were compared with their hash in this process, one bit each. */
  #verifiedLow = 0
  #verifiedHigh = 0
  /** Level 1: two words per child, one bit per block. */
  bits: Uint32Array = NO_BITS
  /** Entries that there is room for. */
  room = 0
  #slots = 0
  #refsAt = 0
  /** Offset of the entries behind the refs: what is held, or the signatures. */
  #extrasAt = 0

  constructor(
    tree: PageOwner,
    level: number,
    number: number,
    roomClass: number,
    bytes: Uint8Array,
    parent: Page | undefined,
  ) {
    this.tree = tree
    this.level = level
    this.number = number
    this.roomClass = roomClass
    this.bytes = bytes
    this.parent = parent
    this.children = []
    this.#measure()
  }

  /** Works out where everything lies after `bytes` was replaced. */
  #measure(): void {
    const { level, roomClass } = this
    this.room = roomOf(level, roomClass)
    this.#slots = slotsOf(level, roomClass)
    this.#refsAt = SEAL_BYTES + this.#slots * NODE_BYTES
    this.#extrasAt = this.#refsAt + this.room * 8
    if (level !== 1) return
    const { buffer, byteOffset } = this.bytes
    this.bits = new Uint32Array(buffer, byteOffset + this.#extrasAt, this.room * 2)
  }

  // ---- Nodes ----

  hasSlot(slot: number): boolean {
    return slot < this.#slots
  }

  nodeAt(slot: number): number {
    return SEAL_BYTES + slot * NODE_BYTES
  }

  /** Is there a node whose hash begins at `at`? */
  hasNode(at: number): boolean {
    return !isZero32(this.bytes, at)
  }

  nodeSize(at: number): number {
    return readU64LE(this.bytes, at + HASH_BYTES)
  }

  setNodeSize(at: number, size: number): void {
    writeU64LE(this.bytes, at + HASH_BYTES, size)
  }

  setNode(at: number, size: number, hash: Uint8Array, hashAt: number): void {
    copy32(this.bytes, at, hash, hashAt)
    writeU64LE(this.bytes, at + HASH_BYTES, size)
  }

  clearNode(at: number): void {
    this.bytes.fill(0, at, at + NODE_BYTES)
  }

  // ---- Positions, child pages, what is held ----

  /** Level 0: address of a block's bytes. Else: where a child page is stored. 0: none. */
  entry(i: number): number {
    return readU64LE(this.bytes, this.#refsAt + i * 8)
  }

  setEntry(i: number, value: number): void {
    writeU64LE(this.bytes, this.#refsAt + i * 8, value)
  }

  /** Above level 1: number of held blocks below child `i`. */
  heldBelow(i: number): number {
    return i < this.room ? readU64LE(this.bytes, this.#extrasAt + i * 8) : 0
  }

  setHeldBelow(i: number, count: number): void {
    writeU64LE(this.bytes, this.#extrasAt + i * 8, count)
  }

  isVerified(i: number): boolean {
    return (((i < 32 ? this.#verifiedLow : this.#verifiedHigh) >>> (i & 31)) & 1) === 1
  }

  setVerified(i: number, verified: boolean): void {
    const bit = 1 << (i & 31)
    if (i < 32) this.#verifiedLow = verified ? this.#verifiedLow | bit : this.#verifiedLow & ~bit
    else this.#verifiedHigh = verified ? this.#verifiedHigh | bit : this.#verifiedHigh & ~bit
  }

  // ---- Signatures ----

  /** A view of the kept signature of entry `i`; `undefined` if there is none. */
  signature(i: number): Uint8Array | undefined {
    if (i >= this.room) return undefined
    const at = this.#extrasAt + i * KEPT_SIGNATURE_BYTES
    const view = this.bytes.subarray(at, at + KEPT_SIGNATURE_BYTES)
    return isZero(view) ? undefined : view
  }

  setSignature(i: number, signature: Uint8Array | undefined): void {
    const at = this.#extrasAt + i * KEPT_SIGNATURE_BYTES
    if (signature === undefined) this.bytes.fill(0, at, at + KEPT_SIGNATURE_BYTES)
    else this.bytes.set(signature, at)
  }

  // ---- Size ----

  /** Makes room for entry `i` and node slot `slot`. Returns by how many bytes the page grew. */
  grow(i: number, slot: number): number {
    const { level } = this
    let roomClass = this.roomClass
    while (
      roomClass < ROOM_CLASS_MAX &&
      (i >= roomOf(level, roomClass) || slot >= slotsOf(level, roomClass))
    ) {
      roomClass++
    }
    if (roomClass === this.roomClass) return 0
    const old = this.bytes
    const oldRefsAt = this.#refsAt
    const oldExtrasAt = this.#extrasAt
    this.bytes = new Uint8Array(pageBytes(level, roomClass, this.tree.signed))
    this.roomClass = roomClass
    this.#measure()
    this.bytes.set(old.subarray(0, oldRefsAt))
    this.bytes.set(old.subarray(oldRefsAt, oldExtrasAt), this.#refsAt)
    this.bytes.set(old.subarray(oldExtrasAt), this.#extrasAt)
    return this.bytes.length - old.length
  }

  /** Puts back content from before a change; see `page-drop.ts`. */
  restore(bytes: Uint8Array, roomClass: number): void {
    this.bytes = bytes
    this.roomClass = roomClass
    this.#verifiedLow = 0
    this.#verifiedHigh = 0
    this.#measure()
  }

  // ---- The seal ----

  /** Makes the bytes ready to be stored. */
  seal(log: number, crc32: Crc32): void {
    const { bytes } = this
    bytes.fill(0, 0, SEAL_BYTES)
    writeU32LE(bytes, 4, log)
    bytes[8] = this.level
    bytes[9] = this.roomClass
    bytes[10] = this.tree.signed ? 1 : 0
    writeU64LE(bytes, 16, this.number)
    writeU32LE(bytes, 0, crc32(bytes))
  }

  /** Is this the page that its place in the tree says, and undamaged? */
  isSealed(log: number, crc32: Crc32): boolean {
    const { bytes } = this
    const crc = readU32LE(bytes, 0)
    writeU32LE(bytes, 0, 0)
    const { level, roomClass, number } = this
    const seal = readSeal(bytes, 0)
    return (
      crc32(bytes) === crc &&
      seal?.log === log &&
      seal.level === level &&
      seal.roomClass === roomClass &&
      seal.number === number &&
      seal.bytes === bytes.length
    )
  }
}
