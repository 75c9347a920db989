/**
 * Files that Beaker wrote in pieces, on file systems that have no holes.
 *
 *     X.index := u48be block bytes | u48be next free place | u48be place of block 0 | of block 1 | …
 *
 * Owns: from a place in the log's file to the place in `X`. Block 0 always begins at 0; a zero for a later one says that it was
 * never written. Source: the generation 1 log, section 6 (random-access-indexed-file 2.0.0).
 */

import { DatError } from '@dat-rhino/core/base/errors'
import type { DataSource, StoredFile } from './stored-file.ts'

const SLOT_BYTES = 6
const BLOCK_BYTES_MAX = 2 ** 30

/** Where the pieces of a file lie. Pure. */
export class BlockMap {
  readonly blockBytes: number
  readonly #index: Uint8Array

  /** Keeps `index`. Throws `CORRUPT_STORE` if it cannot be one. */
  constructor(index: Uint8Array) {
    this.#index = index
    this.blockBytes = this.#slot(0)
    if (index.length < 2 * SLOT_BYTES || this.blockBytes < 1 || this.blockBytes > BLOCK_BYTES_MAX) {
      throw new DatError('CORRUPT_STORE', 'The index of a file in pieces is damaged.')
    }
  }

  /** Where the byte at `at` lies; `undefined` if its piece was never written. */
  place(at: number): number | undefined {
    const piece = Math.floor(at / this.blockBytes)
    const from = piece === 0 ? 0 : this.#slot(2 + piece)
    if (piece > 0 && from === 0) return undefined
    return from + (at % this.blockBytes)
  }

  #slot(number: number): number {
    const at = number * SLOT_BYTES
    const index = this.#index
    if (at + SLOT_BYTES > index.length) return 0
    let value = 0
    for (let i = 0; i < SLOT_BYTES; i++) value = value * 256 + (index[at + i] ?? 0)
    return value
  }
}

/** A file in pieces, read as if it were whole. */
export class MappedFile implements DataSource {
  readonly #file: StoredFile
  readonly #map: BlockMap
  #joined: Uint8Array = new Uint8Array(0)

  constructor(file: StoredFile, map: BlockMap) {
    this.#file = file
    this.#map = map
  }

  pathAt(): string {
    return this.#file.path
  }

  read(at: number, length: number): Uint8Array | undefined {
    const { blockBytes } = this.#map
    if (length > this.#file.size) return undefined
    if (length > 0 && (at % blockBytes) + length <= blockBytes) return this.#piece(at, length)
    if (this.#joined.length < length) this.#joined = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const part = Math.min(length - done, blockBytes - ((at + done) % blockBytes))
      const piece = this.#piece(at + done, part)
      if (piece === undefined) return undefined
      this.#joined.set(piece, done)
      done += part
    }
    return this.#joined.subarray(0, length)
  }

  #piece(at: number, length: number): Uint8Array | undefined {
    const place = this.#map.place(at)
    return place === undefined ? undefined : this.#file.read(place, length)
  }
}
