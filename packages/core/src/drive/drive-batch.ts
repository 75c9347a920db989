/**
 * Many changes of a drive that become few appends of bytes and one of rows.
 *
 * Owns: the object that users hold. Skeleton of the signatures; filled in next.
 */

import { DatError } from '../base/errors.ts'
import type { DriveEntry, PutFileOptions } from './drive.ts'

export class DriveBatch {
  /** Small files wait in memory for the next append; the promise resolves when there is room again. */
  put(
    _path: string,
    _content: Uint8Array | AsyncIterable<Uint8Array>,
    _options?: PutFileOptions,
  ): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  symlink(_path: string, _target: string, _options?: { metadata?: unknown }): void {
    throw new DatError('INVARIANT', 'not built')
  }
  del(_path: string): void {
    throw new DatError('INVARIANT', 'not built')
  }
  putEntry(_path: string, _row: Partial<Omit<DriveEntry, 'path' | 'seq' | 'invalid'>>): void {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Appends what waits, then all rows at once; the batch is then over. */
  flush(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
  /** Ends the batch without rows. Bytes that were appended stay, unused. */
  close(): void {
    throw new DatError('INVARIANT', 'not built')
  }
}
