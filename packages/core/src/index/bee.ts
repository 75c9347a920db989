/**
 * A sorted map from bytes to bytes in one log: hyperbee 2, byte for byte.
 *
 * Owns: the object that users hold. Skeleton of the signatures; the tree is filled in next.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { BeeBatch } from './batch.ts'
import type { LogSource } from './source.ts'

/** One key as it stands at some version. Its bytes belong to the caller. */
export interface BeeEntry {
  /** Block that holds it; also the version before it was written. */
  readonly seq: number
  readonly key: Uint8Array
  /** `undefined` for a key that was put without a value. */
  readonly value: Uint8Array | undefined
}

/** Bounds on encoded keys; `gt` wins over `gte`, `lt` over `lte`. */
export interface BeeRange {
  readonly gt?: Uint8Array
  readonly gte?: Uint8Array
  readonly lt?: Uint8Array
  readonly lte?: Uint8Array
  readonly reverse?: boolean
  /** At most so many; -1 (the default) is all. */
  readonly limit?: number
}

/** Bounds on versions (block numbers); negative ones count from the end. */
export interface HistoryRange {
  /** Default 1: the first operation. */
  readonly gte?: number
  readonly gt?: number
  readonly lt?: number
  readonly lte?: number
  readonly reverse?: boolean
  readonly limit?: number
  /** Goes on as the log grows, until the signal. Not with `reverse`. */
  readonly live?: boolean
}

export interface HistoryEntry extends BeeEntry {
  readonly type: 'put' | 'del'
}

/** What stands under a key on both sides; `undefined` where it is missing. */
export interface BeeDifference {
  readonly left: BeeEntry | undefined
  readonly right: BeeEntry | undefined
}

export interface BeeHeader {
  /** Named by the first bee of a pair: the log that holds its bulk. */
  readonly contentFeed: Uint8Array | undefined
  readonly userData: Uint8Array | undefined
}

export interface BeeOptions {
  readonly readOnly?: boolean
  /** Metadata of the header that the first write makes. Default: a header without metadata. */
  readonly metadata?: Partial<BeeHeader>
  /** Decoded nodes held in memory. Default 16 MiB. */
  readonly cacheBytes?: number
  readonly clock?: Clock
}

export interface PutOptions {
  /** Asked only if the key exists; `false` writes nothing. */
  readonly cas?: (
    previous: BeeEntry,
    next: { key: Uint8Array; value: Uint8Array | undefined },
  ) => boolean
  /** `false`: writing the value that is there already writes nothing. Default true. */
  readonly alwaysDuplicate?: boolean
}

export interface DelOptions {
  readonly cas?: (previous: BeeEntry) => boolean
}

/** Reading, at a version that is fixed or moves along. Waits for peers only where a block is missing. */
export interface BeeReader {
  /** Number of blocks that this view shows; 1 is the empty bee. */
  readonly version: number
  /** `undefined`: known not to be there. A bee that was never synced first asks its peers. */
  get(key: Uint8Array, options?: WaitOptions): Promise<BeeEntry | undefined>
  /** `get` on local blocks alone, without a promise. Throws `NOT_AVAILABLE` where they don't suffice. */
  getLocal(key: Uint8Array): BeeEntry | undefined
  entries(range?: BeeRange, options?: WaitOptions): AsyncIterable<BeeEntry>
  /** First entry of a range, or the last with `reverse`. */
  first(range?: BeeRange, options?: WaitOptions): Promise<BeeEntry | undefined>
  history(range?: HistoryRange, options?: WaitOptions): AsyncIterable<HistoryEntry>
  /** Entries of this view (left) and of `other` (right) that are not the same block, in order of keys. */
  diff(
    other: number | BeeReader,
    range?: BeeRange,
    options?: WaitOptions,
  ): AsyncIterable<BeeDifference>
  /** This bee at an older version, read-only. */
  checkout(version: number): BeeReader
  /** This bee as it stands now, read-only. */
  snapshot(): BeeReader
}

/** Present and previous state, one step per batch of appends that changed the range. */
export interface BeeChange {
  readonly current: BeeReader
  readonly previous: BeeReader
}

export class Bee implements BeeReader {
  static open(_log: LogSource, _options: BeeOptions = {}): Bee {
    throw new DatError('INVARIANT', 'not built')
  }
  get log(): LogSource {
    throw new DatError('INVARIANT', 'not built')
  }
  get version(): number {
    throw new DatError('INVARIANT', 'not built')
  }
  get writable(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Metadata of block 0. `undefined`: known to be empty. */
  header(_options?: WaitOptions): Promise<BeeHeader | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Asks peers for a longer history; was there one? */
  update(_options?: WaitOptions): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }
  get(_key: Uint8Array, _options?: WaitOptions): Promise<BeeEntry | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  getLocal(_key: Uint8Array): BeeEntry | undefined {
    throw new DatError('INVARIANT', 'not built')
  }
  entries(_range?: BeeRange, _options?: WaitOptions): AsyncIterable<BeeEntry> {
    throw new DatError('INVARIANT', 'not built')
  }
  first(_range?: BeeRange, _options?: WaitOptions): Promise<BeeEntry | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  history(_range?: HistoryRange, _options?: WaitOptions): AsyncIterable<HistoryEntry> {
    throw new DatError('INVARIANT', 'not built')
  }
  diff(
    _other: number | BeeReader,
    _range?: BeeRange,
    _options?: WaitOptions,
  ): AsyncIterable<BeeDifference> {
    throw new DatError('INVARIANT', 'not built')
  }
  checkout(_version: number): BeeReader {
    throw new DatError('INVARIANT', 'not built')
  }
  snapshot(): BeeReader {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Changes of a range as they come: writes of our own, or of the owner. */
  watch(_range?: BeeRange, _options?: { signal?: AbortSignal }): AsyncIterable<BeeChange> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** The entries whose keys start with `prefix` and a zero byte (or `separator`), as a bee of their own. */
  sub(_prefix: Uint8Array, _options?: { separator?: Uint8Array }): Bee {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Resolves when acknowledged, with the block written, or `undefined` if `cas` or equality refused. */
  put(
    _key: Uint8Array,
    _value: Uint8Array | undefined,
    _options?: PutOptions,
  ): Promise<number | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Resolves with the block written, or `undefined` if the key was not there or `cas` refused. */
  del(_key: Uint8Array, _options?: DelOptions): Promise<number | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Many operations, one append. */
  batch(): BeeBatch {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Closes the log's handle. */
  close(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
