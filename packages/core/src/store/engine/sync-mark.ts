/**
 * The file `synced`: how far the data log was synced, kept apart from it.
 *
 *     synced := header, crc32: u32 (of the rest), zero: byte[4], address: u64
 *
 * Owns: the file. It is overwritten in place after every sync and not synced itself: what it says is true as soon as it
 * is written, and an older one says less. With it a data log that lost its end behind our back is damage, and not
 * taken for a torn tail. Do not change these numbers.
 */

import { isCode } from '../../base/errors.ts'
import { equal } from '../../bytes/bytes.ts'
import { readU32LE, readU64LE, writeU32LE, writeU64LE } from '../../bytes/integers.ts'
import type { Crc32 } from '../crc32.ts'
import type { FileTable } from './files.ts'
import { decodeHeader, encodeHeader, HEADER_BYTES, KIND_MARK, MARK_NAME } from './format.ts'

const BODY_BYTES = 16
const FILE_BYTES = HEADER_BYTES + BODY_BYTES

/** The address in the file; 0 if there is none of this store that can be read. */
export function readSyncMark(files: FileTable, storeId: Uint8Array, crc32: Crc32): number {
  if (!files.disk.list().includes(MARK_NAME)) return 0
  const bytes = new Uint8Array(FILE_BYTES)
  if (files.get(MARK_NAME).read(bytes, 0, FILE_BYTES, 0) < FILE_BYTES) return 0
  const header = decodeHeader(bytes, MARK_NAME, crc32)
  if (header?.kind !== KIND_MARK || !equal(header.storeId, storeId)) return 0
  const isWhole = crc32(bytes.subarray(HEADER_BYTES + 4)) === readU32LE(bytes, HEADER_BYTES)
  return isWhole ? readU64LE(bytes, HEADER_BYTES + 8) : 0
}

/** The writer of the file. */
export class SyncMark {
  readonly #files: FileTable
  readonly #crc32: Crc32
  readonly #bytes = new Uint8Array(FILE_BYTES)
  readonly #covered: Uint8Array = this.#bytes.subarray(HEADER_BYTES + 4)

  constructor(files: FileTable, storeId: Uint8Array, crc32: Crc32) {
    this.#files = files
    this.#crc32 = crc32
    this.#bytes.set(encodeHeader(KIND_MARK, storeId, 0, crc32))
  }

  /** Everything below `address` is synced. Throws `IO`; a full disk can do without the file. */
  write(address: number): void {
    writeU64LE(this.#bytes, HEADER_BYTES + 8, address)
    writeU32LE(this.#bytes, HEADER_BYTES, this.#crc32(this.#covered))
    try {
      this.#files.create(MARK_NAME).write(this.#bytes, 0)
    } catch (error) {
      if (!isCode(error, 'STORE_FULL')) throw error
    }
  }

  /** Makes an address that is lower than before last: the user has given up what was behind it. */
  async lower(address: number): Promise<void> {
    this.write(address)
    await this.#files.call(MARK_NAME, (file) => file.sync())
    await this.#files.syncNames()
  }
}
