/**
 * Where nodes stand in a flat tree: pure arithmetic on in-order indices.
 *
 *               7
 *       3               11          Block i is leaf 2i. A parent stands between its children.
 *   1       5       9       13      Node 5 has depth 1 and offset 1: index = (1 + 2 offset) 2^depth - 1.
 * 0   2   4   6   8   10  12  14    The full roots of 7 blocks are 3, 9 and 12.
 *
 * Owns: that picture. All numbers are whole and below 2^53; arithmetic is on doubles, never on 32 bits
 * (a bit operation would cut them), except `& 1`, which is exact for every one of them. Source: the
 * generation 3 data model, section 3; equal in all generations.
 */

/** Blocks below node `index`: 2^depth, 1 for a leaf. It is the lowest set bit of `index + 1`. */
export function blocksBelow(index: number): number {
  let rest = index + 1
  let blocks = 1
  while ((rest & 1) === 0) {
    rest /= 2
    blocks *= 2
  }
  return blocks
}

/** Steps from node `index` down to a leaf. */
export function depthOf(index: number): number {
  let rest = index + 1
  let depth = 0
  while ((rest & 1) === 0) {
    rest /= 2
    depth++
  }
  return depth
}

/** Is the node a left child? `blocks` is `blocksBelow(index)`, which whoever climbs knows already. */
export function isLeft(index: number, blocks: number = blocksBelow(index)): boolean {
  // (index + 1) / blocks = 1 + 2 offset, and a left child has an even offset.
  return ((((index + 1) / blocks - 1) / 2) & 1) === 0
}

/** The node above. */
export function parentOf(index: number, blocks: number = blocksBelow(index)): number {
  return isLeft(index, blocks) ? index + blocks : index - blocks
}

/** The other child of the parent. */
export function siblingOf(index: number, blocks: number = blocksBelow(index)): number {
  return isLeft(index, blocks) ? index + 2 * blocks : index - 2 * blocks
}

/** Left child of a node that is no leaf. */
export function leftChild(index: number, blocks: number = blocksBelow(index)): number {
  return index - blocks / 2
}

/** Right child of a node that is no leaf. */
export function rightChild(index: number, blocks: number = blocksBelow(index)): number {
  return index + blocks / 2
}

/** First block below node `index`. */
export function firstBlock(index: number, blocks: number = blocksBelow(index)): number {
  return (index + 1 - blocks) / 2
}

/** Behind the last block below node `index`. */
export function endBlock(index: number, blocks: number = blocksBelow(index)): number {
  return (index + 1 + blocks) / 2
}

/** Does the subtree of `index` contain node `inner` (or is it that)? */
export function contains(index: number, inner: number): boolean {
  const reach = blocksBelow(index) - 1
  return inner >= index - reach && inner <= index + reach
}

/**
 * Blocks in the largest complete subtree that starts at block `start` and does not go beyond `end`.
 * From `start` on such subtrees tile `start .. end`, and from 0 on they are the full roots. Needs `start < end`.
 */
export function tileBlocks(start: number, end: number): number {
  let blocks = 1
  while (start % (2 * blocks) === 0 && start + 2 * blocks <= end) blocks *= 2
  return blocks
}

/** The node of a complete subtree, by its first block and its number of blocks. */
export function nodeOf(start: number, blocks: number): number {
  return 2 * start + blocks - 1
}

/** The full roots of a log of `length` blocks, left to right. */
export function fullRoots(length: number): number[] {
  return tiles(0, length)
}

/** The nodes that tile blocks `start .. end`, left to right: what an upgrade from one length to the other sends. */
export function tiles(start: number, end: number): number[] {
  const nodes: number[] = []
  for (let at = start; at < end; ) {
    const blocks = tileBlocks(at, end)
    nodes.push(nodeOf(at, blocks))
    at += blocks
  }
  return nodes
}

/** The tile of `start .. end` that contains block `block`; needs `start <= block < end`. */
export function tileOf(block: number, start: number, end: number): number {
  let at = start
  let blocks = tileBlocks(at, end)
  while (at + blocks <= block) {
    at += blocks
    blocks = tileBlocks(at, end)
  }
  return nodeOf(at, blocks)
}
