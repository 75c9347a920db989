/**
 * Sorting what may be very many, in slices that leave the event loop free.
 *
 * Owns: a merge sort from below: runs that the engine sorts in one go, then pairs of them merged, with a look at the
 * pace for each item. Equal items keep their order.
 */

import type { Pace } from './pace.ts'

/** What the engine sorts in well under a slice. */
const RUN_ITEMS = 512

/** A sorted copy. */
export async function sorted<T extends object | string>(
  items: readonly T[],
  order: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  let runs: T[][] = []
  for (let start = 0; start < items.length; start += RUN_ITEMS) {
    runs.push(items.slice(start, start + RUN_ITEMS).sort(order))
    if (pace.isOver) await pace.turn()
  }
  while (runs.length > 1) {
    const longer: T[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(await merged(runs[i] ?? [], runs[i + 1] ?? [], order, pace))
    }
    runs = longer
  }
  return runs[0] ?? []
}

async function merged<T extends object | string>(
  a: readonly T[],
  b: readonly T[],
  order: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  const out: T[] = []
  let i = 0
  let j = 0
  for (;;) {
    const left = a[i]
    const right = b[j]
    if (left !== undefined && (right === undefined || order(left, right) <= 0)) {
      out.push(left)
      i++
    } else if (right !== undefined) {
      out.push(right)
      j++
    } else return out
    if (pace.due()) await pace.turn()
  }
}
