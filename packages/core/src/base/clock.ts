/**
 * Time as a value that is passed in: the simulator moves it, programs use the machine's.
 *
 * Owns: the interface and the real clock. `now` is monotonic; nothing in this project depends on wall
 * time for being right.
 */

export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number
  /** Runs `task` once after `delayMs`. A timer must not keep a process alive. */
  after(delayMs: number, task: () => void): Timer
  /** Runs `task` in a later turn of the event loop, after I/O that is waiting. */
  soon(task: () => void): void
}

export interface Timer {
  cancel(): void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs) as unknown as { unref?: () => void }
    timer.unref?.()
    return { cancel: () => clearTimeout(timer as unknown as number) }
  },
  soon(task) {
    const g = globalThis as { setImmediate?: (task: () => void) => unknown }
    if (g.setImmediate !== undefined) g.setImmediate(task)
    else setTimeout(task, 0)
  },
}
