/**
 * How a tree grows: the merge rule for its full roots.
 *
 * Owns: `pushRoot`, by which appended blocks, roots that a peer sent, and patches of multi-signatures all
 * extend a list of roots. Invariant: the list holds the full roots of some length, left to right; a pushed
 * node starts where that length ends. Source: the generation 3 data model, "growing".
 */

import { HASH_BYTES } from '../crypto/crypto.ts'
import { blocksBelow, endBlock, firstBlock, isLeft } from './flat.ts'
import type { TreeHash } from './hash.ts'
import type { NodeSet, NodeSink } from './nodes.ts'

/** Length of the log that these are the full roots of. */
export function lengthOf(roots: NodeSet): number {
  return roots.length === 0 ? 0 : endBlock(roots.indices[roots.length - 1] ?? 0)
}

/** Bytes of all blocks below these roots. */
export function byteLengthOf(roots: NodeSet): number {
  let bytes = 0
  for (let i = 0; i < roots.length; i++) bytes += roots.sizes[i] ?? 0
  return bytes
}

/** Does node `index` start where these roots end? */
export function canPush(roots: NodeSet, index: number): boolean {
  return firstBlock(index) === lengthOf(roots)
}

/**
 * Adds a node to the roots, and while the last two are siblings puts their parent in their place. Each
 * parent made is given to `made`, which must not hash. Needs `canPush`.
 */
export function pushRoot(
  roots: NodeSet,
  hash: TreeHash,
  index: number,
  size: number,
  bytes: Uint8Array,
  at: number,
  made: NodeSink | undefined,
): void {
  let blocks = blocksBelow(index)
  let node = index
  let sum = size
  let from = bytes
  let fromAt = at
  // A right child is always complete together with the sibling before it, which then is the last root.
  while (!isLeft(node, blocks)) {
    const left = roots.length - 1
    sum += roots.sizes[left] ?? 0
    hash.parent(sum, roots.hashes, left * HASH_BYTES, from, fromAt)
    roots.pop()
    node -= blocks
    blocks *= 2
    from = hash.result
    fromAt = 0
    made?.push(node, sum, from, fromAt)
  }
  roots.push(node, sum, from, fromAt)
}
