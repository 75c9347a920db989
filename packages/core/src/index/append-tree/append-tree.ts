/**
 * The file names of an old drive: append-tree 2, as hyperdrive 9 keeps it in its metadata log. Read only.
 *
 * Owns: the object that users hold. Block 0 is the drive's header and not read here; every block from 1 on puts or
 * deletes one name and makes a version. What is shown is what the index of the newest block leads to, as old programs
 * showed it. A log that was never synced waits for its first block rather than look empty.
 *
 *     view.ts   reading           find.ts  steps.ts (entries, differences)
 *     blocks.ts decoded blocks, and what lies in a folder           block.ts (the format)
 */

import type { WaitOptions } from '../../log/remote.ts'
import type { LogSource } from '../source.ts'
import type {
  AppendTreeChild,
  AppendTreeDifference,
  AppendTreeEntry,
  AppendTreeHistoryRange,
  AppendTreeOptions,
  AppendTreeReader,
} from './types.ts'
import { AppendTreeView, Shared } from './view.ts'

export type * from './types.ts'

export class AppendTree implements AppendTreeReader {
  readonly #shared: Shared
  readonly #view: AppendTreeView

  private constructor(shared: Shared) {
    this.#shared = shared
    this.#view = new AppendTreeView(shared)
  }

  /** Reads `log` from now on; closing the tree closes it. */
  static open(log: LogSource, options: AppendTreeOptions = {}): AppendTree {
    return new AppendTree(new Shared(log, options))
  }

  get log(): LogSource {
    return this.#shared.source
  }

  get version(): number {
    return this.#view.version
  }

  /** Asks peers for a longer history; was there one? */
  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#shared.source.update(options)
  }

  get(name: string, options: WaitOptions = {}): Promise<AppendTreeEntry | undefined> {
    return this.#view.get(name, options)
  }

  getLocal(name: string): AppendTreeEntry | undefined {
    return this.#view.getLocal(name)
  }

  list(name: string, options: WaitOptions = {}): Promise<AppendTreeChild[] | undefined> {
    return this.#view.list(name, options)
  }

  entries(name = '/', options: WaitOptions = {}): AsyncIterableIterator<AppendTreeEntry> {
    return this.#view.entries(name, options)
  }

  history(
    range: AppendTreeHistoryRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeEntry> {
    return this.#view.history(range, options)
  }

  diff(
    other: number | { readonly version: number },
    name = '/',
    options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeDifference> {
    return this.#view.diff(other, name, options)
  }

  checkout(version: number): AppendTreeReader {
    return this.#view.checkout(version)
  }

  snapshot(): AppendTreeReader {
    return this.#view.snapshot()
  }

  /** Closes the log's handle; views of this tree end with it. */
  close(): Promise<void> {
    return this.#shared.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
