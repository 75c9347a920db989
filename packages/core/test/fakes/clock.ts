/** A clock that a test moves by hand. */

import type { Clock, Timer } from '../../src/base/clock.ts'

interface Planned {
  readonly at: number
  readonly task: () => void
}

export class ManualClock implements Clock {
  #now = 0
  #planned: Planned[] = []

  now(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): Timer {
    const planned = { at: this.#now + delayMs, task }
    this.#planned.push(planned)
    return {
      cancel: () => {
        this.#planned = this.#planned.filter((other) => other !== planned)
      },
    }
  }

  soon(task: () => void): void {
    setImmediate(task)
  }

  /** Moves the time and runs, in order, what is due by then; what that started goes on between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const due = this.#planned.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#planned = this.#planned.filter((planned) => planned !== due)
      this.#now = Math.max(this.#now, due.at)
      due.task()
      await turn()
    }
    this.#now = end
    await turn()
  }

  /** Moves the time without running anything: a task that takes long. */
  pass(ms: number): void {
    this.#now += ms
  }
}

/** Lets promises and `soon` tasks that are ready run to their end. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}
