/**
 * What one connection may hold for all its logs together.
 *
 * Owns: two counts that every conversation on the connection takes from, when it last brought anything, and how much of it
 * was worth having under way. Always true: both return to zero
 * when the conversations have ended. A remote that opens thousands of logs can't multiply the queue of one by
 * their number, and we ask for no more than a remote that counts as we do will queue.
 */

import { CONNECTION_REQUESTS_MAX } from '../base/limits.ts'

/** Who found no room to ask. */
export interface Asking {
  onRoom(): void
}

/** The two counts of one connection. */
export class ConnectionBudget {
  /** Requests of the remote that wait for our answer. */
  queued = 0
  /** Our requests that wait for the remote's answer. */
  asked = 0
  /** When it last delivered anything, about whichever log. */
  deliveredAt = 0
  /** What the window of the log that was last delivered has grown to, for the next one to begin with; 0 before. */
  windowBytes = 0
  /** Logs that found no room to ask, to be told when there is some. */
  readonly #waiting = new Set<Asking>()

  get hasRoom(): boolean {
    return this.asked < CONNECTION_REQUESTS_MAX
  }

  /** Calls `who.onRoom` once, when there is room again: who comes first is told first. */
  wait(who: Asking): void {
    this.#waiting.add(who)
  }

  /** A request of ours has ended: one of those who wait is told, since of ten thousand the others would look in vain. */
  answered(): void {
    this.asked--
    if (this.#waiting.size === 0 || this.asked > (CONNECTION_REQUESTS_MAX * 3) / 4) return
    for (const who of this.#waiting) {
      this.#waiting.delete(who)
      who.onRoom()
      // After the last answer nobody would tell those who are left.
      if (this.asked > 0) return
    }
  }
}
