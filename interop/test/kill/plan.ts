/**
 * What a doomed process does to its store, and what the store must look like after so many steps.
 *
 * Owns: the plan (step `n` follows from the seed and the steps before it) and the model. The process that does the
 * steps and the one that examines what is left both compute it; nothing about it is stored.
 */

import { randomNumbers } from '../blocks.ts'

export const LOGS = ['one', 'two', 'three'] as const

export type Step =
  | { readonly log: string; readonly do: 'append'; readonly blocks: readonly Uint8Array[] }
  | { readonly log: string; readonly do: 'truncate'; readonly length: number }
  | { readonly log: string; readonly do: 'clear'; readonly start: number; readonly end: number }

export interface LogModel {
  fork: number
  /** `undefined` where a block was cleared. */
  readonly blocks: (Uint8Array | undefined)[]
}

export class Plan {
  readonly logs: ReadonlyMap<string, LogModel> = new Map(
    LOGS.map((name) => [name, { fork: 0, blocks: [] }]),
  )
  /** Steps taken. */
  taken = 0
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = randomNumbers(seed)
  }

  /** Takes the steps up to `count` in the model alone. */
  static after(seed: number, count: number): Plan {
    const plan = new Plan(seed)
    while (plan.taken < count) plan.step()
    return plan
  }

  /** The next step, taken in the model; whoever asked takes it in the store. */
  step(): Step {
    this.taken++
    const name = LOGS[this.#next() % LOGS.length] ?? 'one'
    const log = this.logs.get(name) ?? { fork: 0, blocks: [] }
    const { length } = log.blocks
    const dice = this.#next() % 20
    if (dice === 0 && length > 0) return this.#truncate(name, log)
    if (dice === 1 && length > 1) return this.#clear(name, log)
    const blocks = Array.from({ length: 1 + (this.#next() % 12) }, () => this.#block())
    log.blocks.push(...blocks)
    return { log: name, do: 'append', blocks }
  }

  #truncate(name: string, log: LogModel): Step {
    const length = log.blocks.length - 1 - (this.#next() % Math.min(30, log.blocks.length))
    log.blocks.length = Math.max(0, length)
    log.fork++
    return { log: name, do: 'truncate', length: log.blocks.length }
  }

  #clear(name: string, log: LogModel): Step {
    const start = this.#next() % (log.blocks.length - 1)
    const end = Math.min(log.blocks.length, start + 1 + (this.#next() % 8))
    log.blocks.fill(undefined, start, end)
    return { log: name, do: 'clear', start, end }
  }

  /** Mostly small; now and then larger than a page of a file. */
  #block(): Uint8Array {
    const size = this.#next() % 10 === 0 ? this.#next() % 20_000 : this.#next() % 300
    const block = new Uint8Array(size)
    const seed = this.#next()
    for (let i = 0; i < size; i++) block[i] = seed + i * 31
    return block
  }
}
