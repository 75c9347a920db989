/**
 * The words of a trie: entries, ways to look, differences, and what it means to read one.
 *
 * Owns: the interfaces that the object itself (`trie.ts`) and its views share. Keys are paths: components between
 * slashes, without a slash in front; values are bytes. Entries come in the order of hashes, not of names.
 */

import type { Clock } from '../../base/clock.ts'
import type { WaitOptions } from '../../log/remote.ts'
import type { HistoryRange } from '../types.ts'

export type { HistoryRange } from '../types.ts'

/** One key as it stands at some version. Its bytes belong to the caller. */
export interface TrieEntry {
  /** Block that holds it; also the version before it was written. */
  readonly seq: number
  /** As it was written, without a slash in front; one at the end is kept and says nothing. */
  readonly key: string
  /** `undefined` for a key that was put without a value. */
  readonly value: Uint8Array | undefined
  /** What the application put beside the value, 0 if nothing. */
  readonly flags: number
  /** Hidden and visible entries are two tries in one log: neither is seen when looking for the other. */
  readonly hidden: boolean
}

/** What `get` looks for. */
export interface TrieGetOptions {
  /** In the hidden half. Default false. */
  readonly hidden?: boolean
  /** Any entry at or below the key will do: the newest on the way. Default false. */
  readonly prefix?: boolean
  /**
   * Where there is no such key, the entry that the search ended at: it shares at least as much of the path as the
   * nearest one does. Default false.
   */
  readonly closest?: boolean
}

/** Which entries an iteration gives, and in which order. */
export interface TrieRange {
  /** In the hidden half. Default false. */
  readonly hidden?: boolean
  /**
   * `false`: one entry for each component below the prefix, the newest below it; which may lie deeper.
   * Default true.
   */
  readonly recursive?: boolean
  /** Leaves out the prefix itself. Default false. */
  readonly gt?: boolean
  /** The order turned round. Default false. */
  readonly reverse?: boolean
  /** At every fork the way is drawn with this (0 ≤ x < 1). Wins over `reverse`. */
  readonly random?: () => number
  /** At most so many; -1 (the default) is all. */
  readonly limit?: number
}

/** Which differences are given. */
export interface TrieDiffRange {
  /** In the hidden half. Default false. */
  readonly hidden?: boolean
  /** Leaves out what only the other version has. Default false. */
  readonly skipLeftNull?: boolean
  /** Leaves out what only this version has. Default false. */
  readonly skipRightNull?: boolean
  readonly limit?: number
}

/** What stands under a key on both sides; `undefined` where it is missing. */
export interface TrieDifference {
  readonly key: string
  readonly left: TrieEntry | undefined
  readonly right: TrieEntry | undefined
}

/** Block 0. */
export interface TrieHeader {
  /** `hyperdrive`: the key of the log that holds the bytes (32 bytes). */
  readonly metadata: Uint8Array | undefined
  /** `hyperdrive`, `mountable-hypertrie`; older logs have none. */
  readonly subtype: string | undefined
}

/** How a trie behaves. */
export interface TrieOptions {
  /** Refuse to write even if the log is writable. Default false. */
  readonly readOnly?: boolean
  /** Header that is written when the log is ours and empty. Default: one without metadata. */
  readonly header?: Partial<TrieHeader>
  /** Decoded nodes held in memory. Default 16 MiB. */
  readonly cacheBytes?: number
  /**
   * In place of SipHash: 8 bytes for each component, one behind the other. All who read the trie must use the same;
   * for tests of what happens when hashes are equal.
   */
  readonly hash?: (components: readonly string[]) => Uint8Array
  readonly clock?: Clock
}

/** What is asked under the write lock; `false` writes nothing. */
export type TrieCondition = (
  /** What stands under the key; with `closest`, what stands nearest if there is none. */
  previous: TrieEntry | undefined,
) => boolean | Promise<boolean>

/** How a put writes. */
export interface TriePutOptions {
  readonly hidden?: boolean
  /** A small number of the application's beside the value: whole, 0 to 2^23 - 1. Default 0. */
  readonly flags?: number
  readonly condition?: TrieCondition
  /** `condition` gets the nearest entry where there is none under the key. Default false. */
  readonly closest?: boolean
}

/** How a deletion writes. */
export interface TrieDelOptions {
  readonly hidden?: boolean
  /** Asked only if the key exists, or with `closest` also if not (and nothing is written then). */
  readonly condition?: TrieCondition
  readonly closest?: boolean
}

/** One operation of a batch. */
export type TrieOperation =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Uint8Array | undefined
      readonly hidden?: boolean
      readonly flags?: number
    }
  | { readonly type: 'del'; readonly key: string; readonly hidden?: boolean }

/** Reading, at a version that is fixed or moves along. Waits for peers only where a block is missing. */
export interface TrieReader {
  /** Number of blocks that this view shows, at least 1; 1 is the empty trie. */
  readonly version: number
  /** `undefined`: known not to be there. A trie that was never synced waits for its first block. */
  get(key: string, how?: TrieGetOptions, options?: WaitOptions): Promise<TrieEntry | undefined>
  /** `get` on local blocks alone, without a promise. Throws `NOT_AVAILABLE` where they don't suffice. */
  getLocal(key: string, how?: TrieGetOptions): TrieEntry | undefined
  /** Entries at and below a prefix (default: all), as they stand at the first step. */
  entries(
    prefix?: string,
    range?: TrieRange,
    options?: WaitOptions,
  ): AsyncIterableIterator<TrieEntry>
  /**
   * What was written, block after block, hidden entries too. A deletion shows as what it wrote: an entry nearby once
   * more, or the empty key where nothing was left.
   */
  history(range?: HistoryRange, options?: WaitOptions): AsyncIterableIterator<TrieEntry>
  /**
   * Entries of this view (left) and of another version of this trie (right) that are not the same block. Deletions
   * write entries nearby once more: those show with equal values.
   */
  diff(
    other: number | { readonly version: number },
    prefix?: string,
    range?: TrieDiffRange,
    options?: WaitOptions,
  ): AsyncIterableIterator<TrieDifference>
  /** This trie at an older version, read-only. 0 and 1 are empty. */
  checkout(version: number): TrieReader
  /** This trie as it stands now, read-only. */
  snapshot(): TrieReader
}

/** One step of a watcher. */
export interface TrieChange {
  readonly current: TrieReader
  readonly previous: TrieReader
}
