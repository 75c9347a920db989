/**
 * The one verifier: from a claim, over nodes in any order, to something that is trusted already.
 *
 *   leaf of the claim ──climb──▶ a trusted node                       → `plain`
 *                     ──climb──▶ a tile of the upgrade ─┐
 *   upgrade nodes ─────────────────────────────────────┴▶ new roots ──▶ accepted by the author → `grown`
 *
 * Owns: what follows from a proof. Nothing is changed here: after `plain`, `grown` or `older` the nodes to be
 * stored stand in `fresh` and the new tree in `roots`; after anything else they mean nothing. Invariant:
 * every node of `fresh` was hashed into a trusted node or into roots that were accepted. Work is
 * proportional to the nodes in the proof, never to a number in it.
 *
 * In generations 1 and 2 a head is not spelt out: a climb that ends nowhere has reached a root of the
 * sender's tree, and the length follows from the nodes. Such a tree may be older than ours, and stand
 * beside it unconnected.
 *
 * Source: generation 3 replication, section 6; generation 2, section 10.
 */

import { DatError } from '../base/errors.ts'
import { equal } from '../bytes/bytes.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { Climb, checkedSize, LENGTH_MAX, NONE, wrong } from './climb.ts'
import { contains, endBlock, firstBlock, nodeOf, tileBlocks, tileOf } from './flat.ts'
import { byteLengthOf, canPush, lengthOf, pushRoot } from './grow.ts'
import type { TreeHash } from './hash.ts'
import { NodeSet, type TrustedNodes } from './nodes.ts'
import type { Proof } from './proof.ts'

/** What a proof is verified against. */
export interface Base {
  readonly hash: TreeHash
  readonly trusted: TrustedNodes
  readonly fork: number
  readonly length: number
  /** Full roots of `length`; not changed. */
  readonly roots: NodeSet
  /** The first blocks, fixed beforehand: a tree that grows over them must have this root hash there. */
  readonly prologue: { readonly length: number; readonly hash: Uint8Array } | undefined
  readonly headFromNodes: boolean
  /** Does the author stand behind the tree? */
  accepts(tree: GrownTree, signature: Uint8Array | undefined): boolean
}

/** A tree of which it is asked whether its author stands behind it. */
export interface GrownTree {
  readonly fork: number
  readonly length: number
  readonly roots: NodeSet
  readonly rootHash: Uint8Array
}

/**
 * `plain`: below trusted nodes. `grown`: a longer head was accepted. `older`: a head that is not longer was
 * accepted (its signature proves what came with it). `stale`: for another fork, or from a length that we
 * have left since. `later`: leads to a node that is not trusted (yet).
 */
export type Verdict = 'plain' | 'grown' | 'older' | 'stale' | 'later'

export class Verifier {
  readonly #climb = new Climb()
  /** To be stored. */
  readonly fresh: NodeSet = this.#climb.fresh
  /** Of the tree that was accepted, after `grown` and `older`. */
  readonly roots: NodeSet = new NodeSet()
  /** Of that tree. */
  length = 0

  /**
   * For a block claim the hash of the block must be in `base.hash.result`. Throws `BAD_PROOF` or
   * `BAD_SIGNATURE`.
   */
  verify(base: Base, proof: Proof): Verdict {
    const climb = this.#climb
    climb.reset()
    this.roots.clear()
    if (proof.fork !== base.fork) return 'stale'
    const hasClaim = climb.begin(proof, base.hash)
    climb.beginSeek(proof, base.hash)
    if (proof.hasUpgrade) return this.#upgrade(base, proof, hasClaim)
    if (!hasClaim) throw wrong('A proof claims nothing.')
    if (climb.toward(NONE, proof.nodes, base.trusted, base.hash)) {
      if (!base.headFromNodes) climb.checkRest(proof.nodes, base.trusted, base.length)
      climb.checkSeek(base.trusted)
      return 'plain'
    }
    return base.headFromNodes ? this.#impliedHead(base, proof) : 'later'
  }

  get byteLength(): number {
    return byteLengthOf(this.roots)
  }

  // ---- Upgrades ----------------------------------------------------------------------------------

  #upgrade(base: Base, proof: Proof, hasClaim: boolean): Verdict {
    const to = proof.upgradeStart + proof.upgradeLength
    if (to > LENGTH_MAX) throw wrong('An upgrade is too long.')
    // Tiles from another length than ours may serve or not; if not, all that shows is that we moved on.
    const isOurs = proof.upgradeStart === base.length
    if (hasClaim) {
      const verdict = this.#climbClaim(base, proof, to)
      if (verdict === 'stale' && isOurs) throw wrong('A claim leads to no node of its upgrade.')
      if (verdict !== undefined) return verdict
    }
    // An empty tree has none, and is not asked for them: thousands of logs that are new would each make a set.
    if (base.length > 0) this.roots.pushAll(base.roots)
    if (!this.#pushTiles(base, proof, to) || !this.#pushAdditional(base, proof)) {
      if (isOurs) throw wrong('Nodes that an upgrade needs are missing.')
      return 'stale'
    }
    this.#climb.checkSeek(base.trusted)
    this.length = lengthOf(this.roots)
    if (this.length <= base.length) return 'stale'
    this.#judge(base, proof)
    return 'grown'
  }

  /** Leads a claim to its tile, where the climb then stands; or, below our length, to a trusted node. */
  #climbClaim(base: Base, proof: Proof, to: number): Verdict | undefined {
    const climb = this.#climb
    const { node } = climb
    const block = firstBlock(node)
    if (block < base.length) {
      if (!climb.toward(NONE, proof.nodes, base.trusted, base.hash)) return 'later'
      climb.checkRest(proof.nodes, base.trusted, base.length)
      climb.at = NONE
      return undefined
    }
    if (block >= to) return 'stale'
    const tile = tileOf(block, base.length, to)
    if (!contains(tile, node)) return 'stale'
    if (!climb.toward(tile, proof.nodes, base.trusted, base.hash)) return 'stale'
    climb.checkUsed(proof.nodes)
    return undefined
  }

  /** Pushes the tiles from our length to `to`; a claim or a seek may stand for the one it lies in. */
  #pushTiles(base: Base, proof: Proof, to: number): boolean {
    const climb = this.#climb
    const { upgradeNodes } = proof
    const claimed = climb.at === NONE ? NONE : climb.node
    let next = 0
    for (let at = base.length; at < to; ) {
      const blocks = tileBlocks(at, to)
      const node = nodeOf(at, blocks)
      if (node === claimed) {
        this.#push(base, climb.at)
      } else if (climb.seekAt(node) !== NONE) {
        climb.seekProved()
        this.#push(base, climb.seekAt(node))
      } else {
        const i = upgradeNodes.find(node, next)
        if (i === NONE) return false
        next = i + 1
        this.#push(base, climb.take(upgradeNodes, i))
      }
      at += blocks
    }
    return true
  }

  #pushAdditional(base: Base, proof: Proof): boolean {
    const { additionalNodes } = proof
    for (let i = 0; i < additionalNodes.length; i++) {
      const node = additionalNodes.indices[i] ?? 0
      if (node > 2 * LENGTH_MAX || !canPush(this.roots, node)) return false
      this.#push(base, this.#climb.take(additionalNodes, i))
    }
    return true
  }

  /** Pushes the node at position `i` of `fresh` onto the roots; looks at the prologue when that ends there. */
  #push(base: Base, i: number): void {
    const { fresh, roots } = this
    const { prologue } = base
    const before = lengthOf(roots)
    const node = fresh.indices[i] ?? 0
    pushRoot(roots, base.hash, node, fresh.sizes[i] ?? 0, fresh.hashes, i * HASH_BYTES, fresh)
    if (prologue === undefined || before >= prologue.length) return
    const now = lengthOf(roots)
    if (now < prologue.length) return
    if (now > prologue.length || !equal(base.hash.root(roots), prologue.hash)) {
      throw wrong('The first blocks are not those that the manifest fixes.')
    }
  }

  #judge(base: Base, proof: Proof): void {
    checkedSize(this.byteLength)
    const { roots, length } = this
    const tree = { fork: proof.fork, length, roots, rootHash: base.hash.root(roots) }
    if (base.accepts(tree, proof.signature)) return
    throw new DatError('BAD_SIGNATURE', 'The key of the log does not stand behind this head.', {
      length,
      fork: proof.fork,
    })
  }

  // ---- Heads that follow from the nodes (generations 1 and 2) ------------------------------------

  #impliedHead(base: Base, proof: Proof): Verdict {
    const { fresh, roots } = this
    const { nodes } = proof
    const top = this.#climb.at
    const node = this.#climb.node
    const length = this.#impliedLength(nodes)
    for (let at = 0; at < length; ) {
      const blocks = tileBlocks(at, length)
      const root = nodeOf(at, blocks)
      const i = nodes.find(root)
      if (root === node) {
        roots.push(node, fresh.sizes[top] ?? 0, fresh.hashes, top * HASH_BYTES)
      } else if (i !== NONE) {
        roots.push(root, nodes.sizes[i] ?? 0, nodes.hashes, i * HASH_BYTES)
        this.#climb.take(nodes, i)
      } else if (base.trusted.findNode(root)) {
        roots.push(root, base.trusted.nodeSize, base.trusted.nodeBytes, base.trusted.nodeAt)
      } else {
        return 'later'
      }
      at += blocks
    }
    this.length = length
    this.#judge(base, proof)
    return length > base.length ? 'grown' : 'older'
  }

  /** The end of the node reached, or of whatever else the proof brought. */
  #impliedLength(nodes: NodeSet): number {
    let length = endBlock(this.#climb.node)
    for (let i = 0; i < nodes.length; i++) {
      const other = nodes.indices[i] ?? 0
      if (other <= 2 * LENGTH_MAX) length = Math.max(length, endBlock(other))
    }
    return length
  }
}
