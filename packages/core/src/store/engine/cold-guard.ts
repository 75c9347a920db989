/**
 * Notices that reads have become slow, because their bytes are not in the page cache of the system.
 *
 * Owns: the state of the guard. Two slow synchronous reads close to each other make the store cold for a while, in
 * which callers warm in the thread pool what they are going to read. Then reads are probes: if they are slow again
 * soon, the next while is twice as long. One slow read tells nothing: on a busy machine any of thousands is that
 * slow because another process had its turn, and the way through the thread pool costs ten times as much.
 */

import type { Clock } from '../../base/clock.ts'
import { COLD_MS_MAX, COLD_MS_MIN, SLOW_READ_MS, SLOW_READS_WITHIN } from '../../base/limits.ts'

export class ColdGuard {
  readonly #clock: Clock
  #coldUntil = Number.NEGATIVE_INFINITY
  #coldMs = COLD_MS_MIN
  #cold = false
  /** Reads in which one more slow one makes the store cold. */
  #suspects = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Time before a read, for `ended`. */
  now(): number {
    return this.#clock.now()
  }

  /** Notes a synchronous read that began at `began`. */
  ended(began: number): void {
    const now = this.#clock.now()
    if (now - began > SLOW_READ_MS) this.#slow(now)
    else if (this.#suspects > 0) this.#suspects--
  }

  #slow(now: number): void {
    if (this.#suspects === 0) {
      this.#suspects = SLOW_READS_WITHIN
      return
    }
    const isSoon = now - this.#coldUntil < this.#coldMs
    this.#coldMs = isSoon ? Math.min(2 * this.#coldMs, COLD_MS_MAX) : COLD_MS_MIN
    this.#coldUntil = now + this.#coldMs
    this.#cold = true
    this.#suspects = 0
  }

  /** Should reads go through the thread pool now? False as well when it is time for a probe. */
  get isCold(): boolean {
    // The clock is asked only while it matters: this stands in front of every read.
    if (this.#cold && this.#clock.now() >= this.#coldUntil) this.#cold = false
    return this.#cold
  }
}
