/**
 * From a synchronous walk to an async iterable: no waiting on local blocks, fetching where one is missing.
 *
 * Owns: the alternation. `step` gives the next value, `undefined` at the end, or `NOT_HERE`; after `NOT_HERE`
 * the walk fetches what was missing, with a few of the blocks that will be wanted next, and calls `step`
 * again. Local values cost one resolved promise each, and the event loop gets its turns.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { Pace } from '../base/pace.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import type { LogReader } from './source.ts'

/** A block that is needed is not on this machine. */
export const NOT_HERE: unique symbol = Symbol('not here')

/** Blocks asked for together with a missing one. */
const AHEAD_BLOCKS_MAX = 64

/** Where a walk's blocks come from. */
export interface Fetched {
  readonly source: LogReader
  /** Waits until the block that was missing last is here. */
  fetch(options: WaitOptions): Promise<void>
}

/** A walk that never waits. */
export interface Steps<T> {
  step(): T | undefined | typeof NOT_HERE
  /** Blocks that will be wanted next. */
  ahead(into: number[], countMax: number): void
  /** What to wait for after `NOT_HERE`, if it is not `blocks.missing`. */
  wait?(options: WaitOptions): Promise<void>
  /** Is what peers told used up, so that they should be asked again? */
  isSpent?(): boolean
}

/**
 * Tells peers what is looked for, and how far the walk got; gives the way to say that it was found. `undefined`: it can't
 * be told yet.
 */
export type Ask<T> = (steps: Steps<T> | undefined) => (() => void) | undefined

/** The walk as an iterable. Calls of `next` may overlap; they are answered in order. */
export class Walk<T> implements AsyncIterableIterator<T> {
  readonly #blocks: Fetched
  readonly #begin: () => Promise<Steps<T>>
  #steps: Steps<T> | undefined = undefined
  readonly #options: WaitOptions
  readonly #pace: Pace
  #left: number
  #done = false
  /** The last call of `next` that waits: calls that come meanwhile follow it. */
  #last: Promise<unknown> = Promise.resolve()
  /** Calls that wait, or whose turn it is. */
  #waiting = 0
  #ahead: Download | undefined = undefined
  readonly #ask: Ask<T> | undefined
  /** Ends the question, once it was asked. */
  #answered: (() => void) | undefined = undefined

  /**
   * @param begin waits for what the walk stands on, and fixes its version
   * @param limit -1 for all
   * @param ask tells peers what is looked for
   */
  constructor(
    blocks: Fetched,
    begin: () => Promise<Steps<T>>,
    options: WaitOptions,
    limit: number,
    clock: Clock,
    ask?: Ask<T>,
  ) {
    this.#ask = ask
    this.#blocks = blocks
    this.#begin = begin
    this.#options = options
    this.#left = limit < 0 ? Number.POSITIVE_INFINITY : limit
    this.#pace = new Pace(clock)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const isDue = this.#pace.due()
    if (this.#steps !== undefined && this.#waiting === 0 && !isDue) {
      try {
        const value = this.#step(this.#steps)
        if (value !== NOT_HERE) return Promise.resolve(this.#result(value))
      } catch (error) {
        return Promise.reject(this.#failed(error))
      }
    }
    return this.#wait(isDue)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  #wait(isDue: boolean): Promise<IteratorResult<T, undefined>> {
    this.#waiting++
    const turn = this.#last.then(() => this.#nextSlowly(isDue))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #nextSlowly(isDue: boolean): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#steps !== undefined) {
        if (isDue) await this.#pace.turn()
      } else if (!this.#done) {
        const { source } = this.#blocks
        // The root is fetched first, and peers may tell meanwhile what comes after it.
        if (!source.has(source.length - 1)) this.#answered ??= this.#ask?.(undefined)
        this.#steps = await this.#begin()
      }
      const steps = this.#steps
      if (steps === undefined) return this.#result(undefined)
      for (;;) {
        const value = this.#step(steps)
        if (value !== NOT_HERE) return this.#result(value)
        await this.#fetch(steps)
      }
    } catch (error) {
      throw this.#failed(error)
    } finally {
      // Here, not in a reaction: whoever gets the value asks for the next one before a later reaction has run.
      this.#waiting--
    }
  }

  #step(steps: Steps<T>): T | undefined | typeof NOT_HERE {
    if (this.#done || this.#left === 0) return undefined
    if (this.#options.signal?.aborted === true) {
      throw new DatError('ABORTED', 'Reading was aborted.', {}, this.#options.signal.reason)
    }
    return steps.step()
  }

  #result(value: T | undefined): IteratorResult<T, undefined> {
    if (value === undefined) {
      this.#end()
      return { done: true, value: undefined }
    }
    this.#left--
    return { done: false, value }
  }

  async #fetch(steps: Steps<T>): Promise<void> {
    this.#askPeers(steps)
    const blocks: number[] = []
    steps.ahead(blocks, Math.min(AHEAD_BLOCKS_MAX, this.#left))
    this.#ahead?.cancel()
    const { source } = this.#blocks
    const lacking = [...new Set(blocks)].filter((seq) => seq < source.length && !source.has(seq))
    lacking.sort((a, b) => a - b)
    this.#ahead = lacking.length === 0 ? undefined : source.download({ blocks: lacking })
    await (steps.wait?.(this.#options) ?? this.#blocks.fetch(this.#options))
  }

  #askPeers(steps: Steps<T>): void {
    const before = this.#answered
    if (before !== undefined && steps.isSpent?.() !== true) return
    this.#answered = this.#ask?.(steps)
    before?.()
  }

  #failed(error: unknown): unknown {
    this.#end()
    return error
  }

  #end(): void {
    this.#done = true
    this.#ahead?.cancel()
    this.#ahead = undefined
    this.#answered?.()
  }
}
