/**
 * One proof for all generations: a claim, and a bag of nodes that lead from it to something trusted.
 *
 * Owns: the shape that wires decode into and encode from, and that `verify.ts` checks. The nodes may
 * stand in any order: the verifier climbs from the leaf, takes each sibling from here or from what is
 * already trusted, and stops at a trusted node or at a root; then the generation says whether the head
 * stands. The order that a wire demands is that wire's matter (`prove.ts` lists nodes in generation 3's).
 *
 * A proof is filled anew for each message (`reset`), so a receiver needs one and allocates none per block.
 * `value` and `signature` are views into the frame: whoever keeps them copies them.
 */

import { NodeSet } from './nodes.ts'

/** Which leaf a proof leads from. */
export const CLAIM_NONE = 0
/** A block: its bytes are `value`, and its leaf hash is computed from them. */
export const CLAIM_BLOCK = 1
/** A tree node: it is the first of `nodes`. */
export const CLAIM_HASH = 2

/** A claim and its nodes, filled anew for each message. */
export class Proof {
  fork = 0
  claim: typeof CLAIM_NONE | typeof CLAIM_BLOCK | typeof CLAIM_HASH = CLAIM_NONE
  /** Block number for a block, in-order index for a hash. */
  index = 0
  value: Uint8Array | undefined = undefined
  /** Nodes of the block or hash, siblings upwards (a hash claim starts with the node itself). */
  readonly nodes: NodeSet = new NodeSet()

  /** Byte position that `seekNodes` lead to; -1 without a seek. */
  seekBytes = -1
  readonly seekNodes: NodeSet = new NodeSet()

  /** The upgrade covers blocks `upgradeStart .. upgradeStart + upgradeLength`; length 0 without one. */
  upgradeStart = 0
  upgradeLength = 0
  readonly upgradeNodes: NodeSet = new NodeSet()
  /** Roots that lead from the end of the upgrade to the sender's own length, which is what is signed. */
  readonly additionalNodes: NodeSet = new NodeSet()
  signature: Uint8Array | undefined = undefined
  /** Encoded manifest, where the generation has one. */
  manifest: Uint8Array | undefined = undefined

  get hasUpgrade(): boolean {
    return this.upgradeLength > 0
  }

  reset(): void {
    this.fork = 0
    this.claim = CLAIM_NONE
    this.index = 0
    this.value = undefined
    this.nodes.clear()
    this.seekBytes = -1
    this.seekNodes.clear()
    this.upgradeStart = 0
    this.upgradeLength = 0
    this.upgradeNodes.clear()
    this.additionalNodes.clear()
    this.signature = undefined
    this.manifest = undefined
  }
}
