/**
 * Reading a hyperdrive 10, at a version that is fixed or moves along.
 *
 * Owns: `DriveReader` over rows in a trie, with other drives mounted in it (`mount-graph.ts`). Folders exist by what is
 * below them, or by a row of their own. A fixed version fixes the outermost drive; drives mounted in it without a version
 * show their newest. Source: generation 2 drives, sections 3 to 5 and 7.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { DownloadJob, startDownload } from './download.ts'
import { follow } from './links.ts'
import { ignoring } from './listing.ts'
import type { Found, MountGraph, Place, Spot } from './mount-graph.ts'
import { normalize, normalizeFolder } from './path.ts'
import { IMPLICIT_FOLDER } from './stat.ts'
import { diffRows } from './trie-history.ts'
import { hasBelow, listBelow, placedEntry, readBelow } from './trie-listing.ts'
import type {
  DriveDifference,
  DriveDownload,
  DriveEntry,
  DriveReader,
  DriveStat,
  EntryOptions,
  FolderItem,
  ListOptions,
  ReadOptions,
} from './types.ts'

/** What is known of a path, be it a row or a folder. */
type Standing = Pick<DriveEntry, 'path' | 'linkname' | 'stat'>

export class TrieDriveView implements DriveReader {
  readonly #graph: MountGraph
  readonly #root: Place
  readonly #clock: Clock

  constructor(graph: MountGraph, root: Place, clock: Clock) {
    this.#graph = graph
    this.#root = root
    this.#clock = clock
  }

  get version(): number {
    return this.#root.reader.version
  }

  // ---- One path ----

  async entry(path: string, options: EntryOptions = {}): Promise<DriveEntry | undefined> {
    const start = normalize(path)
    const lookup = (target: string): Promise<DriveEntry | undefined> =>
      this.#lookup(target, options)
    return options.follow === true ? follow(start, lookup) : lookup(start)
  }

  async exists(path: string, options: WaitOptions = {}): Promise<boolean> {
    return (await this.entry(path, options)) !== undefined
  }

  async stat(path: string, options: EntryOptions = {}): Promise<DriveStat | undefined> {
    const start = normalizeFolder(path)
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
    if (entry.blob.byteLength === 0) return EMPTY
    return (await this.#content(entry, options)).get(entry.blob, options)
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
    if (entry.blob.byteLength === 0) return
    yield* (await this.#content(entry, options)).read(entry.blob, options)
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

  /** Where the bytes of an entry are. */
  async #content(entry: DriveEntry, options: WaitOptions): Promise<Blobs> {
    if (entry.mount?.kind === 'log') return this.#graph.log(entry.mount.key)
    const files = this.#graph.ownerOf(entry) ?? (await this.#find(entry.path, options)).place.files
    return files.content(options)
  }

  #find(path: string, options: WaitOptions): Promise<Found> {
    return this.#graph.find(this.#spot(path), options)
  }

  async #lookup(path: string, options: WaitOptions): Promise<DriveEntry | undefined> {
    const { place, entry } = await this.#find(path, options)
    return entry && placedEntry(this.#graph, place, entry)
  }

  async #stat(path: string, options: WaitOptions): Promise<Standing | undefined> {
    const found = await this.#find(path, options)
    if (found.entry !== undefined) return placedEntry(this.#graph, found.place, found.entry)
    const isFolder = found.key === '' || (await hasBelow(found, options))
    return isFolder ? { path, linkname: undefined, stat: IMPLICIT_FOLDER } : undefined
  }

  #spot(path: string): Spot {
    return { place: this.#root, key: path.slice(1) }
  }

  // ---- Folders ----

  async *list(
    folder = '/',
    options: ListOptions = {},
  ): AsyncGenerator<DriveEntry, void, undefined> {
    const isIgnored = ignoring(options.ignore)
    for (const entry of await this.#below(folder, options)) {
      const isWanted = options.folders === true || entry.stat.kind !== 'folder'
      if (isWanted && !isIgnored(entry.path)) yield entry
    }
  }

  async #below(folder: string, options: ListOptions): Promise<DriveEntry[]> {
    const spot = await this.#graph.enter(this.#spot(normalizeFolder(folder)), options)
    if (options.recursive !== false) return listBelow(this.#graph, spot, options)
    const items = await readBelow(this.#graph, spot, options)
    return items.flatMap(({ entry }) => entry ?? [])
  }

  async *readdir(
    folder = '/',
    options: WaitOptions = {},
  ): AsyncGenerator<FolderItem, void, undefined> {
    const spot = await this.#graph.enter(this.#spot(normalizeFolder(folder)), options)
    yield* await readBelow(this.#graph, spot, options)
  }

  async *diff(
    version: number,
    folder = '/',
    options: WaitOptions = {},
  ): AsyncGenerator<DriveDifference, void, undefined> {
    const base = normalizeFolder(folder)
    const { place, key } = await this.#graph.enter(this.#spot(base), options)
    if (place.chain.length > 1) {
      throw new DatError(
        'UNSUPPORTED',
        `${base} is in a drive that is mounted at ${place.base}, which has versions of its own: open it by its key.`,
        { path: base },
      )
    }
    for (const { left, right } of await diffRows(place.reader, version, key, options)) {
      const leftEntry = left && placedEntry(this.#graph, place, left)
      const rightEntry = right && placedEntry(this.#graph, place, right)
      const path = leftEntry?.path ?? rightEntry?.path ?? ''
      yield { path, left: leftEntry, right: rightEntry }
    }
  }

  // ---- Transfer ----

  async has(path: string, options: WaitOptions = {}): Promise<boolean> {
    let files = 0
    for await (const entry of this.files(path, options)) {
      files++
      if (entry.blob === undefined || entry.blob.byteLength === 0) continue
      if (!(await this.#content(entry, options)).has(entry.blob)) return false
    }
    return files > 0
  }

  download(path = '/', options: WaitOptions = {}): DriveDownload {
    const job = new DownloadJob((entry) => this.#content(entry, options), this.#clock)
    return startDownload(job, this.files(path, options), options.signal)
  }

  /** A file, or all files and links below a folder. */
  async *files(path: string, options: WaitOptions): AsyncGenerator<DriveEntry, void, undefined> {
    const folder = normalizeFolder(path)
    const entry = folder === '/' ? undefined : await this.entry(folder, options)
    if (entry !== undefined && entry.stat.kind !== 'folder') yield entry
    else yield* this.list(folder, options)
  }

  /** Where the bytes of an entry are; for the drive itself. */
  content(entry: DriveEntry, options: WaitOptions): Promise<Blobs> {
    return this.#content(entry, options)
  }
}
