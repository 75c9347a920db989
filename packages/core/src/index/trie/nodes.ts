/**
 * From node to node: the decoded nodes of a trie, and the one way to go from one to another.
 *
 * Owns: `follow`. Whatever an author signs, a node that a bucket leads to is older, shares all digits and names on
 * the way to that position, and goes the way that its slot says. So no walk goes round in circles, and none comes by the
 * same node twice: what a walk costs is bounded by the blocks that there are.
 */

import { Decoded } from '../decoded.ts'
import type { LogReader } from '../source.ts'
import { DIGITS } from './buckets.ts'
import { corrupt, decodeNode, type TrieNode } from './node.ts'
import { type Hash, isTerminator, type Path } from './path.ts'

/** The decoded nodes of one trie. */
export type Nodes = Decoded<TrieNode>

/** Where nodes come from: the log, or a draft on top of it. */
export interface Lookup {
  /** `undefined`: not here, and `missing` says which. */
  get(seq: number): TrieNode | undefined
}

/** The nodes of a log, decoded as they are looked at. */
export function openNodes(source: LogReader, cacheBytes?: number, hash?: Hash): Nodes {
  return new Decoded(source, (seq, block) => decodeNode(seq, block, hash), cacheBytes)
}

/** The node in a slot of position `i`; `undefined` if it is not here. Throws `BAD_CONTENT` if it leads astray. */
export function follow(
  lookup: Lookup,
  from: TrieNode,
  i: number,
  slot: number,
): TrieNode | undefined {
  const seq = from.buckets.get(i)?.[slot] ?? 0
  const node = lookup.get(seq)
  if (node !== undefined) checkWay(from, node, i, slot)
  return node
}

function checkWay(from: TrieNode, node: TrieNode, i: number, slot: number): void {
  const digit = slot % DIGITS
  const goesThere = node.path.sharesWith(from.path, i) && node.path.digit(i) === digit
  if (goesThere && mayLie(from.path, node.path, i, slot)) return
  throw corrupt(from.seq, `it leads to block ${node.seq}, which lies elsewhere`)
}

/** Only nodes that collide lie where another of the same digit does. */
function mayLie(from: Path, path: Path, i: number, slot: number): boolean {
  if (!isTerminator(i)) return slot < DIGITS && from.digit(i) !== slot
  return from.digit(i) !== slot % DIGITS || from.collides(path, i)
}

/** Do all that have the same digit at terminator `i` have different names there? */
export function areDistinct(nodes: readonly TrieNode[], i: number): boolean {
  return nodes.every((node, at) => {
    for (let before = 0; before < at; before++) {
      const other = nodes[before]
      if (other !== undefined && !node.path.collides(other.path, i)) return false
    }
    return true
  })
}
