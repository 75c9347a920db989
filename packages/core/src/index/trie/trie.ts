/**
 * A map from paths to bytes in one log: hypertrie 5, byte for byte.
 *
 * Owns: the object that users hold. Every operation is one block, so every length of the log is a version that
 * can be read again. What is "not there" is known: a trie whose log was never synced waits for its first block,
 * and fails with `NO_PEERS`, `NOT_AVAILABLE` or `TIMEOUT` rather than look empty.
 *
 *     view.ts   reading          find.ts  cursor.ts  difference.ts  steps.ts
 *     write.ts  writing          draft.ts
 *     hinting.ts  hints.ts (the extension)   asking peers, and telling them, which blocks a read needs
 *     nodes.ts  decoded blocks   node.ts  buckets.ts (the format)   path.ts  siphash.ts   shared.ts
 */

import type { WaitOptions } from '../../log/remote.ts'
import type { LogSource } from '../source.ts'
import { watch } from '../watch.ts'
import { Shared } from './shared.ts'
import type {
  HistoryRange,
  TrieChange,
  TrieDelOptions,
  TrieDifference,
  TrieDiffRange,
  TrieEntry,
  TrieGetOptions,
  TrieHeader,
  TrieOperation,
  TrieOptions,
  TriePutOptions,
  TrieRange,
  TrieReader,
} from './types.ts'
import { differs, TrieView } from './view.ts'
import { writeBatch, writeDel, writePut } from './write.ts'

export type * from './types.ts'

export class Trie implements TrieReader {
  readonly #shared: Shared
  readonly #view: TrieView

  private constructor(shared: Shared) {
    this.#shared = shared
    this.#view = new TrieView(shared)
  }

  /** Reads and writes through `log` from now on; closing the trie closes it. */
  static open(log: LogSource, options: TrieOptions = {}): Trie {
    return new Trie(new Shared(log, options))
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

  /** Block 0. `undefined`: a trie of our own that is empty. Throws `BAD_CONTENT` if the log holds something else. */
  async header(options: WaitOptions = {}): Promise<TrieHeader | undefined> {
    await this.#shared.prepare(options)
    return this.#shared.header
  }

  /** Asks peers for a longer history; was there one? */
  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#shared.source.update(options)
  }

  // ---- Reading ----

  get(
    key: string,
    how: TrieGetOptions = {},
    options: WaitOptions = {},
  ): Promise<TrieEntry | undefined> {
    return this.#view.get(key, how, options)
  }

  getLocal(key: string, how: TrieGetOptions = {}): TrieEntry | undefined {
    return this.#view.getLocal(key, how)
  }

  entries(
    prefix = '',
    range: TrieRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<TrieEntry> {
    return this.#view.entries(prefix, range, options)
  }

  history(range: HistoryRange = {}, options: WaitOptions = {}): AsyncIterableIterator<TrieEntry> {
    return this.#view.history(range, options)
  }

  diff(
    other: number | { readonly version: number },
    prefix = '',
    range: TrieDiffRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<TrieDifference> {
    return this.#view.diff(other, prefix, range, options)
  }

  checkout(version: number): TrieReader {
    return this.#view.checkout(version)
  }

  snapshot(): TrieReader {
    return this.#view.snapshot()
  }

  /**
   * One step whenever something at or below the prefix was written or deleted since the step before (or since the
   * call). Several appends may be one step. Ends when the signal fires or the trie is closed.
   */
  watch(prefix = '', options: WaitOptions = {}): AsyncIterable<TrieChange> {
    const shared = this.#shared
    return watch(shared, this.#view.snapshot(), shared.nodes.epoch, options, (current, previous) =>
      differs(current, previous, prefix, options),
    )
  }

  // ---- Writing ----

  /** Resolves when acknowledged, with the block written, or `undefined` if the condition refused. */
  put(
    key: string,
    value: Uint8Array | undefined,
    options: TriePutOptions = {},
  ): Promise<number | undefined> {
    return writePut(this.#shared, key, value, options)
  }

  /** Resolves with the block written, or `undefined` if the key was not there or the condition refused. */
  del(key: string, options: TrieDelOptions = {}): Promise<number | undefined> {
    return writeDel(this.#shared, key, options)
  }

  /** All operations in their order as one append, or none. The blocks written; `undefined` for a key not there. */
  batch(operations: readonly TrieOperation[]): Promise<(number | undefined)[]> {
    return writeBatch(this.#shared, operations)
  }

  /** Closes the log's handle; views of this trie end with it. */
  close(): Promise<void> {
    return this.#shared.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
