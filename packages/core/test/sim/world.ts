/**
 * Time and chance for simulations: a clock that the simulation moves, and numbers from one seed.
 *
 * Owns: the queue of what is to happen, in order of time and then of making. Between two events all promises
 * that can settle do settle, so the order of everything follows from the seed and a failure repeats.
 */

import type { Clock, Timer } from '../../src/base/clock.ts'

/** Mulberry32: small, good enough for schedules, the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Task {
  readonly at: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

export class World implements Clock {
  readonly random: () => number
  /** Called after each event, when everything has settled. */
  onStep: (() => void) | undefined
  #now = 1
  #order = 0
  readonly #heap: Task[] = []

  constructor(seed: number) {
    this.random = randomOf(seed)
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): Timer {
    const task = {
      at: this.#now + Math.max(delayMs, 0),
      order: this.#order++,
      run,
      cancelled: false,
    }
    this.#push(task)
    return {
      cancel: () => {
        task.cancelled = true
      },
    }
  }

  soon(task: () => void): void {
    this.after(0, task)
  }

  /** A whole number in `from .. to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1))
  }

  chance(part: number): boolean {
    return this.random() < part
  }

  /** Lets things happen until `isOver`, or until nothing happens any more, or `forMs` are over. */
  async run(forMs: number, isOver: () => boolean = () => false): Promise<void> {
    const until = this.#now + forMs
    await settle()
    while (!isOver()) {
      const task = this.#heap[0]
      if (task === undefined || task.at > until) {
        this.#now = Math.max(this.#now, until)
        return
      }
      this.#pop()
      if (task.cancelled) continue
      this.#now = Math.max(this.#now, task.at)
      task.run()
      await settle()
      this.onStep?.()
    }
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(task)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !isBefore(task, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = task
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      const [left, right] = [heap[down], heap[down + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) down++
      const child = heap[down]
      if (child === undefined || !isBefore(child, last)) break
      heap[at] = child
      at = down
    }
    heap[at] = last
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Everything that waits for nothing but promises is done. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
