/**
 * The iterations of a trie, step by step: entries of a prefix, and differences.
 *
 * Owns: turning block numbers into entries. Each stays with one version and one epoch of the log, and ends with
 * `SNAPSHOT_GONE` when that version was truncated away under it. None of them waits: `walk.ts` does.
 */

import { TRIE_HINT_BLOCKS_MAX } from '../../base/limits.ts'
import { NOT_HERE, type Steps } from '../walk.ts'
import { Cursor } from './cursor.ts'
import { Difference } from './difference.ts'
import { ABSENT, MISSING } from './find.ts'
import { entryOf } from './node.ts'
import type { Nodes } from './nodes.ts'
import type { Hash } from './path.ts'
import type { TrieDifference, TrieDiffRange, TrieEntry, TrieRange } from './types.ts'

/** Blocks that may still be hinted at when peers are asked for more: an answer takes a round trip. */
const HINTS_LEFT_MIN = 128

/** What an iteration stays with. */
export interface Pin {
  readonly nodes: Nodes
  readonly version: number
  readonly epoch: number
  readonly hash: Hash | undefined
}

/** What block `seq` wrote. */
export function entryAt(nodes: Nodes, seq: number): TrieEntry | typeof NOT_HERE {
  const node = nodes.get(seq)
  return node === undefined ? NOT_HERE : entryOf(node)
}

/** The entries of a prefix. */
export class EntrySteps implements Steps<TrieEntry> {
  readonly #pin: Pin
  readonly #cursor: Cursor
  /** Nodes named when peers were asked last. */
  #askedAt = 0
  /** Found, but gone from memory meanwhile: this entry's turn once more. */
  #found: number = ABSENT

  constructor(pin: Pin, prefix: string, range: TrieRange) {
    this.#pin = pin
    this.#cursor = new Cursor(pin.nodes, pin.version, prefix, range, pin.hash)
  }

  step(): TrieEntry | undefined | typeof NOT_HERE {
    const { nodes, version, epoch } = this.#pin
    nodes.checkWhole(version, epoch)
    const seq = this.#found === ABSENT ? this.#cursor.next() : this.#found
    if (seq === ABSENT) return undefined
    if (seq === MISSING) return NOT_HERE
    const entry = entryAt(nodes, seq)
    this.#found = entry === NOT_HERE ? seq : ABSENT
    return entry
  }

  ahead(into: number[], countMax: number): void {
    this.#cursor.ahead(into, countMax)
  }

  /** Have peers told all that one answer may hold? */
  isSpent(): boolean {
    return this.#cursor.laid - this.#askedAt > TRIE_HINT_BLOCKS_MAX - HINTS_LEFT_MIN
  }

  /** What is left of the walk, for the question to peers. */
  checkpoint(): Uint8Array {
    this.#askedAt = this.#cursor.laid
    return this.#cursor.checkpoint()
  }
}

/** What is not the same block in two versions. */
export class DifferenceSteps implements Steps<TrieDifference> {
  readonly #pin: Pin
  readonly #difference: Difference
  readonly #versionMax: number

  constructor(pin: Pin, rightVersion: number, prefix: string, range: TrieDiffRange) {
    const { nodes, version, hash } = pin
    this.#pin = pin
    this.#versionMax = Math.max(version, rightVersion)
    this.#difference = new Difference(nodes, version, rightVersion, prefix, range, hash)
  }

  step(): TrieDifference | undefined | typeof NOT_HERE {
    const difference = this.#difference
    this.#pin.nodes.checkWhole(this.#versionMax, this.#pin.epoch)
    const result = difference.next()
    if (result === ABSENT) return undefined
    if (result === MISSING) return NOT_HERE
    const left = difference.left && entryOf(difference.left)
    const right = difference.right && entryOf(difference.right)
    return { key: (left ?? right)?.key ?? '', left, right }
  }

  ahead(into: number[], countMax: number): void {
    this.#difference.ahead(into, countMax)
  }
}
