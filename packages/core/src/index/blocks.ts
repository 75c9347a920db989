/**
 * Decoded blocks of one bee: keys, tree nodes and entries by number, as far as they are on this machine.
 *
 * Owns: what a bee looks up in its blocks; the cache and the memory of truncations are `decoded.ts`. `undefined` is a
 * block that is not here, and `missing` says which one.
 */

import { copy } from '../bytes/bytes.ts'
import type { WaitOptions } from '../log/remote.ts'
import { type BeeBlock, decodeBlock, decodeValue, type Level } from './block.ts'
import { Decoded } from './decoded.ts'
import type { LogReader } from './source.ts'
import type { BeeEntry } from './types.ts'

/** The decoded blocks of one bee. */
export class Blocks {
  readonly source: LogReader
  readonly #decoded: Decoded<BeeBlock>

  constructor(source: LogReader, cacheBytes?: number) {
    this.source = source
    this.#decoded = new Decoded(source, decodeBlock, cacheBytes)
  }

  close(): void {
    this.#decoded.close()
  }

  /** Block that the last unsuccessful call lacked. */
  get missing(): number {
    return this.#decoded.missing
  }

  /** Decoded block `seq` if it is on this machine. */
  block(seq: number): BeeBlock | undefined {
    return this.#decoded.get(seq)
  }

  /** Key number `i` of a tree node. */
  keyOf(level: Level, i: number): Uint8Array | undefined {
    const known = level.keyBytes[i]
    if (known !== undefined) return known
    // Nodes remember the bytes of keys of later blocks never, of earlier ones only: truncation leaves those right.
    const key = this.block(level.keys[i] ?? 0)?.key
    if (key !== undefined) level.keyBytes[i] = key
    return key
  }

  /** What block `seq` wrote, in memory of the caller's. */
  entry(seq: number): BeeEntry | undefined {
    const block = this.block(seq)
    if (block === undefined) return undefined
    if (block.valueKept) {
      const value = block.value === undefined ? undefined : copy(block.value)
      return { seq, key: copy(block.key), value }
    }
    const bytes = this.source.peek(seq)
    if (bytes === undefined) {
      this.#decoded.missing = seq
      return undefined
    }
    return { seq, key: copy(block.key), value: decodeValue(seq, bytes) }
  }

  /** Waits until block `missing` is here, so that the step that lacked it can be tried again. */
  fetch(options: WaitOptions): Promise<void> {
    return this.#decoded.fetch(options)
  }

  /** Number of truncations so far. */
  get epoch(): number {
    return this.#decoded.epoch
  }

  /** Are the blocks below `version` still those of epoch `since`? */
  isWhole(version: number, since: number): boolean {
    return this.#decoded.isWhole(version, since)
  }

  /** Throws `SNAPSHOT_GONE` unless `isWhole`. */
  checkWhole(version: number, since: number): void {
    this.#decoded.checkWhole(version, since)
  }
}
