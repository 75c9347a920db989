/**
 * One log of the on-disk store, as the layers above hold it.
 *
 * Owns: reading, and staging. Staging a change is two steps: `SlotState` applies it, so that readers see it, and the
 * item for the record is written behind what is staged already.
 */

import { copy, EMPTY } from '../../bytes/bytes.ts'
import type { WriteU64 } from '../../tree/hash.ts'
import { checkBlockSize, checkKeptSignature, checkNumber, ownHead } from '../checks.ts'
import { SIZE_WRITERS } from '../leaf-prefix.ts'
import type { Room } from '../room.ts'
import type { Head, LogIdentity, Slot } from '../store.ts'
import type { BlockReader } from './block-reader.ts'
import {
  ITEM_CLEAR,
  ITEM_HEAD,
  ITEM_MANIFEST,
  ITEM_SIGNATURE,
  ITEM_TRUNCATE,
  ITEM_USER_DATA,
  writeHead,
} from './items.ts'
import type { Page } from './page.ts'
import type { MissingPage } from './page-cache.ts'
import { LEAF_BLOCKS } from './page-layout.ts'
import { nextBlock } from './page-scan.ts'
import type { SlotState } from './slot-state.ts'
import type { StagedLog, Staging } from './staging.ts'

/** What a slot needs of its store. */
export interface SlotHost {
  readonly staging: Staging
  readonly reader: BlockReader
  readonly room: Room
  /** Throws `NOT_WRITABLE` or `CLOSED` if nothing may be changed. */
  checkWritable(): void
}

/** Longer than the fixed part of any item. */
const NUMBERS_BYTES = 64
/** Neighbouring blocks are warmed in one read up to this gap. */
const WARM_GAP_BYTES = 65_536

export class EngineSlot implements Slot, StagedLog {
  readonly log: number
  readonly generation: 1 | 2 | 3
  readonly writeSize: WriteU64
  readonly state: SlotState
  readonly #host: SlotHost
  nodeBytes: Uint8Array = EMPTY
  nodeAt = 0
  nodeSize = 0

  constructor(host: SlotHost, state: SlotState) {
    this.#host = host
    this.state = state
    this.log = state.log
    this.generation = state.generation
    this.writeSize = SIZE_WRITERS[state.generation]
  }

  get identity(): LogIdentity {
    return this.state.identity
  }

  get head(): Head {
    return this.state.head
  }

  copyKeys(into: Uint8Array): void {
    this.state.copyKeys(into)
  }

  get isOwn(): boolean {
    return this.state.isOwn
  }

  get isHashOfManifest(): boolean {
    return this.state.isHashOfManifest
  }

  get isSigned(): boolean {
    return this.state.isSigned
  }

  get fork(): number {
    return this.state.fork
  }

  get length(): number {
    return this.state.length
  }

  get byteLength(): number {
    return this.state.byteLength
  }

  get headAddress(): number {
    return this.state.headAddress
  }

  get contiguousLength(): number {
    return this.state.contiguousLength
  }

  get heldBlocks(): number {
    return this.state.heldBlocks
  }

  get heldBytes(): number {
    return this.state.blockBytes
  }

  // ---- Blocks ----

  has(index: number): boolean {
    return index < this.state.contiguousLength || this.state.tree.has(index)
  }

  nextHeld(from: number, end: number): number {
    if (from < this.state.contiguousLength) return Math.min(from, end)
    return from >= end ? end : nextBlock(this.state.tree, from, end, true)
  }

  nextMissing(from: number, end: number): number {
    const start = Math.max(from, this.state.contiguousLength)
    return start >= end ? end : nextBlock(this.state.tree, start, end, false)
  }

  read(index: number): Uint8Array | undefined {
    const leaf = this.#leafOf(index)
    if (leaf === undefined) return undefined
    return this.#host.reader.take(leaf, index % LEAF_BLOCKS)
  }

  readInto(index: number, into: Uint8Array, at: number): boolean {
    const leaf = this.#leafOf(index)
    if (leaf === undefined) return false
    this.#host.reader.copy(leaf, index % LEAF_BLOCKS, into, at)
    return true
  }

  addressOf(index: number): number {
    const leaf = this.#leafOf(index)
    if (leaf === undefined) return 0
    const i = index % LEAF_BLOCKS
    return leaf.entry(i) + leaf.nodeSize(leaf.nodeAt(2 * i))
  }

  /** The page that says where the block is, if it is held. */
  #leafOf(index: number): Page | undefined {
    const leaf = this.state.tree.leaf(index, false)
    const i = index % LEAF_BLOCKS
    return leaf === undefined || i >= leaf.room || leaf.entry(i) === 0 ? undefined : leaf
  }

  // ---- Cold data ----

  isCold(start: number, end: number): boolean {
    const { guard } = this.state.tree.cache
    if (!guard.isCold) return false
    const { tree } = this.state
    for (let index = start; index < end; index++) {
      if (tree.missingPage(index) !== undefined) return true
      const leaf = this.#leafOf(index)
      if (leaf === undefined) continue
      const i = index % LEAF_BLOCKS
      const size = leaf.nodeSize(leaf.nodeAt(2 * i))
      if (this.#host.reader.isCold(leaf.entry(i), size)) return true
    }
    return false
  }

  async warm(start: number, end: number): Promise<void> {
    let from = 0
    let to = 0
    const { tree } = this.state
    for (let index = start; index < end; index++) {
      if (tree.missingPage(index) !== undefined) await this.#warmPages(index)
      const leaf = this.#leafOf(index)
      if (leaf === undefined) continue
      const position = leaf.entry(index % LEAF_BLOCKS)
      const behind = this.addressOf(index)
      const isNear = to > from && position >= to && position - to <= WARM_GAP_BYTES
      if (!isNear) {
        if (to > from) await this.#host.reader.warm(from, to)
        from = position
      }
      to = behind
    }
    if (to > from) await this.#host.reader.warm(from, to)
  }

  /** Reads the pages that lead to a block in the thread pool, so that the walk after it finds them in memory. */
  async #warmPages(index: number): Promise<void> {
    const { tree } = this.state
    const missing = (): MissingPage | undefined => tree.missingPage(index)
    while (missing() !== undefined) await tree.cache.warm(tree, missing)
  }

  // ---- Tree nodes ----

  findNode(index: number): boolean {
    const { tree } = this.state
    const page = tree.findNode(index)
    if (page === undefined) return false
    this.nodeBytes = page.bytes
    this.nodeAt = tree.nodeAt
    this.nodeSize = page.nodeSize(tree.nodeAt)
    return true
  }

  signature(length: number): Uint8Array | undefined {
    const { tree } = this.state
    if (!tree.signed || length < 1) return undefined
    const view = tree.leaf(length - 1, false)?.signature((length - 1) % LEAF_BLOCKS)
    return view && copy(view)
  }

  userData(name: string): Uint8Array | undefined {
    const value = this.state.userData?.get(name)
    return value && copy(value)
  }

  userDataNames(): string[] {
    return [...(this.state.userData?.keys() ?? [])]
  }

  // ---- Staging ----

  get staging(): Uint8Array {
    return this.#host.staging.bytes
  }

  reserve(index: number, size: number): number {
    this.#host.checkWritable()
    checkBlockSize(index, size)
    const { staging, room } = this.#host
    room.check(staging.address, size)
    return staging.reserve(this, index, size)
  }

  putBlock(index: number): void {
    const { staging } = this.#host
    // In this order: if a page on the way is damaged, the record must not say that the block is there.
    const size = staging.reservedSize(this.log, index)
    this.state.applyBlock(index, staging.reservedAddress, size)
    staging.put(index)
  }

  putBlockAndLeaf(index: number, bytes: Uint8Array, at: number): void {
    const { staging } = this.#host
    const size = staging.reservedSize(this.log, index)
    // A leaf whose block is in the same commit has no item of its own.
    if (this.state.applyNewBlock(index, staging.reservedAddress, size, bytes, at)) {
      staging.put(index)
      return
    }
    this.putBlock(index)
    this.putNode(2 * index, size, bytes, at)
  }

  putNode(index: number, size: number, bytes: Uint8Array, at: number): void {
    this.#host.checkWritable()
    checkNumber('node index', index)
    checkNumber('node size', size)
    if (!this.state.applyNode(index, size, bytes, at)) return
    const { staging } = this.#host
    if (index % 2 === 0) {
      // The leaf of a block in this commit is made again from its bytes when the record is replayed.
      const block = index / 2
      if (staging.isReserved(this.log, block)) {
        staging.keepLeaf()
        return
      }
      if (this.state.tree.position(block) > staging.firstAddress) return
    }
    staging.node(this, index, size, bytes, at)
  }

  stageHead(head: Head): void {
    this.#host.checkWritable()
    const own = ownHead(head)
    const address = this.#writeHeadItem(ITEM_HEAD, own)
    this.state.applyHead(own, address)
  }

  stageTruncate(head: Head): void {
    this.#host.checkWritable()
    const own = ownHead(head)
    this.state.applyTruncate(own, 0)
    this.state.headAddress = this.#writeHeadItem(ITEM_TRUNCATE, own)
  }

  /** Returns the address behind the item. */
  #writeHeadItem(type: number, head: Head): number {
    const { staging } = this.#host
    const bytes = NUMBERS_BYTES + (head.signature?.length ?? 0)
    writeHead(staging.item(this, type, bytes), head)
    return staging.address
  }

  stageClear(start: number, end: number): void {
    this.#host.checkWritable()
    checkNumber('start', start)
    checkNumber('end', end)
    if (start >= end) return
    this.state.applyClear(start, end)
    const writer = this.#host.staging.item(this, ITEM_CLEAR, NUMBERS_BYTES)
    writer.uint(start)
    writer.uint(end - start)
  }

  stageManifest(manifest: Uint8Array): void {
    this.#host.checkWritable()
    this.state.applyManifest(manifest)
    this.#host.staging.item(this, ITEM_MANIFEST, NUMBERS_BYTES + manifest.length).buffer(manifest)
  }

  putSignature(length: number, signature: Uint8Array): void {
    this.#host.checkWritable()
    checkKeptSignature(this.state.tree.signed, length, signature)
    this.state.applySignature(length, signature)
    const writer = this.#host.staging.item(this, ITEM_SIGNATURE, NUMBERS_BYTES + signature.length)
    writer.uint(length)
    writer.fixed(signature)
  }

  stageUserData(name: string, value: Uint8Array | undefined): void {
    this.#host.checkWritable()
    this.state.applyUserData(name, value)
    const bytes = NUMBERS_BYTES + 4 * name.length + (value?.length ?? 0)
    const writer = this.#host.staging.item(this, ITEM_USER_DATA, bytes)
    writer.string(name)
    writer.u8(value === undefined ? 0 : 1)
    writer.buffer(value)
  }
}
