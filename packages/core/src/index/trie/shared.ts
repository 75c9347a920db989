/**
 * What the object and the views of one trie have in common.
 *
 * Owns: the log, the decoded nodes and the write lock. Whether there is a trie at all is `beginning.ts`; waiting, for the first
 * block and for others, `life.ts`.
 */

import { type Clock, systemClock } from '../../base/clock.ts'
import { Mutex } from '../../base/mutex.ts'
import { openedForReading } from '../../log/refusal.ts'
import type { WaitOptions } from '../../log/remote.ts'
import { Beginning, type HeaderFormat } from '../beginning.ts'
import { Life } from '../life.ts'
import type { LogSource } from '../source.ts'
import { decodeHeader } from './header.ts'
import { TrieHinting } from './hinting.ts'
import { type Nodes, openNodes } from './nodes.ts'
import type { Hash } from './path.ts'
import type { TrieHeader, TrieOptions } from './types.ts'

const FORMAT: HeaderFormat<TrieHeader> = { name: 'trie', decode: decodeHeader }

export class Shared {
  readonly source: LogSource
  readonly nodes: Nodes
  readonly hinting: TrieHinting
  readonly hash: Hash | undefined
  readonly clock: Clock
  readonly readOnly: boolean
  /** What the header is to say, if we are the one who writes it. */
  readonly newHeader: Partial<TrieHeader>
  readonly lock: Mutex = new Mutex()
  readonly #life: Life
  readonly #beginning: Beginning<TrieHeader>

  constructor(source: LogSource, options: TrieOptions) {
    this.source = source
    this.hash = options.hash
    this.nodes = openNodes(source, options.cacheBytes, options.hash)
    this.clock = options.clock ?? systemClock
    this.#life = new Life(source, this.clock)
    this.#beginning = new Beginning(this.#life, this.nodes, FORMAT)
    this.hinting = new TrieHinting(source, this.clock, this.hash)
    this.readOnly = options.readOnly ?? false
    this.newHeader = options.header ?? {}
  }

  get writable(): boolean {
    return !this.readOnly && this.source.writable
  }

  /** Blocks of the log; an empty trie and an empty log are both version 1. */
  get version(): number {
    return Math.max(1, this.source.length)
  }

  /** Number of truncations so far. */
  get epoch(): number {
    return this.nodes.epoch
  }

  checkWhole(version: number, since: number): void {
    this.nodes.checkWhole(version, since)
  }

  /** Waits until the block that was missing last is here. */
  fetch(options: WaitOptions): Promise<void> {
    return this.nodes.fetch(options)
  }

  get header(): TrieHeader | undefined {
    return this.#beginning.header
  }

  isReady(): boolean {
    return this.#beginning.isReady()
  }

  prepare(options: WaitOptions): Promise<void> {
    return this.#beginning.prepare(options)
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
    if (this.readOnly) throw openedForReading('trie')
    this.source.checkWritable()
  }

  close(): Promise<void> {
    if (this.#life.closed) return Promise.resolve()
    this.hinting.close()
    this.nodes.close()
    return this.#life.close()
  }
}
