/**
 * Reading a trie, at a version that is fixed or moves with the log.
 *
 * Owns: `TrieReader` as everybody gets it: the trie itself, its snapshots and checkouts. A point read of local
 * blocks makes one promise and no other; only a missing block takes the slow way round. An iteration stays at the
 * version that it began with.
 */

import { DatError } from '../../base/errors.ts'
import { EMPTY } from '../../bytes/bytes.ts'
import type { WaitOptions } from '../../log/remote.ts'
import { HistorySteps } from '../history.ts'
import { type Ask, NOT_HERE, type Steps, Walk } from '../walk.ts'
import { ABSENT, find, MISSING, wantedDigits } from './find.ts'
import { normalized, Path } from './path.ts'
import type { Shared } from './shared.ts'
import { DifferenceSteps, EntrySteps, entryAt, type Pin } from './steps.ts'
import type {
  HistoryRange,
  TrieDifference,
  TrieDiffRange,
  TrieEntry,
  TrieGetOptions,
  TrieRange,
  TrieReader,
} from './types.ts'

/** The trie at one version, or at that of the moment. */
export class TrieView implements TrieReader {
  readonly #shared: Shared
  /** `undefined`: moves with the log. */
  readonly #version: number | undefined
  readonly #epoch: number

  constructor(shared: Shared, version?: number) {
    this.#shared = shared
    this.#version = version
    this.#epoch = shared.nodes.epoch
  }

  get version(): number {
    return this.#version ?? this.#shared.version
  }

  get(
    key: string,
    how: TrieGetOptions = {},
    options: WaitOptions = {},
  ): Promise<TrieEntry | undefined> {
    try {
      const path = this.#path(key, how)
      const entry = this.#isReady() ? this.#find(path, how) : NOT_HERE
      return entry === NOT_HERE ? this.#getSlowly(path, how, options) : Promise.resolve(entry)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  getLocal(key: string, how: TrieGetOptions = {}): TrieEntry | undefined {
    const entry = this.#isReady() ? this.#find(this.#path(key, how), how) : NOT_HERE
    if (entry !== NOT_HERE) return entry
    throw new DatError('NOT_AVAILABLE', 'Blocks of the trie that this needs are not here.', {
      seq: this.#shared.nodes.missing,
    })
  }

  entries(
    prefix = '',
    range: TrieRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<TrieEntry> {
    const key = normalized(prefix)
    const ask: Ask<TrieEntry> = (steps) => {
      const { recursive = true, reverse = false, gt = false, hidden = false } = range
      const checkpoint = steps instanceof EntrySteps ? steps.checkpoint() : EMPTY
      const how = { recursive, reverse, gt, hidden, checkpoint }
      return this.#shared.hinting.ask({ type: 'iterator', head: this.version - 1, key, ...how })
    }
    return this.#walk(options, range.limit, (pin) => new EntrySteps(pin, key, range), ask)
  }

  history(range: HistoryRange = {}, options: WaitOptions = {}): AsyncIterableIterator<TrieEntry> {
    const shared = this.#shared
    return this.#walk(options, range.limit, (pin) => {
      return new HistorySteps(shared, pin, range, (seq) => entryAt(shared.nodes, seq))
    })
  }

  diff(
    other: number | { readonly version: number },
    prefix = '',
    range: TrieDiffRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<TrieDifference> {
    const right = this.checkout(typeof other === 'number' ? other : other.version)
    const begin = async (pin: Pin): Promise<Steps<TrieDifference>> => {
      await right.#begin(options)
      return new DifferenceSteps(pin, right.version, normalized(prefix), range)
    }
    return this.#walk(options, range.limit, begin)
  }

  checkout(version: number): TrieView {
    if (Number.isSafeInteger(version) && version >= 0) {
      return new TrieView(this.#shared, Math.max(1, version))
    }
    throw new DatError('BAD_ARGUMENT', 'A version is a whole number from 0 up.', { version })
  }

  snapshot(): TrieView {
    return this.checkout(this.version)
  }

  // ---- Getting ready ----

  /** Can this version be read without waiting for what comes before its head? */
  #isReady(): boolean {
    const shared = this.#shared
    if (this.#version !== undefined) shared.checkWhole(this.#version, this.#epoch)
    return shared.isReady() && this.version <= shared.version
  }

  async #begin(options: WaitOptions): Promise<void> {
    const shared = this.#shared
    await shared.prepare(options)
    // A version that is not written yet: wait for its last block.
    if (this.version > shared.version) await shared.source.get(this.version - 1, options)
    this.#isReady()
  }

  #path(key: string, how: TrieGetOptions): Path {
    return new Path(normalized(key), how.hidden ?? false, this.#shared.hash)
  }

  async #getSlowly(
    path: Path,
    how: TrieGetOptions,
    options: WaitOptions,
  ): Promise<TrieEntry | undefined> {
    const { hinting } = this.#shared
    const ask = (): (() => void) | undefined =>
      hinting.ask({ type: 'get', head: this.version - 1, key: path.key })
    // Together with the head: what peers name comes one round trip later, all of it at once.
    let isOver = ask()
    try {
      await this.#begin(options)
      isOver ??= ask()
      for (;;) {
        const entry = this.#find(path, how)
        if (entry !== NOT_HERE) return entry
        await this.#shared.fetch(options)
      }
    } finally {
      isOver?.()
    }
  }

  #find(path: Path, how: TrieGetOptions): TrieEntry | undefined | typeof NOT_HERE {
    const { nodes } = this.#shared
    if (this.#version !== undefined) nodes.checkWhole(this.#version, this.#epoch)
    const { prefix = false, closest = false } = how
    const seq = find(nodes, this.version, path, wantedDigits(path, prefix), closest)
    if (seq === ABSENT) return undefined
    return seq === MISSING ? NOT_HERE : entryAt(nodes, seq)
  }

  #walk<T>(
    options: WaitOptions,
    limit: number | undefined,
    begin: (pin: Pin) => Steps<T> | Promise<Steps<T>>,
    ask?: Ask<T>,
  ): Walk<T> {
    const { nodes, clock, hash } = this.#shared
    const start = async (): Promise<Steps<T>> => {
      await this.#begin(options)
      return begin({ nodes, version: this.version, epoch: nodes.epoch, hash })
    }
    return new Walk(nodes, start, options, limit ?? -1, clock, ask)
  }
}

/** Was anything at or below the prefix written or deleted, hidden or not? */
export async function differs(
  current: TrieView,
  previous: TrieView,
  prefix: string,
  options: WaitOptions,
): Promise<boolean> {
  for (const hidden of [false, true]) {
    const one = { hidden, limit: 1 }
    for await (const _ of current.diff(previous, prefix, one, options)) return true
  }
  return false
}
