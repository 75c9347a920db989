/**
 * The nine bytes in front of every stored block: `00`, then its size in the byte order of the generation.
 *
 * Owns: the choice of that order, so that a leaf hash is one call over contiguous memory wherever a
 * block stands: in the staging buffer, in a read-ahead window, or in a record that is replayed.
 */

import { writeU64BE, writeU64LE } from '../bytes/integers.ts'
import { LEAF_PREFIX_BYTES, type WriteU64 } from '../tree/hash.ts'

/** How a generation writes the size; looked up once, when a log is opened. */
export const SIZE_WRITERS: Readonly<Record<1 | 2 | 3, WriteU64>> = {
  1: writeU64BE,
  2: writeU64BE,
  3: writeU64LE,
}

/** Writes the prefix of a block of `size` bytes that begins at `at`. */
export function writeLeafPrefix(
  bytes: Uint8Array,
  at: number,
  size: number,
  writeSize: WriteU64,
): void {
  bytes[at - LEAF_PREFIX_BYTES] = 0
  writeSize(bytes, at - LEAF_PREFIX_BYTES + 1, size)
}
