/**
 * What the hints of bees and tries have in common: the answer that names blocks.
 *
 *     Cache := 1 varint start, 2 varint end, 3 packed varint blocks
 *
 * Owns: that message, and the error of a hint that is larger than an honest peer sends.
 * Source: the hyperbee specification, section 8; the hypertrie specification, section 10.
 */

import { DatError } from '../base/errors.ts'
import type { Writer } from '../bytes/cursor.ts'
import { type Fields, writePackedField, writeVarintField } from '../bytes/protobuf.ts'

/** Blocks that answer a `get` or an `iterator`. */
export interface CacheHint {
  readonly type: 'cache'
  /** Smallest block, and one more than the largest. */
  readonly start: number
  readonly end: number
  readonly blocks: readonly number[]
}

/** The body, inside a message that the caller has begun. */
export function writeCacheHint(writer: Writer, hint: CacheHint): void {
  writeVarintField(writer, 1, hint.start)
  writeVarintField(writer, 2, hint.end)
  writePackedField(writer, 3, hint.blocks)
}

/** The inverse. Throws `BAD_FRAME`, also for more than `blocksMax` blocks. */
export function readCacheHint(fields: Fields, blocksMax: number): CacheHint {
  let start = 0
  let end = 0
  const blocks: number[] = []
  while (fields.next()) {
    if (fields.number === 1) start = fields.varint()
    else if (fields.number === 2) end = fields.varint()
    else if (fields.number === 3) fields.packed(blocks, blocksMax)
  }
  return { type: 'cache', start, end, blocks }
}

/** `what` of a hint is larger than allowed. */
export function hintTooLarge(what: string, bytes: number): DatError {
  return new DatError('BAD_FRAME', `A hint has a ${what} of ${bytes} bytes.`, { bytes })
}
