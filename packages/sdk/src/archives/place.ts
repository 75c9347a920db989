/**
 * Where old archives stand while they are looked at, if nobody wants to keep them.
 *
 * Owns: that place. A little stands in memory; what may become much, in a folder of its own among the temporary ones,
 * which is gone when it is removed.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IN_MEMORY } from '../platform/node/storage.ts'

/** Archives with more bytes than this stand on the disk. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024

/** A place for a store. */
export interface Place {
  /** Folder of the store, or `IN_MEMORY`. */
  readonly path: string
  /** Call it when the store is closed. */
  remove(): void
}

/** @param bytes that may come into the store */
export function passingPlace(bytes: number): Place {
  if (bytes <= MEMORY_BYTES_MAX) return { path: IN_MEMORY, remove: () => undefined }
  const dir = mkdtempSync(join(tmpdir(), 'dat-archive-'))
  return {
    path: join(dir, 'store'),
    remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }),
  }
}
