/**
 * Work that is asked for one by one, and may be asked for ten thousand times in one moment.
 *
 * Owns: the line. Work is done at once for `LINE_SLICE_MS` of a turn; what is asked for after that stands in line,
 * in groups, and as many of them as fit in a slice have their turn in each later turn of the event loop. In order,
 * always. What stands in line costs one promise, because ten thousand promises with functions of their own are much to
 * copy for the collector, in one turn of the event loop.
 */

import type { Clock } from './clock.ts'
import { LINE_SLICE_MS, SLICE_ITEMS } from './limits.ts'
import { TurnPace } from './pace.ts'

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
  readonly #pace: TurnPace
  /** Those who wait, first to last. */
  readonly #groups: Group[] = []
  /** The last of them, which is filled. */
  #last: Group | undefined
  #isGoing = false

  constructor(clock: Clock) {
    this.#pace = new TurnPace(clock, { sliceMs: LINE_SLICE_MS })
  }

  /** What `work` returns or throws, as a promise. It is called before this returns if nobody waits. */
  run<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return this.#isGoing || this.#pace.isOver ? this.#place().then(work) : begun(work)
  }

  /**
   * `work` for each of many that are known: beside who stands in line, and nothing is made for those whose turn has not
   * come. Resolves when all of it has ended; where some has failed it rejects then, as the first of it did.
   */
  async each<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
    const failures: unknown[] = []
    const failed = (error: unknown): void => {
      failures.push(error)
    }
    const going: Promise<unknown>[] = []
    for (const item of items) {
      if (this.#pace.isOver) await this.#turn()
      going.push(begun(() => work(item)).catch(failed))
      // What follows in microtasks is part of the slice.
      if (going.length % SLICE_ITEMS === 0) await DONE
    }
    await Promise.all(going)
    if (failures.length > 0) throw failures[0]
  }

  /** The turn of who comes last. */
  #place(): Promise<void> {
    let group = this.#last
    if (group === undefined || group.size === SLICE_ITEMS) {
      group = new Group()
      this.#last = group
      this.#groups.push(group)
    }
    group.size++
    if (!this.#isGoing) void this.#go()
    return group.turn
  }

  async #go(): Promise<void> {
    this.#isGoing = true
    await this.#turn()
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      // Whoever comes now comes behind those who have their turn.
      if (group === this.#last) this.#last = undefined
      group.begin()
      await group.turn
      // Whoever asked goes on in a microtask: that is part of the slice.
      await DONE
      if (this.#pace.isOver) await this.#turn()
    }
    this.#isGoing = false
  }

  /** A later turn of the event loop, whose slice begins with what is done first. */
  async #turn(): Promise<void> {
    await this.#pace.turn()
    this.#pace.begin()
  }
}

function begun<T>(work: () => T | PromiseLike<T>): Promise<T> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return Promise.reject(error)
  }
}
