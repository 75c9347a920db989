/**
 * From bytes to blocks and back, by the sizes of stored nodes.
 *
 * Owns: the rule by which a byte belongs to a block, equality included: a byte position that is exactly the
 * end of a subtree belongs to the first block behind it, which decides between empty blocks. `padding`
 * bytes in front of each block (encryption) are not counted. Source: the generation 3 data model, section 3.
 */

import {
  blocksBelow,
  endBlock,
  firstBlock,
  leftChild,
  nodeOf,
  rightChild,
  tileBlocks,
} from './flat.ts'
import type { TrustedNodes } from './nodes.ts'

/** Where a byte lies, as far as the nodes here tell. */
export type SeekResult =
  | { readonly kind: 'found'; readonly index: number; readonly offset: number }
  /** Somewhere in blocks `start .. end`: the nodes that would tell are not here. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  /** Behind the last byte. */
  | { readonly kind: 'outside' }

/**
 * Bytes before block `index` of a log of `length` blocks, `index <= length`; padding included. One or two
 * nodes are read per level. Undefined if one on the way is not here.
 */
export function byteOffset(tree: TrustedNodes, length: number, index: number): number | undefined {
  let bytes = 0
  for (let at = 0; at < index; ) {
    const blocks = tileBlocks(at, length)
    const root = nodeOf(at, blocks)
    if (at + blocks > index) {
      const inside = bytesBefore(tree, root, index)
      return inside === undefined ? undefined : bytes + inside
    }
    if (!tree.findNode(root)) return undefined
    bytes += tree.nodeSize
    at += blocks
  }
  return bytes
}

/** Bytes of the blocks below `root` that stand before block `index`. */
function bytesBefore(tree: TrustedNodes, root: number, index: number): number | undefined {
  let node = root
  let bytes = 0
  while (firstBlock(node) !== index) {
    const left = leftChild(node)
    if (index < endBlock(left)) {
      node = left
      continue
    }
    const size = leftSize(tree, node)
    if (size === undefined) return undefined
    bytes += size
    node = rightChild(node)
  }
  return bytes
}

/** Size of the left child, known directly or as what the right child leaves of the parent. */
function leftSize(tree: TrustedNodes, node: number): number | undefined {
  if (tree.findNode(leftChild(node))) return tree.nodeSize
  if (!tree.findNode(node)) return undefined
  const all = tree.nodeSize
  return tree.findNode(rightChild(node)) ? all - tree.nodeSize : undefined
}

/** Finds the block in which byte `byte` of a log of `length` blocks lies. */
export function seek(
  tree: TrustedNodes,
  length: number,
  byte: number,
  padding: number,
): SeekResult {
  if (byte === 0) return { kind: 'found', index: 0, offset: 0 }
  let rest = byte
  for (let at = 0; at < length; ) {
    const blocks = tileBlocks(at, length)
    const root = nodeOf(at, blocks)
    if (!tree.findNode(root)) return { kind: 'range', start: at, end: at + blocks }
    const size = tree.nodeSize - padding * blocks
    at += blocks
    if (rest === size) return { kind: 'found', index: at, offset: 0 }
    if (rest < size) return seekBelow(tree, root, rest, padding)
    rest -= size
  }
  return { kind: 'outside' }
}

function seekBelow(tree: TrustedNodes, root: number, byte: number, padding: number): SeekResult {
  let node = root
  let rest = byte
  for (let blocks = blocksBelow(root); blocks > 1; blocks /= 2) {
    const left = leftChild(node, blocks)
    const stored = leftSize(tree, node)
    if (stored === undefined) return { kind: 'range', start: firstBlock(node), end: endBlock(node) }
    const size = stored - (padding * blocks) / 2
    if (rest === size) return { kind: 'found', index: endBlock(left), offset: 0 }
    if (rest < size) {
      node = left
    } else {
      rest -= size
      node = rightChild(node, blocks)
    }
  }
  return { kind: 'found', index: node / 2, offset: rest }
}
