/**
 * A log as one run of bytes.
 *
 *   first byte ──seek──▶ block and place in it ──▶ block after block, read ahead ──▶ the last one cut
 *
 * Owns: reading a range of bytes. Pieces are as large as the blocks that they come from, never empty, and the
 * caller's. Nothing behind the last byte is fetched.
 */

import { DatError } from '../base/errors.ts'
import type { BlocksOptions } from './blocks.ts'
import type { WaitOptions } from './remote.ts'

/** Which bytes to read. The limits of a wait hold for each piece that is not here. */
export interface BytesOptions extends WaitOptions {
  /** First byte, encryption padding not counted. Default 0. */
  readonly start?: number
  /** How many. Default: to the end, as it is when reading begins. */
  readonly length?: number
}

/** What bytes are read from: a log or a view of one. */
export interface ByteSource {
  readonly fork: number
  readonly length: number
  blocks(options: BlocksOptions): AsyncIterable<Uint8Array>
  seek(
    byte: number,
    options: WaitOptions,
  ): Promise<{ readonly index: number; readonly offset: number } | undefined>
}

/** The bytes of the range, as far as there are any. */
export async function* readBytes(
  source: ByteSource,
  options: BytesOptions,
): AsyncGenerator<Uint8Array, void> {
  const { start = 0, length = Number.POSITIVE_INFINITY, ...wait } = options
  if (!(Number.isSafeInteger(start) && start >= 0 && length >= 0)) {
    throw new DatError('BAD_ARGUMENT', 'A range of bytes is wrong.', { start, length })
  }
  if (length === 0) return
  const { fork, length: all } = source
  const [first, last] = await Promise.all([
    source.seek(start, wait),
    Number.isSafeInteger(start + length) ? source.seek(start + length, wait) : undefined,
  ])
  if (first === undefined) return
  if (source.fork !== fork) {
    throw new DatError('SNAPSHOT_GONE', 'The log was replaced while bytes were looked for.')
  }
  const end = last === undefined ? all : last.index + (last.offset > 0 ? 1 : 0)
  let skip = first.offset
  let left = length
  for await (const block of source.blocks({ start: first.index, end, ...wait })) {
    const piece = block.subarray(skip, Math.min(block.length, skip + left))
    skip = 0
    left -= piece.length
    if (piece.length > 0) yield piece
    if (left === 0) return
  }
}
