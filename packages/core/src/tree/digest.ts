/**
 * Proofs of generations 1 and 2: what a reader holds in one number, and which nodes he then needs.
 *
 * Owns: the digest, the choice of nodes that answers it, and the server's memory of what a reader holds.
 * A digest reads upwards from the leaf: bit k (k >= 1) says "I hold the sibling at step k", bit 0 says "the
 * highest bit names an ancestor that I hold". 0 is "I know nothing", 1 is "I hold the leaf". Values exceed
 * 32 bits in large logs: arithmetic, no bit operations. Source: generation 2, section 9.
 */

import { READER_NODES_MAX } from '../base/limits.ts'
import { blocksBelow, endBlock, fullRoots, isLeft, nodeOf, parentOf, siblingOf } from './flat.ts'

/** Which nodes somebody holds: a store's slot is one. */
export interface HeldNodes {
  findNode(index: number): boolean
}

/** Above that many steps no log of these generations reaches. */
const BIT_MAX = 2 ** 50

/** What a reader who holds `held` sends when he asks for block `block`. */
export function digestOf(held: HeldNodes, block: number): number {
  let node = 2 * block
  if (held.findNode(node)) return 1
  let digest = 0
  for (let bit = 2; bit <= BIT_MAX; bit *= 2) {
    if (held.findNode(siblingOf(node))) digest += bit
    node = parentOf(node)
    if (held.findNode(node)) {
      digest += 2 * bit + 1
      // Every uncle up to the ancestor is held: that is as good as the leaf.
      return digest === 4 * bit - 1 ? 1 : digest
    }
  }
  return digest
}

/** Length of the log that the holder of `held` can present, starting from node `index`. */
export function verifiedBy(held: HeldNodes, index: number): number {
  let top = index
  while (held.findNode(parentOf(top)) && held.findNode(siblingOf(top))) top = parentOf(top)
  let end = endBlock(top)
  for (let blocks = blocksBelow(top) / 2; blocks >= 1; blocks /= 2) {
    if (end % blocks === 0 && held.findNode(nodeOf(end, blocks))) end += blocks
  }
  return end
}

/**
 * What a server remembers of one reader: starts empty and grows by the digests that came in. A digest says all that
 * its own answer needs, so forgetting costs the reader some nodes that it has, and nothing else: a memory that has
 * grown to `READER_NODES_MAX` begins anew.
 */
export class ReaderMemory implements HeldNodes {
  readonly #nodes = new Set<number>()

  get size(): number {
    return this.#nodes.size
  }

  findNode(index: number): boolean {
    return this.#nodes.has(index)
  }

  /** Notes that the reader holds a node, and with both children the parent; only nodes that `held` has too. */
  mark(index: number, held: HeldNodes): void {
    let node = index
    while (held.findNode(node) && !this.#nodes.has(node)) {
      this.#nodes.add(node)
      if (!this.#nodes.has(siblingOf(node))) return
      node = parentOf(node)
    }
  }

  /** Notes what the digest of a request for `block` says. */
  learn(block: number, digest: number, held: HeldNodes): void {
    const namesAncestor = digest % 2 === 1
    if (this.#nodes.size >= READER_NODES_MAX) this.#nodes.clear()
    let node = 2 * block
    for (let rest = Math.floor(digest / 2); rest > 0; rest = Math.floor(rest / 2)) {
      if (rest === 1 && namesAncestor) {
        this.mark(node, held)
        // Whoever holds that node has verified a log that reaches to its end, or to where it begins.
        for (const root of fullRoots(endBlock(isLeft(node) ? node : siblingOf(node)))) {
          this.mark(root, held)
        }
      } else if (rest % 2 === 1) {
        this.mark(siblingOf(node), held)
      }
      node = parentOf(node)
    }
  }
}

/**
 * The nodes that answer a digest, in the order of the wire: the leaf if it was asked for, siblings upwards, other roots
 * left to right. Notes the digest in `reader`.
 *
 * @param into where the nodes are added
 * @returns the length whose signature goes along, 0 for none, -1 if there is no answer
 */
export function proveByDigest(
  held: HeldNodes,
  reader: ReaderMemory,
  block: number,
  digest: number,
  wantsHash: boolean,
  into: number[],
): number {
  let node = 2 * block
  if (!held.findNode(node)) return -1
  if (wantsHash) into.push(node)
  if (digest === 1) return 0
  reader.learn(block, digest, held)
  while (!reader.findNode(node)) {
    const sibling = siblingOf(node)
    if (!held.findNode(sibling)) {
      const length = verifiedBy(held, node)
      for (const root of fullRoots(length)) {
        if (root !== node && !reader.findNode(root)) into.push(root)
      }
      return length
    }
    if (!reader.findNode(sibling)) into.push(sibling)
    node = parentOf(node)
  }
  return 0
}
