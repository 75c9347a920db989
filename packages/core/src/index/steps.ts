/**
 * The three iterations of a bee, step by step: entries of a range, operations, and differences.
 *
 * Owns: turning block numbers into entries. Each stays with one version and one epoch of the log, and ends with
 * `SNAPSHOT_GONE` when that version was truncated away under it. None of them waits: `walk.ts` does.
 */

import type { WaitOptions } from '../log/remote.ts'
import type { Blocks } from './blocks.ts'
import { Cursor } from './cursor.ts'
import { Difference } from './difference.ts'
import { ABSENT, MISSING } from './find.ts'
import type { Keyspace } from './keyspace.ts'
import type { Shared } from './shared.ts'
import type { BeeDifference, BeeEntry, BeeRange, HistoryEntry, HistoryRange } from './types.ts'
import { NOT_HERE, type Steps } from './walk.ts'

/** What an iteration stays with. */
export interface Pin {
  readonly blocks: Blocks
  readonly keys: Keyspace
  readonly version: number
  readonly epoch: number
}

/** What block `seq` wrote, its key as the reader's keyspace has it. */
export function entryAt(blocks: Blocks, keys: Keyspace, seq: number): BeeEntry | typeof NOT_HERE {
  const entry = blocks.entry(seq)
  if (entry === undefined) return NOT_HERE
  return { seq, key: keys.decode(entry.key), value: entry.value }
}

/** The keys of a range with their values. */
export class EntrySteps implements Steps<BeeEntry> {
  readonly #pin: Pin
  readonly #cursor: Cursor
  /** Found, but its value was not here: this entry's turn once more. */
  #found: number = ABSENT

  constructor(pin: Pin, range: BeeRange) {
    this.#pin = pin
    this.#cursor = new Cursor(pin.blocks, pin.version, pin.keys.encodeRange(range))
  }

  step(): BeeEntry | undefined | typeof NOT_HERE {
    const { blocks, keys, version, epoch } = this.#pin
    blocks.checkWhole(version, epoch)
    const seq = this.#found === ABSENT ? this.#cursor.next() : this.#found
    if (seq === ABSENT) return undefined
    if (seq === MISSING) return NOT_HERE
    const entry = entryAt(blocks, keys, seq)
    this.#found = entry === NOT_HERE ? seq : ABSENT
    return entry
  }

  ahead(into: number[], countMax: number): void {
    this.#cursor.ahead(into, countMax)
  }
}

/** What is not the same block in two versions. */
export class DifferenceSteps implements Steps<BeeDifference> {
  readonly #pin: Pin
  readonly #difference: Difference
  readonly #versionMax: number
  /** A difference was found and its entries not delivered yet. */
  #pending = false

  constructor(pin: Pin, rightVersion: number, range: BeeRange) {
    const encoded = pin.keys.encodeRange(range)
    this.#pin = pin
    this.#versionMax = Math.max(pin.version, rightVersion)
    this.#difference = new Difference(pin.blocks, pin.version, rightVersion, encoded)
  }

  step(): BeeDifference | undefined | typeof NOT_HERE {
    const { blocks, keys, epoch } = this.#pin
    blocks.checkWhole(this.#versionMax, epoch)
    if (!this.#pending) {
      const found = this.#difference.next()
      if (found === ABSENT) return undefined
      if (found === MISSING) return NOT_HERE
    }
    this.#pending = true
    const { left, right } = this.#difference
    const leftEntry = left === ABSENT ? undefined : entryAt(blocks, keys, left)
    const rightEntry = right === ABSENT ? undefined : entryAt(blocks, keys, right)
    if (leftEntry === NOT_HERE || rightEntry === NOT_HERE) return NOT_HERE
    this.#pending = false
    return { left: leftEntry, right: rightEntry }
  }

  ahead(into: number[], countMax: number): void {
    this.#difference.ahead(into, countMax)
  }
}

/** One operation after the other. */
export class HistorySteps implements Steps<HistoryEntry> {
  readonly #pin: Pin
  readonly #shared: Shared
  readonly #live: boolean
  readonly #step: 1 | -1
  #seq: number
  readonly #low: number
  readonly #end: number

  constructor(pin: Pin, shared: Shared, range: HistoryRange) {
    const { version } = pin
    const forward = range.reverse !== true
    this.#pin = pin
    this.#shared = shared
    this.#live = range.live === true && forward
    this.#step = forward ? 1 : -1
    const low = range.gt === undefined ? at(range.gte ?? 1, version) : at(range.gt, version) + 1
    const high = range.lte === undefined ? version : at(range.lte, version) + 1
    const end = range.lt === undefined ? high : at(range.lt, version)
    this.#low = Math.max(1, low)
    this.#end = this.#live && end === version ? Number.POSITIVE_INFINITY : Math.min(end, version)
    this.#seq = forward ? this.#low : this.#end - 1
  }

  step(): HistoryEntry | undefined | typeof NOT_HERE {
    const { blocks, keys, version, epoch } = this.#pin
    for (;;) {
      const seq = this.#seq
      if (seq < this.#low || seq >= this.#end) return undefined
      // A live history goes on beyond its first version; what it has passed must still be there.
      blocks.checkWhole(this.#live ? seq : version, epoch)
      if (this.#live && seq >= this.#shared.version) return NOT_HERE
      const block = blocks.block(seq)
      if (block === undefined) return NOT_HERE
      if (!keys.has(block.key)) {
        this.#seq += this.#step
        continue
      }
      const entry = entryAt(blocks, keys, seq)
      if (entry === NOT_HERE) return NOT_HERE
      this.#seq += this.#step
      return { type: block.isPut ? 'put' : 'del', ...entry }
    }
  }

  ahead(into: number[], countMax: number): void {
    const end = Math.min(this.#end, this.#shared.version)
    for (let seq = this.#seq; into.length < countMax && seq >= this.#low && seq < end; ) {
      into.push(seq)
      seq += this.#step
    }
  }

  /** At the live end there is nothing to fetch: the log must grow. */
  wait(options: WaitOptions): Promise<void> {
    if (this.#seq < this.#shared.version) return this.#pin.blocks.fetch(options)
    return this.#shared.changed(options.signal)
  }
}

/** A block number; negative ones count from the end. */
function at(seq: number, version: number): number {
  return seq < 0 ? version + seq : seq
}
