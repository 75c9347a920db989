/**
 * What is here and kept, for those who are to be woken by it.
 *
 * Owns: reading the replica for `Wants`. Always true: a block counts from its commit on. What is staged is readable
 * already, and the store may still take it back; so a range never looks complete too early.
 */

import type { Replica } from '../log/replica.ts'
import type { Batch } from './shared.ts'
import type { Holdings } from './wants.ts'

export function holdings(replica: Replica, uncommitted: () => readonly Batch[]): Holdings {
  const lowest = (): number => {
    let low = Number.POSITIVE_INFINITY
    for (const batch of uncommitted()) low = Math.min(low, batch.lowest)
    return low
  }
  return {
    has: (index) => index < lowest() && replica.has(index),
    nextMissing(from, end) {
      const to = Math.min(end, replica.length, lowest())
      return from >= to ? from : replica.slot.nextMissing(from, to)
    },
    located(position, padding) {
      if (uncommitted().length > 0) return false
      return replica.seekLocal(position, padding).kind === 'found'
    },
  }
}
