/**
 * Memory of index pages that left the cache, used again for pages that are read.
 *
 * Owns: that memory. To get 5.6 KB from the system and to have it collected costs as much as reading the page, and where a
 * store has more pages than there is room for, one leaves for each that comes. What leaves in one `trim` of the cache is
 * given out only after the next has begun: whoever looks at the hash of a node does so long before.
 */

export class PageMemory {
  /** By length. */
  #free = new Map<number, Uint8Array[]>()
  #left = new Map<number, Uint8Array[]>()

  /** Memory of that length, to be filled: what stands in it is of another page. */
  take(length: number): Uint8Array {
    return this.#free.get(length)?.pop() ?? new Uint8Array(length)
  }

  /** Nobody reads these bytes any more but who has just asked for them. */
  leave(bytes: Uint8Array): void {
    const same = this.#left.get(bytes.length)
    if (same === undefined) this.#left.set(bytes.length, [bytes])
    else same.push(bytes)
  }

  /** A trim begins. What was not used since the last one is given up. */
  trimming(): void {
    this.#free = this.#left
    this.#left = new Map()
  }
}
