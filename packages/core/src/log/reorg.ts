/**
 * Following a higher fork: from a verified head of another history to the last block both share.
 */

import { DatError } from '../base/errors.ts'
import type { Proof } from '../tree/proof.ts'

export class Reorg {
  /** The fork and length of the head that was verified. */
  declare readonly fork: number
  declare readonly length: number

  /** Blocks that both histories share, once `done`. */
  get ancestors(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get done(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** First block and end of the subtree in which the histories part. Ask for `hash: {2 * any of them, nodes}`. */
  get start(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get end(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get nodes(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Takes the answer to such a request. Throws `BAD_PROOF`, and nothing has changed then. */
  add(_proof: Proof): void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Stages the new history; `commit` of the replica keeps it. False if the log moved on meanwhile. */
  apply(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }
}
