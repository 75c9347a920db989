/**
 * What was found wrong in an old store, as a list that cannot grow without end.
 *
 * Owns: the list. The same thing is named once, and at most `STORED_PROBLEMS_MAX` things are; `count` counts all.
 */

import { STORED_PROBLEMS_MAX } from '@dat-rhino/core/base/limits'
import type { StoredProblem } from './types.ts'

export class ProblemList {
  /** All that was named, things told or not. */
  count = 0
  readonly #problems: StoredProblem[] = []
  readonly #told = new Set<string>()

  get all(): readonly StoredProblem[] {
    return this.#problems
  }

  /** Names a thing, unless it was named before. */
  add(kind: StoredProblem['kind'], path: string, message: string, block?: number): void {
    const name = `${kind} ${block ?? ''} ${path} ${message}`
    if (this.#told.has(name)) return
    this.count++
    if (this.#problems.length === STORED_PROBLEMS_MAX) return
    this.#told.add(name)
    this.#problems.push({ kind, path, message, ...(block !== undefined && { block }) })
  }
}
