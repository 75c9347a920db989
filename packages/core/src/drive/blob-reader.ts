/**
 * From an id back to bytes, block by block.
 *
 * Owns: reading of blobs, with and without a block map, whole or in part. These statements always hold:
 *
 * - An id is a stranger's: memory follows the blocks that really came, and bytes that the id does not
 *   speak of are never returned. Where blocks and id differ it is `BAD_CONTENT`.
 * - Local blocks cost no request. Missing ones are asked for in one range, in order, and that range is given up
 *   when the reader stops.
 */

import { DatError } from '../base/errors.ts'
import { MAP_BLOCKS_MAX } from '../base/limits.ts'
import { concat } from '../bytes/bytes.ts'
import type { LogReader } from '../index/source.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import { decodeBlockMap, type MappedBlock } from './block-map.ts'
import type { BlobId } from './types.ts'

/** Which part of a byte string, and how long to wait for it. */
export interface BlobReadOptions extends WaitOptions {
  /** First byte. Default 0. */
  readonly start?: number
  /** Bytes at most. Default: to the end. */
  readonly length?: number
}

/** Blocks `start .. end`, and the bytes in them. */
export interface BlobRange {
  readonly start: number
  readonly end: number
  readonly bytes: number
}

/** Size of blocks that everybody writes; others are found by a look-up. */
const USUAL_BLOCK_BYTES = 65_536

/** Where reading begins: a block, and the bytes of it that come before. */
interface Place {
  readonly index: number
  readonly skip: number
}

export class BlobReader {
  readonly #log: LogReader

  constructor(log: LogReader) {
    this.#log = log
  }

  get(id: BlobId, options: WaitOptions): Promise<Uint8Array> {
    return id.blockLength === 1 && id.byteLength > 0 && id.blockMap !== true
      ? this.#getBlock(id, options)
      : this.#getBlocks(id, options)
  }

  /** Most files are one block: nothing is to be asked for ahead of it. */
  async #getBlock(id: BlobId, options: WaitOptions): Promise<Uint8Array> {
    const block = await this.#block(id.blockOffset, undefined, options)
    if (block.length !== id.byteLength) throw mismatch(id)
    return block
  }

  async #getBlocks(id: BlobId, options: WaitOptions): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.read(id, options)) parts.push(part)
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : concat(...parts)
  }

  async *read(id: BlobId, options: BlobReadOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { start = 0, length = Number.MAX_SAFE_INTEGER } = options
    if (!isCount(start) || !isCount(length)) {
      throw new DatError('BAD_ARGUMENT', 'A part of a file is given in whole numbers from 0 up.')
    }
    if (id.blockMap === true) yield* this.#readMapped(id, start, length, options)
    else yield* this.#readRun(id, start, length, options)
  }

  async size(id: BlobId, options: WaitOptions): Promise<number> {
    if (id.blockMap !== true) return id.byteLength
    let bytes = 0
    for (const { byteLength } of await this.#map(id, options)) bytes += byteLength
    return bytes
  }

  has(id: BlobId): boolean {
    const end = id.blockOffset + id.blockLength
    if (id.blockLength > 0 && !this.#log.has(id.blockOffset, end)) return false
    return id.blockMap !== true || this.#localMap(id).every(({ index }) => this.#log.has(index))
  }

  async ranges(id: BlobId, options: WaitOptions): Promise<BlobRange[]> {
    const { blockOffset: start, blockLength, byteLength: bytes } = id
    if (id.blockMap !== true) {
      return blockLength === 0 ? [] : [{ start, end: start + blockLength, bytes }]
    }
    const ranges: { start: number; end: number; bytes: number }[] = []
    for (const { index, byteLength } of await this.#map(id, options)) {
      const last = ranges.at(-1)
      if (last?.end === index) {
        last.end++
        last.bytes += byteLength
      } else ranges.push({ start: index, end: index + 1, bytes: byteLength })
    }
    return ranges
  }

  // ---- A run of blocks ----

  async *#readRun(
    id: BlobId,
    start: number,
    length: number,
    options: WaitOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const end = id.blockOffset + id.blockLength
    const whole = start === 0 && length >= id.byteLength
    let left = Math.min(length, id.byteLength - start)
    if (left <= 0) return
    const place =
      start === 0 ? { index: id.blockOffset, skip: 0 } : await this.#find(id, start, options)
    let { index, skip } = place
    const average = id.byteLength / id.blockLength
    const likelyEnd = Math.min(end, index + Math.ceil((skip + left) / average) + 1)
    const ahead = new Ahead(this.#log, { start: index, end: whole ? end : likelyEnd, linear: true })
    try {
      for (; left > 0 || (whole && index < end); index++) {
        if (index >= end) throw mismatch(id)
        const block = await this.#block(index, ahead, options)
        const part = block.subarray(skip, skip + left)
        if (whole && part.length < block.length) throw mismatch(id)
        skip = Math.max(0, skip - block.length)
        left -= part.length
        if (part.length > 0) yield part
      }
    } finally {
      ahead.cancel()
    }
  }

  /** The block that holds byte `start` of the blob. */
  async #find(id: BlobId, start: number, options: WaitOptions): Promise<Place> {
    const blocksBefore = Math.floor(start / USUAL_BLOCK_BYTES)
    const likely = id.blockOffset + blocksBefore
    const usual = blocksBefore * USUAL_BLOCK_BYTES
    if (blocksBefore < id.blockLength && this.#log.byteOffset(likely) === id.byteOffset + usual) {
      return { index: likely, skip: start - usual }
    }
    const found = await this.#log.seek(id.byteOffset + start, options)
    const last = id.blockOffset + id.blockLength - 1
    if (found === undefined || found.index < id.blockOffset || found.index > last)
      throw mismatch(id)
    return { index: found.index, skip: found.offset }
  }

  async #block(index: number, ahead: Ahead | undefined, options: WaitOptions): Promise<Uint8Array> {
    const local = this.#log.peek(index)
    if (local !== undefined) return local
    if (this.#log.writable && index >= this.#log.length) {
      throw new DatError('BAD_CONTENT', `The file needs block ${index}, which was never written.`, {
        index,
      })
    }
    ahead?.start()
    return this.#log.get(index, options)
  }

  // ---- With a block map ----

  async *#readMapped(
    id: BlobId,
    start: number,
    length: number,
    options: WaitOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const map = await this.#map(id, options)
    let skip = start
    let left = length
    let first = 0
    while (first < map.length && skip >= (map[first]?.byteLength ?? 0)) {
      skip -= map[first]?.byteLength ?? 0
      first++
    }
    const blocks = wanted(map, first, skip + left)
    const ahead = new Ahead(this.#log, { blocks })
    try {
      for (let i = first; i < map.length && left > 0; i++) {
        const { index = 0, byteLength = 0 } = map[i] ?? {}
        const block = await this.#block(index, ahead, options)
        if (block.length !== byteLength) throw mismatch(id)
        const part = block.subarray(skip, skip + left)
        skip = 0
        left -= part.length
        if (part.length > 0) yield part
      }
    } finally {
      ahead.cancel()
    }
  }

  async #map(id: BlobId, options: WaitOptions): Promise<MappedBlock[]> {
    checkMap(id)
    const end = id.blockOffset + id.blockLength
    const ahead = new Ahead(this.#log, { start: id.blockOffset, end })
    const map: MappedBlock[] = []
    try {
      for (let index = id.blockOffset; index < end; index++) {
        decodeBlockMap(await this.#block(index, ahead, options), map)
      }
    } finally {
      ahead.cancel()
    }
    return map
  }

  #localMap(id: BlobId): MappedBlock[] {
    checkMap(id)
    const map: MappedBlock[] = []
    for (let i = 0; i < id.blockLength; i++) {
      const block = this.#log.peek(id.blockOffset + i)
      if (block !== undefined) decodeBlockMap(block, map)
    }
    return map
  }
}

/** A background request that starts with the first block that is missing. */
class Ahead {
  readonly #log: LogReader
  readonly #range: Parameters<LogReader['download']>[0]
  #download: Download | undefined = undefined

  constructor(log: LogReader, range: Parameters<LogReader['download']>[0]) {
    this.#log = log
    this.#range = range
  }

  start(): void {
    this.#download ??= this.#log.download(this.#range)
  }

  cancel(): void {
    this.#download?.cancel()
  }
}

/** Numbers of the blocks that hold the next `bytes` bytes, ascending and each once. */
function wanted(map: readonly MappedBlock[], first: number, bytes: number): number[] {
  const blocks = new Set<number>()
  let covered = 0
  for (let i = first; i < map.length && covered < bytes; i++) {
    blocks.add(map[i]?.index ?? 0)
    covered += map[i]?.byteLength ?? 0
  }
  return [...blocks].sort((a, b) => a - b)
}

function checkMap(id: BlobId): void {
  if (id.blockLength <= MAP_BLOCKS_MAX) return
  throw new DatError('BAD_CONTENT', `The block map of a file has ${id.blockLength} blocks.`, {
    blocks: id.blockLength,
  })
}

function mismatch(id: BlobId): DatError {
  return new DatError('BAD_CONTENT', 'A file has not the bytes that its entry speaks of.', {
    blockOffset: id.blockOffset,
    blockLength: id.blockLength,
    byteLength: id.byteLength,
  })
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
