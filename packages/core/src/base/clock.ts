/**
 * Time as a value that is passed in: the simulator moves it, programs use the machine's.
 *
 * Owns: the interface and the real clock. `now` is monotonic; nothing in this project depends on wall
 * time for being right.
 */

/** What this project knows of time. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number
  /** Runs `task` once after `delayMs`. A timer must not keep a process alive. */
  after(delayMs: number, task: () => void): Timer
  /** Runs `task` in a later turn of the event loop, after I/O that is waiting. */
  soon(task: () => void): void
}

/** A task that waits. */
export interface Timer {
  cancel(): void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    keepNobodyAlive(timer)
    return { cancel: () => clearTimeout(timer) }
  },
  soon(task) {
    const platform: object = globalThis
    if ('setImmediate' in platform && typeof platform.setImmediate === 'function') {
      platform.setImmediate(task)
    } else setTimeout(task, 0)
  },
}

/** Node's timers hold the process unless they are told not to; a browser's are numbers. */
function keepNobodyAlive(timer: unknown): void {
  if (typeof timer !== 'object' || timer === null || !('unref' in timer)) return
  if (typeof timer.unref === 'function') timer.unref()
}
