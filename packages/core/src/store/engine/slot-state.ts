/**
 * The state of one log in memory: head, counters, identity, user data, and its index.
 *
 * Owns: every change of it, each with the way back. `slot.ts` stages changes (it also writes them into the
 * record), `replay.ts` applies those of a record that is on the disk. These statements always hold:
 *
 * - `heldBlocks`, `blockBytes` and `contiguousLength` agree with the index.
 * - No block that is held and no node lies at or beyond `extent`; whoever opens a store drops what lies beyond the
 *   head's length.
 */

import { type Facts, isCode } from '../../base/errors.ts'
import { copy, equalAt, hex } from '../../bytes/bytes.ts'
import { HASH_BYTES } from '../../crypto/crypto.ts'
import { endBlock } from '../../tree/flat.ts'
import { copyKeysOf, EMPTY_HEAD, isHashOfManifest, isOwn, KEPT_SIGNATURES } from '../checks.ts'
import type { Head, LogIdentity } from '../store.ts'
import type { Frees } from './frees.ts'
import type { Page } from './page.ts'
import type { PageCache } from './page-cache.ts'
import { PageDrop } from './page-drop.ts'
import { LEAF_BLOCKS } from './page-layout.ts'
import { nextBlock } from './page-scan.ts'
import { PageTree } from './page-tree.ts'
import type { Undo, UndoTarget } from './undo.ts'

/** What all logs of a store share. */
export interface StateHost {
  readonly undo: Undo
  readonly frees: Frees
  readonly cache: PageCache
  /** The state of this log differs from what the index file says. */
  touched(state: SlotState): void
  /** What the index file says of a log that was not changed since. */
  identityOf(log: number): LogIdentity
  headOf(log: number): Head
  copyKeysOf(log: number, into: Uint8Array): void
  isOwn(log: number): boolean
  isHashOfManifest(log: number): boolean
}

export class SlotState implements UndoTarget {
  readonly log: number
  readonly generation: 1 | 2 | 3
  /** Those of the head. */
  fork = 0
  length = 0
  byteLength = 0
  headAddress = 0
  contiguousLength = 0
  heldBlocks = 0
  /** Bytes of all blocks held. */
  blockBytes = 0
  extent = 0
  /** Made when there is some: most logs have none. */
  userData: Map<string, Uint8Array> | undefined
  /** What differs from the index file: the identity, and user data by name. */
  isIdentityChanged = false
  changedUserData: Set<string> | undefined
  readonly #host: StateHost
  // Made or read when first asked for: of ten thousand logs that are open, most only rest.
  #tree: PageTree | undefined
  #identity: LogIdentity | undefined
  #head: Head | undefined
  /** What the index says to `isHashOfManifest`: a peer is told twice of each log. */
  #isHashOfStored: boolean | undefined = undefined
  /** Has the head in the index a signature? */
  #isStoredSigned = false
  #height = 0
  #rootRef = 0

  /** @param identity undefined where it is to be read from the index */
  constructor(
    host: StateHost,
    log: number,
    generation: LogIdentity['generation'],
    identity: LogIdentity | undefined,
  ) {
    this.#host = host
    this.log = log
    this.generation = generation
    this.#identity = identity
    if (identity !== undefined) this.#head = EMPTY_HEAD
  }

  get identity(): LogIdentity {
    this.#identity ??= this.#host.identityOf(this.log)
    return this.#identity
  }

  copyKeys(into: Uint8Array): void {
    if (this.#identity === undefined) this.#host.copyKeysOf(this.log, into)
    else copyKeysOf(this.#identity, into)
  }

  get isOwn(): boolean {
    const identity = this.#identity
    return identity === undefined ? this.#host.isOwn(this.log) : isOwn(identity)
  }

  get isHashOfManifest(): boolean {
    if (this.#identity !== undefined) return isHashOfManifest(this.#identity)
    this.#isHashOfStored ??= this.#host.isHashOfManifest(this.log)
    return this.#isHashOfStored
  }

  get isSigned(): boolean {
    return this.#head === undefined ? this.#isStoredSigned : this.#head.signature !== undefined
  }

  get head(): Head {
    this.#head ??= this.#host.headOf(this.log)
    return this.#head
  }

  get tree(): PageTree {
    this.#tree ??= this.#makeTree()
    return this.#tree
  }

  #makeTree(): PageTree {
    const { log, generation } = this
    const tree = new PageTree(log, KEPT_SIGNATURES[generation], this.#host.cache, this)
    tree.height = this.#height
    tree.rootRef = this.#rootRef
    return tree
  }

  /** What the index says of the tree. */
  storedTree(height: number, rootRef: number): void {
    this.#height = height
    this.#rootRef = rootRef
  }

  /** What the index says of the head, but for its signature. */
  storedHead(fork: number, length: number, byteLength: number, isSigned: boolean): void {
    this.fork = fork
    this.length = length
    this.byteLength = byteLength
    this.#isStoredSigned = isSigned
  }

  /** Reads what is in the index still, before that forgets the log. */
  keepAll(): void {
    void this.identity
    void this.head
  }

  /** For errors. Eight characters of a discovery key give nothing away. */
  describe(): Facts {
    return { log: this.log, discoveryKey: hex(this.identity.discoveryKey.subarray(0, 4)) }
  }

  #touch(): void {
    this.#host.touched(this)
  }

  // ---- Blocks ----

  /** The block's bytes, which hash to its leaf, stand at `position` from now on. */
  applyBlock(index: number, position: number, size: number): void {
    const { tree } = this
    const old = tree.setPosition(index, position)
    const leaf = tree.leaf(index, true)
    if (leaf === undefined) return
    const i = index % LEAF_BLOCKS
    const at = leaf.nodeAt(2 * i)
    const oldSize = leaf.nodeSize(at)
    if (oldSize !== size) {
      if (old !== 0 || leaf.hasNode(at)) this.#replaceLeaf(index, leaf, at)
      leaf.setNodeSize(at, size)
    }
    leaf.setVerified(i, true)
    this.#host.undo.block(this, index, old, size)
    if (old === 0) this.#held(index, size)
    else this.#replaced(old, oldSize, size)
    this.extent = Math.max(this.extent, index + 1)
    this.#touch()
  }

  /**
   * A block and its leaf, whose hash is `bytes[at .. at + 32)`, where nothing is known of either, as behind the last one.
   * False, and nothing has changed: something is known.
   */
  applyNewBlock(
    index: number,
    position: number,
    size: number,
    bytes: Uint8Array,
    at: number,
  ): boolean {
    const { tree } = this
    const leaf = tree.leaf(index, true)
    if (leaf === undefined) return false
    const i = index % LEAF_BLOCKS
    const nodeAt = leaf.nodeAt(2 * i)
    // A page without room for it knows nothing of it.
    if (i < leaf.room && (leaf.entry(i) !== 0 || leaf.hasNode(nodeAt))) return false
    tree.setPosition(index, position)
    leaf.setNode(nodeAt, size, bytes, at)
    leaf.setVerified(i, true)
    this.#host.undo.block(this, index, 0, size)
    this.#host.undo.node(this, 2 * index)
    this.#held(index, size)
    this.extent = Math.max(this.extent, index + 1)
    this.#touch()
    return true
  }

  /** Another block comes where one was known: its leaf is no longer the old one. */
  #replaceLeaf(index: number, leaf: Page, at: number): void {
    const hash = copy(leaf.bytes.subarray(at, at + HASH_BYTES))
    this.#rememberNode(2 * index, leaf.nodeSize(at), hash)
    leaf.clearNode(at)
  }

  #replaced(position: number, oldSize: number, size: number): void {
    this.#host.frees.block(position, oldSize)
    if (oldSize === size) return
    this.blockBytes += size - oldSize
    this.#host.undo.other(() => {
      this.blockBytes -= size - oldSize
    })
  }

  #held(index: number, size: number): void {
    this.heldBlocks++
    this.blockBytes += size
    if (index !== this.contiguousLength) return
    this.contiguousLength = index + 1
    // Mostly everything that is held is the prefix; then there is nothing to look for.
    if (this.heldBlocks > index + 1) this.contiguousLength = this.#nextMissing(index + 1)
  }

  /** First missing block from `from` on; where a page can't be read, what lies there counts as missing. */
  #nextMissing(from: number): number {
    try {
      return nextBlock(this.tree, from, Number.MAX_SAFE_INTEGER, false)
    } catch (error) {
      if (isCode(error, 'CORRUPT_STORE')) return from
      throw error
    }
  }

  undoBlock(index: number, position: number, size: number): void {
    this.tree.setPosition(index, position)
    if (position !== 0) return
    this.heldBlocks--
    this.blockBytes -= size
    this.contiguousLength = Math.min(this.contiguousLength, index)
  }

  // ---- Nodes ----

  /** Returns false if exactly this node is there already. */
  applyNode(index: number, size: number, bytes: Uint8Array, at: number): boolean {
    const page = this.tree.makeNode(index)
    if (page === undefined) return false
    const { nodeAt } = this.tree
    if (page.hasNode(nodeAt)) {
      if (page.nodeSize(nodeAt) === size && equalAt(page.bytes, nodeAt, bytes, at, HASH_BYTES)) {
        return false
      }
      this.#rememberNode(
        index,
        page.nodeSize(nodeAt),
        copy(page.bytes.subarray(nodeAt, nodeAt + HASH_BYTES)),
      )
    } else {
      this.#host.undo.node(this, index)
    }
    page.setNode(nodeAt, size, bytes, at)
    this.tree.cache.markDirty(page)
    this.extent = Math.max(this.extent, endBlock(index))
    this.#touch()
    return true
  }

  #rememberNode(index: number, size: number, hash: Uint8Array): void {
    this.#host.undo.other(() => {
      this.tree.makeNode(index)?.setNode(this.tree.nodeAt, size, hash, 0)
    })
  }

  undoNode(index: number): void {
    this.tree.makeNode(index)?.clearNode(this.tree.nodeAt)
  }

  // ---- Head ----

  /** @param address behind the item that says so */
  applyHead(head: Head, address: number): void {
    this.#host.undo.head(this, this.head, this.headAddress)
    this.setHead(head, address)
    this.#touch()
  }

  setHead(head: Head, address: number): void {
    this.#head = head
    this.fork = head.fork
    this.length = head.length
    this.byteLength = head.byteLength
    this.headAddress = address
  }

  applyTruncate(head: Head, address: number): void {
    this.#drop((drop) => drop.truncate(head.length), head.length)
    this.extent = Math.min(this.extent, head.length)
    this.applyHead(head, address)
  }

  applyClear(start: number, end: number): void {
    this.#drop((drop) => drop.clear(start, end), start)
  }

  /** Drops all blocks and nodes. */
  applyDropAll(): void {
    this.#drop((drop) => drop.all(), 0)
    this.extent = 0
  }

  /** Drops from the index; what is held without a gap then ends at `contiguousMax` at the latest. */
  #drop(task: (drop: PageDrop) => void, contiguousMax: number): void {
    const { undo, frees } = this.#host
    const { contiguousLength, heldBlocks, blockBytes, extent } = this
    const drop = new PageDrop(this.tree, frees)
    const [data = 0, pages = 0, holes = 0, drops = 0] = frees.mark([], 0)
    try {
      task(drop)
    } catch (error) {
      // A damaged page on the way: as if nothing had been asked.
      drop.undo()
      frees.rewind(data, pages, holes, drops)
      throw error
    }
    undo.other(() => {
      drop.undo()
      Object.assign(this, { contiguousLength, heldBlocks, blockBytes, extent })
    })
    frees.dropped(drop)
    this.heldBlocks -= drop.blocks
    this.blockBytes -= drop.bytes
    this.contiguousLength = Math.min(contiguousLength, contiguousMax)
    this.#touch()
  }

  // ---- The rest ----

  applyManifest(manifest: Uint8Array): void {
    const old = this.identity
    this.#host.undo.other(() => {
      this.#identity = old
    })
    this.#identity = { ...old, manifest: copy(manifest) }
    this.isIdentityChanged = true
    this.#touch()
  }

  applySignature(length: number, signature: Uint8Array): void {
    const { tree } = this
    const leaf = tree.leaf(length - 1, true)
    if (leaf === undefined) return
    const i = (length - 1) % LEAF_BLOCKS
    tree.grow(leaf, i, 0)
    const view = leaf.signature(i)
    const old = view && copy(view)
    this.#host.undo.other(() => tree.leaf(length - 1, true)?.setSignature(i, old))
    leaf.setSignature(i, signature)
    tree.cache.markDirty(leaf)
    this.#touch()
  }

  applyUserData(name: string, value: Uint8Array | undefined): void {
    const old = this.userData?.get(name)
    this.#host.undo.other(() => this.#setUserData(name, old))
    this.#setUserData(name, value && copy(value))
    this.changedUserData ??= new Set()
    this.changedUserData.add(name)
    this.#touch()
  }

  #setUserData(name: string, value: Uint8Array | undefined): void {
    this.userData ??= new Map()
    if (value === undefined) this.userData.delete(name)
    else this.userData.set(name, value)
  }

  /** A log that is new: all of it goes into the index. */
  touchAll(): void {
    this.isIdentityChanged = true
    this.#touch()
  }
}
