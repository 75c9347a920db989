/**
 * Which nodes of a log's tree are stored here.
 *
 * Owns: the two questions that conversations ask about that, and nothing that is kept.
 */

import type { Slot } from '../store/store.ts'
import { endBlock, nodeOf, parentOf, tileBlocks } from '../tree/flat.ts'

/** See `Replica.missingNodes`. */
export function missingNodes(slot: Slot, node: number, trust?: (node: number) => boolean): number {
  const { length } = slot
  let steps = 0
  let at = node
  // The root above is stored, so this ends there at the latest; the bound is for a damaged store.
  while (endBlock(at) <= length && trust?.(at) !== true && !slot.findNode(at)) {
    at = parentOf(at)
    steps++
  }
  return endBlock(at) <= length || steps === 0 ? steps : steps - 1
}

/** Are all full roots of the first `length` blocks stored? */
export function hasRoots(slot: Slot, length: number): boolean {
  for (let at = 0; at < length; ) {
    const blocks = tileBlocks(at, length)
    if (!slot.findNode(nodeOf(at, blocks))) return false
    at += blocks
  }
  return true
}
