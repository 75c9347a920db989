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

const shared = new WeakMap<Clock, TurnPace>()

/**
 * The same for work that comes in pieces from outside, each of which may be the only one of its turn: the slice begins
 * with the first piece of a turn of the event loop. The clock is looked at for each, so they should take microseconds.
 */
export class TurnPace {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #holds: boolean
  /** When the slice of this turn is over; 0 where none has begun. */
  #until = 0
  readonly #end = (): void => {
    this.#until = 0
  }
  readonly #endUnlessUsedUp = (): void => {
    if (this.#clock.now() >= this.#until) this.#clock.soon(this.#end)
    else this.#until = 0
  }

  /**
   * The one of all who speak with peers on a clock: what came in, what is said about thousands of logs, and what follows
   * from it happen in one turn, and a slice for each of them would be a turn three times as long. Whoever finds that this
   * turn has done enough does `TURN_ITEMS` nevertheless, so that nobody waits for ever.
   *
   * Sockets and what is done `soon` after them are two parts of one turn, in either of which a slice may begin: one that
   * was used up therefore holds for the turn after it too.
   */
  static on(clock: Clock): TurnPace {
    const pace = shared.get(clock) ?? new TurnPace(clock, { holds: true })
    shared.set(clock, pace)
    return pace
  }

  /** @param options `holds`: a slice that was used up holds for the turn after it too. */
  constructor(clock: Clock, options: { sliceMs?: number; holds?: boolean } = {}) {
    this.#clock = clock
    this.#sliceMs = options.sliceMs ?? SLICE_MS
    this.#holds = options.holds ?? false
  }

  /** Work begins that asks `isOver` only after some pieces. */
  begin(): void {
    if (this.#until !== 0) return
    this.#until = this.#clock.now() + this.#sliceMs
    this.#clock.soon(this.#holds ? this.#endUnlessUsedUp : this.#end)
  }

  /** Call once per piece. True: this turn has done enough, the next piece is to wait for `turn`. */
  get isOver(): boolean {
    if (this.#until !== 0) return this.#clock.now() >= this.#until
    this.begin()
    return false
  }

  /** Resolves in a later turn of the event loop. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.soon(resolve)
    })
  }
}
