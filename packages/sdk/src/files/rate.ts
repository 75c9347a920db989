/**
 * Bytes per second over the last seconds, from a counter that only grows.
 *
 * Owns: the samples. A window, not a smoothed average: when nothing moves any more the rate is 0 soon.
 */

import type { Clock } from '@dat-rhino/core/base/clock'

const WINDOW_MS = 4_000

/** One rate. */
export class Rate {
  readonly #clock: Clock
  #samples: { at: number; total: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The counter stands at `total` now. */
  add(total: number): void {
    const at = this.#clock.now()
    this.#samples.push({ at, total })
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift()
  }

  /** Whole bytes per second; 0 before there are two samples. */
  get perSecond(): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at <= first.at) return 0
    return Math.max(0, Math.round(((last.total - first.total) * 1000) / (last.at - first.at)))
  }

  reset(): void {
    this.#samples = []
  }
}
