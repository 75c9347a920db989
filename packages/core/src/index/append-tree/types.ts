/**
 * The words of an append-tree: entries, children, differences, and what it means to read one.
 *
 * Owns: the interfaces of `append-tree.ts`. Names are paths with a slash in front and none at the end; a version is
 * the number of the block that was written last, 0 is the empty tree.
 */

import type { Clock } from '../../base/clock.ts'
import type { WaitOptions } from '../../log/remote.ts'

/** What one block wrote. Its bytes belong to the caller. */
export interface AppendTreeEntry {
  readonly type: 'put' | 'del'
  /** Block that holds it; also the version that it made. */
  readonly seq: number
  /** `/a/b`. No component is empty, `.` or `..`, or holds a zero byte. */
  readonly name: string
  /** `undefined` exactly for a deletion. */
  readonly value: Uint8Array | undefined
}

/** One name below a directory. */
export interface AppendTreeChild {
  /** The component alone. */
  readonly name: string
  /** The child itself, or the newest entry below it: then it is a directory, with or without an entry of its own. */
  readonly entry: AppendTreeEntry
}

/** Bounds on versions. */
export interface AppendTreeHistoryRange {
  /** First version. Default 1. */
  readonly start?: number
  /** Last version. Default: the view's. */
  readonly end?: number
  readonly reverse?: boolean
  /** Goes on as the log grows, until the signal fires. Not with `reverse`, `end` or on a checkout. */
  readonly live?: boolean
  readonly limit?: number
}

/** One name whose entry is not the same in two versions. */
export interface AppendTreeDifference {
  readonly name: string
  /** In this version; `undefined` where it is missing. */
  readonly left: AppendTreeEntry | undefined
  /** In the other. */
  readonly right: AppendTreeEntry | undefined
}

/** How a tree is read. */
export interface AppendTreeOptions {
  /** Decoded blocks held in memory. Default 16 MiB. */
  readonly cacheBytes?: number
  readonly clock?: Clock
}

/** Reading, at a version that is fixed or moves along. Waits for peers only where a block is missing. */
export interface AppendTreeReader {
  /** The newest block, 0 if there is none but the header. */
  readonly version: number
  /** `undefined`: known not to be there. */
  get(name: string, options?: WaitOptions): Promise<AppendTreeEntry | undefined>
  /** `get` on local blocks alone, without a promise. Throws `NOT_AVAILABLE` where they don't suffice. */
  getLocal(name: string): AppendTreeEntry | undefined
  /**
   * What lies in a directory, in the order of the index (oldest block first). `undefined`: there is nothing at or below
   * the name; an empty list is a file or an empty directory.
   */
  list(name: string, options?: WaitOptions): Promise<AppendTreeChild[] | undefined>
  /** All that is put at or below a name (default: everything), parents before children. */
  entries(name?: string, options?: WaitOptions): AsyncIterableIterator<AppendTreeEntry>
  /** What was written, block after block. */
  history(
    range?: AppendTreeHistoryRange,
    options?: WaitOptions,
  ): AsyncIterableIterator<AppendTreeEntry>
  /** Names whose entries differ, at or below a name (default: everything). */
  diff(
    other: number | { readonly version: number },
    name?: string,
    options?: WaitOptions,
  ): AsyncIterableIterator<AppendTreeDifference>
  /** The tree at an older version. */
  checkout(version: number): AppendTreeReader
  /** The tree as it is now. */
  snapshot(): AppendTreeReader
}
