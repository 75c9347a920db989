/**
 * Byte strings in one log: hyperblobs 2.
 *
 * Owns: writing, and the ids that find the bytes again. These statements always hold:
 *
 * - A byte string is a run of blocks without a gap: whoever writes holds the lock from its first block to its
 *   last. Blocks are `BLOB_BLOCK_BYTES` long, the last one shorter; none are written for no bytes.
 * - Many byte strings handed over together become as few appends as their size allows.
 *
 * Reading is in blob-reader.ts. Source: the hyperdrive specification, section 5.
 */

import { DatError } from '../base/errors.ts'
import { Mutex } from '../base/mutex.ts'
import { copy } from '../bytes/bytes.ts'
import type { LogSource } from '../index/source.ts'
import type { WaitOptions } from '../log/remote.ts'
import { type BlobRange, BlobReader, type BlobReadOptions } from './blob-reader.ts'
import type { BlobId } from './types.ts'

export type { BlobRange, BlobReadOptions } from './blob-reader.ts'

/** Size of the blocks that we write; readers take any. */
const BLOB_BLOCK_BYTES = 65_536
/** One append, about: large enough that its record and signature weigh little, and a few milliseconds in one turn. */
const APPEND_BYTES = 1024 * 1024

/** Byte strings in one log. One object per log, because it holds the write lock. */
export class Blobs {
  readonly #log: LogSource
  readonly #reader: BlobReader
  readonly #lock = new Mutex()

  private constructor(log: LogSource) {
    this.#log = log
    this.#reader = new BlobReader(log)
  }

  static open(log: LogSource): Blobs {
    return new Blobs(log)
  }

  get log(): LogSource {
    return this.#log
  }

  // ---- Writing ----

  /**
   * Resolves when acknowledged. Chunks of an iterable may be of any size and are not copied before they are
   * appended: whoever yields them must not write into them again.
   */
  async put(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobId> {
    if (!(content instanceof Uint8Array)) return this.#locked(() => this.#writeStream(content))
    const [id] = await this.putAll([content])
    if (id === undefined) throw new DatError('INVARIANT', 'A byte string was written without id.')
    return id
  }

  /** Many byte strings, as few appends as their size allows. Ids in the same order. */
  putAll(contents: readonly Uint8Array[]): Promise<BlobId[]> {
    return this.#locked(() => this.#writeAll(contents))
  }

  async #writeAll(contents: readonly Uint8Array[]): Promise<BlobId[]> {
    const ids: BlobId[] = []
    const run = new Run(this.#log)
    for (const content of contents) {
      const { blocks: blockOffset, bytes: byteOffset } = run
      for (let at = 0; at < content.length; at += BLOB_BLOCK_BYTES) {
        run.add(blockAt(content, at))
        if (run.isFull) await run.flush()
      }
      const blockLength = run.blocks - blockOffset
      ids.push({ blockOffset, byteOffset, blockLength, byteLength: content.length })
    }
    await run.flush()
    return ids
  }

  async #writeStream(content: AsyncIterable<Uint8Array>): Promise<BlobId> {
    const run = new Run(this.#log)
    const { blocks: blockOffset, bytes: byteOffset } = run
    for await (const block of rechunk(content)) {
      run.add(block)
      if (run.isFull) await run.flush()
    }
    await run.flush()
    const blockLength = run.blocks - blockOffset
    return { blockOffset, byteOffset, blockLength, byteLength: run.bytes - byteOffset }
  }

  async #locked<T>(write: () => Promise<T>): Promise<T> {
    const release = await this.#lock.acquire()
    try {
      return await write()
    } finally {
      release()
    }
  }

  // ---- Reading ----

  /** All bytes. Throws `BAD_CONTENT` if the blocks are not those that the id speaks of. */
  get(id: BlobId, options: WaitOptions = {}): Promise<Uint8Array> {
    return this.#reader.get(id, options)
  }

  /** The bytes, or a part of them, block by block; blocks that are elsewhere are fetched together. */
  read(id: BlobId, options: BlobReadOptions = {}): AsyncIterable<Uint8Array> {
    return this.#reader.read(id, options)
  }

  /** Bytes of the whole; only with a block map this has to look into the log. */
  size(id: BlobId, options: WaitOptions = {}): Promise<number> {
    return this.#reader.size(id, options)
  }

  /** Is every block here? */
  has(id: BlobId): boolean {
    return this.#reader.has(id)
  }

  /** Runs of blocks that hold the bytes, the map not among them. */
  ranges(id: BlobId, options: WaitOptions = {}): Promise<BlobRange[]> {
    return this.#reader.ranges(id, options)
  }

  /** Gives back the space on this machine. Fetched again when read. */
  async clear(id: BlobId): Promise<void> {
    if (id.blockMap === true && this.#log.has(id.blockOffset, id.blockOffset + id.blockLength)) {
      for (const { start, end } of await this.#reader.ranges(id, {}))
        await this.#log.clear(start, end)
    }
    if (id.blockLength > 0) await this.#log.clear(id.blockOffset, id.blockOffset + id.blockLength)
  }
}

/** Blocks on their way into the log, one append behind the other. */
class Run {
  readonly #log: LogSource
  /** Length and bytes of the log when everything added is in it. */
  blocks: number
  bytes: number
  #waiting: Uint8Array[] = []
  #waitingBytes = 0

  constructor(log: LogSource) {
    this.#log = log
    this.blocks = log.length
    this.bytes = log.byteLength
  }

  /** Then `flush` before the next one. */
  get isFull(): boolean {
    return this.#waitingBytes >= APPEND_BYTES
  }

  add(block: Uint8Array): void {
    this.#waiting.push(block)
    this.#waitingBytes += block.length
    this.blocks++
    this.bytes += block.length
  }

  async flush(): Promise<void> {
    const blocks = this.#waiting
    if (blocks.length === 0) return
    this.#waiting = []
    this.#waitingBytes = 0
    // The lock is ours, the log may not be: another handle that wrote in between would tear the run.
    const start = this.blocks - blocks.length
    if (this.#log.length !== start) {
      throw new DatError('CONFLICT', 'The blobs log was written from elsewhere meanwhile.', {
        start,
      })
    }
    await this.#log.append(blocks)
  }
}

/** The block that begins at byte `at`; most files are one, and need no view. */
function blockAt(content: Uint8Array, at: number): Uint8Array {
  if (at === 0 && content.length <= BLOB_BLOCK_BYTES) return content
  return content.subarray(at, at + BLOB_BLOCK_BYTES)
}

/** Blocks of full size from chunks of any size. Full ones that are there as such are passed on uncopied. */
async function* rechunk(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = new Uint8Array(BLOB_BLOCK_BYTES)
  let restBytes = 0
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.length) {
      if (restBytes === 0 && chunk.length - at >= BLOB_BLOCK_BYTES) {
        yield chunk.subarray(at, at + BLOB_BLOCK_BYTES)
        at += BLOB_BLOCK_BYTES
        continue
      }
      const part = chunk.subarray(at, at + BLOB_BLOCK_BYTES - restBytes)
      rest.set(part, restBytes)
      restBytes += part.length
      at += part.length
      if (restBytes < BLOB_BLOCK_BYTES) continue
      yield rest
      rest = new Uint8Array(BLOB_BLOCK_BYTES)
      restBytes = 0
    }
  }
  if (restBytes > 0) yield copy(rest.subarray(0, restBytes))
}
