/**
 * The longest block of this process's event loop, and how much of it was its own doing.
 *
 * Owns: the watch. A timer fires every millisecond; how late it is tells how long the loop was held. Linux says how long
 * the thread meanwhile waited for a processor that others had (`/proc/thread-self/schedstat`, the second number,
 * nanoseconds): on a machine with two processors and two processes with their threads, most of a long block is that.
 */

import { openSync, readSync } from 'node:fs'

const TICK_MS = 1
const SCHEDSTAT = '/proc/thread-self/schedstat'

export interface Blocks {
  /** By the wall. */
  readonly longestBlockMs: number
  /** The longest without the waiting for a processor; the same as the other where the system does not tell. */
  readonly ownBlockMs: number
}

export class LoopWatch {
  readonly #file: number | undefined = openSchedstat()
  readonly #bytes = Buffer.alloc(96)
  #at = 0
  #waitedMs = 0
  #longestMs = 0
  #ownMs = 0

  constructor() {
    this.reset()
    setInterval(() => this.#tick(), TICK_MS).unref()
  }

  /** What was before counts no more. */
  reset(): void {
    this.#at = performance.now()
    this.#waitedMs = this.#waited()
    this.#longestMs = 0
    this.#ownMs = 0
  }

  /** Until now, what has not let the timer fire yet included. */
  read(): Blocks {
    this.#tick()
    return { longestBlockMs: this.#longestMs, ownBlockMs: this.#ownMs }
  }

  #tick(): void {
    const now = performance.now()
    const waitedMs = this.#waited()
    const blockMs = Math.max(0, now - this.#at - TICK_MS)
    const ownMs = Math.max(0, blockMs - (waitedMs - this.#waitedMs))
    this.#longestMs = Math.max(this.#longestMs, blockMs)
    this.#ownMs = Math.max(this.#ownMs, ownMs)
    this.#at = now
    this.#waitedMs = waitedMs
  }

  /** Since the thread began. */
  #waited(): number {
    if (this.#file === undefined) return 0
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6
  }
}

function openSchedstat(): number | undefined {
  try {
    return openSync(SCHEDSTAT, 'r')
  } catch {
    return undefined
  }
}
