/**
 * What is here and kept, for those who are to be woken by it.
 *
 * Owns: reading the replica for `Wants`. Always true: a block counts from its commit on. What is staged is readable
 * already, and the store may still take it back; so a range never looks complete too early.
 */

import type { Shared } from './shared.ts'
import type { Holdings } from './wants.ts'

/** Whoever has the log's state; it may come later than this. */
interface StateOwner {
  readonly shared: Pick<Shared, 'replica' | 'uncommitted'>
}

export class KeptHoldings implements Holdings {
  readonly #owner: StateOwner

  constructor(owner: StateOwner) {
    this.#owner = owner
  }

  has(index: number): boolean {
    return index < this.#lowest() && this.#owner.shared.replica.has(index)
  }

  nextMissing(from: number, end: number): number {
    const { replica } = this.#owner.shared
    const to = Math.min(end, replica.length, this.#lowest())
    return from >= to ? from : replica.slot.nextMissing(from, to)
  }

  located(position: number, padding: number): boolean {
    const { replica, uncommitted } = this.#owner.shared
    return uncommitted.length === 0 && replica.seekLocal(position, padding).kind === 'found'
  }

  /** Lowest block that is staged. */
  #lowest(): number {
    let low = Number.POSITIVE_INFINITY
    for (const batch of this.#owner.shared.uncommitted) low = Math.min(low, batch.lowest)
    return low
  }
}
