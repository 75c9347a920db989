/**
 * A clock on which every look takes a millisecond: work that looks at it in slices is seen to take turns.
 */

import type { Clock, Timer } from '../../src/base/clock.ts'

export class BusyClock implements Clock {
  /** Turns of the event loop that were asked for. */
  turns = 0
  #now = 0

  now(): number {
    return ++this.#now
  }

  after(): Timer {
    return { cancel: () => {} }
  }

  soon(task: () => void): void {
    this.turns++
    setImmediate(task)
  }
}
