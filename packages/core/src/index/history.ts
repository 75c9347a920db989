/**
 * What was written, block after block: the history of every index, whatever its blocks mean.
 *
 * Owns: the bounds and the live end. It ends with `SNAPSHOT_GONE` when what it passes was truncated away.
 */

import type { WaitOptions } from '../log/remote.ts'
import type { HistoryRange } from './types.ts'
import { NOT_HERE, type Steps } from './walk.ts'

/** The log under a history. */
export interface Recorded {
  /** Number of blocks. */
  readonly version: number
  checkWhole(version: number, since: number): void
  changed(signal: AbortSignal | undefined): Promise<void>
  /** Waits until the block that was missing last is here. */
  fetch(options: WaitOptions): Promise<void>
}

/** One operation after the other. */
export class HistorySteps<T> implements Steps<T> {
  readonly #log: Recorded
  readonly #version: number
  readonly #epoch: number
  readonly #at: (seq: number) => T | undefined | typeof NOT_HERE
  readonly #live: boolean
  readonly #step: 1 | -1
  #seq: number
  readonly #low: number
  readonly #end: number

  /**
   * @param pin number of blocks that are shown, and the epoch in which that was so
   * @param at what block `seq` did; `undefined` for nothing to be shown
   */
  constructor(
    log: Recorded,
    pin: { readonly version: number; readonly epoch: number },
    range: HistoryRange,
    at: (seq: number) => T | undefined | typeof NOT_HERE,
  ) {
    const { version, epoch } = pin
    const forward = range.reverse !== true
    this.#log = log
    this.#version = version
    this.#epoch = epoch
    this.#at = at
    this.#live = range.live === true && forward
    this.#step = forward ? 1 : -1
    const low = range.gt === undefined ? from(range.gte ?? 1, version) : from(range.gt, version) + 1
    const high = range.lte === undefined ? version : from(range.lte, version) + 1
    const end = range.lt === undefined ? high : from(range.lt, version)
    this.#low = Math.max(1, low)
    this.#end = this.#live && end === version ? Number.POSITIVE_INFINITY : Math.min(end, version)
    this.#seq = forward ? this.#low : this.#end - 1
  }

  step(): T | undefined | typeof NOT_HERE {
    for (;;) {
      const seq = this.#seq
      if (seq < this.#low || seq >= this.#end) return undefined
      // A live history goes on beyond its first version; what it has passed must still be there.
      this.#log.checkWhole(this.#live ? seq : this.#version, this.#epoch)
      if (this.#live && seq >= this.#log.version) return NOT_HERE
      const entry = this.#at(seq)
      if (entry === NOT_HERE) return NOT_HERE
      this.#seq += this.#step
      if (entry !== undefined) return entry
    }
  }

  ahead(into: number[], countMax: number): void {
    const end = Math.min(this.#end, this.#log.version)
    for (let seq = this.#seq; into.length < countMax && seq >= this.#low && seq < end; ) {
      into.push(seq)
      seq += this.#step
    }
  }

  /** At the live end there is nothing to fetch: the log must grow. */
  wait(options: WaitOptions): Promise<void> {
    if (this.#seq < this.#log.version) return this.#log.fetch(options)
    return this.#log.changed(options.signal)
  }
}

/** A block number; negative ones count from the end. */
function from(seq: number, version: number): number {
  return seq < 0 ? version + seq : seq
}
