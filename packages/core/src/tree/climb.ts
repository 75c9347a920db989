/**
 * The way up: from the node that a claim starts at, over siblings in any order, to a node that settles it.
 *
 * Owns: `fresh`, the nodes seen and made on the way, and the position reached. Invariant: what stands in
 * `fresh` proves nothing until the climb has met a trusted node, or its end was hashed into accepted roots;
 * whoever climbs checks that. A step costs one hash and, for lists in the order of the climb, one look
 * into the list.
 */

import { DatError } from '../base/errors.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { blocksBelow, endBlock, firstBlock, isLeft, parentOf, siblingOf, tileOf } from './flat.ts'
import type { TreeHash } from './hash.ts'
import { NodeSet, type TrustedNodes } from './nodes.ts'
import { CLAIM_BLOCK, CLAIM_NONE, type Proof } from './proof.ts'

/** Blocks and lengths stay below this, so that no index on the way up leaves the whole numbers. */
export const LENGTH_MAX: number = 2 ** 51

/** Stands for "no position" and "no node". */
export const NONE = -1

/** One climb at a time, in memory that is used again. */
export class Climb {
  readonly fresh: NodeSet = new NodeSet()
  /** Position in `fresh` that the climb has reached. */
  at: number = NONE
  /** Nodes of the claim's list that were used. */
  #used = 0
  /** Position in `fresh` of what a seek's nodes lead to. */
  #seekTop: number = NONE
  /** Was that hashed into anything, or found to be stored? */
  #isSeekProved = true

  reset(): void {
    this.fresh.clear()
    this.at = NONE
    this.#used = 0
    this.#seekTop = NONE
    this.#isSeekProved = true
  }

  // ---- Beginning ---------------------------------------------------------------------------------

  /** Starts at the claim's node. The hash of a claimed block must be in `hash.result`. False without a claim. */
  begin(proof: Proof, hash: TreeHash): boolean {
    if (proof.claim === CLAIM_NONE) return false
    if (proof.index > LENGTH_MAX) throw wrong('A claimed index is too large.', proof.index)
    this.at = this.fresh.length
    if (proof.claim === CLAIM_BLOCK) {
      this.fresh.push(2 * proof.index, proof.value?.length ?? 0, hash.result, 0)
      return true
    }
    if (proof.nodes.length === 0 || proof.nodes.indices[0] !== proof.index) {
      throw wrong('A hash does not come first in its own proof.', proof.index)
    }
    this.take(proof.nodes, 0)
    this.#used = 1
    return true
  }

  /** Climbs from the seek's first node as far as its own list goes; `seekProved` asks what came of it. */
  beginSeek(proof: Proof, hash: TreeHash): void {
    const { seekNodes } = proof
    if (seekNodes.length === 0) return
    const claim = this.at
    this.at = this.fresh.length
    this.take(seekNodes, 0)
    let node = seekNodes.indices[0] ?? 0
    let blocks = blocksBelow(node)
    for (let used = 1; used < seekNodes.length; used++) {
      const i = seekNodes.find(siblingOf(node, blocks), used)
      if (i === NONE) throw wrong('The nodes of a seek do not lead upwards.', node)
      const size = seekNodes.sizes[i] ?? 0
      this.#combine(hash, node, blocks, size, seekNodes.hashes, i * HASH_BYTES, true)
      node = parentOf(node, blocks)
      blocks *= 2
    }
    this.#seekTop = this.at
    this.#isSeekProved = false
    this.at = claim
  }

  // ---- Climbing ----------------------------------------------------------------------------------

  /** The node that the climb has reached. */
  get node(): number {
    return this.fresh.indices[this.at] ?? 0
  }

  /**
   * Climbs until node `top` is reached, or for `NONE` any trusted node, which must agree. False if neither
   * the list nor our own tree holds the next sibling.
   */
  toward(top: number, nodes: NodeSet, trusted: TrustedNodes, hash: TreeHash): boolean {
    const { fresh } = this
    let node = this.node
    let blocks = blocksBelow(node)
    let next = this.#used
    while (node !== top) {
      if (top === NONE && trusted.findNode(node)) {
        this.compare(this.at, trusted)
        return true
      }
      const sibling = siblingOf(node, blocks)
      const i = nodes.find(sibling, next)
      if (i !== NONE) {
        next = i + 1
        this.#used++
        this.#combine(hash, node, blocks, nodes.sizes[i] ?? 0, nodes.hashes, i * HASH_BYTES, true)
      } else if (this.seekAt(sibling) !== NONE) {
        const s = this.#seekTop
        this.#isSeekProved = true
        this.#combine(hash, node, blocks, fresh.sizes[s] ?? 0, fresh.hashes, s * HASH_BYTES, false)
      } else if (trusted.findNode(sibling)) {
        const { nodeSize, nodeBytes, nodeAt } = trusted
        this.#combine(hash, node, blocks, nodeSize, nodeBytes, nodeAt, false)
      } else {
        return false
      }
      node = parentOf(node, blocks)
      blocks *= 2
    }
    return true
  }

  /** Makes the parent of the node reached and a sibling, and goes there. */
  #combine(
    hash: TreeHash,
    node: number,
    blocks: number,
    size: number,
    bytes: Uint8Array,
    at: number,
    isNew: boolean,
  ): void {
    const { fresh } = this
    const own = this.at * HASH_BYTES
    const sum = checkedSize((fresh.sizes[this.at] ?? 0) + size)
    if (isLeft(node, blocks)) hash.parent(sum, fresh.hashes, own, bytes, at)
    else hash.parent(sum, bytes, at, fresh.hashes, own)
    if (isNew) fresh.push(siblingOf(node, blocks), size, bytes, at)
    this.at = fresh.length
    fresh.push(parentOf(node, blocks), sum, hash.result, 0)
  }

  /** Adds node `i` of a list to `fresh`, and returns its position there. */
  take(nodes: NodeSet, i: number): number {
    const at = this.fresh.length
    this.fresh.push(nodes.indices[i] ?? 0, nodes.sizes[i] ?? 0, nodes.hashes, i * HASH_BYTES)
    return at
  }

  // ---- Checking ----------------------------------------------------------------------------------

  /** The node at position `i` of `fresh` must be the one that `trusted` has just found. */
  compare(i: number, trusted: TrustedNodes): void {
    if (this.fresh.isFound(i, trusted)) return
    throw wrong('A block or hash does not fit the tree.', this.fresh.indices[i])
  }

  /** Every node of the claim's list was used. */
  checkUsed(nodes: NodeSet): void {
    if (this.#used !== nodes.length) throw wrong('A proof has nodes that lead nowhere.')
  }

  /**
   * A climb may end before all nodes of the list are used, because other answers came in between. What is
   * left must then be what is stored on the rest of the way up to the root of our tree of `length` blocks.
   */
  checkRest(nodes: NodeSet, trusted: TrustedNodes, length: number): void {
    if (this.#used === nodes.length) return
    let node = this.node
    const root = endBlock(node) <= length ? tileOf(firstBlock(node), 0, length) : node
    for (let blocks = blocksBelow(node); node !== root; blocks *= 2) {
      const sibling = siblingOf(node, blocks)
      const i = nodes.find(sibling)
      if (i !== NONE && trusted.findNode(sibling)) {
        if (!nodes.isFound(i, trusted)) throw wrong('A node differs from the stored one.', sibling)
        this.#used++
      }
      node = parentOf(node, blocks)
    }
    this.checkUsed(nodes)
  }

  /** Position in `fresh` of the seek's root if that is `node`. */
  seekAt(node: number): number {
    return this.#seekTop !== NONE && this.fresh.indices[this.#seekTop] === node
      ? this.#seekTop
      : NONE
  }

  /** The seek's root was pushed as a tile of an upgrade. */
  seekProved(): void {
    this.#isSeekProved = true
  }

  /** A seek that was hashed into nothing must lead to a node that is stored. */
  checkSeek(trusted: TrustedNodes): void {
    if (this.#isSeekProved) return
    const node = this.fresh.indices[this.#seekTop] ?? 0
    if (!trusted.findNode(node)) throw wrong('The nodes of a seek lead nowhere.', node)
    this.compare(this.#seekTop, trusted)
  }
}

/** Sums of sizes must stay whole numbers, or two trees could not be told apart. */
export function checkedSize(size: number): number {
  if (size > Number.MAX_SAFE_INTEGER) throw wrong('The sizes in a proof are too large.')
  return size
}

/** The error of a proof that proves nothing. */
export function wrong(message: string, node?: number): DatError {
  return new DatError('BAD_PROOF', message, node === undefined ? {} : { node })
}
