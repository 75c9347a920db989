/**
 * The tree by its definition, slow and obvious: the oracle of everything in `tree/` that is fast.
 *
 * A node is found by cutting blocks in two, never by index arithmetic; hashes are made by joining
 * fresh copies.
 */

import { hash } from '../../src/crypto/keys.ts'
import type { WriteU64 } from '../../src/tree/hash.ts'
import type { Node, NodeSet, TrustedNodes } from '../../src/tree/nodes.ts'

/** Largest power of two that is not above `n`. */
function powerBelow(n: number): number {
  let power = 1
  while (2 * power <= n) power *= 2
  return power
}

/** Peel off the largest power of two, every time. */
export function fullRootsByDefinition(length: number, from = 0): number[] {
  if (length === 0) return []
  const span = powerBelow(length)
  return [2 * from + span - 1, ...fullRootsByDefinition(length - span, from + span)]
}

/** All nodes of a log, by index. */
export class TreeModel implements TrustedNodes {
  readonly nodes: Map<number, Node> = new Map()
  readonly roots: Node[] = []
  nodeBytes: Uint8Array = new Uint8Array(0)
  readonly nodeAt = 0
  nodeSize = 0
  readonly #u64: (value: number) => Uint8Array

  constructor(blocks: readonly Uint8Array[], write: WriteU64) {
    this.#u64 = (value) => {
      const bytes = new Uint8Array(8)
      write(bytes, 0, value)
      return bytes
    }
    for (let at = 0; at < blocks.length; ) {
      const span = powerBelow(blocks.length - at)
      this.roots.push(this.#subtree(blocks, at, span))
      at += span
    }
  }

  get byteLength(): number {
    return this.roots.reduce((sum, root) => sum + root.size, 0)
  }

  get rootHash(): Uint8Array {
    const parts = this.roots.flatMap((r) => [r.hash, this.#u64(r.index), this.#u64(r.size)])
    return hash(Uint8Array.of(2), ...parts)
  }

  findNode(index: number): boolean {
    const node = this.nodes.get(index)
    if (node === undefined) return false
    this.nodeBytes = node.hash
    this.nodeSize = node.size
    return true
  }

  #subtree(blocks: readonly Uint8Array[], from: number, span: number): Node {
    const node = span === 1 ? this.#leaf(blocks, from) : this.#parent(blocks, from, span)
    this.nodes.set(node.index, node)
    return node
  }

  #leaf(blocks: readonly Uint8Array[], from: number): Node {
    const block = blocks[from] ?? new Uint8Array(0)
    const size = block.length
    return { index: 2 * from, size, hash: hash(Uint8Array.of(0), this.#u64(size), block) }
  }

  #parent(blocks: readonly Uint8Array[], from: number, span: number): Node {
    const left = this.#subtree(blocks, from, span / 2)
    const right = this.#subtree(blocks, from + span / 2, span / 2)
    const size = left.size + right.size
    return {
      index: (left.index + right.index) / 2,
      size,
      hash: hash(Uint8Array.of(1), this.#u64(size), left.hash, right.hash),
    }
  }
}

export function nodesOf(set: NodeSet): Node[] {
  return Array.from({ length: set.length }, (_, i) => set.at(i))
}

/** The pattern of which the vectors' blocks are made. */
export function pattern(seed: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, j) => (31 * seed + 7 * j + 13) % 256)
}
