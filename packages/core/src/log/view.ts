/**
 * A log as it is at one length: what `snapshot` and `checkout` give.
 *
 * Owns: reading without surprises. Key, fork and length never change, and what is read is the history that the
 * view was made of, whatever becomes of the log:
 *
 * - Growing changes nothing. A block that was cleared is read as before, from a copy in memory, or fetched again.
 * - When the history is replaced (truncated here, or a higher fork followed), blocks below the common ancestor are
 *   read as before; those above that were held here are read from copies in memory, up to `VIEW_BYTES_MAX`
 *   for each view. Every other block is `SNAPSHOT_GONE`, and never a block of the new history.
 * - Copies do not outlive the view: close it when done. The handle that it was made from closes it too.
 */

import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { type BlocksOptions, BlockWalk, type WalkSource } from './blocks.ts'
import { type BytesOptions, readBytes } from './byte-range.ts'
import { Kept } from './kept.ts'
import type { Log } from './log.ts'
import type { WaitOptions } from './remote.ts'
import { checkIndex } from './seeking.ts'

export class LogView {
  readonly key: Uint8Array
  readonly fork: number
  readonly length: number
  /** Bytes of all blocks, without encryption padding. Undefined where the tree here does not tell (sparse logs). */
  readonly byteLength: number | undefined
  readonly #log: Log
  readonly #kept: Kept
  readonly #stopListening: () => void
  #closed = false

  /** Use `Log.snapshot` or `Log.checkout`. */
  constructor(log: Log, length: number) {
    if (!Number.isSafeInteger(length) || length < 0 || length > log.length) {
      throw new DatError('BAD_ARGUMENT', 'A view is of a length that the log has.', { length })
    }
    this.key = log.key
    this.fork = log.fork
    this.length = length
    this.byteLength = log.byteOffset(length)
    this.#log = log
    this.#kept = new Kept(log.fork, length)
    log.replica.views.add(this.#kept)
    this.#stopListening = log.on('closed', () => this.#end())
  }

  /** Blocks below are the log's own still, and can be fetched. Falls when the history is replaced. */
  get intactLength(): number {
    return this.#kept.intactLength
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The block if it can be read without waiting; the bytes are the caller's. */
  peek(index: number): Uint8Array | undefined {
    this.#checkOpen()
    const own = index < this.intactLength ? this.#log.peek(index) : undefined
    return own ?? this.#peekKept(index)
  }

  #peekKept(index: number): Uint8Array | undefined {
    const stored = this.#kept.get(index)
    if (stored === undefined) return undefined
    const own = copy(stored)
    return this.#log.cipher?.decrypt(index, own) ?? own
  }

  /**
   * The block, from here or from a peer; the bytes are the caller's. Not `async`: a local hit costs one promise.
   *
   * @throws DatError NOT_FOUND beyond the view's length; SNAPSHOT_GONE if it was replaced and is not kept
   */
  get(index: number, options: WaitOptions = {}): Promise<Uint8Array> {
    try {
      checkIndex(index)
      this.#checkOpen()
      if (index >= this.length) {
        throw new DatError('NOT_FOUND', 'The view ends before that block.', { index })
      }
      const isCold = this.#log.replica.slot.isCold(index, index + 1)
      const block = isCold ? this.#peekKept(index) : this.peek(index)
      if (block !== undefined) return this.#log.pace.give(block)
      if (index >= this.intactLength) throw this.#gone(index)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#wait(index, options)
  }

  async #wait(index: number, options: WaitOptions): Promise<Uint8Array> {
    const block = await this.#log.get(index, options)
    // What came after a wait may be of the new history.
    if (index < this.intactLength) return block
    const old = this.#peekKept(index)
    if (old === undefined) throw this.#gone(index)
    return old
  }

  /** Can all blocks of `start .. end` (default: the one) be read without a peer? */
  has(start: number, end: number = start + 1): boolean {
    if (end > this.length) return false
    for (let i = start; i < end; i++) {
      const isOwn = i < this.intactLength && this.#log.has(i)
      if (!isOwn && this.#kept.get(i) === undefined) return false
    }
    return true
  }

  /** Block after block, read ahead. */
  blocks(options: Omit<BlocksOptions, 'live'> = {}): AsyncIterable<Uint8Array> {
    const range = {
      ...options,
      live: false,
      end: Math.min(options.end ?? this.length, this.length),
    }
    return { [Symbol.asyncIterator]: () => new BlockWalk(this.#source(), range) }
  }

  /** The bytes `start .. start + length` (default: all), in pieces as they come. */
  bytes(options: BytesOptions = {}): AsyncIterable<Uint8Array> {
    return readBytes(this, options)
  }

  /** Bytes before block `index` (`length` for the end), or undefined if that is not known here (any more). */
  byteOffset(index: number): number | undefined {
    if (index === this.length) return this.byteLength
    return index <= this.intactLength ? this.#log.byteOffset(index) : undefined
  }

  /** The block in which byte `byte` lies and the place in it; undefined beyond the end. */
  async seek(
    byte: number,
    options: WaitOptions = {},
  ): Promise<{ index: number; offset: number } | undefined> {
    this.#checkOpen()
    if (byte === this.byteLength) return { index: this.length, offset: 0 }
    if (this.byteLength !== undefined && byte > this.byteLength) return undefined
    const found = await this.#log.seek(byte, options)
    if (found !== undefined && found.index < this.intactLength) return found
    if (this.intactLength < this.length) throw this.#gone(this.intactLength)
    return undefined
  }

  /** Forgets the copies; what waits goes on with the log. */
  close(): Promise<void> {
    this.#end()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #end(): void {
    this.#closed = true
    this.#stopListening()
    this.#log.replica.views.remove(this.#kept)
  }

  /** A walk over the view never sees the log change: it ends where `get` says so. */
  #source(): WalkSource {
    const log = this.#log
    const lengthNow = (): number => this.intactLength
    const isClosed = (): boolean => this.#closed
    return {
      replica: log.replica,
      get length() {
        return lengthNow()
      },
      get closed() {
        return isClosed()
      },
      pace: log.pace,
      peek: (index) => this.peek(index),
      get: (index, options) => this.get(index, options),
      download: (range) => log.download(range),
      grown: (length, signal) => log.grown(length, signal),
      on: () => () => {},
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'The view is closed.')
  }

  #gone(index: number): DatError {
    const message = 'The history that this view is of was replaced, and the block was not kept.'
    return new DatError('SNAPSHOT_GONE', message, { index, fork: this.fork })
  }
}
