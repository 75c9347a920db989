/**
 * Decoded blocks of one log, in bounded memory, and the news that some are gone.
 *
 * Owns: the cache by block number, shared by everything that reads one index, and the memory of truncations. These
 * statements always hold:
 *
 * - `get` never waits: a block that is not on this machine gives `undefined`, and `missing` then says which one
 *   it was. Whoever walks the index stops there, lets `fetch` wait, and tries that step again.
 * - No block at or above the log's length is in the cache.
 *
 * The cache has two halves: what is used moves to the young one; when that is half of the budget, the old
 * one is dropped. This keeps what is hot without a list to be maintained at each look.
 */

import type { WaitOptions } from '../log/remote.ts'
import { fetchBlock } from './fetch.ts'
import type { LogReader } from './source.ts'
import { Truncations } from './truncations.ts'

/** Default budget of the cache. */
const CACHE_BYTES = 16 * 1024 * 1024

/** What every decoded block tells. */
export interface Cached {
  readonly seq: number
  /** Bytes that it takes in memory, roughly. */
  readonly cost: number
}

/** The decoded blocks of one log. */
export class Decoded<T extends Cached> {
  readonly source: LogReader
  /** Block that the last unsuccessful call lacked. */
  missing = 0
  readonly #decode: (seq: number, bytes: Uint8Array) => T
  readonly #halfBytes: number
  #young = new Map<number, T>()
  #youngBytes = 0
  #old = new Map<number, T>()
  readonly #truncations = new Truncations()
  readonly #unsubscribe: () => void

  /** @param decode throws `BAD_CONTENT` for a block that no honest writer makes */
  constructor(
    source: LogReader,
    decode: (seq: number, bytes: Uint8Array) => T,
    cacheBytes: number = CACHE_BYTES,
  ) {
    this.source = source
    this.#decode = decode
    this.#halfBytes = cacheBytes / 2
    this.#unsubscribe = source.on('truncate', (event) => this.#truncated(event.length))
  }

  close(): void {
    this.#unsubscribe()
    this.#young.clear()
    this.#old.clear()
  }

  /** Decoded block `seq` if it is on this machine. */
  get(seq: number): T | undefined {
    const young = this.#young.get(seq)
    if (young !== undefined) return young
    const old = this.#old.get(seq)
    if (old !== undefined) {
      this.#old.delete(seq)
      this.#keep(old)
      return old
    }
    const bytes = this.source.peek(seq)
    if (bytes === undefined) {
      this.missing = seq
      return undefined
    }
    const block = this.#decode(seq, bytes)
    this.#keep(block)
    return block
  }

  /** Waits until block `missing` is here, so that the step that lacked it can be tried again. */
  fetch(options: WaitOptions): Promise<void> {
    return fetchBlock(this.source, this.missing, options)
  }

  #keep(block: T): void {
    if (this.#youngBytes > this.#halfBytes) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(block.seq, block)
    this.#youngBytes += block.cost
  }

  // ---- Truncation ----

  /** Number of truncations so far. */
  get epoch(): number {
    return this.#truncations.epoch
  }

  /** Are the blocks below `version` still those of epoch `since`? */
  isWhole(version: number, since: number): boolean {
    return this.#truncations.isWhole(version, since)
  }

  /** Throws `SNAPSHOT_GONE` unless `isWhole`. */
  checkWhole(version: number, since: number): void {
    this.#truncations.checkWhole(version, since)
  }

  #truncated(length: number): void {
    this.#truncations.add(length)
    for (const seq of this.#young.keys()) if (seq >= length) this.#young.delete(seq)
    for (const seq of this.#old.keys()) if (seq >= length) this.#old.delete(seq)
  }
}
