/**
 * Notices that reads have become slow, because their bytes are not in the page cache of the system.
 *
 * Owns: the state of the guard. A synchronous read that took longer than `SLOW_READ_MS` makes the store cold
 * for a while, in which callers warm in the thread pool what they are going to read. Then one read is a probe: if
 * that is slow too, the next while is twice as long.
 */

import type { Clock } from '../../base/clock.ts'
import { COLD_MS_MAX, COLD_MS_MIN, SLOW_READ_MS } from '../../base/limits.ts'

export class ColdGuard {
  readonly #clock: Clock
  #coldUntil = 0
  #coldMs = COLD_MS_MIN
  #slow = false

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
    if (now - began > SLOW_READ_MS) {
      this.#coldMs = this.#slow ? Math.min(2 * this.#coldMs, COLD_MS_MAX) : COLD_MS_MIN
      this.#slow = true
      this.#coldUntil = now + this.#coldMs
    } else if (this.#slow && now >= this.#coldUntil) {
      this.#slow = false
    }
  }

  /** Should reads go through the thread pool now? False as well when it is time for a probe. */
  get isCold(): boolean {
    return this.#slow && this.#clock.now() < this.#coldUntil
  }
}
