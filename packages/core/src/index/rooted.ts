/**
 * Does a version have a tree of its own?
 *
 * Owns: the test. Every operation alone, and the last of a batch, writes the whole way from the root; the others
 * of a batch write only nodes that their batch did not change again, and no root. Nothing in the format says
 * which is which, and reading such a version as if its first node were the root gives a wrong tree in silence.
 *
 * - A block with a root lists the root and what changed below it from the top down, left to right. When a
 *   batch empties the first place of a block's list, the *last* node moves there, which has no node below
 *   it in that block. So two nodes or more in that order prove a root, and any other order disproves it.
 * - A single node may be either. A root has every key below it: the keys that the operations just before
 *   wrote, and that none of them deleted, must be found. A node elsewhere in the tree has only its share.
 */

import { hex } from '../bytes/bytes.ts'
import type { Level } from './block.ts'
import type { Blocks } from './blocks.ts'
import { find, MISSING } from './find.ts'

/** Operations whose keys must be below a single node that claims to be a root. */
const WITNESSES = 16

/** Is block `version - 1` the root of a tree? `undefined` when a block is missing. */
export function isRoot(blocks: Blocks, version: number): boolean | undefined {
  const seq = version - 1
  const block = blocks.block(seq)
  if (block === undefined) return undefined
  const { levels } = block
  if (levels.length === 0) return false
  if (inOrder(levels, 0, seq, 1) !== levels.length) return false
  if (levels.length > 1) return true
  return !knowsLaterBlocks(levels[0], seq) && hasWitnesses(blocks, version)
}

/** Number of nodes passed when the nodes of one block are visited in order; 0 if they are not in order. */
function inOrder(levels: readonly Level[], position: number, seq: number, next: number): number {
  const children = levels[position]?.children ?? []
  let expected = next
  for (let i = 0; i < children.length; i += 2) {
    if (children[i] !== seq) continue
    if (children[i + 1] !== expected || expected >= levels.length) return 0
    expected = inOrder(levels, expected, seq, expected + 1)
    if (expected === 0) return 0
  }
  return expected
}

/** A node that was left over and is the root later is written as it stood at the end of its batch. */
function knowsLaterBlocks(level: Level | undefined, seq: number): boolean {
  if (level === undefined) return false
  const { keys, children } = level
  return keys.some((key) => key > seq) || children.some((n, i) => i % 2 === 0 && n > seq)
}

function hasWitnesses(blocks: Blocks, version: number): boolean | undefined {
  const seen = new Set<string>()
  for (let seq = version - 1; seq >= Math.max(1, version - WITNESSES); seq--) {
    const block = blocks.block(seq)
    if (block === undefined) return undefined
    const name = hex(block.key)
    if (seen.has(name)) continue
    seen.add(name)
    // Without a value it is a delete, or a put that can't be told from one here: no witness.
    if (!block.hasValue) continue
    const found = find(blocks, version, block.key)
    if (found === MISSING) return undefined
    if (found !== seq) return false
  }
  return true
}
