/**
 * One key in one version of the tree.
 *
 * Owns: the descent. Results are numbers, so that a search on local blocks allocates nothing: the block that
 * holds the key, `ABSENT`, or `MISSING` when a block on the way is not here (`blocks.missing` names it).
 * Source: the hyperbee specification, section 6.1.
 */

import { BEE_DEPTH_MAX } from '../base/limits.ts'
import { corrupt } from './block.ts'
import type { Blocks } from './blocks.ts'

/** No such key. Block 0 is the header and holds no key. */
export const ABSENT = 0
/** Not known: a block is missing. */
export const MISSING = -1

/** Block of `key` in the tree whose root is in block `version - 1`. */
export function find(blocks: Blocks, version: number, key: Uint8Array): number {
  if (version <= 1) return ABSENT
  let seq = version - 1
  let position = 0
  const { node } = blocks
  for (let depth = 0; depth < BEE_DEPTH_MAX; depth++) {
    if (!blocks.enter(seq, position)) return MISSING
    if (blocks.wroteKey(key)) {
      // The block just loaded wrote this very key: no other key need be compared, so none be fetched.
      // Only where its nodes still lead to it, though: a key deleted since may have left such a node.
      if (node.hasKey(seq) || leadsToOwnKey(blocks, seq, position)) return seq
      if (depth === 0 && !blocks.hasValue) return ABSENT
    }
    const place = search(blocks, node.keys, node.keyCount, key)
    if (place === MISSING) return MISSING
    if (place % 2 === 1) return node.keys[(place - 1) / 2] ?? ABSENT
    if (node.childCount === 0) return ABSENT
    seq = node.children[place] ?? 0
    position = node.children[place + 1] ?? 0
  }
  throw corrupt(seq, 'the tree is too deep')
}

function leadsToOwnKey(blocks: Blocks, seq: number, position: number): boolean {
  return blocks.block(seq)?.holdsOwnKey(position) ?? false
}

/**
 * `2 * i + 1` if key number `i` is `key`; `2 * i` if it belongs below child `i`; or `MISSING`.
 *
 * @param keys blocks of the keys of a node, the first `count`
 */
export function search(
  blocks: Blocks,
  keys: ArrayLike<number>,
  count: number,
  key: Uint8Array,
): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = blocks.compareKey(key, keys[middle] ?? 0)
    if (order === undefined) return MISSING
    if (order === 0) return 2 * middle + 1
    if (order < 0) high = middle
    else low = middle + 1
  }
  return 2 * low
}
