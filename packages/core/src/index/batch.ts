/**
 * Many operations on a bee that become one append.
 *
 * Owns: the object that users hold. Skeleton of the signatures; the tree is filled in next.
 */

import { DatError } from '../base/errors.ts'
import type { BeeEntry, DelOptions, PutOptions } from './bee.ts'

export class BeeBatch {
  /** Sees the batch's own writes. */
  get(_key: Uint8Array): Promise<BeeEntry | undefined> {
    throw new DatError('INVARIANT', 'not built')
  }
  put(_key: Uint8Array, _value: Uint8Array | undefined, _options?: PutOptions): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  del(_key: Uint8Array, _options?: DelOptions): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Appends all blocks at once; the batch is then over. */
  flush(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Ends the batch without writing. No error after `flush`. */
  close(): void {
    throw new DatError('INVARIANT', 'not built')
  }
}
