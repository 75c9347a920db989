/**
 * One log of the memory store.
 *
 * Owns: blocks and nodes in Maps, the bits of what is held, and the head. A block is stored in the very
 * buffer that `reserve` handed out, so it is written once here too.
 */

import { Bitfield } from '../bytes/bitfield.ts'
import { copy, EMPTY } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { endBlock } from '../tree/flat.ts'
import { LEAF_PREFIX_BYTES, type WriteU64 } from '../tree/hash.ts'
import type { Node } from '../tree/nodes.ts'
import {
  checkBlockSize,
  checkKeptSignature,
  checkNumber,
  copyKeysOf,
  EMPTY_HEAD,
  isHashOfManifest,
  isOwn,
  KEPT_SIGNATURES,
  ownHead,
} from './checks.ts'
import { SIZE_WRITERS, writeLeafPrefix } from './leaf-prefix.ts'
import type { Head, LogIdentity, Slot } from './store.ts'

/** What a slot asks of its store. */
export interface MemoryHost {
  changed(bytes: number, undo: () => void): number
  reserve(slot: MemorySlot, index: number, size: number): void
  /** Throws `INVARIANT` unless this very block is reserved. */
  takeReservation(slot: MemorySlot, index: number): void
}

interface StoredBlock {
  readonly bytes: Uint8Array
  /** Address behind it. */
  readonly address: number
}

export class MemorySlot implements Slot {
  readonly log: number
  identity: LogIdentity
  head: Head = EMPTY_HEAD
  headAddress = 0
  contiguousLength = 0
  blockBytes = 0
  nodeBytes: Uint8Array = EMPTY
  readonly nodeAt = 0
  nodeSize = 0
  staging: Uint8Array = EMPTY
  readonly #host: MemoryHost
  readonly #writeSize: WriteU64
  readonly #blocks = new Map<number, StoredBlock>()
  readonly #held = new Bitfield()
  readonly #nodes = new Map<number, Node>()
  readonly #signatures = new Map<number, Uint8Array>()
  readonly #userData = new Map<string, Uint8Array>()

  constructor(host: MemoryHost, log: number, identity: LogIdentity) {
    this.#host = host
    this.log = log
    this.identity = identity
    this.#writeSize = SIZE_WRITERS[identity.generation]
  }

  get generation(): LogIdentity['generation'] {
    return this.identity.generation
  }

  copyKeys(into: Uint8Array): void {
    copyKeysOf(this.identity, into)
  }

  get isOwn(): boolean {
    return isOwn(this.identity)
  }

  get isHashOfManifest(): boolean {
    return isHashOfManifest(this.identity)
  }

  get isSigned(): boolean {
    return this.head.signature !== undefined
  }

  get fork(): number {
    return this.head.fork
  }

  get length(): number {
    return this.head.length
  }

  get byteLength(): number {
    return this.head.byteLength
  }

  // ---- Blocks ----

  get heldBlocks(): number {
    return this.#blocks.size
  }

  get heldBytes(): number {
    return this.blockBytes
  }

  has(index: number): boolean {
    return this.#held.get(index)
  }

  nextHeld(from: number, end: number): number {
    return from >= end ? end : this.#held.nextSet(from, end)
  }

  nextMissing(from: number, end: number): number {
    return from >= end ? end : this.#held.nextUnset(from, end)
  }

  read(index: number): Uint8Array | undefined {
    const block = this.#blocks.get(index)
    return block && copy(block.bytes)
  }

  readInto(index: number, into: Uint8Array, at: number): boolean {
    const block = this.#blocks.get(index)
    if (block === undefined) return false
    into.set(block.bytes, at)
    return true
  }

  isCold(): boolean {
    return false
  }

  warm(): Promise<void> {
    return Promise.resolve()
  }

  addressOf(index: number): number {
    return this.#blocks.get(index)?.address ?? 0
  }

  // ---- Tree nodes ----

  findNode(index: number): boolean {
    const node = this.#nodes.get(index)
    if (node === undefined) return false
    this.nodeBytes = node.hash
    this.nodeSize = node.size
    return true
  }

  // ---- Staging ----

  reserve(index: number, size: number): number {
    checkBlockSize(index, size)
    this.#host.reserve(this, index, size)
    this.staging = new Uint8Array(LEAF_PREFIX_BYTES + size)
    writeLeafPrefix(this.staging, LEAF_PREFIX_BYTES, size, this.#writeSize)
    return LEAF_PREFIX_BYTES
  }

  putBlock(index: number): void {
    this.#host.takeReservation(this, index)
    const bytes = this.staging.subarray(LEAF_PREFIX_BYTES)
    const old = this.#blocks.get(index)
    const address = this.#host.changed(bytes.length, () => this.#setBlock(index, old))
    this.#setBlock(index, { bytes, address })
  }

  putBlockAndLeaf(index: number, bytes: Uint8Array, at: number): void {
    const size = this.staging.length - LEAF_PREFIX_BYTES
    this.putBlock(index)
    this.putNode(2 * index, size, bytes, at)
  }

  putNode(index: number, size: number, bytes: Uint8Array, at: number): void {
    checkNumber('node index', index)
    checkNumber('node size', size)
    const hash = copy(bytes.subarray(at, at + HASH_BYTES))
    this.#change(this.#nodes, index, { index, size, hash })
  }

  stageHead(head: Head): void {
    const old = this.head
    const oldAddress = this.headAddress
    this.headAddress = this.#host.changed(0, () => {
      this.head = old
      this.headAddress = oldAddress
    })
    this.head = ownHead(head)
  }

  stageTruncate(head: Head): void {
    this.#dropBlocks(head.length, Number.MAX_SAFE_INTEGER)
    for (const index of [...this.#nodes.keys()]) {
      if (endBlock(index) > head.length) this.#change(this.#nodes, index, undefined)
    }
    for (const length of [...this.#signatures.keys()]) {
      if (length > head.length) this.#change(this.#signatures, length, undefined)
    }
    this.stageHead(head)
  }

  stageClear(start: number, end: number): void {
    this.#dropBlocks(start, end)
  }

  stageManifest(manifest: Uint8Array): void {
    const old = this.identity
    this.#host.changed(manifest.length, () => {
      this.identity = old
    })
    this.identity = { ...old, manifest: copy(manifest) }
  }

  putSignature(length: number, signature: Uint8Array): void {
    checkKeptSignature(KEPT_SIGNATURES[this.identity.generation], length, signature)
    this.#change(this.#signatures, length, copy(signature))
  }

  signature(length: number): Uint8Array | undefined {
    const signature = this.#signatures.get(length)
    return signature && copy(signature)
  }

  userData(name: string): Uint8Array | undefined {
    const value = this.#userData.get(name)
    return value && copy(value)
  }

  userDataNames(): string[] {
    return [...this.#userData.keys()]
  }

  stageUserData(name: string, value: Uint8Array | undefined): void {
    this.#change(this.#userData, name, value && copy(value))
  }

  // ---- Changing and taking back ----

  #dropBlocks(start: number, end: number): void {
    for (let i = this.nextHeld(start, end); i < end; i = this.nextHeld(i + 1, end)) {
      const old = this.#blocks.get(i)
      this.#host.changed(0, () => this.#setBlock(i, old))
      this.#setBlock(i, undefined)
    }
  }

  #setBlock(index: number, block: StoredBlock | undefined): void {
    this.blockBytes -= this.#blocks.get(index)?.bytes.length ?? 0
    if (block === undefined) this.#blocks.delete(index)
    else this.#blocks.set(index, block)
    this.blockBytes += block?.bytes.length ?? 0
    this.#held.set(index, block !== undefined)
    const from = Math.min(this.contiguousLength, index)
    this.contiguousLength = this.#held.nextUnset(from, Number.MAX_SAFE_INTEGER)
  }

  #change<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const old = map.get(key)
    this.#host.changed(0, () => set(map, key, old))
    set(map, key, value)
  }
}

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
