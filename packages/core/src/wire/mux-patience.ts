/**
 * What a remote may make a connection do for nothing.
 *
 * Owns: the counts of openings that came to nothing and of messages for channels that are not there, and what follows
 * (threat-model 5). Always true: an honest peer never comes near, whatever was under way to channels that we have closed;
 * who opens and closes without end is read no faster than `OPENINGS_LOST_PER_SECOND_MAX`, which costs nobody else anything
 * and loses nothing; who speaks to nobody without end is left.
 */

import { Bucket } from '../base/bucket.ts'
import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import {
  OPENINGS_LOST_MAX,
  OPENINGS_LOST_PER_SECOND_MAX,
  STRAY_MESSAGES_PER_MINUTE_MAX,
} from '../base/limits.ts'

/** Who can be told to read no further. */
export interface Pausable {
  pause(): void
  resume(): void
}

/** One per connection. */
export class Patience {
  readonly #clock: Clock
  readonly #reading: Pausable
  #lost: Bucket | undefined
  #stray: Bucket | undefined
  #isResting = false

  constructor(clock: Clock, reading: Pausable) {
    this.#clock = clock
    this.#reading = reading
  }

  /** An opening of the remote was refused, or closed again. */
  lostOpening(): void {
    const now = this.#clock.now()
    this.#lost ??= new Bucket(OPENINGS_LOST_PER_SECOND_MAX, OPENINGS_LOST_MAX, now)
    this.#lost.take(1, now)
    const waitMs = this.#lost.waitMs(now)
    if (waitMs === 0 || this.#isResting) return
    this.#isResting = true
    this.#reading.pause()
    this.#clock.after(waitMs, () => {
      this.#isResting = false
      this.#reading.resume()
    })
  }

  /** We close a channel: what the remote says there before it hears of that is no fault of its own. */
  closedHere(): void {
    this.#stray = undefined
  }

  /**
   * A message for a channel that we have closed, or that never was.
   *
   * @throws DatError OVER_LIMIT when there were too many; it ends the connection
   */
  strayed(): void {
    const now = this.#clock.now()
    const max = STRAY_MESSAGES_PER_MINUTE_MAX
    this.#stray ??= new Bucket(max / 60, max, now)
    if (!this.#stray.isOpen(now)) {
      throw new DatError('OVER_LIMIT', 'The remote speaks on channels that are not there.')
    }
    this.#stray.take(1, now)
  }
}
