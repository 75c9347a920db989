/**
 * The content of a `.dat` folder: the files beside it, at the places that the metadata log names.
 *
 * Owns: the table from bytes of the content log to files. It is made once, of all entries of the metadata log that can be read;
 * entries never overlap. Names are a stranger's: what leaves the folder, or would lead into `.dat`, is left
 * out. Bytes of older versions are named by the table and gone from the files, so whoever reads checks
 * hashes. Source: generation 1 drives, section 6.
 */

import { join } from 'node:path'
import { isCode } from '@dat-rhino/core/base/errors'
import { Fields } from '@dat-rhino/core/bytes/protobuf'
import { safeParts } from '@dat-rhino/core/drive/path'
import { decodeStat } from '@dat-rhino/core/drive/stat-record'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import type { ProblemList } from './problems.ts'
import type { DataSource, FilePool, StoredFile } from './stored-file.ts'

/** One entry of the metadata log that has bytes. */
export interface ContentRange {
  readonly name: string
  readonly at: number
  readonly size: number
}

/**
 * The bytes that a block of the metadata log speaks of; `undefined` for deletions, folders, empty files, and for what is no
 * entry at all.
 */
export function contentRange(block: Uint8Array): ContentRange | undefined {
  try {
    let name: string | undefined
    let value: Uint8Array | undefined
    const fields = new Fields(block)
    while (fields.next()) {
      if (fields.number === 1) name = fields.string()
      else if (fields.number === 2) value = fields.bytes()
    }
    if (name === undefined || value === undefined) return undefined
    const { byteOffset, size } = decodeStat(value)
    const isSafe = Number.isSafeInteger(byteOffset + size)
    return size > 0 && isSafe ? { name, at: byteOffset, size } : undefined
  } catch (error) {
    if (isCode(error, 'BAD_FRAME')) return undefined
    throw error
  }
}

/** Reads the content log's bytes from the working files. */
export class DatContent implements DataSource {
  readonly #folder: string
  readonly #metadata: StoredLog
  readonly #pool: FilePool
  readonly #problems: ProblemList
  readonly #files = new Map<string, StoredFile | undefined>()
  #table: ContentRange[] | undefined

  constructor(folder: string, metadata: StoredLog, pool: FilePool, problems: ProblemList) {
    this.#folder = folder
    this.#metadata = metadata
    this.#pool = pool
    this.#problems = problems
  }

  read(at: number, length: number): Uint8Array | undefined {
    if (length === 0) return new Uint8Array(0)
    const range = this.#rangeAt(at)
    if (range === undefined || at + length > range.at + range.size) return undefined
    const path = this.#pathOf(range)
    if (path === undefined) return undefined
    return this.#file(path)?.read(at - range.at, length)
  }

  pathAt(at: number): string {
    const range = this.#rangeAt(at)
    return (range && this.#pathOf(range)) ?? this.#folder
  }

  #file(path: string): StoredFile | undefined {
    if (!this.#files.has(path)) this.#files.set(path, this.#pool.file(path, this.#problems))
    return this.#files.get(path)
  }

  #pathOf({ name }: ContentRange): string | undefined {
    const { parts, refused } = safeParts(name.startsWith('/') ? name : `/${name}`)
    if (parts !== undefined && parts[0]?.toLowerCase() !== '.dat') {
      return join(this.#folder, ...parts)
    }
    const message = `An entry has a name that leads elsewhere (${refused ?? 'into .dat'}); its content is not read.`
    this.#problems.add('damaged', this.#folder, message)
    return undefined
  }

  /** The last entry that begins at or before `at`, if it reaches so far. */
  #rangeAt(at: number): ContentRange | undefined {
    this.#table ??= this.#build()
    const table = this.#table
    let low = 0
    let high = table.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((table[middle]?.at ?? 0) <= at) low = middle + 1
      else high = middle
    }
    const range = table[low - 1]
    return range !== undefined && at < range.at + range.size ? range : undefined
  }

  #build(): ContentRange[] {
    const table: ContentRange[] = []
    for (let block = 1; block < this.#metadata.length; block++) {
      const bytes = this.#metadata.has(block) ? this.#metadata.block(block) : undefined
      const range = bytes && contentRange(bytes)
      if (range !== undefined) table.push(range)
    }
    return table.sort((a, b) => a.at - b.at)
  }
}
