/**
 * Which blocks a remote wants to hear about.
 *
 * Owns: the Wants of one peer. Always true: at most `WANTS_PER_CHANNEL_MAX` ranges and `ANY_WANTS_PER_CHANNEL_MAX` of the
 * kind that one block satisfies; a peer that sends more, or other shapes than the usual, is told of everything,
 * which costs us no memory (replication 7.2).
 */

import {
  ANY_WANTS_PER_CHANNEL_MAX,
  WANT_BLOCKS_MAX,
  WANTS_PER_CHANNEL_MAX,
} from '../base/limits.ts'

interface Range {
  readonly start: number
  readonly length: number
  readonly any: boolean
}

export class Subscriptions {
  #ranges: Range[] = []
  #all = false

  add(start: number, length: number, any: boolean): void {
    if (this.#ranges.some((r) => r.start === start && r.length === length && r.any === any)) return
    const same = this.#ranges.filter((r) => r.any === any).length
    const usual = any || (length >= 32 && length <= WANT_BLOCKS_MAX && start % 32 === 0)
    if (!usual || same >= (any ? ANY_WANTS_PER_CHANNEL_MAX : WANTS_PER_CHANNEL_MAX)) {
      this.#all = true
      this.#ranges = []
    }
    if (!this.#all) this.#ranges.push({ start, length, any })
  }

  remove(start: number, length: number): void {
    this.#ranges = this.#ranges.filter((r) => r.start !== start || r.length !== length)
  }

  /** Is anything of `start .. end` wanted? */
  overlaps(start: number, end: number): boolean {
    if (this.#all) return true
    for (const range of this.#ranges) {
      if (range.start < end && start < range.start + range.length) return true
    }
    return false
  }
}
