/**
 * The next block that is held, or missing, without a step per block.
 *
 * Owns: the search. Above level 1 the pages tell how many blocks below them are held, so whole subtrees that are full or
 * empty are stepped over; level 1 has one bit per block.
 */

import { findBit } from '../../bytes/words.ts'
import { FANOUT, LEAF_BLOCKS } from './page-layout.ts'
import { LEVEL_ONE_BLOCKS, leavesBelow, type PageTree } from './page-tree.ts'

/** First index in `from .. end` that is held, or that is missing; `end` if there is none. */
export function nextBlock(tree: PageTree, from: number, end: number, held: boolean): number {
  let index = from
  while (index < end) {
    const found = tree.height === 0 ? nextInLeaf(tree, index, held) : nextBelow(tree, index, held)
    if (found >= 0) return Math.min(found, end)
    index = -found
  }
  return end
}

/** The index that was looked for, or the negative of where to look next. */
function nextInLeaf(tree: PageTree, index: number, held: boolean): number {
  if (index >= LEAF_BLOCKS) return held ? -Number.MAX_SAFE_INTEGER : index
  for (let i = index; i < LEAF_BLOCKS; i++) if ((tree.position(i) !== 0) === held) return i
  return -LEAF_BLOCKS
}

/** The same from the pages above. */
function nextBelow(tree: PageTree, index: number, held: boolean): number {
  tree.cache.trim()
  let page = tree.topPage()
  const number = Math.floor(index / LEVEL_ONE_BLOCKS)
  if (page === undefined || number >= leavesBelow(tree.height - 1)) {
    return held ? -Number.MAX_SAFE_INTEGER : index
  }
  while (page.level > 1) {
    const i = Math.floor(number / leavesBelow(page.level - 2)) % FANOUT
    const blocks = leavesBelow(page.level - 1) * LEAF_BLOCKS
    const count = page.heldBelow(i)
    const behind = -(Math.floor(index / blocks) + 1) * blocks
    if (count === 0) return held ? behind : index
    if (count === blocks) return held ? index : behind
    const child = tree.child(page, i, false)
    if (child === undefined) return held ? behind : index
    page = child
  }
  return nextInBits(page.bits, index, held)
}

/** The same in the bits of one page of level 1. */
function nextInBits(words: Uint32Array, index: number, held: boolean): number {
  const bit = index % LEVEL_ONE_BLOCKS
  const bits = words.length * 32
  const base = index - bit
  if (bit < bits) {
    const found = findBit(words, bit, bits, held)
    if (found < bits) return base + found
  }
  // Beyond the page's room nothing is held.
  if (bits < LEVEL_ONE_BLOCKS && !held) return base + Math.max(bits, bit)
  return -(base + LEVEL_ONE_BLOCKS)
}
