/**
 * How a log of old files is verified.
 *
 *   signatures ──accepted──▶ roots of those trees ──children hash to their parent──▶ leaves ──hash──▶ blocks
 *
 * Owns: that walk. Nothing that the files say is believed: a head and each kept signature must be the author's, each
 * node must lead to a tree that was signed, each block to its leaf. A node that is missing or wrong is made again
 * from what lies below it, if that leads to what was signed. Always true: whatever is staged is proved, so that a
 * walk may end anywhere. Source: generation 1, section 7, generation 2, sections 7 and 10.
 */

import { systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { ADOPT_DAMAGED_MAX, ADOPT_SLICE_BYTES, BLOCK_BYTES_MAX } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { copy, equal, equalAt } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { LENGTH_MAX } from '../tree/climb.ts'
import {
  contains,
  endBlock,
  firstBlock,
  fullRoots,
  leftChild,
  parentOf,
  rightChild,
} from '../tree/flat.ts'
import { byteLengthOf } from '../tree/grow.ts'
import { NodeSet } from '../tree/nodes.ts'
import type {
  AdoptOptions,
  AdoptProgress,
  AdoptReport,
  DamagedBlock,
  DamageReason,
} from './adopt-report.ts'
import { GENERATIONS } from './generations.ts'
import { offerManifest, stageManifest } from './learn-manifest.ts'
import { decodeManifest, isCompat } from './manifest.ts'
import type { News } from './news.ts'
import { readOnlyStore } from './refusal.ts'
import type { LogState } from './state.ts'
import type { StoredLog, StoredNode } from './stored-log.ts'

/** What adopting needs of the replica. */
export interface AdoptHost {
  readonly state: LogState
  readonly news: News
  /** Something was staged. */
  staged(): void
  commit(): Promise<void>
}

/** Walks over everything that the files hold. See `adopt.ts`. */
export async function adoptLog(
  host: AdoptHost,
  stored: StoredLog,
  options: AdoptOptions,
): Promise<AdoptReport> {
  const { state } = host
  check(state, stored)
  const { onProgress, signal } = options
  const pace = new Pace(options.clock ?? systemClock)
  const adoption = new Adoption(host, stored)
  for (const _step of adoption.steps()) {
    const isDue = pace.due()
    if (!isDue && adoption.sliceBytes < ADOPT_SLICE_BYTES) continue
    adoption.sliceBytes = 0
    onProgress?.(adoption.progress)
    await host.commit()
    await pace.turn()
    if (signal?.aborted === true) {
      throw new DatError('ABORTED', 'Taking the log over was aborted.', {}, signal.reason)
    }
  }
  await host.commit()
  onProgress?.(adoption.progress)
  return adoption.report()
}

function check(state: LogState, stored: StoredLog): void {
  const { slot, generation: kind, fork, isNew, store } = state
  if (!equal(slot.identity.key, stored.key) || kind !== GENERATIONS[stored.generation]) {
    throw new DatError('BAD_ARGUMENT', 'These files hold another log than the one that is open.')
  }
  if (!store.writable) {
    throw readOnlyStore(store)
  }
  if (!isNew && fork !== stored.fork) throw conflict()
}

/** A step of the walk, at which it may be interrupted. */
type Steps<T = void> = Generator<void, T>

class Adoption {
  /** Bytes read since whoever walks has last set this. */
  sliceBytes = 0
  readonly #host: AdoptHost
  readonly #state: LogState
  readonly #stored: StoredLog
  /** Lengths and blocks that may be: what the files claim, within reason. */
  readonly #claimed: number
  /** None where the key itself says who signs. */
  readonly #manifest: Uint8Array | undefined
  #length = 0
  #done = 0
  #blocks = 0
  #bytes = 0
  #missing = 0
  readonly #damaged: DamagedBlock[] = []
  #damagedCount = 0
  #signatures = 0
  #wrongSignatures = 0
  /** The last node whose children are neither in the files nor to be made: nothing below is proved. */
  #broken = -1

  constructor(host: AdoptHost, stored: StoredLog) {
    this.#host = host
    this.#state = host.state
    this.#stored = stored
    this.#claimed = Math.min(stored.length, LENGTH_MAX)
    this.#manifest = namesSigner(stored) ? undefined : stored.manifest
  }

  get progress(): AdoptProgress {
    return { done: this.#done, length: this.#claimed }
  }

  report(): AdoptReport {
    return {
      length: this.#length,
      claimedLength: this.#stored.length,
      blocks: this.#blocks,
      bytes: this.#bytes,
      missing: this.#missing,
      damaged: this.#damaged,
      damagedCount: this.#damagedCount,
      signatures: this.#signatures,
      wrongSignatures: this.#wrongSignatures,
    }
  }

  *steps(): Steps {
    const state = this.#state
    yield* this.#heads()
    if (this.#claimed > 0 && this.#length === 0 && state.length === 0) {
      throw new DatError('BAD_SIGNATURE', 'Nothing in these files is signed by the key of the log.')
    }
    for (let block = 0; block < this.#claimed; block++) {
      if (!this.#stored.has(block)) this.#missing++
      else if (!state.slot.has(block)) yield* this.#block(block)
      this.#done = block + 1
      yield
    }
  }

  // ---- Heads -------------------------------------------------------------------------------------

  /** From the longest on, so that the first that stands is the head, and those below need no other. */
  *#heads(): Steps {
    const { keepsSignatures } = this.#state.generation
    for (let length = this.#claimed; length > 0; length--) {
      const signature = this.#stored.signature(length)
      // The whole log may need none: a static one, or one that is all prologue.
      if (signature === undefined && length < this.#claimed) continue
      yield* this.#head(length, signature && copy(signature))
      if (!keepsSignatures) return
      yield
    }
  }

  *#head(length: number, signature: Uint8Array | undefined): Steps {
    const roots = this.#storedRoots(length)
    if (roots !== undefined && this.#tryHead(length, roots, signature)) return
    if (length < this.#claimed) {
      if (roots !== undefined) this.#wrongSignatures++
      return
    }
    // Roots that are damaged follow from what lies below them. For the newest length that is worth its cost.
    const made = yield* this.#madeRoots(length)
    if (made !== undefined && this.#tryHead(length, made, signature)) return
    if (signature !== undefined) this.#wrongSignatures++
  }

  /** Keeps a head if the author stands behind it. In one go: others verify with the same state between two steps. */
  #tryHead(length: number, roots: NodeSet, signature: Uint8Array | undefined): boolean {
    const state = this.#state
    try {
      offerManifest(state, this.#manifest)
      const isSigned = state.accepts(state.treeOf(roots, this.#stored.fork), signature)
      if (isSigned) this.#keepHead(length, roots, signature)
      return isSigned
    } finally {
      state.forgetOffered()
    }
  }

  #storedRoots(length: number): NodeSet | undefined {
    const roots = new NodeSet()
    for (const root of fullRoots(length)) {
      const node = this.#known(root)
      if (node === undefined) return undefined
      roots.push(root, node.size, node.hash, 0)
    }
    return roots
  }

  *#madeRoots(length: number): Steps<NodeSet | undefined> {
    const roots = new NodeSet()
    for (const root of fullRoots(length)) {
      const node = yield* this.#made(root)
      if (node === undefined) return undefined
      roots.push(root, node.size, node.hash, 0)
    }
    return roots
  }

  #keepHead(length: number, roots: NodeSet, signature: Uint8Array | undefined): void {
    const state = this.#state
    const { slot } = state
    for (let i = 0; i < roots.length; i++) {
      if (slot.findNode(roots.indices[i] ?? 0) && !roots.isFound(i, slot)) throw conflict()
    }
    for (let i = 0; i < roots.length; i++) {
      const at = i * HASH_BYTES
      this.#put(roots.indices[i] ?? 0, roots.sizes[i] ?? 0, roots.hashes, at)
    }
    this.#length = Math.max(this.#length, length)
    if (signature !== undefined && state.generation.keepsSignatures) {
      slot.putSignature(length, signature)
      this.#signatures++
    }
    stageManifest(state, this.#host.news)
    if (length > slot.head.length) {
      slot.stageHead({
        fork: this.#stored.fork,
        length,
        byteLength: byteLengthOf(roots),
        signature,
      })
      this.#host.news.grew()
    }
    this.#host.staged()
  }

  // ---- Blocks ------------------------------------------------------------------------------------

  *#block(block: number): Steps {
    const { slot, hash } = this.#state
    const isProved = block < this.#state.length && (yield* this.#leaf(block))
    if (!isProved) {
      this.#damage(block, 'unproved')
      return
    }
    const bytes = this.#stored.block(block)
    this.sliceBytes += bytes?.length ?? 0
    slot.findNode(2 * block)
    const size = slot.nodeSize
    if (bytes?.length !== size || size > BLOCK_BYTES_MAX) {
      this.#damage(block, 'unreadable')
      return
    }
    const at = slot.reserve(block, size)
    slot.staging.set(bytes, at)
    hash.leafInPlace(slot.staging, at, size)
    slot.findNode(2 * block)
    if (!equalAt(hash.result, 0, slot.nodeBytes, slot.nodeAt, HASH_BYTES)) {
      this.#damage(block, 'changed')
      return
    }
    slot.putBlock(block)
    this.#blocks++
    this.#bytes += size
    this.#host.news.held(block, block + 1)
    this.#host.staged()
  }

  #damage(block: number, reason: DamageReason): void {
    this.#damagedCount++
    if (this.#damaged.length < ADOPT_DAMAGED_MAX) this.#damaged.push({ block, reason })
  }

  // ---- Nodes -------------------------------------------------------------------------------------

  /** Leads from the nearest node that is proved down to the leaf of `block`. False if there is no way. */
  *#leaf(block: number): Steps<boolean> {
    const { slot } = this.#state
    const leaf = 2 * block
    if (this.#broken >= 0 && contains(this.#broken, leaf)) return false
    let node = leaf
    while (!slot.findNode(node)) {
      node = parentOf(node)
      if (firstBlock(node) === 0 && endBlock(node) > 2 * this.#claimed) return false
    }
    while (node !== leaf) {
      if (!(yield* this.#children(node))) {
        this.#broken = node
        return false
      }
      node = contains(leftChild(node), leaf) ? leftChild(node) : rightChild(node)
    }
    return true
  }

  /** Stores the children of a proved node: as the files have them, else as they follow from below. */
  *#children(node: number): Steps<boolean> {
    const left = leftChild(node)
    const right = rightChild(node)
    const storedLeft = this.#known(left)
    const storedRight = this.#known(right)
    if (this.#keep(node, storedLeft, storedRight)) return true
    const madeLeft = yield* this.#made(left)
    if (this.#keep(node, madeLeft, storedRight)) return true
    const madeRight = yield* this.#made(right)
    return this.#keep(node, storedLeft, madeRight) || this.#keep(node, madeLeft, madeRight)
  }

  /** Stores both if they hash to their parent. */
  #keep(parent: number, left: StoredNode | undefined, right: StoredNode | undefined): boolean {
    if (left === undefined || right === undefined) return false
    const { slot, hash } = this.#state
    const size = left.size + right.size
    hash.parent(size, left.hash, 0, right.hash, 0)
    const isFound = slot.findNode(parent) && slot.nodeSize === size
    if (!isFound || !equalAt(hash.result, 0, slot.nodeBytes, slot.nodeAt, HASH_BYTES)) return false
    this.#put(leftChild(parent), left.size, left.hash, 0)
    this.#put(rightChild(parent), right.size, right.hash, 0)
    return true
  }

  #put(index: number, size: number, bytes: Uint8Array, at: number): void {
    const { slot } = this.#state
    if (!slot.findNode(index)) slot.putNode(index, size, bytes, at)
  }

  /** A node that is proved, or as the files have it. */
  #known(index: number): StoredNode | undefined {
    const { slot } = this.#state
    if (slot.findNode(index)) {
      const { nodeBytes, nodeAt, nodeSize } = slot
      return { size: nodeSize, hash: copy(nodeBytes.subarray(nodeAt, nodeAt + HASH_BYTES)) }
    }
    const node = this.#stored.node(index)
    return node && { size: node.size, hash: copy(node.hash) }
  }

  /** A node as it follows from the blocks below it, if all of them are there. */
  *#made(index: number): Steps<StoredNode | undefined> {
    const { hash } = this.#state
    if (index % 2 === 0) {
      const block = index / 2
      const bytes = this.#stored.has(block) ? this.#stored.block(block) : undefined
      if (bytes === undefined) return this.#known(index)
      this.sliceBytes += bytes.length
      hash.leaf(bytes)
      const node = { size: bytes.length, hash: copy(hash.result) }
      yield
      return node
    }
    const left = yield* this.#made(leftChild(index))
    const right = left && (yield* this.#made(rightChild(index)))
    if (left === undefined || right === undefined) return undefined
    const size = left.size + right.size
    hash.parent(size, left.hash, 0, right.hash, 0)
    return { size, hash: copy(hash.result) }
  }
}

/** Is the key of the log its signer's, whatever manifest lies beside it? */
function namesSigner({ manifest, key }: StoredLog): boolean {
  try {
    return manifest !== undefined && isCompat(decodeManifest(manifest), key)
  } catch {
    return false
  }
}

function conflict(): DatError {
  return new DatError('CONFLICT', 'The store has another history of this log than the files.')
}
