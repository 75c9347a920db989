/**
 * Keeping some blocks and dropping the rest.
 *
 * Owns: the walk over what is held, in slices between which the log goes on. Hashes stay, so that what is kept can be
 * served and what was dropped can be fetched again.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { CLEAR_SLICE_BLOCKS, RECLAIM_BYTES_MIN } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { Bitfield } from '../bytes/bitfield.ts'
import type { Log } from './log.ts'

/** `clock` says when a slice is over; default is that of the system. */
export interface SweepOptions {
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/**
 * Drops every block that is held here and that `keep` does not name, up to the length of this moment. Tell `keep`
 * before: a block that is fetched while this runs may be swept too.
 *
 * @returns how many blocks were dropped
 * @throws DatError ABORTED between two slices; what was dropped by then stays dropped
 */
export async function sweep(
  log: Log,
  keep: Iterable<number>,
  options: SweepOptions = {},
): Promise<number> {
  const { signal, clock = systemClock } = options
  log.checkOpen()
  const { slot } = log.replica
  const { length } = log
  const kept = new Bitfield()
  for (const index of keep) {
    if (!Number.isSafeInteger(index)) {
      throw new DatError('BAD_ARGUMENT', 'A block that is kept has a whole number.', { index })
    }
    if (index >= 0 && index < length) kept.set(index, true)
  }
  const pace = new Pace(clock)
  let dropped = 0
  let isDue = CLEAR_SLICE_BLOCKS
  for (let start = slot.nextHeld(0, length); start < length; ) {
    const last = Math.min(length, start + CLEAR_SLICE_BLOCKS)
    const end = Math.min(slot.nextMissing(start, last), kept.nextSet(start, last))
    if (end > start) {
      log.replica.clear(start, end)
      dropped += end - start
    }
    start = slot.nextHeld(kept.nextUnset(end, length), length)
    // Many runs take their time, and so do long ones.
    if (!pace.due() && dropped < isDue) continue
    isDue = dropped + CLEAR_SLICE_BLOCKS
    await log.replica.commit()
    await pace.turn()
    log.checkOpen()
    if (signal?.aborted === true) {
      throw new DatError('ABORTED', 'The sweep was aborted.', { dropped }, signal.reason)
    }
  }
  await log.replica.commit()
  await log.replica.store.reclaim({ minBytes: RECLAIM_BYTES_MIN })
  return dropped
}
