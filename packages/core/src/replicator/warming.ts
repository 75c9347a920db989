/**
 * Bringing blocks into memory for those who ask for them, a few logs at a time.
 *
 * Owns: how many logs of a store are read ahead for in the thread pool, and those who wait for their turn. What the pool has
 * read comes back in one turn of the event loop, and most reads are followed by another: of a thousand logs on a cold disk
 * that would be a turn of tens of milliseconds, and a first answer when the last block was read. First come, first served;
 * each server waits here once at most.
 */

import { WARMING_LOGS_MAX } from '../base/limits.ts'
import type { Replica } from '../log/replica.ts'

type Store = Replica['store']

const stores = new WeakMap<Store, Warming>()

/** Those of one store. */
export class Warming {
  #running = 0
  readonly #waiting: (() => Promise<void> | undefined)[] = []
  /** Those before it were begun. */
  #next = 0
  readonly #ended = (): void => {
    this.#running--
    this.#go()
  }

  static on(store: Store): Warming {
    const warming = stores.get(store) ?? new Warming()
    stores.set(store, warming)
    return warming
  }

  /** Begins `task` when there is room, now or later. It gives nothing where nothing need be read any more. */
  add(task: () => Promise<void> | undefined): void {
    this.#waiting.push(task)
    this.#go()
  }

  #go(): void {
    while (this.#running < WARMING_LOGS_MAX && this.#next < this.#waiting.length) {
      const going = this.#waiting[this.#next++]?.()
      if (going === undefined) continue
      this.#running++
      void going.then(this.#ended, this.#ended)
    }
    if (this.#next < this.#waiting.length) return
    this.#waiting.length = 0
    this.#next = 0
  }
}
