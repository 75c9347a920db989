/**
 * The file names of an old drive: append-tree 2, as hyperdrive 9 keeps it in its metadata log. Read only.
 *
 * Owns: the object that users hold. Block 0 is the drive's header and not read here.
 */

import { DatError } from '../../base/errors.ts'
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

export type * from './types.ts'

export class AppendTree implements AppendTreeReader {
  readonly #source: LogSource

  private constructor(source: LogSource, _options: AppendTreeOptions) {
    this.#source = source
  }

  /** Reads `log` from now on; closing the tree closes it. */
  static open(log: LogSource, options: AppendTreeOptions = {}): AppendTree {
    return new AppendTree(log, options)
  }

  get log(): LogSource {
    return this.#source
  }

  get version(): number {
    return Math.max(0, this.#source.length - 1)
  }

  /** Asks peers for a longer history; was there one? */
  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#source.update(options)
  }

  get(_name: string, _options: WaitOptions = {}): Promise<AppendTreeEntry | undefined> {
    return Promise.reject(notYet())
  }

  getLocal(_name: string): AppendTreeEntry | undefined {
    throw notYet()
  }

  list(_name: string, _options: WaitOptions = {}): Promise<AppendTreeChild[] | undefined> {
    return Promise.reject(notYet())
  }

  entries(_name = '/', _options: WaitOptions = {}): AsyncIterableIterator<AppendTreeEntry> {
    throw notYet()
  }

  history(
    _range: AppendTreeHistoryRange = {},
    _options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeEntry> {
    throw notYet()
  }

  diff(
    _other: number | { readonly version: number },
    _name = '/',
    _options: WaitOptions = {},
  ): AsyncIterableIterator<AppendTreeDifference> {
    throw notYet()
  }

  checkout(_version: number): AppendTreeReader {
    throw notYet()
  }

  snapshot(): AppendTreeReader {
    return this.checkout(this.version)
  }

  /** Closes the log's handle. */
  close(): Promise<void> {
    return this.#source.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function notYet(): DatError {
  return new DatError('UNSUPPORTED', 'Not built yet.')
}
