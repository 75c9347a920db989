/**
 * The work of many logs in one process, a bounded time per turn of the event loop.
 *
 * Owns: one queue for each clock, which all logs on it share. Work that is asked for runs in the next
 * microtask, so a single log loses no time; when a thousand logs ask in one moment, as when a connection is
 * made, some of it runs, as long as this turn's slice lasts (`TurnPace.on`), and the rest comes in later turns, the
 * highest priority first and, of equals, first come, first served.
 */

import type { Clock } from './clock.ts'
import { TURN_ITEMS } from './limits.ts'
import { TurnPace } from './pace.ts'

/**
 * Something with work to do, that keeps its errors to itself. An object and not a function, because thousands
 * wait idle for their turn.
 */
export interface Worker {
  /** Higher goes first, of those who wait in one moment. */
  readonly priority: number
  onTurn(): void
}

const queues = new WeakMap<Clock, Turns>()

export class Turns {
  readonly #clock: Clock
  readonly #pace: TurnPace
  /** Those before `#at` have had their turn. */
  #workers: Worker[] = []
  #at = 0
  #isDue = false
  /** How many had their turn: the clock is looked at once in so many, also where each of them is asked for by itself. */
  #done = 0
  /** Somebody who waits has another priority than most. */
  #isMixed = false

  static on(clock: Clock): Turns {
    const turns = queues.get(clock) ?? new Turns(clock)
    queues.set(clock, turns)
    return turns
  }

  private constructor(clock: Clock) {
    this.#clock = clock
    this.#pace = TurnPace.on(clock)
  }

  /** Gives `worker` its turn after what is going on now. Whoever asks remembers that he has. */
  add(worker: Worker): void {
    this.#workers.push(worker)
    if (worker.priority !== 0) this.#isMixed = true
    if (this.#isDue) return
    this.#isDue = true
    void Promise.resolve().then(() => this.#run())
  }

  #run(): void {
    this.#pace.begin()
    if (this.#isMixed) this.#sort()
    const workers = this.#workers
    // What is added meanwhile comes behind what is left, and not in this turn.
    const end = workers.length
    let isOver = false
    while (this.#at < end && !isOver) {
      workers[this.#at++]?.onTurn()
      isOver = ++this.#done % TURN_ITEMS === 0 && this.#pace.isOver
    }
    // Timers of one moment ask one after the other, each when the one before was served: the rest of them waits too.
    this.#isDue = isOver || this.#at < workers.length
    if (this.#isDue) this.#clock.soon(() => this.#run())
    else this.#isMixed = false
    // Ten thousand may wait: they are not moved for each slice of them.
    if (2 * this.#at < workers.length) return
    this.#workers = workers.slice(this.#at)
    this.#at = 0
  }

  /** Sorting is stable: of equals who came first goes first. */
  #sort(): void {
    this.#workers = this.#workers.slice(this.#at).sort((a, b) => b.priority - a.priority)
    this.#at = 0
  }
}
