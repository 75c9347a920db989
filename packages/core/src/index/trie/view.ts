/** Reading a trie, at a version that is fixed or moves with the log. */

import { DatError } from '../../base/errors.ts'
import type { WaitOptions } from '../../log/remote.ts'
import type { Shared } from './shared.ts'
import type {
  HistoryRange,
  TrieDifference,
  TrieDiffRange,
  TrieEntry,
  TrieGetOptions,
  TrieRange,
  TrieReader,
} from './types.ts'

export class TrieView implements TrieReader {
  readonly #shared: Shared
  readonly #version: number | undefined

  constructor(shared: Shared, version?: number) {
    this.#shared = shared
    this.#version = version
  }

  get version(): number {
    return this.#version ?? this.#shared.version
  }

  get(
    _key: string,
    _how: TrieGetOptions = {},
    _options: WaitOptions = {},
  ): Promise<TrieEntry | undefined> {
    return Promise.reject(notYet())
  }

  getLocal(_key: string, _how: TrieGetOptions = {}): TrieEntry | undefined {
    throw notYet()
  }

  entries(
    _prefix = '',
    _range: TrieRange = {},
    _options: WaitOptions = {},
  ): AsyncIterableIterator<TrieEntry> {
    throw notYet()
  }

  history(_range: HistoryRange = {}, _options: WaitOptions = {}): AsyncIterableIterator<TrieEntry> {
    throw notYet()
  }

  diff(
    _other: number | { readonly version: number },
    _prefix = '',
    _range: TrieDiffRange = {},
    _options: WaitOptions = {},
  ): AsyncIterableIterator<TrieDifference> {
    throw notYet()
  }

  checkout(version: number): TrieView {
    return new TrieView(this.#shared, Math.max(1, version))
  }

  snapshot(): TrieView {
    return this.checkout(this.version)
  }
}

export async function differs(
  current: TrieView,
  previous: TrieView,
  prefix: string,
  options: WaitOptions,
): Promise<boolean> {
  for await (const _ of current.diff(previous, prefix, { limit: 1 }, options)) return true
  return false
}

function notYet(): DatError {
  return new DatError('UNSUPPORTED', 'Not built yet.')
}
