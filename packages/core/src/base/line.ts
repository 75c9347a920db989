/**
 * Work that is asked for one by one, and may be asked for ten thousand times in one moment.
 *
 * Owns: the line. Work is done at once while the slice of this turn lasts; what is asked for after that stands in line,
 * in groups, and as many of them as fit in a slice have their turn in each later turn of the event loop. In order,
 * always. What stands in line costs one promise, because ten thousand promises with functions of their own are much to
 * copy for the collector, in one turn of the event loop.
 */

import type { Clock } from './clock.ts'
import { SLICE_ITEMS } from './limits.ts'
import { Pace } from './pace.ts'

const DONE = Promise.resolve()

/** Work that begins together. */
class Group {
  readonly turn: Promise<void>
  size = 0
  begin: () => void = () => {}

  constructor() {
    this.turn = new Promise((resolve) => {
      this.begin = resolve
    })
  }
}

/** One line, for one kind of work. */
export class Line {
  readonly #pace: Pace
  /** Those who wait, first to last; the last one is filled. */
  readonly #groups: Group[] = []
  #isGoing = false

  constructor(clock: Clock) {
    this.#pace = new Pace(clock)
  }

  /** What `work` returns or throws, as a promise. It is called before this returns if nobody waits. */
  run<T>(work: () => T | PromiseLike<T>): Promise<T> {
    if (this.#isGoing || this.#pace.due()) return this.#place().then(work)
    try {
      return Promise.resolve(work())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The turn of who comes last. */
  #place(): Promise<void> {
    let group = this.#groups.at(-1)
    if (group === undefined || group.size === SLICE_ITEMS) {
      group = new Group()
      this.#groups.push(group)
    }
    group.size++
    if (!this.#isGoing) void this.#go()
    return group.turn
  }

  async #go(): Promise<void> {
    this.#isGoing = true
    await this.#pace.turn()
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      group.begin()
      await group.turn
      // Whoever asked goes on in a microtask: that is part of the slice.
      await DONE
      if (this.#pace.isOver) await this.#pace.turn()
    }
    this.#isGoing = false
  }
}
