/**
 * What the object, the views and the batches of one bee have in common.
 *
 * Owns: the log, its blocks in memory, the write lock, and the tree that the last write left in memory. Whether there is
 * a bee at all is `beginning.ts`; waiting, for the first block and for others, `life.ts`.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { Mutex } from '../base/mutex.ts'
import { Pace } from '../base/pace.ts'
import { openedForReading } from '../log/refusal.ts'
import type { WaitOptions } from '../log/remote.ts'
import { Beginning, type HeaderFormat } from './beginning.ts'
import { decodeHeader } from './block.ts'
import { BlockWriter } from './block-writer.ts'
import { Blocks } from './blocks.ts'
import { ByteShelf } from './byte-shelf.ts'
import { Hinting } from './hinting.ts'
import { Life } from './life.ts'
import type { LogSource } from './source.ts'
import type { Tree } from './tree.ts'
import type { BeeHeader, BeeOptions } from './types.ts'

const FORMAT: HeaderFormat<BeeHeader> = { name: 'bee', decode: decodeHeader }

export class Shared {
  readonly source: LogSource
  readonly blocks: Blocks
  readonly hinting: Hinting
  readonly clock: Clock
  /** Of reads that need nobody: in a loop they would keep the event loop for themselves. */
  readonly pace: Pace
  readonly readOnly: boolean
  /** Metadata for the header, if we are the one who writes it. */
  readonly metadata: Partial<BeeHeader> | undefined
  readonly lock: Mutex = new Mutex()
  /** For whoever holds the lock: memory of its draft. */
  readonly writer: BlockWriter = new BlockWriter()
  readonly values: ByteShelf = new ByteShelf()
  /** The tree as the last write left it, if no block was added or lost since. */
  #tree: { readonly tree: Tree; readonly version: number; readonly epoch: number } | undefined =
    undefined
  readonly #life: Life
  readonly #beginning: Beginning<BeeHeader>

  constructor(source: LogSource, options: BeeOptions) {
    this.source = source
    this.blocks = new Blocks(source, options.cacheBytes)
    this.clock = options.clock ?? systemClock
    this.pace = new Pace(this.clock)
    this.#life = new Life(source, this.clock)
    this.#beginning = new Beginning(this.#life, this.blocks, FORMAT)
    this.hinting = new Hinting(source, this.clock)
    this.readOnly = options.readOnly ?? false
    this.metadata = options.metadata
  }

  get closed(): boolean {
    return this.#life.closed
  }

  get writable(): boolean {
    return !this.readOnly && this.source.writable
  }

  /** Blocks of the log; an empty bee and an empty log are both version 1. */
  get version(): number {
    return Math.max(1, this.source.length)
  }

  /** Number of truncations so far. */
  get epoch(): number {
    return this.blocks.epoch
  }

  checkWhole(version: number, since: number): void {
    this.blocks.checkWhole(version, since)
  }

  /** Waits until the block that was missing last is here. */
  fetch(options: WaitOptions): Promise<void> {
    return this.blocks.fetch(options)
  }

  get header(): BeeHeader | undefined {
    return this.#beginning.header
  }

  isReady(): boolean {
    return this.#beginning.isReady()
  }

  prepare(options: WaitOptions): Promise<void> {
    return this.#beginning.prepare(options)
  }

  /** The kept tree, if it is that of now; whoever takes it may change it. */
  takeTree(): Tree | undefined {
    const kept = this.#tree
    this.#tree = undefined
    if (kept?.version !== this.version || kept.epoch !== this.blocks.epoch) return undefined
    return kept.tree
  }

  keepTree(tree: Tree, version: number): void {
    this.#tree = { tree, version, epoch: this.blocks.epoch }
  }

  /** Resolves when the log grows or shrinks next; rejects with `ABORTED` or `CLOSED`. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    return this.#life.changed(signal)
  }

  checkOpen(): void {
    this.#life.checkOpen()
  }

  checkWritable(): void {
    this.checkOpen()
    if (this.readOnly) throw openedForReading('bee')
    this.source.checkWritable()
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.#tree = undefined
    this.hinting.close()
    this.blocks.close()
    return this.#life.close()
  }
}
