/**
 * Puts files into the drive, many to a commit.
 *
 * Owns: the open batch, and the ledger rows that become true with it. Everything about one file that can go wrong ends
 * as "skipped" for that file; only what concerns the store (no room, closed, not writable) ends the pass.
 */

import { lstatSync, readlinkSync } from 'node:fs'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import type { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import type { DriveBatch } from '@dat-rhino/core/drive/drive-batch'
import { normalize } from '@dat-rhino/core/drive/path'
import type { Ledger } from './ledger.ts'
import type { LedgerRow } from './ledger-row.ts'
import { storedTarget } from './links.ts'
import { localPath } from './paths.ts'
import { fileError, isMissing, systemCode } from './problems.ts'
import { changedWhileRead, hasContent, readLarge, readSmall, SMALL_BYTES } from './read.ts'
import type { Found } from './scan.ts'
import { fileStat, trusted } from './stat.ts'
import type { Teller } from './teller.ts'

/** What all parts of an import share. */
export interface ImportContext {
  /** Absolute, without links. */
  readonly root: string
  readonly drive: BeeDrive
  readonly ledger: Ledger
  readonly teller: Teller
  readonly signal: AbortSignal
}

/** A batch is flushed when it has grown to this: its rows are appended in one turn of the event loop. */
const BATCH_FILES = 512
const BATCH_BYTES = 16 * 1_048_576
/** Times that a file may change under our hands before it is left for the next pass. */
const TRIES = 3

/** The writing side of one import. */
export class ImportWriter {
  readonly #context: ImportContext
  #batch: DriveBatch | undefined
  #rows: LedgerRow[] = []
  #removed: string[] = []
  #bytes = 0
  /**
   * The version of the drive up to which all of its rows are of this pass, if there are only such: it began with an empty
   * drive. A pass meets each path once, so no row need be looked for.
   */
  #ownVersion: number | undefined
  /** What small files are read into; the batch copies them. */
  readonly #room = new Uint8Array(SMALL_BYTES)
  /** Told when the batch is committed. */
  #news: (() => void)[] = []

  constructor(context: ImportContext) {
    this.#context = context
    const { version } = context.drive
    this.#ownVersion = version <= 1 ? version : undefined
  }

  get isFull(): boolean {
    const files = this.#rows.length + this.#removed.length
    return files >= BATCH_FILES || this.#bytes >= BATCH_BYTES
  }

  /** Brings the drive's row of a file up to date, whatever it was. */
  async settle(found: Found): Promise<void> {
    try {
      checkName(found.path)
      let current = found
      for (let left = TRIES; left > 0; left--) {
        if (await this.#try(current)) return
        current = { ...found, stat: fileStat(lstatSync(this.#file(found))) }
      }
      throw changedWhileRead(found.path)
    } catch (error) {
      this.#skip(found, error)
    }
  }

  /** `found` is the file that `entry` was: same bytes, another name. */
  rename(found: Found, entry: DriveEntry): void {
    try {
      checkName(found.path)
      this.#open().putEntry(found.path, { ...entry, executable: found.stat.executable })
    } catch (error) {
      this.#skip(found, error)
      return
    }
    this.#context.teller.moved(found.stat.size)
    this.#done(found, () => this.#context.teller.renamed(found.path, entry.path))
  }

  remove(path: string): void {
    this.#open().del(path)
    this.#removed.push(path)
    this.#news.push(() => this.#context.teller.removed(path))
  }

  /** Commits: bytes, then rows, then the ledger; then tells. */
  async flush(): Promise<void> {
    const { drive, ledger } = this.#context
    const batch = this.#batch
    const isOurs = drive.version === this.#ownVersion
    this.#batch = undefined
    if (batch !== undefined) await batch.flush()
    const version = drive.version
    this.#ownVersion = isOurs ? version : undefined
    const rows = this.#rows.map((row) => ({
      ...row,
      stat: trusted(row.stat, ledger.clockMs),
      seq: version,
    }))
    if (rows.length + this.#removed.length > 0 || version !== ledger.version) {
      ledger.record({ rows, removed: this.#removed, version })
    }
    const news = this.#news
    this.#rows = []
    this.#removed = []
    this.#news = []
    this.#bytes = 0
    for (const tell of news) tell()
  }

  #open(): DriveBatch {
    this.#batch ??= this.#context.drive.batch()
    return this.#batch
  }

  /** One try. False: the file changed meanwhile. */
  async #try(found: Found): Promise<boolean> {
    const { drive } = this.#context
    const isNew = drive.version === this.#ownVersion
    const entry = isNew ? undefined : await drive.entry(found.path)
    if (found.kind === 'link') return this.#putLink(found, entry)
    const same = entry === undefined ? false : await this.#isContentOf(entry, found)
    if (same === undefined) return false
    if (same && entry !== undefined) {
      this.#keepContent(found, entry)
      return true
    }
    return found.stat.size <= SMALL_BYTES
      ? await this.#putSmall(found, entry)
      : await this.#putLarge(found, entry)
  }

  #putLink(found: Found, entry: DriveEntry | undefined): boolean {
    const { root, teller } = this.#context
    const target = storedTarget(root, found.path, readlinkSync(this.#file(found)))
    if (target === undefined) {
      throw new DatError('UNSUPPORTED', 'The link points out of the folder.', { path: found.path })
    }
    if (entry?.linkname === target) this.#done(found, () => teller.unchanged(found.path))
    else {
      this.#open().symlink(found.path, target)
      this.#done(found, () => this.#tellPut(found, entry))
    }
    return true
  }

  /** The bytes are the same: at most the executable bit is news. */
  #keepContent(found: Found, entry: DriveEntry): void {
    const { teller } = this.#context
    teller.moved(found.stat.size)
    if (entry.executable === found.stat.executable) {
      this.#done(found, () => teller.unchanged(found.path))
      return
    }
    this.#open().putEntry(found.path, { ...entry, executable: found.stat.executable })
    this.#done(found, () => this.#tellPut(found, entry))
  }

  async #putSmall(found: Found, entry: DriveEntry | undefined): Promise<boolean> {
    const bytes = readSmall(this.#file(found), found.stat, this.#room)
    if (bytes === undefined) return false
    await this.#open().put(found.path, bytes, putOptions(found, entry))
    this.#context.teller.moved(bytes.length)
    this.#bytes += bytes.length
    this.#done(found, () => this.#tellPut(found, entry))
    return true
  }

  /** The bytes first, and only when they are one state of the file the row. */
  async #putLarge(found: Found, entry: DriveEntry | undefined): Promise<boolean> {
    const { drive, teller, signal } = this.#context
    if (drive.blobs === undefined) throw new DatError('INVARIANT', 'A drive of ours has no blobs.')
    const content = readLarge(this.#file(found), found.stat, (n) => teller.moved(n), signal)
    try {
      const blob = await drive.blobs.put(content)
      this.#open().putEntry(found.path, { ...putOptions(found, entry), blob })
    } catch (error) {
      if (isCode(error, 'CONFLICT')) return false
      throw error
    }
    this.#bytes += found.stat.size
    this.#done(found, () => this.#tellPut(found, entry))
    return true
  }

  /** `undefined`: the file changed meanwhile. */
  async #isContentOf(entry: DriveEntry, found: Found): Promise<boolean | undefined> {
    if (entry.linkname !== undefined || entry.blob === undefined) return false
    const isMap = entry.blob.blockMap === true
    if (!isMap && entry.blob.byteLength !== found.stat.size) return false
    return await hasContent(this.#file(found), found.stat, this.#context.drive.read(entry))
  }

  #file(found: Found): string {
    return localPath(this.#context.root, found.path)
  }

  #done(found: Found, tell: () => void): void {
    this.#rows.push({ path: found.path, kind: found.kind, stat: found.stat, seq: 0 })
    this.#news.push(tell)
  }

  #tellPut(found: Found, entry: DriveEntry | undefined): void {
    const { teller } = this.#context
    if (entry === undefined) teller.added(found.path, found.stat.size)
    else teller.changed(found.path, found.stat.size)
  }

  /** Problems of one file are told and left behind; what concerns the store ends the pass. */
  #skip(found: Found, error: unknown): void {
    const { teller, signal } = this.#context
    signal.throwIfAborted()
    const isOfFile =
      systemCode(error) !== undefined || (error instanceof DatError && OF_FILE.has(error.code))
    if (!isOfFile) throw error
    // It went away since the scan saw it: the next pass will miss it properly.
    if (isMissing(error)) teller.expect(-1, found.kind === 'file' ? -found.stat.size : 0)
    else teller.skipped(found.path, fileError(error, found.path))
  }
}

/** Our own errors that speak of one file. */
const OF_FILE: ReadonlySet<string> = new Set(['UNSUPPORTED', 'BAD_ARGUMENT', 'CONFLICT'])

/** Names that others could not read back as the same. */
function checkName(path: string): void {
  if (normalize(path, { strict: true }) === path) return
  throw new DatError('UNSUPPORTED', 'Drives cannot hold this name.', { path })
}

function putOptions(
  found: Found,
  entry: DriveEntry | undefined,
): { executable: boolean; metadata: unknown } {
  return { executable: found.stat.executable, metadata: entry?.metadata ?? null }
}
