/**
 * A clock that stands still until a test moves it.
 */

import type { Clock } from '@dat-rhino/core/base/clock'

export interface HandClock extends Clock {
  /** Moves on, running each timer at its time. */
  advance(ms: number): void
}

export function handClock(): HandClock {
  let now = 0
  let timers: { at: number; task: () => void }[] = []
  return {
    now: () => now,
    soon: (task) => task(),
    after(delayMs, task) {
      const timer = { at: now + delayMs, task }
      timers.push(timer)
      const cancel = (): void => {
        timers = timers.filter((other) => other !== timer)
      }
      return { cancel }
    },
    advance(ms) {
      for (const end = now + ms; now < end; ) {
        now = timers.reduce((at, timer) => Math.min(at, timer.at), end)
        const due = timers.filter((timer) => timer.at <= now)
        timers = timers.filter((timer) => timer.at > now)
        for (const { task } of due) task()
      }
    },
  }
}
