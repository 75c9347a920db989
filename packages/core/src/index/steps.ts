/**
 * The iterations of a bee, step by step: entries of a range and differences; and what an operation did.
 *
 * Owns: turning block numbers into entries. Each stays with one version and one epoch of the log, and ends with
 * `SNAPSHOT_GONE` when that version was truncated away under it. None of them waits: `walk.ts` does.
 */

import type { Blocks } from './blocks.ts'
import { Cursor } from './cursor.ts'
import { Difference } from './difference.ts'
import { ABSENT, MISSING } from './find.ts'
import type { Keyspace } from './keyspace.ts'
import type { BeeDifference, BeeEntry, BeeRange, HistoryEntry } from './types.ts'
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
  return blocks.entry(seq, keys.prefix.length) ?? NOT_HERE
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

/** What block `seq` did; `undefined` if its key is not of this keyspace. */
export function historyEntryAt(
  blocks: Blocks,
  keys: Keyspace,
  seq: number,
): HistoryEntry | undefined | typeof NOT_HERE {
  const block = blocks.block(seq)
  if (block === undefined) return NOT_HERE
  if (!keys.has(block.key)) return undefined
  const entry = entryAt(blocks, keys, seq)
  return entry === NOT_HERE ? NOT_HERE : { type: block.isPut ? 'put' : 'del', ...entry }
}
