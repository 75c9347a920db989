/**
 * Where the blocks of a log lie in its data, which has no marks between them.
 *
 * Owns: the sum over the full roots of what comes before a block (their sizes are kept by whoever holds the block), and
 * the shortcut for blocks that are read one behind the other. Equal in all generations.
 */

import { nodeOf, tileBlocks } from '@dat-rhino/core/tree/flat'

export class BlockPlaces {
  /** After `find`: first byte of the block in the data, and its bytes. */
  at = 0
  size = 0
  readonly #sizeOf: (index: number) => number
  /** Block whose start is known without a sum. */
  #next = 0
  #nextAt = 0

  /** @param sizeOf stored bytes below a node; -1 if the node is not there */
  constructor(sizeOf: (index: number) => number) {
    this.#sizeOf = sizeOf
  }

  /** Sets `at` and `size`; false if a node that is needed for it is not there. */
  find(block: number): boolean {
    const size = this.#sizeOf(2 * block)
    const at = size < 0 ? -1 : block === this.#next ? this.#nextAt : this.#sum(block)
    if (at < 0) return false
    this.at = at
    this.size = size
    this.#next = block + 1
    this.#nextAt = at + size
    return true
  }

  #sum(block: number): number {
    let sum = 0
    for (let at = 0; at < block; ) {
      const blocks = tileBlocks(at, block)
      const size = this.#sizeOf(nodeOf(at, blocks))
      if (size < 0) return -1
      sum += size
      at += blocks
    }
    return sum
  }
}
