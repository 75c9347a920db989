/**
 * Notices that reads have become slow, because their bytes are not in the page cache of the system.
 *
 * Owns: the state of the guard. Two slow synchronous reads close to each other make the store cold for a while, in
 * which callers warm in the thread pool what they are going to read; it ends early when `FAST_READS_WARM` of those in a row
 * were fast, because the system has read ahead. Then reads are probes: if they are slow again soon, the next while is
 * twice as long. One slow read tells nothing: on a busy machine any of thousands is that
 * slow because another process had its turn, and the way through the thread pool costs ten times as much.
 */

import type { Clock } from '../../base/clock.ts'
import {
  COLD_MS_MAX,
  COLD_MS_MIN,
  FAST_READS_WARM,
  SLOW_READ_MS,
  SLOW_READS_WITHIN,
} from '../../base/limits.ts'

/** What comes from the system's memory takes a tenth of this. Where reads take longer, what stands beside is read too. */
export const DISK_READ_MS = 0.02

/** One per store: told of every read, asked before one. */
export class ColdGuard {
  readonly #clock: Clock
  #coldUntil = Number.NEGATIVE_INFINITY
  #coldMs = COLD_MS_MIN
  #cold = false
  /** Reads in which one more slow one makes the store cold. */
  #suspects = 0
  /** Fast reads in the thread pool since the last slow one. */
  #fast = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Time before a read, for `ended`. */
  now(): number {
    return this.#clock.now()
  }

  /** Notes a synchronous read that began at `began`; returns how long it took, in milliseconds. */
  ended(began: number): number {
    const now = this.#clock.now()
    if (now - began > SLOW_READ_MS) this.#slow(now)
    else if (this.#suspects > 0) this.#suspects--
    return now - began
  }

  /** Notes a read in the thread pool that began at `began`. */
  endedLater(began: number): void {
    const now = this.#clock.now()
    this.#fast = now - began > SLOW_READ_MS ? 0 : this.#fast + 1
    if (this.#fast < FAST_READS_WARM || !this.#cold) return
    this.#cold = false
    this.#coldUntil = now
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
    this.#fast = 0
  }

  /** Should reads go through the thread pool now? False as well when it is time for a probe. */
  get isCold(): boolean {
    // The clock is asked only while it matters: this stands in front of every read.
    if (this.#cold && this.#clock.now() >= this.#coldUntil) this.#cold = false
    return this.#cold
  }
}
