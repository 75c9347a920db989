/**
 * A drive of the first network: hyperdrive 9 (dat://), read at every version.
 *
 * Owns: the object that users hold. Its log of rows is an append-tree behind a header that names the content log; version v
 * is the drive as of block v, and 0 is empty. It is not written: whoever holds the secret key of such a drive gives its
 * files a new life in a drive of today. Source: generation 1 drives, sections 1 and 2.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError, isCode } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import { formatLink } from '../crypto/links.ts'
import { AppendTree, type AppendTreeReader } from '../index/append-tree/append-tree.ts'
import type { Log } from '../log/log.ts'
import type { Download, WaitOptions } from '../log/remote.ts'
import { Content, unknownContent } from './content.ts'
import type { Drive, DriveAbilities } from './drive.ts'
import { fetchRuns } from './fetch.ts'
import { readHeader } from './header.ts'
import { TreeRows } from './tree-rows.ts'
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
  ReadOptions,
  WatchOptions,
} from './types.ts'
import { unsupported, unsupportedError } from './unsupported.ts'
import { DriveView } from './view.ts'

const FORMAT = 'hyperdrive 9'
const ABILITIES: DriveAbilities = {
  write: false,
  links: false,
  folders: true,
  stats: true,
  metadata: 'none',
  mounts: false,
  tags: false,
}

const READ_ONLY = 'it is read only here; put its files into a drive of today'

export class TreeDrive implements Drive {
  readonly format: typeof FORMAT = FORMAT
  readonly abilities: DriveAbilities = ABILITIES
  readonly log: Log
  readonly writable = false
  readonly #content: Content
  readonly #clock: Clock
  readonly #tree: AppendTree
  readonly #view: DriveView

  private constructor(log: Log, { store, clock = systemClock }: DriveOptions) {
    this.log = log
    this.#content = new Content(async (wait) => {
      const key = contentKey(await log.get(0, wait))
      return store.get({ key, generation: log.generation.id })
    })
    this.#clock = clock
    this.#tree = AppendTree.open(log, { clock })
    this.#view = this.#viewOf(this.#tree)
  }

  /** Opens the drive of a key or of an open log. Never waits for peers: the first read does. */
  static async open(options: DriveOptions): Promise<TreeDrive> {
    return new TreeDrive(options.log ?? (await byKey(options)), options)
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

  get contentLog(): Log | undefined {
    return this.#content.log
  }

  /** Number of the newest block; 0 is the empty drive. */
  get version(): number {
    return this.#tree.version
  }

  async ready(options: WaitOptions = {}): Promise<void> {
    await this.#content.open(options)
  }

  update(options: WaitOptions = {}): Promise<boolean> {
    return this.#tree.update(options)
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
    return this.#viewOf(this.#tree.checkout(version))
  }

  /** Every block of the log of rows is a change, so growth is all that there is to see. */
  async *watch(options: WatchOptions = {}): AsyncGenerator<DriveChange, void, undefined> {
    for (let previousVersion = this.version; ; ) {
      try {
        await this.log.grown(previousVersion + 2, options.signal)
      } catch (error) {
        if (isCode(error, 'ABORTED') || isCode(error, 'CLOSED')) return
        throw error
      }
      const { version } = this
      yield { version, previousVersion }
      previousVersion = version
    }
  }

  fetch(entries: readonly DriveEntry[]): Download[] {
    return this.contentLog === undefined ? [] : fetchRuns(this.contentLog, entries)
  }

  /** None: the format has no mounts. */
  mounts(): AsyncIterable<MountPoint> {
    return this.#view.mounts()
  }

  /** None: the format has no tags. */
  async tags(): Promise<Map<string, number>> {
    return new Map()
  }

  clear(path = '/'): Promise<void> {
    return this.#view.clear(path)
  }

  // ---- Writing: what can be done instead ----

  put(): Promise<void> {
    return readOnly('writing of files')
  }

  amend(): Promise<boolean> {
    return readOnly('changing of what is said of files')
  }

  symlink(): Promise<void> {
    return readOnly('symlinks')
  }

  del(): Promise<boolean> {
    return readOnly('deleting of files')
  }

  mkdir(): Promise<void> {
    return readOnly('making of folders')
  }

  rmdir(): Promise<boolean> {
    return readOnly('deleting of folders')
  }

  mount(): Promise<void> {
    return readOnly('mounts')
  }

  unmount(): Promise<boolean> {
    return readOnly('mounts')
  }

  checkWritable(): void {
    throw unsupportedError(FORMAT, 'changes', READ_ONLY)
  }

  tag(): Promise<void> {
    return readOnly('names for versions')
  }

  untag(): Promise<boolean> {
    return readOnly('names for versions')
  }

  /** Closes the handles on both logs. The store stays open. */
  async close(): Promise<void> {
    await this.#tree.close()
    await this.#content.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #viewOf(tree: AppendTreeReader): DriveView {
    const rows = new TreeRows(this.log, tree, (wait) => this.#content.open(wait))
    return new DriveView(rows, this.#clock)
  }
}

function readOnly(what: string): Promise<never> {
  return unsupported(FORMAT, what, READ_ONLY)
}

function byKey({ store, key, generation = 1 }: DriveOptions): Promise<Log> {
  if (key !== undefined) return store.get({ key, generation })
  throw new DatError('BAD_ARGUMENT', 'A hyperdrive 9 is opened by its key, or on its log.')
}

/** Block 0: 1 string type, 2 bytes content. */
function contentKey(header: Uint8Array): Uint8Array {
  const { content } = readHeader(header)
  if (content?.length === KEY_BYTES) return copy(content)
  throw unknownContent(1)
}
