/**
 * What local callers of one log wait for: blocks, ranges, positions, news.
 *
 * Owns: the lists, and waking those whose wish has come true. It sends nothing and knows no peer; the
 * scheduler reads the lists, `Waiters` keeps the time. Always true: a wish without waiters is no longer in a
 * list (ranges stay until they are complete or cancelled: they download whether anybody waits or not).
 */

import { DatError } from '../base/errors.ts'
import type { RangeRequest, Wait } from '../log/remote.ts'
import type { Waiter, Waiters } from './waiters.ts'

/** A block that somebody awaits. */
export interface BlockWant {
  readonly index: number
  readonly waiters: Waiter[]
  /** In the queue of blocks that nobody was asked for yet. */
  queued: boolean
}

/** A byte position that somebody wants located. */
export interface SeekWant {
  readonly position: number
  readonly padding: number
  readonly waiters: Waiter[]
  inFlight: boolean
}

/** Somebody who asked whether the log is longer than it was. */
export interface UpdateWant {
  readonly length: number
  readonly fork: number
  readonly waiter: Waiter
}

/** A range that is downloaded. */
export class RangeWant {
  readonly start: number
  /** Infinity for a live range. */
  readonly end: number
  readonly blocks: readonly number[] | undefined
  readonly linear: boolean
  waiters: Waiter[] = []
  /** Everything wanted below is held: a block number, or a position in `blocks`. */
  low: number
  ended = false

  constructor(range: RangeRequest) {
    this.start = range.start
    this.end = range.end < 0 ? Number.POSITIVE_INFINITY : range.end
    this.blocks = range.blocks
    this.linear = range.linear ?? false
    this.low = this.blocks === undefined ? this.start : 0
  }

  get live(): boolean {
    return this.blocks === undefined && this.end === Number.POSITIVE_INFINITY
  }

  /** Its first block from `block` on; Infinity if there is none. */
  firstFrom(block: number): number {
    const { blocks, start, end } = this
    if (blocks !== undefined) return blocks[lowerBound(blocks, block)] ?? Number.POSITIVE_INFINITY
    const first = Math.max(start, block)
    return first < end ? first : Number.POSITIVE_INFINITY
  }

  wants(block: number): boolean {
    if (this.blocks === undefined) return block >= this.start && block < this.end
    return this.blocks[lowerBound(this.blocks, block)] === block
  }
}

/** What wants must know of the log. */
export interface Holdings {
  has(index: number): boolean
  nextMissing(from: number, end: number): number
  /** Can the position be told from what is here? */
  located(position: number, padding: number): boolean
}

/** Is never added to. */
const NO_BLOCKS: Map<number, BlockWant> = new Map()

/** What a wait was for. */
export type WantKind = 'block' | 'seek' | 'range' | 'update'

/** What `Wants` asks of those who know the peers. */
export interface WantHooks {
  /** Why a wait of this kind has run out. */
  why(what: WantKind, index: number): DatError
  /** Somebody waits no more, or cancelled a download: `abandoned` is set. */
  onGone(): void
}

/** The wishes of all callers of one log. */
export class Wants {
  readonly #holdings: Holdings
  readonly #waiters: Waiters
  readonly #hooks: WantHooks
  /** Made with the first: nobody waits for anything of most logs. */
  blocks: Map<number, BlockWant> = NO_BLOCKS
  /** Awaited blocks that nobody was asked for, oldest first; entries may be stale (`queued` tells). */
  queue: number[] = []
  /** Those of the queue that nobody could be asked for, and the version of the work when that was so. */
  stuck: number[] = []
  stuckAt = -1
  seeks: SeekWant[] = []
  updates: UpdateWant[] = []
  ranges: RangeWant[] = []
  /** Requests may be in flight that nobody wants any more. */
  abandoned = false

  constructor(holdings: Holdings, waiters: Waiters, hooks: WantHooks) {
    this.#holdings = holdings
    this.#waiters = waiters
    this.#hooks = hooks
  }

  get idle(): boolean {
    return (
      this.blocks.size === 0 &&
      this.seeks.length === 0 &&
      this.updates.length === 0 &&
      this.ranges.length === 0
    )
  }

  block(index: number, options: Wait): Promise<boolean> {
    let want = this.blocks.get(index)
    if (want === undefined) {
      want = { index, waiters: [], queued: false }
      if (this.blocks === NO_BLOCKS) this.blocks = new Map()
      this.blocks.set(index, want)
      this.requeue(index)
    }
    const list = want.waiters
    const waiter = this.#waiters.add(
      options,
      () => this.#hooks.why('block', index),
      () => {
        drop(list, waiter)
        if (list.length > 0 || this.blocks.get(index)?.waiters !== list) return
        this.blocks.delete(index)
        this.#gone()
      },
    )
    if (!waiter.ended) list.push(waiter)
    else if (list.length === 0) this.blocks.delete(index)
    return waiter.promise
  }

  /** Nobody is being asked for this awaited block any more. */
  requeue(index: number): void {
    const want = this.blocks.get(index)
    if (want === undefined || want.queued) return
    want.queued = true
    this.queue.push(index)
  }

  /** Something has changed: whoever was put aside is looked at again. */
  unstick(version: number): void {
    this.stuckAt = version
    if (this.stuck.length === 0) return
    this.queue = this.stuck.concat(this.queue)
    this.stuck = []
  }

  seek(position: number, padding: number, options: Wait): Promise<boolean> {
    let want = this.seeks.find((s) => s.position === position && s.padding === padding)
    if (want === undefined) {
      want = { position, padding, waiters: [], inFlight: false }
      this.seeks.push(want)
    }
    const found = want
    const waiter = this.#waiters.add(
      options,
      () => this.#hooks.why('seek', position),
      () => {
        drop(found.waiters, waiter)
        if (found.waiters.length > 0) return
        drop(this.seeks, found)
        this.#gone()
      },
    )
    if (!waiter.ended) found.waiters.push(waiter)
    else if (found.waiters.length === 0) drop(this.seeks, found)
    return waiter.promise
  }

  update(length: number, fork: number, options: Wait): Promise<boolean> {
    const waiter = this.#waiters.add(
      options,
      () => this.#hooks.why('update', length),
      () => {
        this.updates = this.updates.filter((u) => u.waiter !== waiter)
      },
    )
    if (!waiter.ended) this.updates.push({ length, fork, waiter })
    return waiter.promise
  }

  range(request: RangeRequest): RangeWant {
    const range = new RangeWant(request)
    this.#advance(range)
    if (range.ended) return range
    // Mostly there is one, and a list of one is made smaller than one that may grow.
    if (this.ranges.length === 0) this.ranges = [range]
    else this.ranges.push(range)
    return range
  }

  /** Resolves when all of it is held. The time that the caller gives counts from the last block that came. */
  rangeDone(range: RangeWant, options: Wait): Promise<boolean> {
    if (range.ended && !this.#isComplete(range)) {
      return Promise.reject(new DatError('ABORTED', 'The download was cancelled.'))
    }
    if (range.ended) return Promise.resolve(true)
    const waiter = this.#waiters.add(
      options,
      () => this.#hooks.why('range', range.blocks?.[range.low] ?? range.low),
      () => drop(range.waiters, waiter),
    )
    if (waiter.ended) return waiter.promise
    if (range.waiters.length === 0) range.waiters = [waiter]
    else range.waiters.push(waiter)
    return waiter.promise
  }

  cancelRange(range: RangeWant): void {
    if (range.ended) return
    range.ended = true
    drop(this.ranges, range)
    const error = new DatError('ABORTED', 'The download was cancelled.')
    for (const waiter of [...range.waiters]) waiter.fail(error)
    this.#gone()
  }

  /** Does somebody wait for the block, or a range contain it? */
  wants(block: number): boolean {
    if (this.blocks.has(block)) return true
    for (const range of this.ranges) if (range.wants(block)) return true
    return false
  }

  // ---- Waking ----

  /** Blocks are held from now on. */
  held(start: number, length: number): void {
    if (this.blocks.size === 0) return
    if (length <= this.blocks.size) {
      for (let i = start; i < start + length; i++) this.#wakeBlock(i)
      return
    }
    for (const index of [...this.blocks.keys()]) {
      if (index >= start && index < start + length) this.#wakeBlock(index)
    }
  }

  /** Blocks, nodes or the length have changed: who has what was wished for? */
  advance(): void {
    for (const want of [...this.seeks]) {
      if (!this.#holdings.located(want.position, want.padding)) continue
      drop(this.seeks, want)
      for (const waiter of want.waiters) waiter.answer(true)
    }
    let ended = false
    for (const range of this.ranges) {
      this.#advance(range)
      if (range.ended) ended = true
    }
    if (ended) this.ranges = this.ranges.filter((range) => !range.ended)
  }

  /** The history above `length` was replaced: ranges look again from there. */
  truncated(length: number): void {
    for (const range of this.ranges) {
      if (range.blocks === undefined) range.low = Math.max(Math.min(range.low, length), range.start)
      else range.low = Math.min(range.low, lowerBound(range.blocks, length))
    }
  }

  /** Who waits for a block that is not on its way into the store, or for a range, is told `error`; ranges stay. */
  refuse(error: DatError, isStaged: (block: number) => boolean): void {
    for (const { index, waiters } of [...this.blocks.values()]) {
      if (isStaged(index)) continue
      this.blocks.delete(index)
      for (const waiter of [...waiters]) waiter.fail(error)
    }
    for (const { waiters } of this.ranges)
      for (const waiter of waiters.splice(0)) waiter.fail(error)
    this.#gone()
  }

  /** Everybody who waits is told `error`. */
  close(errorOf: () => DatError): void {
    this.blocks.clear()
    this.queue = []
    this.stuck = []
    this.seeks = []
    this.updates = []
    this.ranges = []
    this.#waiters.failAll(errorOf)
  }

  #gone(): void {
    this.abandoned = true
    this.#hooks.onGone()
  }

  #wakeBlock(index: number): void {
    const want = this.blocks.get(index)
    if (want === undefined) return
    this.blocks.delete(index)
    for (const waiter of want.waiters) waiter.answer(true)
  }

  #advance(range: RangeWant): void {
    const before = range.low
    if (range.blocks === undefined) {
      range.low = this.#holdings.nextMissing(range.low, range.end)
      range.ended = range.low >= range.end
    } else {
      const blocks = range.blocks
      while (range.low < blocks.length && this.#holdings.has(blocks[range.low] ?? 0)) range.low++
      range.ended = range.low >= blocks.length
    }
    if (range.ended) for (const waiter of [...range.waiters]) waiter.answer(true)
    else if (range.low > before) for (const waiter of range.waiters) this.#waiters.extend(waiter)
  }

  #isComplete(range: RangeWant): boolean {
    return range.low >= (range.blocks === undefined ? range.end : range.blocks.length)
  }
}

/** Position of the first entry that is not below `value`. */
export function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

function drop<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
