/**
 * The words of a bee: entries, ranges, differences, and what it means to read one.
 *
 * Owns: the interfaces that the object itself (`bee.ts`), its views and its batches share. Keys and values
 * are bytes; keys sort by their bytes, a prefix before what continues it.
 */

import type { Clock } from '../base/clock.ts'
import type { WaitOptions } from '../log/remote.ts'

/** One key as it stands at some version. Its bytes belong to the caller. */
export interface BeeEntry {
  /** Block that holds it; also the version before it was written. */
  readonly seq: number
  readonly key: Uint8Array
  /** `undefined` for a key that was put without a value. */
  readonly value: Uint8Array | undefined
}

/** Bounds on keys; `gt` wins over `gte`, `lt` over `lte`. */
export interface BeeRange {
  readonly gt?: Uint8Array | undefined
  readonly gte?: Uint8Array | undefined
  readonly lt?: Uint8Array | undefined
  readonly lte?: Uint8Array | undefined
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** At most so many; -1 (the default) is all. */
  readonly limit?: number | undefined
}

/** Bounds on block numbers; negative ones count from the end. `gt` wins over `gte`, `lt` over `lte`. */
export interface HistoryRange {
  readonly gt?: number | undefined
  /** Default 1: the first operation. */
  readonly gte?: number | undefined
  readonly lt?: number | undefined
  readonly lte?: number | undefined
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
  /** Goes on as the log grows, until the signal fires. Not with `reverse`. */
  readonly live?: boolean | undefined
}

/** One operation. After it the bee's version is `seq + 1`, which is for nobody to see where a batch goes on (`nextReadable`). */
export interface HistoryEntry extends BeeEntry {
  readonly type: 'put' | 'del'
}

/** What stands under a key on both sides; `undefined` where it is missing. */
export interface BeeDifference {
  readonly left: BeeEntry | undefined
  readonly right: BeeEntry | undefined
}

/** Metadata of block 0. */
export interface BeeHeader {
  /** Key of the log that holds the bulk, where it can't be derived (compat drives). */
  readonly contentFeed: Uint8Array | undefined
  readonly userData: Uint8Array | undefined
}

/** How a bee behaves. */
export interface BeeOptions {
  /** Refuse to write even if the log is writable. Default false. */
  readonly readOnly?: boolean
  /** Metadata of the header that the first write makes. Default: a header without metadata. */
  readonly metadata?: Partial<BeeHeader>
  /** Bytes of blocks held in memory. Default 16 MiB. */
  readonly cacheBytes?: number
  readonly clock?: Clock
}

/** When a put writes. */
export interface PutOptions {
  /** Asked only if the key exists; `false` writes nothing. */
  readonly cas?: (
    previous: BeeEntry,
    next: { readonly key: Uint8Array; readonly value: Uint8Array | undefined },
  ) => boolean
  /** `false`: writing the value that is there already writes nothing. Default true. */
  readonly alwaysDuplicate?: boolean
}

/** When a deletion writes. */
export interface DelOptions {
  /** Asked only if the key exists; `false` writes nothing. */
  readonly cas?: (previous: BeeEntry) => boolean
}

/** Reading, at a version that is fixed or moves along. Waits for peers only where a block is missing. */
export interface BeeReader {
  /** Number of blocks that this view shows, at least 1; 1 is the empty bee. */
  readonly version: number
  /** `undefined`: known not to be there. A bee that was never synced waits for its first block. */
  get(key: Uint8Array, options?: WaitOptions): Promise<BeeEntry | undefined>
  /** `get` on local blocks alone, without a promise. Throws `NOT_AVAILABLE` where they don't suffice. */
  getLocal(key: Uint8Array): BeeEntry | undefined
  /** Entries in order, as they stand at the first step. */
  entries(range?: BeeRange, options?: WaitOptions): AsyncIterable<BeeEntry>
  /** First entry of a range, or the last with `reverse`. */
  first(range?: BeeRange, options?: WaitOptions): Promise<BeeEntry | undefined>
  /** Operations in the order in which they were made. */
  history(range?: HistoryRange, options?: WaitOptions): AsyncIterable<HistoryEntry>
  /**
   * Entries of this view (left) and of another version of this bee (right) that are not the same block, in
   * order of keys. Equal parts of the trees are not even loaded. `reverse` is refused.
   */
  diff(
    other: number | { readonly version: number },
    range?: BeeRange,
    options?: WaitOptions,
  ): AsyncIterable<BeeDifference>
  /**
   * This bee at an older version, read-only. Versions in the middle of a batch have no tree; where that
   * can be seen, reading one fails with `SNAPSHOT_GONE`.
   */
  checkout(version: number): BeeReader
  /** The first version from this one on that can be checked out: its own, or that of the end of its batch. */
  nextReadable(version: number, options?: WaitOptions): Promise<number>
  /** This bee as it stands now, read-only. */
  snapshot(): BeeReader
}

/** One step of a watcher. */
export interface BeeChange {
  readonly current: BeeReader
  readonly previous: BeeReader
}
