/**
 * The blocks of one bee: keys, tree nodes and entries by number, as far as they are on this machine.
 *
 * Owns: what a bee looks up in its blocks, and how they get into memory (`packed.ts`). These statements always hold:
 *
 * - Nothing waits: a block that is not on this machine gives `undefined` or false, and `missing` then says which one
 *   it was. Whoever walks the tree stops there, lets `fetch` wait, and tries that step again.
 * - `enter` reads into the one node that this object has: what is needed of it is taken before the next is entered.
 */

import { copyAt } from '../bytes/bytes.ts'
import type { WaitOptions } from '../log/remote.ts'
import { BeeBlock, BlockFields, decodeValue, type Level } from './block.ts'
import { fetchBlock } from './fetch.ts'
import { NodeReader } from './node.ts'
import { Packed } from './packed.ts'
import type { LogReader } from './source.ts'
import { Truncations } from './truncations.ts'
import type { BeeEntry } from './types.ts'

/** Longest value that stays in memory with its block, about; longer ones are read again. */
const KEPT_VALUE_BYTES_MAX = 8_192

export class Blocks {
  readonly source: LogReader
  /** Block that the last unsuccessful call lacked. */
  missing = 0
  /** What `enter` has read. */
  readonly node: NodeReader = new NodeReader()
  readonly #packed: Packed
  readonly #fields = new BlockFields()
  readonly #truncations = new Truncations()
  readonly #unsubscribe: () => void

  constructor(source: LogReader, cacheBytes?: number) {
    this.source = source
    this.#packed = new Packed(cacheBytes)
    this.#unsubscribe = source.on('truncate', ({ length }) => {
      this.#truncations.add(length)
      this.#packed.clear()
    })
  }

  close(): void {
    this.#unsubscribe()
    this.#packed.clear()
  }

  /** Looks at block `seq`, so that its fields can be read; false if it is not on this machine. */
  #load(seq: number): boolean {
    const packed = this.#packed
    if (packed.find(seq)) return true
    const bytes = this.source.peek(seq)
    if (bytes === undefined) {
      this.missing = seq
      return false
    }
    const fields = this.#fields
    fields.read(seq, bytes)
    const rest = bytes.length - fields.indexLength - fields.keyLength
    packed.add(seq, bytes, fields, rest <= KEPT_VALUE_BYTES_MAX)
    return true
  }

  // ---- Without an object ----

  /** Reads a tree node into `node`, checked; false if its block is not here. */
  enter(seq: number, position: number): boolean {
    if (!this.#load(seq)) return false
    this.node.read(this.#packed, seq, position)
    return true
  }

  /** Did the block that was looked at last write this key? */
  wroteKey(key: Uint8Array): boolean {
    const { bytes, keyAt, keyLength } = this.#packed
    if (keyLength !== key.length) return false
    for (let i = 0; i < keyLength; i++) if (bytes[keyAt + i] !== key[i]) return false
    return true
  }

  /** Has the block that was looked at last a value? */
  get hasValue(): boolean {
    return this.#packed.hasValue
  }

  /** Order of `key` and the key of block `seq`, as `compare` has it; `undefined` if the block is not here. */
  compareKey(key: Uint8Array, seq: number): number | undefined {
    if (!this.#load(seq)) return undefined
    const { bytes, keyAt, keyLength } = this.#packed
    const common = Math.min(key.length, keyLength)
    for (let i = 0; i < common; i++) {
      const difference = (key[i] ?? 0) - (bytes[keyAt + i] ?? 0)
      if (difference !== 0) return difference
    }
    return key.length - keyLength
  }

  // ---- As objects ----

  /** Block `seq` as an object; its bytes are views that hold a piece of the cache in memory. */
  block(seq: number): BeeBlock | undefined {
    if (!this.#load(seq)) return undefined
    const { bytes, indexAt, indexLength, keyAt, keyLength, hasValue } = this.#packed
    const index = bytes.subarray(indexAt, indexAt + indexLength)
    return new BeeBlock(seq, index, bytes.subarray(keyAt, keyAt + keyLength), hasValue)
  }

  /** A tree node, checked. */
  level(seq: number, position: number): Level | undefined {
    return this.enter(seq, position) ? this.node.level() : undefined
  }

  /** The key of block `seq`, in memory of the caller's. */
  key(seq: number): Uint8Array | undefined {
    if (!this.#load(seq)) return undefined
    const { bytes, keyAt, keyLength } = this.#packed
    return copyAt(bytes, keyAt, keyLength)
  }

  /** What block `seq` wrote, in memory of the caller's. @param prefixLength bytes of the key that are left out */
  entry(seq: number, prefixLength: number): BeeEntry | undefined {
    if (!this.#load(seq)) return undefined
    const { bytes, keyAt, keyLength, hasValue, valueKept, valueAt, valueLength } = this.#packed
    const key = copyAt(bytes, keyAt + prefixLength, Math.max(0, keyLength - prefixLength))
    if (valueKept)
      return { seq, key, value: hasValue ? copyAt(bytes, valueAt, valueLength) : undefined }
    const block = this.source.peek(seq)
    if (block === undefined) {
      this.missing = seq
      return undefined
    }
    return { seq, key, value: decodeValue(seq, block) }
  }

  /** Waits until block `missing` is here, so that the step that lacked it can be tried again. */
  fetch(options: WaitOptions): Promise<void> {
    return fetchBlock(this.source, this.missing, options)
  }

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
}
