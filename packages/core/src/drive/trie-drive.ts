/**
 * A drive of the second network: hyperdrive 10 (Beaker, hyper://), read and written byte for byte.
 *
 * Owns: the object that users hold. Its key, version and writability are those of the log of rows, a trie; a second log
 * holds the bytes. Other drives may be mounted in it: their files are listed and read below it, and written where
 * they are ours. Versions are those of the outermost drive; differences and steps of a watcher too, unless asked for with
 * `mounts`: a drive inside has versions of its own.
 *
 *     view.ts, trie-rows.ts  reading    trie-listing.ts  trie-history.ts    stat-record.ts  old-entry.ts  one row
 *     trie-write.ts writing    trie-content.ts  the two logs
 *     mount-graph.ts  mount-record.ts  mount-points.ts  mount-diff.ts  mount-watch.ts    drives in drives
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import { formatLink } from '../crypto/links.ts'
import type { Log } from '../log/log.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import type { Drive, DriveAbilities, MountOptions } from './drive.ts'
import { fetchRuns } from './fetch.ts'
import { MountGraph, type Place } from './mount-graph.ts'
import { watchAlone, watchThrough } from './mount-watch.ts'
import { TrieFiles } from './trie-content.ts'
import { TrieRows } from './trie-rows.ts'
import { TrieWriter } from './trie-write.ts'
import type {
  DiffOptions,
  DriveBlockChange,
  DriveChange,
  DriveDifference,
  DriveDownload,
  DriveEntry,
  DriveHistoryEntry,
  DriveOptions,
  DriveReader,
  DriveStat,
  EntryOptions,
  FolderItem,
  HistoryRange,
  ListOptions,
  MountPoint,
  MountsOptions,
  PutFileOptions,
  ReadOptions,
  WatchOptions,
} from './types.ts'
import { DriveView } from './view.ts'

const ABILITIES: DriveAbilities = {
  write: true,
  links: true,
  folders: true,
  stats: true,
  metadata: 'bytes',
  mounts: true,
  tags: true,
}

/** Which drive; a new one is made on an empty log of ours. */
export interface TrieDriveOptions extends DriveOptions {
  /** Of a new drive's content log. Default: derived from the drive's key. */
  readonly contentKeyPair?: KeyPair
}

export class TrieDrive implements Drive {
  readonly format = 'hyperdrive 10'
  readonly abilities: DriveAbilities = ABILITIES
  readonly #files: TrieFiles
  readonly #graph: MountGraph
  readonly #root: Place
  readonly #view: DriveView
  readonly #writer: TrieWriter
  readonly #clock: Clock

  private constructor(files: TrieFiles, options: TrieDriveOptions) {
    const { store, clock = systemClock, wallClockMs = Date.now } = options
    this.#files = files
    this.#clock = clock
    this.#graph = new MountGraph(store, files, options.readOnly ?? false)
    this.#root = this.#graph.root(files.trie, false)
    this.#view = new DriveView(new TrieRows(this.#graph, this.#root), clock)
    this.#writer = new TrieWriter(this.#graph, this.#root, wallClockMs)
  }

  /** Opens the drive of a key or of an open log. Never waits for peers: the first read does. */
  static async open(options: TrieDriveOptions): Promise<TrieDrive> {
    const { store, readOnly, contentKeyPair } = options
    const log = options.log ?? (await byKey(options))
    return new TrieDrive(await TrieFiles.open(store, log, { readOnly, contentKeyPair }), options)
  }

  get key(): Uint8Array {
    return this.log.key
  }

  get discoveryKey(): Uint8Array {
    return this.log.discoveryKey
  }

  get link(): string {
    return formatLink({ key: this.key })
  }

  /** Length of the log of rows, at least 1: 1 is the empty drive. */
  get version(): number {
    return this.#files.trie.version
  }

  get writable(): boolean {
    return this.#files.trie.writable
  }

  checkWritable(): void {
    this.#files.trie.checkWritable()
  }

  get log(): Log {
    return this.#files.log
  }

  get contentLog(): Log | undefined {
    return this.#files.contentLog
  }

  async ready(options: WaitOptions = {}): Promise<void> {
    await this.#files.content(options)
  }

  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#files.trie.update(options)
  }

  // ---- Reading ----

  entry(path: string, options: EntryOptions = {}): Promise<DriveEntry | undefined> {
    return this.#view.entry(path, options)
  }

  exists(path: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#view.exists(path, options)
  }

  stat(path: string, options: EntryOptions = {}): Promise<DriveStat | undefined> {
    return this.#view.stat(path, options)
  }

  get(path: string | DriveEntry, options: EntryOptions = {}): Promise<Uint8Array | undefined> {
    return this.#view.get(path, options)
  }

  read(path: string | DriveEntry, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    return this.#view.read(path, options)
  }

  list(folder = '/', options: ListOptions = {}): AsyncIterable<DriveEntry> {
    return this.#view.list(folder, options)
  }

  readdir(folder = '/', options: WaitOptions = {}): AsyncIterable<FolderItem> {
    return this.#view.readdir(folder, options)
  }

  diff(version: number, folder = '/', options: DiffOptions = {}): AsyncIterable<DriveDifference> {
    return this.#view.diff(version, folder, options)
  }

  has(path: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#view.has(path, options)
  }

  download(path = '/', options: WaitOptions = {}): DriveDownload {
    return this.#view.download(path, options)
  }

  history(range: HistoryRange = {}, options: WaitOptions = {}): AsyncIterable<DriveHistoryEntry> {
    return this.#view.history(range, options)
  }

  changeAt(seq: number, options: WaitOptions = {}): Promise<DriveBlockChange | undefined> {
    return this.#view.changeAt(seq, options)
  }

  checkout(version: number): DriveReader {
    const reader = this.#files.trie.checkout(version)
    const rows = new TrieRows(this.#graph, this.#graph.root(reader, true))
    return new DriveView(rows, this.#clock)
  }

  watch(options: WatchOptions = {}): AsyncIterable<DriveChange> {
    return options.mounts === true
      ? watchThrough(this.#graph, this.#root, options)
      : watchAlone(this.#files.trie, options)
  }

  fetch(entries: readonly DriveEntry[]): Download[] {
    const byLog = new Map<Log, DriveEntry[]>()
    for (const entry of entries) {
      const log = (this.#graph.ownerOf(entry) ?? this.#files).contentLog
      // What is not open yet is asked for when it is read.
      if (log === undefined || entry.mount !== undefined) continue
      const list = byLog.get(log) ?? []
      byLog.set(log, list)
      list.push(entry)
    }
    return [...byLog].flatMap(([log, list]) => fetchRuns(log, list))
  }

  mounts(options: MountsOptions = {}): AsyncIterable<MountPoint> {
    return this.#view.mounts(options)
  }

  tags(options: WaitOptions = {}): Promise<Map<string, number>> {
    return this.#writer.tags(options)
  }

  // ---- Writing ----

  async put(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutFileOptions = {},
  ): Promise<void> {
    await this.#writer.put(path, content, options)
  }

  async amend(path: string, options: PutFileOptions): Promise<boolean> {
    return this.#writer.amend(path, options)
  }

  async symlink(
    path: string,
    target: string,
    options: { readonly metadata?: unknown } = {},
  ): Promise<void> {
    await this.#writer.symlink(path, target, options.metadata)
  }

  async del(path: string): Promise<boolean> {
    return this.#writer.del(path)
  }

  async mkdir(path: string, options: PutFileOptions = {}): Promise<void> {
    await this.#writer.mkdir(path, options)
  }

  async rmdir(path: string): Promise<boolean> {
    return this.#writer.rmdir(path)
  }

  async mount(path: string, key: Uint8Array, options: MountOptions = {}): Promise<void> {
    await this.#writer.mount(path, key, options)
  }

  async unmount(path: string): Promise<boolean> {
    return this.#writer.unmount(path)
  }

  async tag(name: string, version: number = this.version): Promise<void> {
    await this.#writer.tag(name, version)
  }

  async untag(name: string): Promise<boolean> {
    return this.#writer.untag(name)
  }

  clear(path = '/'): Promise<void> {
    return this.#view.clear(path)
  }

  /** Closes the handles on all logs, those of mounted drives too. The store stays open. */
  close(): Promise<void> {
    return this.#graph.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function byKey({ store, key, generation = 2 }: DriveOptions): Promise<Log> {
  if (key !== undefined) return store.get({ key, generation })
  throw new DatError('BAD_ARGUMENT', 'A hyperdrive 10 is opened by its key, or on its log.')
}
