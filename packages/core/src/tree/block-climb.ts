/**
 * The short way up, for blocks of our own tree that come with the nodes that were asked for.
 *
 * Owns: `fresh`, what the last climb that led somewhere has brought. It takes an answer in the form that a request of
 * ours is answered in: siblings upwards, none too many, to a node that is stored. Always true: `climb` is true only if the
 * block was hashed into a stored node, and then each node of `fresh` was too. False says nothing: the answer may be
 * wrong, early, or right in another form, and whoever wants to know lets the `Verifier` look at it.
 */

import { HASH_BYTES } from '../crypto/crypto.ts'
import type { BlockRun } from './block-run.ts'
import { isLeft } from './flat.ts'
import type { TreeHash } from './hash.ts'
import { NodeSet, type TrustedNodes } from './nodes.ts'

export class BlockClimb {
  /** To be stored; what was found to be stored is not among them, but siblings that came may be. */
  readonly fresh: NodeSet = new NodeSet()

  /** Leads block `i` of the run, whose hash is in `hash.result`, to a stored node. */
  climb(run: BlockRun, i: number, trusted: TrustedNodes, hash: TreeHash): boolean {
    const { fresh } = this
    const { nodes } = run
    const end = run.nodesEnd(i)
    let next = run.nodesEnd(i - 1)
    let node = 2 * (run.indices[i] ?? 0)
    let size = run.sizes[i] ?? 0
    fresh.clear()
    fresh.push(node, size, hash.result, 0)
    for (let blocks = 1; !trusted.findNode(node); blocks *= 2) {
      const own = fresh.length - 1
      const left = isLeft(node, blocks)
      const sibling = left ? node + 2 * blocks : node - 2 * blocks
      const isNew = next < end && nodes.indices[next] === sibling
      if (!isNew && !trusted.findNode(sibling)) return false
      const bytes = isNew ? nodes.hashes : trusted.nodeBytes
      const at = isNew ? next * HASH_BYTES : trusted.nodeAt
      const siblingSize = isNew ? (nodes.sizes[next++] ?? 0) : trusted.nodeSize
      size += siblingSize
      if (size > Number.MAX_SAFE_INTEGER) return false
      if (left) hash.parent(size, fresh.hashes, own * HASH_BYTES, bytes, at)
      else hash.parent(size, bytes, at, fresh.hashes, own * HASH_BYTES)
      if (isNew) fresh.push(sibling, siblingSize, bytes, at)
      node = left ? node + blocks : node - blocks
      fresh.push(node, size, hash.result, 0)
    }
    if (next !== end || !fresh.isFound(fresh.length - 1, trusted)) return false
    fresh.pop()
    return true
  }
}
