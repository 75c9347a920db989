/**
 * Dropping many blocks without holding up everything else.
 *
 * Owns: the slices. Each is a commit of its own, so that a crash leaves a part of the blocks dropped and nothing else
 * changed; hashes stay, because what remains here and at peers is proved by them.
 */

import type { Clock } from '../base/clock.ts'
import { CLEAR_SLICE_BLOCKS } from '../base/limits.ts'
import type { Replica } from './replica.ts'

/**
 * Drops the blocks `start .. end`, peers are told. The first slice is staged before this returns; for up to
 * `CLEAR_SLICE_BLOCKS` blocks that is all, and there is one commit.
 *
 * @throws DatError BAD_ARGUMENT for a range that is none; CLOSED if the log is closed meanwhile
 */
export async function clearInSlices(
  replica: Replica,
  start: number,
  end: number,
  clock: Clock,
): Promise<void> {
  const isLong = Number.isSafeInteger(start) && start >= 0 && end - start > CLEAR_SLICE_BLOCKS
  if (!isLong || !Number.isSafeInteger(end)) {
    replica.clear(start, end)
    return replica.commit()
  }
  for (let at = start; ; ) {
    const last = Math.min(end, replica.length)
    // What is held counts: gaps are skipped, but told with the rest.
    const from = at < last ? replica.slot.nextHeld(at, last) : at
    const to = Math.min(end, from + CLEAR_SLICE_BLOCKS)
    replica.clear(at, to)
    await replica.commit()
    at = to
    if (at >= last) return
    await new Promise<void>((resolve) => clock.soon(resolve))
  }
}
