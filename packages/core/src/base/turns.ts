/**
 * The work of many logs in one process, a bounded time per turn of the event loop.
 *
 * Owns: one queue for each clock, which all logs on it share. Work that is asked for runs in the next
 * microtask, so a single log loses no time; when a thousand logs ask in one moment, as when a connection is
 * made, some of it runs, as long as this turn's slice lasts (`TurnPace.on`), and the rest comes in later turns, the
 * highest priority first and, of equals, first come, first served.
 */

import type { Clock } from './clock.ts'
import { SLICE_ITEMS } from './limits.ts'
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
  #workers: Worker[] = []
  #isDue = false
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
    const workers = this.#workers
    this.#pace.begin()
    this.#workers = []
    // Sorting is stable: of equals who came first goes first.
    if (this.#isMixed) workers.sort((a, b) => b.priority - a.priority)
    this.#isMixed = false
    let at = 0
    while (at < workers.length) {
      workers[at++]?.onTurn()
      if (at % SLICE_ITEMS === 0 && this.#pace.isOver) break
    }
    // What was added meanwhile comes behind what is left.
    if (at < workers.length) {
      this.#workers = [...workers.slice(at), ...this.#workers]
      this.#isMixed = this.#workers.some(({ priority }) => priority !== 0)
    }
    this.#isDue = this.#workers.length > 0
    if (this.#isDue) this.#clock.soon(() => this.#run())
  }
}
