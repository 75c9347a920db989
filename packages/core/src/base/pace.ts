/**
 * Long work in short slices: says when the event loop is due a turn, and gives it one.
 *
 * Owns: the slice. Awaiting what is resolved already runs microtasks only and starves timers and sockets, so
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
