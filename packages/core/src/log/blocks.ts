/**
 * Block after block, read ahead.
 *
 * Owns: one walk over a log. A local block costs one promise and its result, nothing else; cold ones are brought into
 * memory and missing ones are asked for a window ahead. A walk never crosses from one history into
 * another: if what it has read was replaced, it ends with `SNAPSHOT_GONE`.
 */

import { DatError } from '../base/errors.ts'
import type { Pace } from '../base/pace.ts'
import type { Download, RangeRequest, WaitOptions } from './remote.ts'
import type { Replica } from './replica.ts'

/** Which blocks to walk over. The limits of a wait hold for each block that is not here. */
export interface BlocksOptions extends WaitOptions {
  /** Default 0. */
  readonly start?: number
  /** Default: the length when the walk begins; with `live` there is no end. */
  readonly end?: number
  /** Go on with blocks as they are appended, waiting for them as long as it takes. Default false. */
  readonly live?: boolean
}

/** What is walked over: a log, or a view of one. */
export interface WalkSource {
  readonly replica: Replica
  readonly length: number
  readonly closed: boolean
  /** When the event loop is due a turn. */
  readonly pace: Pace
  /** The block if it can be read without waiting. Throws what is wrong with it. */
  peek(index: number): Uint8Array | undefined
  get(index: number, options: WaitOptions): Promise<Uint8Array>
  download(range: RangeRequest): Download
  grown(length: number, signal: AbortSignal | undefined): Promise<void>
  on(event: 'truncate', listener: (event: { readonly length: number }) => void): () => void
}

/** Blocks that are warmed, or asked for, before they are needed. */
const WINDOW_BLOCKS = 128

export class BlockWalk implements AsyncIterableIterator<Uint8Array> {
  readonly #log: WalkSource
  readonly #live: boolean
  readonly #options: WaitOptions
  readonly #end: number
  readonly #stopListening: () => void
  #at: number
  /** Blocks below were warmed or asked for. */
  #seen: number
  /** Blocks below were brought into memory a moment ago: they need not be asked about one by one. */
  #warmed = 0
  #ahead: Download | undefined
  #isGone = false
  #isDone = false

  constructor(log: WalkSource, options: BlocksOptions) {
    const { start = 0, live = false, end = live ? Number.MAX_SAFE_INTEGER : log.length } = options
    if (!(start >= 0) || !(end >= 0)) {
      throw new DatError('BAD_ARGUMENT', 'A range of blocks to read is wrong.', { start, end })
    }
    this.#log = log
    this.#live = live
    this.#options = options
    this.#at = start
    this.#seen = start
    this.#end = end
    this.#stopListening = log.on('truncate', ({ length }) => {
      if (length < this.#at) this.#isGone = true
    })
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isDone || this.#at >= this.#end) return this.return()
    const index = this.#at++
    if (this.#isGone) return this.#fail()
    if (index >= this.#seen && this.#look(index)) return this.#warm(index)
    if (this.#live && index >= this.#log.length) return this.#grown(index)
    return this.#step(index)
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#isDone = true
    this.#ahead?.cancel()
    this.#ahead = undefined
    this.#stopListening()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** What is here is read in this very turn, in which no history is replaced; the rest goes the way of `get`. */
  #step(index: number): Promise<IteratorResult<Uint8Array>> {
    const log = this.#log
    const isCold = index >= this.#warmed && log.replica.slot.isCold(index, index + 1)
    if (log.closed || isCold) return this.#wait(index)
    try {
      const value = log.peek(index)
      return value === undefined ? this.#wait(index) : log.pace.give({ done: false, value })
    } catch (error) {
      return this.#abandon(error)
    }
  }

  #wait(index: number): Promise<IteratorResult<Uint8Array>> {
    return this.#log.get(index, this.#options).then(
      (value) => {
        // What came back may stand in the new history already.
        if (this.#isGone) return this.#fail()
        return { done: false, value }
      },
      (error: unknown) => this.#abandon(error),
    )
  }

  /** Looks a window ahead: starts to fetch what is missing, and says whether something is cold. */
  #look(index: number): boolean {
    const { slot } = this.#log.replica
    const end = Math.min(index + WINDOW_BLOCKS, this.#end, this.#log.length)
    this.#seen = Math.max(end, index + 1)
    if (slot.nextMissing(index, end) < end) {
      this.#ahead?.cancel()
      this.#ahead = this.#log.download({ start: index, end, linear: true })
    }
    return slot.isCold(index, end)
  }

  async #warm(index: number): Promise<IteratorResult<Uint8Array>> {
    try {
      await this.#log.replica.slot.warm(index, this.#seen)
      this.#warmed = this.#seen
    } catch (error) {
      return this.#abandon(error)
    }
    return this.#step(index)
  }

  /** Waits without limit until the log is longer; then goes on. */
  async #grown(index: number): Promise<IteratorResult<Uint8Array>> {
    try {
      await this.#log.grown(index + 1, this.#options.signal)
    } catch (error) {
      return this.#abandon(error)
    }
    if (this.#isGone) return this.#fail()
    return this.#step(index)
  }

  #fail(): Promise<never> {
    const message = 'The blocks read so far were replaced by another history.'
    return this.#abandon(new DatError('SNAPSHOT_GONE', message, { index: this.#at - 1 }))
  }

  /** A walk that fails is over: `for await` does not tell it so. */
  #abandon(error: unknown): Promise<never> {
    void this.return()
    return Promise.reject(error)
  }
}
