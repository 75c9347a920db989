/**
 * The drive of today's network: files by path, in two logs of one store. Hyperdrive 13, byte for byte.
 *
 * Owns: the object that users hold. Its key, version and writability are those of the db log, a bee of rows; the
 * blobs log holds the files' bytes and nothing else. These statements always hold:
 *
 * - Bytes are in the blobs log before the row that speaks of them is in the db: a crash leaves unused bytes,
 *   never a row without them.
 * - "Not there" is known. A drive that was never synced waits for its first block.
 * - The blobs log is opened when it is known which it is: at once where the drive is ours, after the first
 *   block of the db is here where it is not.
 *
 *     view.ts, bee-rows.ts  reading  listing.ts  links.ts  download.ts  tally.ts  path.ts
 *     row.ts   one row      blobs.ts  blob-reader.ts  block-map.ts  bytes       keys.ts  which log they are in
 *     drive-batch.ts        many changes at once
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { utf8 } from '../bytes/bytes.ts'
import { formatLink } from '../crypto/links.ts'
import { Bee, type BeeReader } from '../index/bee.ts'
import type { Log } from '../log/log.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import { beeContent } from './bee-content.ts'
import { BeeRows, type BeeSource } from './bee-rows.ts'
import type { Blobs } from './blobs.ts'
import { Content } from './content.ts'
import type { Drive, DriveAbilities } from './drive.ts'
import { DriveBatch } from './drive-batch.ts'
import { fetchRuns } from './fetch.ts'
import { DB_NAME } from './keys.ts'
import { type NormalizeOptions, normalize } from './path.ts'
import { amendedRow, decodeEntry, encodeRow } from './row.ts'
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
  LogProvider,
  MountPoint,
  PutFileOptions,
  ReadOptions,
  Row,
  WatchOptions,
} from './types.ts'
import { unsupported } from './unsupported.ts'
import { DriveView } from './view.ts'

/** Prefix of the rows in the bee. */
const ROWS = utf8('files')
const FORMAT = 'hyperdrive 13'
const ABILITIES: DriveAbilities = {
  write: true,
  links: true,
  folders: false,
  stats: false,
  metadata: 'json',
  mounts: false,
  tags: false,
}

export class BeeDrive implements Drive {
  readonly format: typeof FORMAT = FORMAT
  readonly abilities: DriveAbilities = ABILITIES
  readonly #log: Log
  readonly #bee: Bee
  readonly #rows: Bee
  readonly #content: Content
  readonly #clock: Clock
  readonly #paths: NormalizeOptions
  readonly #source: BeeSource
  readonly #view: DriveView
  readonly #closeStore: () => Promise<void>

  private constructor(log: Log, options: DriveOptions, closeStore: () => Promise<void>) {
    const clock: Clock = options.clock ?? systemClock
    this.#clock = clock
    this.#paths = { strict: options.strictPaths }
    this.#log = log
    const readOnly = options.readOnly ?? false
    this.#bee = Bee.open(log, { readOnly, clock, metadata: {} })
    this.#content = new Content(async (waiting) =>
      beeContent(log, await this.#bee.header(waiting), options),
    )
    this.#rows = this.#bee.sub(ROWS)
    this.#source = {
      log,
      prepare: async (waiting) => {
        await this.#bee.header(waiting)
      },
      content: async (waiting) => this.#content.blobs ?? this.#content.open(waiting),
    }
    this.#view = this.#viewOf(this.#rows)
    this.#closeStore = closeStore
  }

  /**
   * Opens the drive of a key, or the one that is ours in this namespace, made if need be. Never waits for peers:
   * the first read does.
   */
  static async open(options: DriveOptions): Promise<BeeDrive> {
    const { store, namespace } = options
    const view = namespace === undefined ? undefined : store.namespace(namespace)
    const log = options.log ?? (await rowsLog(view ?? store, options))
    const closeStore = (): Promise<void> => view?.close() ?? Promise.resolve()
    const drive = new BeeDrive(log, { ...options, store: view ?? store }, closeStore)
    try {
      // Ours, or read before: the blobs log can be found without anybody's help.
      if (log.writable || log.has(0)) await drive.ready()
    } catch (error) {
      await drive.close()
      throw error
    }
    return drive
  }

  get key(): Uint8Array {
    return this.#log.key
  }

  get discoveryKey(): Uint8Array {
    return this.#log.discoveryKey
  }

  /** The blobs log, once it is known. */
  get contentLog(): Log | undefined {
    return this.#content.log
  }

  /** For people to pass on. */
  get link(): string {
    return formatLink({ key: this.key })
  }

  /** Length of the db log, at least 1: 1 is the empty drive. */
  get version(): number {
    return this.#bee.version
  }

  get writable(): boolean {
    return this.#bee.writable
  }

  checkWritable(): void {
    this.#bee.checkWritable()
  }

  /** The log of rows. */
  get log(): Log {
    return this.#log
  }

  /** The files' bytes, once it is known where they are. */
  get blobs(): Blobs | undefined {
    return this.#content.blobs
  }

  /** Waits until the blobs log is known: for a remote drive, until its first block is here. */
  async ready(options: WaitOptions = {}): Promise<void> {
    const header = await this.#bee.header(options)
    if (header !== undefined || this.#log.writable) await this.#content.open(options)
  }

  /** Asks peers for a newer version; was there one? */
  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#bee.update(options)
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

  fetch(entries: readonly DriveEntry[]): Download[] {
    return this.contentLog === undefined ? [] : fetchRuns(this.contentLog, entries)
  }

  history(range: HistoryRange = {}, options: WaitOptions = {}): AsyncIterable<DriveHistoryEntry> {
    return this.#view.history(range, options)
  }

  changeAt(seq: number, options: WaitOptions = {}): Promise<DriveBlockChange | undefined> {
    return this.#view.changeAt(seq, options)
  }

  /** The drive at an older version, read-only. */
  checkout(version: number): DriveReader {
    return this.#viewOf(this.#rows.checkout(version))
  }

  /**
   * One step whenever files changed since the step before; `diff(previousVersion)` tells which. Ends when the
   * signal fires or the drive is closed. If the author replaced the history, `diff` fails with
   * `SNAPSHOT_GONE`: then compare everything.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<DriveChange, void, undefined> {
    for await (const { current, previous } of this.#rows.watch({}, options)) {
      yield { version: current.version, previousVersion: previous.version }
    }
  }

  // ---- Writing ----

  /**
   * Writes a file: bytes first, then its row. Resolves when acknowledged. Content is not compared: the same
   * bytes again are appended again.
   */
  async put(
    path: string,
    content: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutFileOptions = {},
  ): Promise<void> {
    const key = this.#normalize(path)
    this.checkWritable()
    encodeRow(options)
    const blobs = await this.#source.content({})
    const blob = await blobs.put(content)
    await this.#rows.put(utf8(key), encodeRow({ ...options, blob }))
  }

  async amend(path: string, options: PutFileOptions): Promise<boolean> {
    this.checkWritable()
    const key = utf8(this.#normalize(path))
    // What the row says, and what it says next, are one step.
    const batch = this.#rows.batch()
    try {
      const row = await batch.get(key)
      if (row === undefined) return false
      await batch.put(key, amendedRow(decodeEntry(row.seq, row.key, row.value), options))
      await batch.flush()
      return true
    } finally {
      batch.close()
    }
  }

  /** `target` is stored as it is. */
  async symlink(
    path: string,
    target: string,
    options: { readonly metadata?: unknown } = {},
  ): Promise<void> {
    await this.putEntry(path, { linkname: target, metadata: options.metadata })
  }

  /** Deletes a row; was there one? The bytes stay in the history. */
  async del(path: string): Promise<boolean> {
    return (await this.#rows.del(utf8(this.#normalize(path)))) !== undefined
  }

  /** Writes a row alone: another name, or other flags, for bytes that are here. */
  async putEntry(path: string, row: Row): Promise<void> {
    await this.#rows.put(utf8(this.#normalize(path)), encodeRow(row))
  }

  /** Many operations: bytes in few appends, all rows in one. */
  batch(): DriveBatch {
    this.checkWritable()
    return new DriveBatch({
      clock: this.#clock,
      rows: this.#rows,
      normalize: (path) => this.#normalize(path),
      content: () => this.#source.content({}),
    })
  }

  mkdir(): Promise<void> {
    return unsupported(
      FORMAT,
      'folders of their own',
      'a folder exists as soon as a file is put below it',
    )
  }

  rmdir(): Promise<boolean> {
    return unsupported(
      FORMAT,
      'folders of their own',
      'a folder is gone with the last file below it',
    )
  }

  mount(): Promise<void> {
    return unsupported(
      FORMAT,
      'mounts',
      'put a file with the link of the other drive, or its files',
    )
  }

  unmount(): Promise<boolean> {
    return unsupported(FORMAT, 'mounts', 'nothing is mounted in it')
  }

  /** None: the format has no mounts. */
  mounts(): AsyncIterable<MountPoint> {
    return this.#view.mounts()
  }

  tag(): Promise<void> {
    return unsupported(FORMAT, 'names for versions', 'remember the version, or a link with it')
  }

  untag(): Promise<boolean> {
    return unsupported(FORMAT, 'names for versions', 'no version has one')
  }

  /** None: the format has no tags. */
  async tags(): Promise<Map<string, number>> {
    return new Map()
  }

  /** Gives back the space of a file's bytes on this machine, or of all files below a folder. */
  clear(path = '/'): Promise<void> {
    return this.#view.clear(path)
  }

  /** Closes the handles on both logs. The store stays open. */
  async close(): Promise<void> {
    await this.#bee.close()
    await this.#content.close()
    await this.#closeStore()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #viewOf(rows: BeeReader): DriveView {
    return new DriveView(new BeeRows(this.#source, rows), this.#clock, this.#paths)
  }

  #normalize(path: string): string {
    return normalize(path, this.#paths)
  }
}

function rowsLog(store: LogProvider, options: DriveOptions): Promise<Log> {
  const { key, encryptionKey, readOnly } = options
  return store.get(key === undefined ? { name: DB_NAME } : { key }, {
    ...(encryptionKey !== undefined && { encryptionKey }),
    ...(readOnly === true && { writable: false }),
  })
}
