/**
 * Reading a hyperdrive 13, at a version that is fixed or moves along.
 *
 * Owns: `DriveReader` over rows in a bee: of the drive itself and of its checkouts. Paths are normalised here, rows become
 * entries here, and symlinks are followed here; the bytes come from `Blobs`. `undefined` is always known:
 * a drive that was never synced waits for its first block.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { EMPTY, utf8 } from '../bytes/bytes.ts'
import type { BeeReader } from '../index/bee.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { DownloadJob, startDownload, withRows } from './download.ts'
import { follow } from './links.ts'
import { folderRange, ignoring, readFolder } from './listing.ts'
import { normalize, normalizeFolder } from './path.ts'
import { decodeEntry } from './row.ts'
import { IMPLICIT_FOLDER } from './stat.ts'
import type {
  BlobId,
  DriveDifference,
  DriveDownload,
  DriveEntry,
  DriveHistoryEntry,
  DriveReader,
  DriveStat,
  EntryOptions,
  FolderItem,
  HistoryRange,
  ListOptions,
  ReadOptions,
} from './types.ts'

/** What a view needs of its drive. */
export interface ViewSource {
  readonly strictPaths: boolean
  readonly clock: Clock
  /** The log of rows. */
  readonly log: { download(range: { start: number; end: number }): { cancel(): void } }
  /** Waits until it is known what the newest version is, or that there is none. */
  prepare(options: WaitOptions): Promise<void>
  /** Waits until the files' bytes can be read. */
  content(options: WaitOptions): Promise<Blobs>
}

/** What is known of a path, be it a row or a folder. */
type Standing = Pick<DriveEntry, 'path' | 'linkname' | 'stat'>

export class BeeDriveView implements DriveReader {
  readonly #source: ViewSource
  readonly #rows: BeeReader

  constructor(source: ViewSource, rows: BeeReader) {
    this.#source = source
    this.#rows = rows
  }

  get version(): number {
    return this.#rows.version
  }

  // ---- One path ----

  async entry(path: string, options: EntryOptions = {}): Promise<DriveEntry | undefined> {
    const key = this.#normalize(path)
    if (options.follow === true) return follow(key, (target) => this.#lookup(target, options))
    return this.#lookup(key, options)
  }

  async exists(path: string, options: WaitOptions = {}): Promise<boolean> {
    return (await this.#rows.get(utf8(this.#normalize(path)), options)) !== undefined
  }

  async stat(path: string, options: EntryOptions = {}): Promise<DriveStat | undefined> {
    const lookup = (target: string): Promise<Standing | undefined> => this.#stat(target, options)
    const start = this.#normalizeFolder(path)
    const found = await (options.follow === false ? lookup(start) : follow(start, lookup))
    return found?.stat
  }

  async #stat(path: string, options: WaitOptions): Promise<Standing | undefined> {
    const entry = path === '/' ? undefined : await this.#lookup(path, options)
    if (entry !== undefined) return entry
    const isFolder =
      path === '/' || (await this.#rows.first(folderRange(path), options)) !== undefined
    return isFolder ? { path, linkname: undefined, stat: IMPLICIT_FOLDER } : undefined
  }

  async get(
    path: string | DriveEntry,
    options: EntryOptions = {},
  ): Promise<Uint8Array | undefined> {
    const id = await this.#blob(path, options)
    if (id === undefined) return undefined
    if (isEmpty(id)) return EMPTY
    const blobs = await this.#source.content(options)
    return blobs.get(id, options)
  }

  async *read(
    path: string | DriveEntry,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const id = await this.#blob(path, options)
    if (id === undefined) {
      const name = typeof path === 'string' ? path : path.path
      throw new DatError('NOT_FOUND', `There is no file ${name} in this drive.`, { path: name })
    }
    if (isEmpty(id)) return
    const blobs = await this.#source.content(options)
    yield* blobs.read(id, options)
  }

  /** The file behind a path or an entry, links followed unless the caller says no. */
  async #blob(path: string | DriveEntry, options: EntryOptions): Promise<BlobId | undefined> {
    const followed = { follow: true, ...options }
    let entry = typeof path === 'string' ? await this.entry(path, followed) : path
    if (entry?.linkname !== undefined && followed.follow)
      entry = await this.entry(entry.path, followed)
    if (entry?.invalid === undefined) return entry?.blob
    throw new DatError('BAD_CONTENT', `The entry of ${entry.path} is damaged: ${entry.invalid}.`, {
      path: entry.path,
      seq: entry.seq,
    })
  }

  async #lookup(path: string, options: WaitOptions): Promise<DriveEntry | undefined> {
    const row = await this.#rows.get(utf8(path), options)
    return row && decodeEntry(row.seq, row.key, row.value)
  }

  #normalize(path: string): string {
    return normalize(path, { strict: this.#source.strictPaths })
  }

  // ---- Folders ----

  async *list(
    folder = '/',
    options: ListOptions = {},
  ): AsyncGenerator<DriveEntry, void, undefined> {
    const base = this.#normalizeFolder(folder)
    const isIgnored = ignoring(options.ignore)
    if (options.recursive === false) {
      for await (const { entry } of this.readdir(base, options)) {
        if (entry !== undefined && !isIgnored(entry.path)) yield entry
      }
      return
    }
    for await (const row of this.#rows.entries(folderRange(base), options)) {
      const entry = decodeEntry(row.seq, row.key, row.value)
      if (!isIgnored(entry.path)) yield entry
    }
  }

  async *readdir(
    folder = '/',
    options: WaitOptions = {},
  ): AsyncGenerator<FolderItem, void, undefined> {
    const base = this.#normalizeFolder(folder)
    await this.#source.prepare(options)
    yield* readFolder(this.#rows.snapshot(), base, options)
  }

  async *diff(
    version: number,
    folder = '/',
    options: WaitOptions = {},
  ): AsyncGenerator<DriveDifference, void, undefined> {
    const range = folderRange(this.#normalizeFolder(folder))
    for await (const { left, right } of this.#rows.diff(version, range, options)) {
      const leftEntry = left && decodeEntry(left.seq, left.key, left.value)
      const rightEntry = right && decodeEntry(right.seq, right.key, right.value)
      const path = leftEntry?.path ?? rightEntry?.path ?? ''
      yield { path, left: leftEntry, right: rightEntry }
    }
  }

  #normalizeFolder(folder: string): string {
    return normalizeFolder(folder, { strict: this.#source.strictPaths })
  }

  async *history(
    range: HistoryRange = {},
    options: WaitOptions = {},
  ): AsyncGenerator<DriveHistoryEntry, void, undefined> {
    for await (const { type, seq, key, value } of this.#rows.history(range, options)) {
      const entry = decodeEntry(seq, key, value)
      const { path } = entry
      yield { version: seq + 1, path, entry: type === 'put' ? entry : undefined }
    }
  }

  // ---- Transfer ----

  async has(path: string, options: WaitOptions = {}): Promise<boolean> {
    let files = 0
    for await (const { blob } of this.#below(path, options)) {
      files++
      if (blob === undefined || isEmpty(blob)) continue
      const blobs = await this.#source.content(options)
      if (!blobs.has(blob)) return false
    }
    return files > 0
  }

  download(path = '/', options: WaitOptions = {}): DriveDownload {
    const job = new DownloadJob(() => this.#source.content(options), this.#source.clock)
    return startDownload(job, this.#forDownload(path, options), options.signal)
  }

  /** Valid entries of a file, or of all files below a folder. */
  async *#below(path: string, options: WaitOptions): AsyncGenerator<DriveEntry, void, undefined> {
    const folder = this.#normalizeFolder(path)
    const entry = folder === '/' ? undefined : await this.entry(folder, options)
    if (entry !== undefined) yield entry
    else yield* this.list(folder, options)
  }

  async *#forDownload(
    path: string,
    options: WaitOptions,
  ): AsyncGenerator<DriveEntry, void, undefined> {
    await this.#source.prepare(options)
    yield* withRows(this.#source.log, this.version, this.#below(path, options))
  }
}

function isEmpty(id: BlobId): boolean {
  return id.blockMap !== true && id.byteLength === 0
}
