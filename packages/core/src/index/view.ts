/**
 * Reading a bee, at a version that is fixed or moves with the log.
 *
 * Owns: `BeeReader` as everybody gets it: the bee itself, its subs, snapshots and checkouts. A point read of
 * local blocks makes one promise and no other; only a missing block takes the slow way round. An iteration
 * stays at the version that it began with.
 */

import { DatError } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blocks } from './blocks.ts'
import { ABSENT, find, MISSING } from './find.ts'
import { HistorySteps } from './history.ts'
import type { Keyspace } from './keyspace.ts'
import { Readable } from './readable.ts'
import { isRoot } from './rooted.ts'
import type { Shared } from './shared.ts'
import { DifferenceSteps, EntrySteps, entryAt, historyEntryAt, type Pin } from './steps.ts'
import type {
  BeeDifference,
  BeeEntry,
  BeeRange,
  BeeReader,
  HistoryEntry,
  HistoryRange,
} from './types.ts'
import { type Ask, NOT_HERE, type Steps, Walk } from './walk.ts'

export class BeeView implements BeeReader {
  readonly #shared: Shared
  readonly #keys: Keyspace
  /** `undefined`: moves with the log. */
  readonly #version: number | undefined
  readonly #epoch: number
  /** Is it known that this version has a tree? */
  #rooted: boolean
  #readable: Readable | undefined

  constructor(shared: Shared, keys: Keyspace, version?: number) {
    this.#shared = shared
    this.#keys = keys
    this.#version = version
    this.#epoch = shared.blocks.epoch
    this.#rooted = version === undefined || version <= 1 || version === shared.version
  }

  get version(): number {
    return this.#version ?? this.#shared.version
  }

  get(key: Uint8Array, options: WaitOptions = {}): Promise<BeeEntry | undefined> {
    const encoded = this.#keys.encode(key)
    try {
      const entry = this.#isReady() ? this.#find(encoded) : NOT_HERE
      if (entry === NOT_HERE) return this.#getSlowly(encoded, options)
      return this.#shared.pace.give(entry)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  getLocal(key: Uint8Array): BeeEntry | undefined {
    const entry = this.#isReady() ? this.#find(this.#keys.encode(key)) : NOT_HERE
    if (entry !== NOT_HERE) return entry
    throw new DatError('NOT_AVAILABLE', 'Blocks of the bee that this needs are not here.', {
      seq: this.#shared.blocks.missing,
    })
  }

  entries(range: BeeRange = {}, options: WaitOptions = {}): AsyncIterableIterator<BeeEntry> {
    const ask = (): (() => void) | undefined => {
      const { gt, gte, lt, lte, reverse = false } = this.#keys.encodeRange(range)
      const limit = Math.max(0, range.limit ?? 0)
      const { version } = this
      const of = { version, limit, reverse, checkpoint: [] }
      return this.#shared.hinting.ask({ type: 'iterator', gt, gte, lt, lte, ...of })
    }
    return this.#walk(options, range.limit, (pin) => new EntrySteps(pin, range), ask)
  }

  async first(range: BeeRange = {}, options: WaitOptions = {}): Promise<BeeEntry | undefined> {
    for await (const entry of this.entries({ ...range, limit: 1 }, options)) return entry
    return undefined
  }

  history(
    range: HistoryRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<HistoryEntry> {
    const shared = this.#shared
    const { blocks } = shared
    return this.#walk(options, range.limit, (pin) => {
      const at = (seq: number) => historyEntryAt(blocks, this.#keys, seq)
      return new HistorySteps(shared, pin, range, at)
    })
  }

  diff(
    other: number | { readonly version: number },
    range: BeeRange = {},
    options: WaitOptions = {},
  ): AsyncIterableIterator<BeeDifference> {
    const right = this.checkout(typeof other === 'number' ? other : other.version)
    if (range.reverse === true) throw new DatError('BAD_ARGUMENT', 'A diff has one direction only.')
    const begin = async (pin: Pin): Promise<Steps<BeeDifference>> => {
      await right.#begin(options)
      return new DifferenceSteps(pin, right.version, range)
    }
    return this.#walk(options, range.limit, begin)
  }

  checkout(version: number): BeeView {
    if (Number.isSafeInteger(version) && version >= 0) {
      return new BeeView(this.#shared, this.#keys, Math.max(1, version))
    }
    throw new DatError('BAD_ARGUMENT', 'A version is a whole number from 0 up.', { version })
  }

  nextReadable(version: number, options: WaitOptions = {}): Promise<number> {
    this.#readable ??= new Readable(this.#shared)
    return this.#readable.next(version, options)
  }

  snapshot(): BeeView {
    return this.checkout(this.version)
  }

  // ---- Getting ready ----

  /** Can this version be read without waiting for what comes before its tree? */
  #isReady(): boolean {
    const shared = this.#shared
    if (this.#version !== undefined) shared.blocks.checkWhole(this.#version, this.#epoch)
    if (!shared.isReady() || this.version > shared.version) return false
    return this.#rooted || this.#isRooted()
  }

  #isRooted(): boolean {
    const rooted = isRoot(this.#shared.blocks, this.version)
    if (rooted === undefined) return false
    if (!rooted) {
      throw midBatch(this.#shared.blocks, this.version)
    }
    this.#rooted = true
    return true
  }

  async #begin(options: WaitOptions): Promise<void> {
    const shared = this.#shared
    const { source, blocks } = shared
    for (;;) {
      await shared.prepare(options)
      // A version that is not written yet: wait for its last block.
      if (this.version > shared.version) await source.get(this.version - 1, options)
      if (this.#isReady()) return
      await blocks.fetch(options)
    }
  }

  async #getSlowly(key: Uint8Array, options: WaitOptions): Promise<BeeEntry | undefined> {
    const { hinting } = this.#shared
    const ask = (): (() => void) | undefined =>
      hinting.ask({ type: 'get', version: this.version, key })
    // Together with the root: what peers name comes one round trip later, all of it at once.
    let isOver = ask()
    try {
      await this.#begin(options)
      isOver ??= ask()
      for (;;) {
        const entry = this.#find(key)
        if (entry !== NOT_HERE) return entry
        await this.#shared.blocks.fetch(options)
      }
    } finally {
      isOver?.()
    }
  }

  #find(key: Uint8Array): BeeEntry | undefined | typeof NOT_HERE {
    const { blocks } = this.#shared
    if (this.#version !== undefined) blocks.checkWhole(this.#version, this.#epoch)
    const seq = find(blocks, this.version, key)
    if (seq === ABSENT) return undefined
    return seq === MISSING ? NOT_HERE : entryAt(blocks, this.#keys, seq)
  }

  #walk<T>(
    options: WaitOptions,
    limit: number | undefined,
    begin: (pin: Pin) => Steps<T> | Promise<Steps<T>>,
    ask?: Ask<T>,
  ): Walk<T> {
    const { blocks, clock } = this.#shared
    const start = async (): Promise<Steps<T>> => {
      await this.#begin(options)
      const { epoch } = blocks
      return begin({ blocks, keys: this.#keys, version: this.version, epoch })
    }
    return new Walk(blocks, start, options, limit ?? -1, clock, ask)
  }
}

/** Looks so far ahead for the end of a batch, to name it. */
const BATCH_LOOK_MAX = 4_096

function midBatch(blocks: Blocks, version: number): DatError {
  let end = version + 1
  while (end - version < BATCH_LOOK_MAX && isRoot(blocks, end) === false) end++
  const isFound = isRoot(blocks, end) === true
  const next = isFound ? `${end} is the next that has one` : 'take a later one'
  return new DatError(
    'SNAPSHOT_GONE',
    `Version ${version} is in the middle of a batch, and has no tree of its own: ${next}.`,
    { version, ...(isFound && { next: end }) },
  )
}
