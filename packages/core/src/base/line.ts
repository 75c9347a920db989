/**
 * Work that is asked for one by one, and may be asked for ten thousand times in one moment.
 *
 * Owns: the line. Work is done at once while the slice of this turn lasts; what is asked for after that stands in line,
 * and as much of it as fits in a slice is done in each later turn of the event loop. In order, always.
 */

import type { Clock } from './clock.ts'
import { Pace } from './pace.ts'

/** One line, for one kind of work. */
export class Line {
  readonly #pace: Pace
  #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#pace = new Pace(clock)
  }

  /** What `work` returns or throws, as a promise. It is called before this returns if nobody waits. */
  run<T>(work: () => T | PromiseLike<T>): Promise<T> {
    if (this.#waiting.length === 0 && !this.#pace.due()) {
      try {
        return Promise.resolve(work())
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return new Promise((resolve, reject) => {
      const isFirst = this.#waiting.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
      if (isFirst === 1) void this.#go()
    })
  }

  async #go(): Promise<void> {
    let done = 0
    await this.#pace.turn()
    while (done < this.#waiting.length) {
      this.#waiting[done++]?.()
      // Whoever asked goes on in a microtask: that is part of the slice.
      if (this.#pace.due()) await this.#pace.turn()
    }
    this.#waiting = []
  }
}
