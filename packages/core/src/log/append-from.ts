/**
 * Appending what comes, as it comes.
 *
 * Owns: how far a source may run ahead of the store: `APPEND_BYTES_QUEUED_MAX` bytes are appended and not
 * acknowledged at most, then the source is not asked until they are. A source that ends with an error, or is
 * aborted, leaves what came before appended: a log has no way back that readers would not see.
 */

import { DatError } from '../base/errors.ts'
import { APPEND_BYTES_QUEUED_MAX, BLOCK_BYTES_MAX } from '../base/limits.ts'
import type { Log } from './log.ts'

/** Where pieces come from. */
export type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** How a source becomes blocks, and what ends it early. */
export interface AppendFromOptions {
  /** Cut what comes into blocks of this size, the last one shorter. Default: each piece is a block. */
  readonly blockBytes?: number
  /** Ends between two pieces; the source is told by its `return`. */
  readonly signal?: AbortSignal
}

/** The log behind the last block. */
export interface Appended {
  readonly length: number
  readonly byteLength: number
}

/** Appends all that comes; resolves when the last block is as durable as the store is. */
export async function appendFrom(
  log: Log,
  pieces: Pieces,
  options: AppendFromOptions,
): Promise<Appended> {
  const { blockBytes, signal } = options
  if (blockBytes !== undefined && !(blockBytes >= 1 && blockBytes <= BLOCK_BYTES_MAX)) {
    throw new DatError('BAD_ARGUMENT', 'A block size is wrong.', { blockBytes })
  }
  const blocks = blockBytes === undefined ? pieces : cut(pieces, Math.floor(blockBytes))
  let { length, byteLength }: Appended = log
  let queued = 0
  let failure: { readonly error: unknown } | undefined
  let last: Promise<void> = Promise.resolve()
  const append = (block: Uint8Array): void => {
    queued += block.length
    last = log.append(block).then(
      (made) => {
        queued -= block.length
        length = made.length
        byteLength = made.byteLength
      },
      (error: unknown) => {
        failure ??= { error }
      },
    )
  }
  for await (const block of blocks) {
    if (signal?.aborted === true) {
      await last
      throw new DatError('ABORTED', 'Appending was aborted.', { length }, signal.reason)
    }
    append(block)
    if (queued >= APPEND_BYTES_QUEUED_MAX) await last
    if (failure !== undefined) throw failure.error
  }
  await last
  if (failure !== undefined) throw failure.error
  return { length, byteLength }
}

/** The same bytes in blocks of one size. */
async function* cut(pieces: Pieces, size: number): AsyncGenerator<Uint8Array, void> {
  let block = new Uint8Array(size)
  let filled = 0
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + size - filled)
      block.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < size) continue
      yield block
      block = new Uint8Array(size)
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}
