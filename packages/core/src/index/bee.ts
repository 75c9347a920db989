/**
 * A sorted map from bytes to bytes in one log: hyperbee 2, byte for byte.
 *
 * Owns: the object that users hold. Every operation is one block, so every length of the log is a version that
 * can be read again. What is "not there" is known: a bee whose log was never synced waits for its first block,
 * and fails with `NO_PEERS`, `NOT_AVAILABLE` or `TIMEOUT` rather than look empty.
 *
 *     view.ts   reading          find.ts  cursor.ts  difference.ts  steps.ts  walk.ts   rooted.ts  readable.ts
 *     write.ts  writing          draft.ts  tree.ts  tree-delete.ts  batch.ts
 *     hinting.ts  hints.ts (the extension)  traced.ts   asking peers, and telling them, which blocks a read needs
 *     blocks.ts (packed.ts, node.ts) blocks in memory   block.ts (the format)   shared.ts (what all share)
 */

import type { Release } from '../base/mutex.ts'
import type { WaitOptions } from '../log/remote.ts'
import { BeeBatch } from './batch.ts'
import type { Draft } from './draft.ts'
import { Keyspace } from './keyspace.ts'
import { Shared } from './shared.ts'
import type { LogSource } from './source.ts'
import type {
  BeeChange,
  BeeDifference,
  BeeEntry,
  BeeHeader,
  BeeOptions,
  BeeRange,
  BeeReader,
  DelOptions,
  HistoryEntry,
  HistoryRange,
  PutOptions,
} from './types.ts'
import { BeeView } from './view.ts'
import { NOT_HERE } from './walk.ts'
import { watch } from './watch.ts'
import { commit, openDraft, settled, writeNow } from './write.ts'

export type * from './types.ts'

export class Bee implements BeeReader {
  readonly #shared: Shared
  readonly #keys: Keyspace
  readonly #view: BeeView

  private constructor(shared: Shared, keys: Keyspace) {
    this.#shared = shared
    this.#keys = keys
    this.#view = new BeeView(shared, keys)
  }

  /** Reads and writes through `log` from now on; closing the bee closes it. */
  static open(log: LogSource, options: BeeOptions = {}): Bee {
    return new Bee(new Shared(log, options), Keyspace.ALL)
  }

  get log(): LogSource {
    return this.#shared.source
  }

  get version(): number {
    return this.#shared.version
  }

  get writable(): boolean {
    return this.#shared.writable
  }

  /** Throws unless it is `writable`, with the reason: `NOT_WRITABLE`, `FORKED` or `CLOSED`. */
  checkWritable(): void {
    this.#shared.checkWritable()
  }

  /** Metadata of block 0. `undefined`: a bee of our own that is empty. */
  async header(options: WaitOptions = {}): Promise<BeeHeader | undefined> {
    await this.#shared.prepare(options)
    return this.#shared.source.length === 0 ? undefined : this.#shared.header
  }

  /** Asks peers for a longer history; was there one? */
  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#shared.source.update(options)
  }

  // ---- Reading ----

  get(key: Uint8Array, options: WaitOptions = {}): Promise<BeeEntry | undefined> {
    return this.#view.get(key, options)
  }

  getLocal(key: Uint8Array): BeeEntry | undefined {
    return this.#view.getLocal(key)
  }

  entries(range: BeeRange = {}, options: WaitOptions = {}): AsyncIterableIterator<BeeEntry> {
    return this.#view.entries(range, options)
  }

  first(range: BeeRange = {}, options: WaitOptions = {}): Promise<BeeEntry | undefined> {
    return this.#view.first(range, options)
  }

  history(
    range: HistoryRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<HistoryEntry> {
    return this.#view.history(range, options)
  }

  diff(
    other: number | { readonly version: number },
    range: BeeRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<BeeDifference> {
    return this.#view.diff(other, range, options)
  }

  checkout(version: number): BeeReader {
    return this.#view.checkout(version)
  }

  nextReadable(version: number, options: WaitOptions = {}): Promise<number> {
    return this.#view.nextReadable(version, options)
  }

  snapshot(): BeeReader {
    return this.#view.snapshot()
  }

  /**
   * One step whenever the range changed since the step before (or since the call). Several appends may be
   * one step. Ends when the signal fires or the bee is closed.
   */
  watch(range: BeeRange = {}, options: WaitOptions = {}): AsyncIterable<BeeChange> {
    const shared = this.#shared
    const { gt, gte, lt, lte } = range
    const one: BeeRange = { gt, gte, lt, lte, limit: 1 }
    return watch(
      shared,
      this.#view.snapshot(),
      shared.epoch,
      options,
      async (current, previous) => {
        for await (const _ of current.diff(previous, one, options)) return true
        return false
      },
    )
  }

  /** The entries whose keys start with `prefix` and `separator` (a zero byte), as a bee of their own. */
  sub(prefix: Uint8Array, options: { readonly separator?: Uint8Array } = {}): Bee {
    return new Bee(this.#shared, this.#keys.sub(prefix, options.separator))
  }

  // ---- Writing ----

  /** Resolves when acknowledged, with the block written, or `undefined` if the options refused. */
  put(
    key: Uint8Array,
    value: Uint8Array | undefined,
    options: PutOptions = {},
  ): Promise<number | undefined> {
    return this.#write((draft) => draft.put(key, value, options))
  }

  /** Resolves with the block written, or `undefined` if the key was not there or `cas` refused. */
  del(key: Uint8Array, options: DelOptions = {}): Promise<number | undefined> {
    return this.#write((draft) => draft.del(key, options))
  }

  /** Many operations, one append. */
  batch(): BeeBatch {
    this.#shared.checkWritable()
    return new BeeBatch(this.#shared, this.#keys, this.#view)
  }

  #write(
    step: (draft: Draft) => number | undefined | typeof NOT_HERE,
  ): Promise<number | undefined> {
    const shared = this.#shared
    let release: Release | undefined
    try {
      shared.checkWritable()
      release = shared.lock.tryAcquire()
      const written = release === undefined ? NOT_HERE : writeNow(shared, this.#keys, step)
      if (written !== NOT_HERE) return written.finally(release)
    } catch (error) {
      release?.()
      return Promise.reject(error)
    }
    return this.#writeSlowly(step, release)
  }

  async #writeSlowly(
    step: (draft: Draft) => number | undefined | typeof NOT_HERE,
    held: Release | undefined,
  ): Promise<number | undefined> {
    const shared = this.#shared
    const release = held ?? (await shared.lock.acquire())
    try {
      const draft = await openDraft(shared, this.#keys)
      const seq = await settled(shared, () => step(draft))
      await commit(shared, draft)
      return seq
    } finally {
      release()
    }
  }

  /** Closes the log's handle; subs and views of this bee end with it. */
  close(): Promise<void> {
    return this.#shared.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
