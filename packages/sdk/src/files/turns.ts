/**
 * Long synchronous work in short turns, so that the network and the user are served in between.
 *
 * Owns: the measure of a turn. Small files are read and written fastest without a thread hop per call; what
 * keeps that from stopping everything else is a look at the clock after each file.
 */

import { SLICE_MS } from '@dat-rhino/core/base/limits'

export class Turns {
  #startedAt = performance.now()

  /** Has this turn lasted long enough? Then await `next()`. */
  get isOver(): boolean {
    return performance.now() - this.#startedAt >= SLICE_MS
  }

  /** Lets everything that waits run, and begins a turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#startedAt = performance.now()
  }
}
