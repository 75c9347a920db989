/**
 * Changes of a range of a bee, as they come.
 *
 * Owns: the loop. It costs one look at the differences per batch of appends, and the trees share what did not
 * change, so a small change of a large bee is cheap. Where the author replaced the history (a new fork), the
 * previous state can't be read any more: the step is given all the same, and its `previous` says
 * `SNAPSHOT_GONE` when it is read.
 */

import { isCode } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Shared } from './shared.ts'
import type { BeeChange, BeeRange } from './types.ts'
import type { BeeView } from './view.ts'

/** @param start the state that the first step is compared with */
export async function* watch(
  shared: Shared,
  start: BeeView,
  startEpoch: number,
  range: BeeRange,
  options: WaitOptions,
): AsyncGenerator<BeeChange, void, undefined> {
  let previous = start
  let epoch = startEpoch
  for (;;) {
    if (shared.version === previous.version && shared.blocks.epoch === epoch) {
      if (!(await changed(shared, options))) return
    }
    const current = previous.checkout(shared.version)
    const replaced = shared.blocks.epoch !== epoch
    if (replaced || (await differs(current, previous, range, options))) yield { current, previous }
    previous = current
    epoch = shared.blocks.epoch
  }
}

/** False when watching is over. */
async function changed(shared: Shared, options: WaitOptions): Promise<boolean> {
  try {
    await shared.changed(options.signal)
    return true
  } catch (error) {
    if (isCode(error, 'ABORTED') || isCode(error, 'CLOSED')) return false
    throw error
  }
}

async function differs(
  current: BeeView,
  previous: BeeView,
  range: BeeRange,
  options: WaitOptions,
): Promise<boolean> {
  const { gt, gte, lt, lte } = range
  try {
    for await (const _ of current.diff(previous, { gt, gte, lt, lte, limit: 1 }, options))
      return true
    return false
  } catch (error) {
    // The history was replaced meanwhile: that is a change.
    if (isCode(error, 'SNAPSHOT_GONE')) return true
    throw error
  }
}
