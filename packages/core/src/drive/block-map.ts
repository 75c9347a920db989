/**
 * The block map of a file whose blocks are anywhere in the log, because some are shared with other versions.
 *
 *     map   := one to 64 blocks, each
 *     block := uint 0 (version), uint count, count × { uint index, uint byteLength }
 *
 * Owns: reading that encoding; we write no maps. An id with `blockMap` points to the map: its `byteLength` is the
 * map's, and the file's is the sum over the map. Source: the hyperdrive specification, section 5.3.
 */

import { DatError, isCode } from '../base/errors.ts'
import { BLOCK_BYTES_MAX, MAP_BLOCK_ENTRIES_MAX } from '../base/limits.ts'
import { Reader } from '../bytes/cursor.ts'

/** One block of a file, wherever it is in the log. */
export interface MappedBlock {
  readonly index: number
  readonly byteLength: number
}

/** Appends what one block of a map lists. Throws `BAD_CONTENT` or, for a later version, `UNSUPPORTED`. */
export function decodeBlockMap(block: Uint8Array, into: MappedBlock[]): void {
  try {
    readEntries(new Reader(block), into)
  } catch (error) {
    if (!isCode(error, 'BAD_FRAME') && !isCode(error, 'OVER_LIMIT')) throw error
    throw new DatError('BAD_CONTENT', 'The block map of a file is damaged.', {}, error)
  }
}

function readEntries(reader: Reader, into: MappedBlock[]): void {
  const version = reader.uint()
  if (version !== 0) {
    throw new DatError('UNSUPPORTED', `The block map of a file has version ${version}.`, {
      version,
    })
  }
  const count = reader.count(2, MAP_BLOCK_ENTRIES_MAX)
  for (let i = 0; i < count; i++) {
    const index = reader.uint()
    const byteLength = reader.uint()
    if (byteLength > BLOCK_BYTES_MAX) {
      throw new DatError('OVER_LIMIT', 'A block map lists a block larger than any.', { byteLength })
    }
    into.push({ index, byteLength })
  }
}
