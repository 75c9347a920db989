/**
 * Changes of a part of an index, as they come.
 *
 * Owns: the loop, for bees and tries. It costs one look at the differences per batch of appends, and the trees share
 * what did not change, so a small change of a large one is cheap. Where the author replaced the history (a new fork),
 * the previous state can't be read any more: the step is given all the same, and its `previous` says
 * `SNAPSHOT_GONE` when it is read.
 */

import { isCode } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'

/** What grows. */
export interface Watched {
  readonly version: number
  /** The number of truncations so far. */
  readonly epoch: number
  /** Resolves when it grows or shrinks next; rejects with `ABORTED` or `CLOSED`. */
  changed(signal: AbortSignal | undefined): Promise<void>
}

/** A state of it. */
export interface WatchedView<V> {
  readonly version: number
  checkout(version: number): V
}

/**
 * @param start the state that the first step is compared with
 * @param differs do the two states differ in the part that is watched?
 */
export async function* watch<V extends WatchedView<V>>(
  watched: Watched,
  start: V,
  startEpoch: number,
  options: WaitOptions,
  differs: (current: V, previous: V) => Promise<boolean>,
): AsyncGenerator<{ current: V; previous: V }, void, undefined> {
  let previous = start
  let epoch = startEpoch
  for (;;) {
    if (watched.version === previous.version && watched.epoch === epoch) {
      if (!(await changed(watched, options))) return
    }
    const current = previous.checkout(watched.version)
    const replaced = watched.epoch !== epoch
    if (replaced || (await differsStill(current, previous, differs))) yield { current, previous }
    previous = current
    epoch = watched.epoch
  }
}

/** False when watching is over. */
async function changed(watched: Watched, options: WaitOptions): Promise<boolean> {
  try {
    await watched.changed(options.signal)
    return true
  } catch (error) {
    if (isCode(error, 'ABORTED') || isCode(error, 'CLOSED')) return false
    throw error
  }
}

async function differsStill<V>(
  current: V,
  previous: V,
  differs: (current: V, previous: V) => Promise<boolean>,
): Promise<boolean> {
  try {
    return await differs(current, previous)
  } catch (error) {
    // The history was replaced meanwhile: that is a change.
    if (isCode(error, 'SNAPSHOT_GONE')) return true
    throw error
  }
}
