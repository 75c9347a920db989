/**
 * When to try again what has failed: soon at first, then ever less often.
 *
 * Owns: the schedule. Pure: chance is passed in, and nobody waits here. Always true: each delay is at least that of the
 * step and at most a quarter longer, so that those whom one failure struck together do not come back together.
 */

const JITTER_PART = 0.25

/** The schedule of one thing that is tried. */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  #stepMs: number

  /** Delays begin with `firstMs` and double up to `maxMs`. */
  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#stepMs = firstMs
  }

  /** It failed: milliseconds until it is tried again. `random` is in 0 .. 1. */
  next(random: number): number {
    const stepMs = this.#stepMs
    this.#stepMs = Math.min(2 * stepMs, this.#maxMs)
    return stepMs * (1 + JITTER_PART * random)
  }

  /** It worked: the next delay is the first again. */
  reset(): void {
    this.#stepMs = this.#firstMs
  }
}
