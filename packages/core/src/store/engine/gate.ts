/**
 * May this store be written, and if not, why.
 *
 * Owns: that one question. It closes for good: a store that was opened read-only, whose files look damaged, or that
 * failed to sync, is written again only after it was opened again.
 */

import { DatError } from '../../base/errors.ts'

/** Everybody who changes something asks `check` first. */
export class Gate {
  /** For people; `undefined` while the store may be written. */
  why: string | undefined
  /** The error behind it, if there was one. */
  cause: unknown
  isClosed = false

  check(): void {
    if (this.isClosed) throw closed()
    if (this.why !== undefined) throw this.refusal(this.why)
  }

  get isOpen(): boolean {
    return !this.isClosed && this.why === undefined
  }

  refusal(why: string): DatError {
    return new DatError('NOT_WRITABLE', `The store is read-only: ${why}.`, { why }, this.cause)
  }
}

/** The error of whoever uses a store after it was closed. */
export function closed(): DatError {
  return new DatError('CLOSED', 'The store is closed.')
}
