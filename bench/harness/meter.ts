/**
 * Measuring inside the process that does the work.
 *
 * Owns: what is read before and after, and the calibration.
 */

import { type Blocks, LoopWatch } from './loop-watch.ts'
import type { Meter } from './task.ts'

export interface Measured extends Blocks {
  readonly bytes: number
  readonly storedBytes: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly calibrationMs: number
}

export class ProcessMeter implements Meter {
  bytes = 0
  stored = 0
  /** Called around the measured work, so that a server's CPU can be read at the same moments. */
  readonly #around: (edge: 'start' | 'end') => Promise<void>
  #measured: Omit<Measured, 'bytes' | 'storedBytes'> | undefined

  constructor(around: (edge: 'start' | 'end') => Promise<void>) {
    this.#around = around
  }

  get result(): Measured {
    if (this.#measured === undefined) throw new Error('The task measured nothing.')
    return { ...this.#measured, bytes: this.bytes, storedBytes: this.stored }
  }

  async measure(work: () => Promise<void> | void): Promise<void> {
    if (this.#measured !== undefined) throw new Error('A run measures once.')
    const calibrationMs = calibrate()
    await this.#around('start')
    const loop = new LoopWatch()
    const cpu = process.cpuUsage()
    const start = performance.now()
    await work()
    const wallMs = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    const blocks = loop.read()
    await this.#around('end')
    this.#measured = { wallMs, cpuMs: (user + system) / 1000, ...blocks, calibrationMs }
  }
}

/** How long a fixed amount of arithmetic takes, in milliseconds. */
function calibrate(): number {
  const start = performance.now()
  let x = 1
  for (let i = 0; i < 20_000_000; i++) x = (Math.imul(x, 1_103_515_245) + i) | 0
  const ms = performance.now() - start
  // Used, so that the loop is not optimised away.
  return x === 0.5 ? 0 : ms
}
