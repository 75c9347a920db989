/**
 * How often, and to what, a log was truncated while somebody reads an index in it.
 *
 * Owns: the memory of that. A view that was made in epoch `e` for version `v` is good as long as `isWhole(v, e)`.
 */

import { DatError } from '../base/errors.ts'

export class Truncations {
  /** Lengths to which the log was truncated, in order. */
  readonly #lengths: number[] = []

  /** Number of truncations so far. */
  get epoch(): number {
    return this.#lengths.length
  }

  add(length: number): void {
    this.#lengths.push(length)
  }

  /** Are the blocks below `version` still those of epoch `since`? */
  isWhole(version: number, since: number): boolean {
    for (let i = since; i < this.#lengths.length; i++) {
      if ((this.#lengths[i] ?? 0) < version) return false
    }
    return true
  }

  /** Throws `SNAPSHOT_GONE` unless `isWhole`. */
  checkWhole(version: number, since: number): void {
    if (this.isWhole(version, since)) return
    throw new DatError(
      'SNAPSHOT_GONE',
      `The author replaced the history below version ${version}; read the present version anew.`,
      { version },
    )
  }
}
