/**
 * The rows of a hyperdrive 13, as `view.ts` reads them.
 *
 * Owns: entries out of a bee: of the drive itself and of its checkouts. Rows are given as they come, so that a listing takes
 * no more memory than one of them. Source: the hyperdrive specification, sections 3 to 6.
 */

import { utf8 } from '../bytes/bytes.ts'
import type { BeeEntry, BeeReader } from '../index/bee.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import type { RowsLog } from './download.ts'
import { folderRange, readFolder } from './listing.ts'
import { decodeEntry } from './row.ts'
import type {
  DriveDifference,
  DriveEntry,
  DriveHistoryEntry,
  FolderItem,
  HistoryRange,
} from './types.ts'
import type { Rows } from './view.ts'

/** What is the same for all versions of a drive. */
export interface BeeSource {
  readonly log: RowsLog
  /** Waits until it is known what the newest version is, or that there is none. */
  prepare(options: WaitOptions): Promise<void>
  /** Waits until the files' bytes can be read. */
  content(options: WaitOptions): Promise<Blobs>
}

function beeEntry({ seq, key, value }: BeeEntry): DriveEntry {
  return decodeEntry(seq, key, value)
}

export class BeeRows implements Rows {
  readonly #source: BeeSource
  readonly #rows: BeeReader

  constructor(source: BeeSource, rows: BeeReader) {
    this.#source = source
    this.#rows = rows
  }

  get version(): number {
    return this.#rows.version
  }

  get log(): RowsLog {
    return this.#source.log
  }

  get length(): number {
    return this.version
  }

  prepare(options: WaitOptions): Promise<void> {
    return this.#source.prepare(options)
  }

  async find(path: string, options: WaitOptions): Promise<DriveEntry | undefined> {
    const row = await this.#rows.get(utf8(path), options)
    return row && beeEntry(row)
  }

  async hasBelow(path: string, options: WaitOptions): Promise<boolean> {
    return (await this.#rows.first(folderRange(path), options)) !== undefined
  }

  async *below(folder: string, options: WaitOptions): AsyncGenerator<DriveEntry, void, undefined> {
    for await (const row of this.#rows.entries(folderRange(folder), options)) yield beeEntry(row)
  }

  async *children(
    folder: string,
    options: WaitOptions,
  ): AsyncGenerator<FolderItem, void, undefined> {
    await this.prepare(options)
    // One version for all looks, or names may be lost between two of them.
    yield* readFolder(this.#rows.snapshot(), folder, options)
  }

  async *diff(
    version: number,
    folder: string,
    options: WaitOptions,
  ): AsyncGenerator<DriveDifference, void, undefined> {
    for await (const row of this.#rows.diff(version, folderRange(folder), options)) {
      const left = row.left && beeEntry(row.left)
      const right = row.right && beeEntry(row.right)
      yield { path: left?.path ?? right?.path ?? '', left, right }
    }
  }

  async *history(
    range: HistoryRange,
    options: WaitOptions,
  ): AsyncGenerator<DriveHistoryEntry, void, undefined> {
    for await (const { type, seq, key, value } of this.#rows.history(range, options)) {
      const entry = decodeEntry(seq, key, value)
      yield { version: seq + 1, path: entry.path, entry: type === 'put' ? entry : undefined }
    }
  }

  nextReadable(version: number, options: WaitOptions): Promise<number> {
    return this.#rows.nextReadable(version, options)
  }

  content(_entry: DriveEntry, options: WaitOptions): Promise<Blobs> {
    return this.#source.content(options)
  }
}
