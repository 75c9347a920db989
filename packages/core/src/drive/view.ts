/**
 * Reading a drive of any format, at a version that is fixed or moves along.
 *
 * Owns: `DriveReader` over `Rows`, which `bee-rows.ts` (hyperdrive 13), `trie-rows.ts` (hyperdrive 10) and `tree-rows.ts`
 * (hyperdrive 9) give. Folders exist by what is below them, or by a row of their own. Paths are normalised here,
 * symlinks are followed here. "Not there" is known: rows that are elsewhere are waited for.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { DownloadJob, type RowsLog, startDownload, withRows } from './download.ts'
import { follow } from './links.ts'
import { ignoring } from './listing.ts'
import { type NormalizeOptions, normalize, normalizeFolder } from './path.ts'
import { IMPLICIT_FOLDER } from './stat.ts'
import type {
  BlobId,
  DiffOptions,
  DriveBlockChange,
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
  MountPoint,
  MountsOptions,
  ReadOptions,
} from './types.ts'

/** The rows of a drive at a version. Paths are normalised; those of folders may be `/`. */
export interface Rows {
  readonly version: number
  /** The log that they are in, and how much of it this version is. */
  readonly log: RowsLog
  readonly length: number
  /** Waits until `length` is known, where it is not from the beginning. */
  prepare?(options: WaitOptions): Promise<void>
  /** The row of this very path. */
  find(path: string, options: WaitOptions): Promise<DriveEntry | undefined>
  /** Is there a row below this path? */
  hasBelow(path: string, options: WaitOptions): Promise<boolean>
  /** All rows below a folder, in order of their paths' bytes. */
  below(folder: string, options: ListOptions): AsyncIterable<DriveEntry>
  /** Names directly below a folder, in order of their bytes. */
  children(folder: string, options: WaitOptions): AsyncIterable<FolderItem>
  /** Rows below a folder that are not the same at another version. */
  diff(version: number, folder: string, options: DiffOptions): AsyncIterable<DriveDifference>
  /** What is mounted; left out by formats without mounts. */
  mounts?(options: MountsOptions): AsyncIterable<MountPoint>
  /** What each block changed, as if each made a version. */
  history(range: HistoryRange, options: WaitOptions): AsyncIterable<DriveHistoryEntry>
  /** The first version from this one on that can be read; left out where all of them can. */
  nextReadable?(version: number, options: WaitOptions): Promise<number>
  /** Where the bytes of a file are. */
  content(entry: DriveEntry, options: WaitOptions): Promise<Blobs>
}

/** What is known of a path, be it a row or a folder. */
type Standing = Pick<DriveEntry, 'path' | 'linkname' | 'stat'>

export class DriveView implements DriveReader {
  readonly #rows: Rows
  readonly #clock: Clock
  readonly #paths: NormalizeOptions

  /** @param paths how paths of the caller are normalised */
  constructor(rows: Rows, clock: Clock, paths: NormalizeOptions = {}) {
    this.#rows = rows
    this.#clock = clock
    this.#paths = paths
  }

  get version(): number {
    return this.#rows.version
  }

  // ---- One path ----

  async entry(path: string, options: EntryOptions = {}): Promise<DriveEntry | undefined> {
    const start = normalize(path, this.#paths)
    const lookup = (target: string): Promise<DriveEntry | undefined> =>
      this.#rows.find(target, options)
    return options.follow === true ? follow(start, lookup) : lookup(start)
  }

  async exists(path: string, options: WaitOptions = {}): Promise<boolean> {
    return (await this.#rows.find(normalize(path, this.#paths), options)) !== undefined
  }

  async stat(path: string, options: EntryOptions = {}): Promise<DriveStat | undefined> {
    const start = normalizeFolder(path, this.#paths)
    const lookup = (target: string): Promise<Standing | undefined> => this.#stat(target, options)
    const found = await (options.follow === false ? lookup(start) : follow(start, lookup))
    return found?.stat
  }

  async get(
    path: string | DriveEntry,
    options: EntryOptions = {},
  ): Promise<Uint8Array | undefined> {
    const entry = await this.#file(path, options)
    if (entry?.blob === undefined) return undefined
    if (isEmpty(entry.blob)) return EMPTY
    return (await this.#rows.content(entry, options)).get(entry.blob, options)
  }

  async *read(
    path: string | DriveEntry,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const entry = await this.#file(path, options)
    if (entry?.blob === undefined) {
      const name = typeof path === 'string' ? path : path.path
      throw new DatError('NOT_FOUND', `There is no file ${name} in this drive.`, { path: name })
    }
    if (isEmpty(entry.blob)) return
    yield* (await this.#rows.content(entry, options)).read(entry.blob, options)
  }

  /** The entry of a file, links followed unless the caller says no. */
  async #file(path: string | DriveEntry, options: EntryOptions): Promise<DriveEntry | undefined> {
    const followed = { follow: true, ...options }
    let entry = typeof path === 'string' ? await this.entry(path, followed) : path
    if (entry?.linkname !== undefined && followed.follow) {
      entry = await this.entry(entry.path, followed)
    }
    if (entry?.invalid === undefined) return entry
    throw new DatError('BAD_CONTENT', `The entry of ${entry.path} is damaged: ${entry.invalid}.`, {
      path: entry.path,
      seq: entry.seq,
    })
  }

  async #stat(path: string, options: WaitOptions): Promise<Standing | undefined> {
    const entry = path === '/' ? undefined : await this.#rows.find(path, options)
    if (entry !== undefined) return entry
    const isFolder = path === '/' || (await this.#rows.hasBelow(path, options))
    return isFolder ? { path, linkname: undefined, stat: IMPLICIT_FOLDER } : undefined
  }

  // ---- Folders ----

  async *list(
    folder = '/',
    options: ListOptions = {},
  ): AsyncGenerator<DriveEntry, void, undefined> {
    const isIgnored = ignoring(options.ignore)
    for await (const entry of this.#below(folder, options)) {
      const isFile = entry.stat.kind !== 'folder' || entry.invalid !== undefined
      const isWanted = options.folders === true || isFile
      if (isWanted && !isIgnored(entry.path)) yield entry
    }
  }

  #below(folder: string, options: ListOptions): AsyncIterable<DriveEntry> {
    const base = normalizeFolder(folder, this.#paths)
    return options.recursive === false
      ? entriesOf(this.#rows.children(base, options))
      : this.#rows.below(base, options)
  }

  async *readdir(
    folder = '/',
    options: WaitOptions = {},
  ): AsyncGenerator<FolderItem, void, undefined> {
    yield* this.#rows.children(normalizeFolder(folder, this.#paths), options)
  }

  async *diff(
    version: number,
    folder = '/',
    options: DiffOptions = {},
  ): AsyncGenerator<DriveDifference, void, undefined> {
    yield* this.#rows.diff(version, normalizeFolder(folder, this.#paths), options)
  }

  async *mounts(options: MountsOptions = {}): AsyncGenerator<MountPoint, void, undefined> {
    yield* this.#rows.mounts?.(options) ?? []
  }

  async *history(
    range: HistoryRange = {},
    options: WaitOptions = {},
  ): AsyncGenerator<DriveHistoryEntry, void, undefined> {
    const rows = this.#rows
    for await (const change of rows.history(range, options)) {
      const version = await rows.nextReadable?.(change.version, options)
      yield version === undefined ? change : { ...change, version }
    }
  }

  async changeAt(seq: number, options: WaitOptions = {}): Promise<DriveBlockChange | undefined> {
    for await (const { path, entry } of this.#rows.history({ gte: seq, lt: seq + 1 }, options)) {
      return { path, entry }
    }
    return undefined
  }

  // ---- Transfer ----

  async has(path: string, options: WaitOptions = {}): Promise<boolean> {
    let files = 0
    for await (const entry of this.#files(path, options)) {
      files++
      if (entry.blob === undefined || isEmpty(entry.blob)) continue
      if (!(await this.#rows.content(entry, options)).has(entry.blob)) return false
    }
    return files > 0
  }

  download(path = '/', options: WaitOptions = {}): DriveDownload {
    const job = new DownloadJob((entry) => this.#rows.content(entry, options), this.#clock)
    return startDownload(job, this.#forDownload(path, options), options.signal)
  }

  async *#forDownload(
    path: string,
    options: WaitOptions,
  ): AsyncGenerator<DriveEntry, void, undefined> {
    await this.#rows.prepare?.(options)
    const { log, length } = this.#rows
    yield* withRows(log, length, this.#files(path, options))
  }

  /** Gives back the space of a file's bytes, or of all files below a folder. */
  async clear(path: string): Promise<void> {
    for await (const entry of this.#files(path, {})) {
      if (entry.blob !== undefined) await (await this.#rows.content(entry, {})).clear(entry.blob)
    }
  }

  /** A file, or all files and links below a folder. */
  async *#files(path: string, options: WaitOptions): AsyncGenerator<DriveEntry, void, undefined> {
    const folder = normalizeFolder(path, this.#paths)
    const entry = folder === '/' ? undefined : await this.entry(folder, options)
    if (entry !== undefined && entry.stat.kind !== 'folder') yield entry
    else yield* this.list(folder, options)
  }
}

async function* entriesOf(
  items: AsyncIterable<FolderItem>,
): AsyncGenerator<DriveEntry, void, undefined> {
  for await (const { entry } of items) if (entry !== undefined) yield entry
}

function isEmpty(blob: BlobId): boolean {
  return blob.blockMap !== true && blob.byteLength === 0
}
