/**
 * One key, or whatever is below it, in one version of the trie.
 *
 * Owns: the descent. Results are numbers, so that a search on local blocks allocates nothing: the block that holds
 * it, `ABSENT`, or `MISSING` when a block on the way is not here.
 * Source: the hypertrie specification, section 5.
 */

import { ABSENT, MISSING } from '../find.ts'
import { DIGITS } from './buckets.ts'
import type { TrieNode } from './node.ts'
import { follow, type Lookup } from './nodes.ts'
import { isTerminator, type Path } from './path.ts'

export { ABSENT, MISSING } from '../find.ts'

/** Digits that must be the same. */
export function wantedDigits(path: Path, prefix: boolean): number {
  return prefix ? path.length - 1 : path.length
}

/** @param closest where there is none, the node at which the search ended */
export function find(
  lookup: Lookup,
  version: number,
  path: Path,
  length: number,
  closest = false,
): number {
  if (version <= 1) return ABSENT
  let head = lookup.get(version - 1)
  if (head === undefined) return MISSING
  if (head.isVoid) return ABSENT
  let i = 0
  for (;;) {
    i = divergence(head, path, i, length)
    if (i === length) return head.seq
    const slot = slotOf(lookup, head, path, i)
    if (slot === MISSING) return MISSING
    if (slot === NO_SLOT) return closest ? head.seq : ABSENT
    const next = follow(lookup, head, i, slot)
    if (next === undefined) return MISSING
    if (next.isVoid) return closest ? head.seq : ABSENT
    head = next
    i++
  }
}

/** The first position from `i` on at which the ways part; `length` if there is none before. */
export function divergence(head: TrieNode, path: Path, from: number, length: number): number {
  for (let i = from; i < length; i++) {
    if (head.path.digit(i) !== path.digit(i)) return i
    if (isTerminator(i) && head.path.collides(path, i)) return i
  }
  return length
}

/** No slot leads on. */
export const NO_SLOT = -2

/** The slot of position `i` through which the way goes on, `NO_SLOT`, or `MISSING`. */
export function slotOf(lookup: Lookup, head: TrieNode, path: Path, i: number): number {
  const bucket = head.buckets.get(i)
  const digit = path.digit(i)
  if (bucket === undefined) return NO_SLOT
  if (!isTerminator(i)) return bucket[digit] ? digit : NO_SLOT
  for (let slot = digit; bucket[slot]; slot += DIGITS) {
    const node = follow(lookup, head, i, slot)
    if (node === undefined) return MISSING
    if (!node.path.collides(path, i)) return slot
  }
  return NO_SLOT
}
