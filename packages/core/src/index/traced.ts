/**
 * A log whose reader is watched: which blocks does it look at?
 *
 * Owns: the list, and how it is told to the peer for whom the reader walks. Nothing is fetched through it: what is not here
 * is missing.
 */

import { DatError } from '../base/errors.ts'
import type { Download } from '../log/remote.ts'
import type { CacheHint } from './cache-hint.ts'
import type { LogReader } from './source.ts'

/** Blocks of one message, as stock peers send them. */
const MESSAGE_BLOCKS = 128
/** Bytes of blocks that one answer keeps: its way through the index. */
export const ANSWER_CACHE_BYTES = 1_048_576

/** The local blocks of a log, and which of them were looked at. */
export class Traced implements LogReader {
  readonly seen: Set<number> = new Set()
  readonly on: LogReader['on']
  readonly #source: LogReader

  constructor(source: LogReader) {
    this.#source = source
    this.on = source.on.bind(source)
  }

  /** What was seen, the first `blocksMax` of it, message by message. */
  *hints(blocksMax: number): Generator<CacheHint, void, undefined> {
    const all = [...this.seen].slice(0, blocksMax)
    for (let at = 0; at < all.length; at += MESSAGE_BLOCKS) {
      const blocks = all.slice(at, at + MESSAGE_BLOCKS).sort((a, b) => a - b)
      const [start = 0] = blocks
      yield { type: 'cache', start, end: (blocks.at(-1) ?? 0) + 1, blocks }
    }
  }

  get key(): Uint8Array {
    return this.#source.key
  }

  get length(): number {
    return this.#source.length
  }

  get byteLength(): number {
    return this.#source.byteLength
  }

  get fork(): number {
    return this.#source.fork
  }

  get writable(): boolean {
    return false
  }

  has(start: number, end?: number): boolean {
    return this.#source.has(start, end)
  }

  peek(index: number): Uint8Array | undefined {
    const block = this.#source.peek(index)
    if (block !== undefined) this.seen.add(index)
    return block
  }

  get(): Promise<Uint8Array> {
    return Promise.reject(notHere())
  }

  update(): Promise<boolean> {
    return Promise.resolve(false)
  }

  byteOffset(index: number): number | undefined {
    return this.#source.byteOffset(index)
  }

  seek(): Promise<undefined> {
    return Promise.reject(notHere())
  }

  download(): Download {
    throw notHere()
  }
}

function notHere(): DatError {
  return new DatError('NOT_AVAILABLE', 'Only local blocks are looked at.')
}
