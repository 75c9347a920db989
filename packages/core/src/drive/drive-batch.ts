/**
 * Many changes of a drive that become few appends of bytes and one of rows.
 *
 * Owns: the order. Operations take effect in the order in which they were called. Bytes are always in the log
 * before the rows that speak of them are: small files wait in memory until they are worth an append, streams
 * are appended as they come. Bytes of a batch that is never flushed stay in the log, unused.
 *
 * Small files wait side by side on one shelf of memory, which is used again when they have left it: an array of its own
 * for each was half of what an import made the collector do.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { Pace } from '../base/pace.ts'
import { utf8 } from '../bytes/bytes.ts'
import type { Bee } from '../index/bee.ts'
import type { Blobs } from './blobs.ts'
import { checkRow, encodeRow } from './row.ts'
import type { BlobId, PutFileOptions, Row } from './types.ts'

/** Bytes of small files that wait for the next append, and how many: an append is one turn of the event loop. */
const SHELF_BYTES = 1024 * 1024
const WAITING_FILES_MAX = 256
/** A file from this size on is no small one: it is appended at once, and not copied. */
const LARGE_BYTES = SHELF_BYTES

/** One row to be written, or deleted. */
interface Operation {
  readonly key: Uint8Array
  /** `undefined` deletes. Of a file whose bytes are on their way it is ours, and gets its blob. */
  readonly row: { -readonly [K in keyof Row]: Row[K] } | undefined
  /** Its bytes did not get into the log: it never was. */
  failed: boolean
}

/** Bytes that wait for an append, and the operation that waits for their id. */
interface Waiting {
  /** A part of the shelf. */
  readonly bytes: Uint8Array
  readonly operation: Operation
}

/** What a batch needs of its drive. */
export interface BatchTarget {
  readonly clock: Clock
  readonly rows: Bee
  normalize(path: string): string
  content(): Promise<Blobs>
}

/** Made by `Drive.batch`; used once. */
export class DriveBatch {
  readonly #target: BatchTarget
  readonly #operations: Operation[] = []
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** What waits lies on it. While it is appended from, the next files get another. */
  #shelf: Uint8Array | undefined
  readonly #pace: Pace
  /** Appends and streams under way; `flush` waits for them. */
  readonly #work = new Set<Promise<unknown>>()
  #over = false
  /** What made it impossible to go on. */
  #error: unknown = undefined

  constructor(target: BatchTarget) {
    this.#target = target
    this.#pace = new Pace(target.clock)
  }

  /** Operations so far. */
  get length(): number {
    return this.#operations.length
  }

  /**
   * Writes a file with the next `flush`. Resolves when there is room for more; for an iterable and for large
   * files, when their bytes are in the log. Rejects, and is no part of the batch, if they can't be read or written.
   */
  put(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutFileOptions = {},
  ): Promise<void> {
    let operation: Operation
    try {
      operation = this.#add(path, { ...options, blob: undefined })
    } catch (error) {
      return Promise.reject(error)
    }
    if (!(content instanceof Uint8Array) || content.length >= LARGE_BYTES) {
      return this.#begin(this.#putNow(operation, content))
    }
    const hasRoom =
      this.#waitingBytes + content.length <= SHELF_BYTES && this.#waiting.length < WAITING_FILES_MAX
    const appending = hasRoom ? undefined : this.#begin(this.#putWaiting())
    this.#wait(operation, content)
    return appending ?? Promise.resolve()
  }

  /** `target` is stored as it is. */
  symlink(path: string, target: string, options: { readonly metadata?: unknown } = {}): void {
    this.#add(path, { linkname: target, metadata: options.metadata })
  }

  del(path: string): void {
    this.#add(path, undefined)
  }

  /** A row alone: another name, or other flags, for bytes that are here. */
  putEntry(path: string, row: Row): void {
    this.#add(path, row)
  }

  /** Appends what waits, then all rows at once; the batch is then over. */
  async flush(): Promise<void> {
    this.#checkOpen()
    this.#over = true
    // What failed was told to whoever put it.
    await Promise.allSettled(this.#work)
    if (this.#error !== undefined) throw this.#error
    await this.#putWaiting()
    if (this.#pace.isOver) await this.#pace.turn()
    const operations = this.#operations.filter((operation) => !operation.failed)
    if (operations.length === 0) return
    const batch = this.#target.rows.batch()
    try {
      for (const { key, row } of operations) {
        if (row === undefined) await batch.del(key)
        else await batch.put(key, encodeRow(row))
      }
      await batch.flush()
    } finally {
      batch.close()
    }
  }

  /** Ends the batch without rows. No error after `flush`. */
  close(): void {
    this.#over = true
    this.#waiting = []
    this.#shelf = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #add(path: string, row: Row | undefined): Operation {
    this.#checkOpen()
    const key = utf8(this.#target.normalize(path))
    // What can't be written is the caller's mistake now, not that of `flush` later.
    if (row !== undefined) checkRow(row)
    const operation = { key, row, failed: false }
    this.#operations.push(operation)
    return operation
  }

  #begin(work: Promise<void>): Promise<void> {
    this.#work.add(work)
    const done = (): void => {
      this.#work.delete(work)
    }
    work.then(done, done)
    return work
  }

  async #putNow(
    operation: Operation,
    content: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    try {
      const blobs = await this.#target.content()
      withBlob(operation, await blobs.put(content))
    } catch (error) {
      operation.failed = true
      throw error
    }
  }

  /** Copies a small file to where it waits. */
  #wait(operation: Operation, content: Uint8Array): void {
    this.#shelf ??= new Uint8Array(SHELF_BYTES)
    const start = this.#waitingBytes
    this.#waitingBytes += content.length
    const bytes = this.#shelf.subarray(start, this.#waitingBytes)
    bytes.set(content)
    this.#waiting.push({ bytes, operation })
  }

  async #putWaiting(): Promise<void> {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    const shelf = this.#shelf
    this.#waiting = []
    this.#waitingBytes = 0
    this.#shelf = undefined
    try {
      const blobs = await this.#target.content()
      const ids = await blobs.putAll(waiting.map(({ bytes }) => bytes))
      for (const [i, id] of ids.entries()) withBlob(waiting[i]?.operation, id)
      this.#shelf ??= shelf
    } catch (error) {
      // These files were accepted already, so the batch as a whole has failed: nothing may be half there.
      this.#error = error
      throw error
    }
  }

  #checkOpen(): void {
    if (this.#error !== undefined) throw this.#error
    if (this.#over) throw new DatError('CLOSED', 'The batch is over: it was flushed or closed.')
  }
}

function withBlob(operation: Operation | undefined, blob: BlobId): void {
  if (operation?.row !== undefined) operation.row.blob = blob
}
