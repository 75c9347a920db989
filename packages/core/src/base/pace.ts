/**
 * Long work in short slices: says when the event loop is due a turn, and gives it one.
 *
 * Owns: the slices. Awaiting what is resolved already runs microtasks only and starves timers and sockets, so
 * every loop over content asks `due()` per item and awaits `turn()` when it is. The clock is looked at once
 * in `SLICE_ITEMS` items.
 */

import type { Clock } from './clock.ts'
import { SLICE_ITEMS, SLICE_MS } from './limits.ts'

/** The slices of one piece of work. */
export class Pace {
  readonly #clock: Clock
  #until: number
  #items = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#until = clock.now() + SLICE_MS
  }

  /** Call once per item. True: the slice is over, await `turn` before the next item. */
  due(): boolean {
    this.#items++
    if (this.#items < SLICE_ITEMS) return false
    this.#items = 0
    return this.#clock.now() >= this.#until
  }

  /** The same for items that take long each: the clock is looked at every time. */
  get isOver(): boolean {
    return this.#clock.now() >= this.#until
  }

  /** What is here already, as a promise: of this turn of the event loop, or of the next when the slice is over. */
  give<T>(value: T): Promise<T> {
    return this.due() ? this.turn().then(() => value) : Promise.resolve(value)
  }

  /** Resolves in a later turn of the event loop, and begins the next slice. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.soon(() => {
        this.#until = this.#clock.now() + SLICE_MS
        resolve()
      })
    })
  }
}

/**
 * The same for work that comes in pieces from outside, each of which may be the only one of its turn: the slice begins
 * with the first piece of a turn of the event loop. The clock is looked at for each, so they should take microseconds.
 */
export class TurnPace {
  readonly #clock: Clock
  /** When the slice of this turn is over; 0 where none has begun. */
  #until = 0
  readonly #begin = (): void => {
    this.#until = 0
  }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Call once per piece. True: this turn has done enough, the next piece is to wait for `turn`. */
  get isOver(): boolean {
    const now = this.#clock.now()
    if (this.#until !== 0) return now >= this.#until
    this.#until = now + SLICE_MS
    this.#clock.soon(this.#begin)
    return false
  }

  /** Resolves in a later turn of the event loop. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.soon(resolve)
    })
  }
}
