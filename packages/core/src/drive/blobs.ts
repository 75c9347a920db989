/**
 * Byte strings in one log: hyperblobs 2.
 *
 * Owns: the object that users hold. Skeleton of the signatures; filled in next.
 */

import { DatError } from '../base/errors.ts'
import type { LogSource } from '../index/source.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { BlobId } from './drive.ts'

export interface BlobReadOptions extends WaitOptions {
  readonly start?: number
  readonly length?: number
}

export class Blobs {
  static open(_log: LogSource): Blobs {
    throw new DatError('INVARIANT', 'not built')
  }
  get log(): LogSource {
    throw new DatError('INVARIANT', 'not built')
  }
  put(_content: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobId> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Many small byte strings, one append. */
  putAll(_contents: readonly Uint8Array[]): Promise<BlobId[]> {
    throw new DatError('INVARIANT', 'not built')
  }
  get(_id: BlobId, _options?: WaitOptions): Promise<Uint8Array> {
    throw new DatError('INVARIANT', 'not built')
  }
  read(_id: BlobId, _options?: BlobReadOptions): AsyncIterable<Uint8Array> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Is every block here? */
  has(_id: BlobId): boolean {
    throw new DatError('INVARIANT', 'not built')
  }
  clear(_id: BlobId): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
}
