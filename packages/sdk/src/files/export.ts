/**
 * One pass from a drive to a folder: what is missing or outdated is written, what is gone is removed, and what the
 * user changed is left alone.
 *
 * Stations:
 *   1 find      the drive's rows, the ledger and the disk side by side, in one order; what is as it should be is
 *               settled at once, the rest becomes jobs (`job-queue.ts`)
 *   2 fetch     the jobs' blocks are asked for, a window ahead (`export-writer.ts`)
 *   3 write     as the blocks arrive, file by file, then the ledger
 *
 * Who may be overwritten: a file is ours if it is on the disk as the ledger says we wrote it, or holds the very
 * bytes of the version we wrote. Anything else is the user's: it is kept and told as a conflict. Source: the threat
 * model, section 7.
 */

import { systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import type { ExportContext } from './export-context.ts'
import { ExportWriter, isOfFile } from './export-writer.ts'
import type { Standing } from './folder-writer.ts'
import { type Job, JobQueue } from './job-queue.ts'
import type { LedgerRow } from './ledger-row.ts'
import { linkText } from './links.ts'
import { comparePaths, foldName, whatIsWrongWith } from './paths.ts'
import { fileError } from './problems.ts'
import { isUntouched } from './stat.ts'

/** One pass; made for it, and used once. */
export class ExportPass {
  readonly #context: ExportContext
  /** Ends the one side when the other fails. */
  readonly #stop = new AbortController()
  readonly #jobs = new JobQueue()
  readonly #writer: ExportWriter
  readonly #pace = new Pace(systemClock)
  /** Rows whose name a folder has: tried again when everything that is gone was removed. */
  #blocked: { entry: DriveEntry; row: LedgerRow | undefined }[] = []
  /** On a disk that folds case: the folded names met so far, and which path has each. */
  readonly #folded: Map<string, string> | undefined

  /** @param foldsCase does the disk take names for equal that differ in case or composition? */
  constructor(context: ExportContext, foldsCase: boolean) {
    const signal = AbortSignal.any([context.signal, this.#stop.signal])
    this.#context = { ...context, signal, wait: { ...context.wait, signal } }
    this.#writer = new ExportWriter(this.#context)
    this.#folded = foldsCase ? new Map() : undefined
  }

  /** Compares everything. */
  all(): Promise<void> {
    return this.#run(() => this.#findAll())
  }

  /** Compares what changed since `version`, which was written out before. */
  since(version: number): Promise<void> {
    return this.#run(() => this.#findSince(version))
  }

  /** Finder and doer side by side; the first error ends both. */
  async #run(find: () => Promise<void>): Promise<void> {
    const fail = (error: unknown): void => {
      this.#stop.abort(error)
      this.#jobs.end()
    }
    const finding = find().then(() => this.#jobs.end(), fail)
    const doing = this.#writer.run(this.#jobs).catch(fail)
    await Promise.all([finding, doing])
    this.#context.signal.throwIfAborted()
    this.#context.ledger.record({ rows: [], removed: [], version: this.#context.target.version })
  }

  async #findAll(): Promise<void> {
    const { target, ledger, wait } = this.#context
    const cursor = ledger.cursor()
    for await (const entry of target.list('/', wait)) {
      for (let row = cursor.row; row !== undefined && isBehind(entry, row); row = cursor.row) {
        await this.#gone(row)
        cursor.advance()
      }
      const row = cursor.row?.path === entry.path ? cursor.row : undefined
      if (row !== undefined) cursor.advance()
      await this.#compare(entry, row)
    }
    for (let row = cursor.row; row !== undefined; row = cursor.row) {
      await this.#gone(row)
      cursor.advance()
    }
    await this.#findBlocked()
  }

  async #findSince(version: number): Promise<void> {
    const { target, ledger, wait } = this.#context
    for await (const { path, left } of target.diff(version, '/', wait)) {
      const row = ledger.get(path)
      if (left !== undefined) await this.#compare(left, row)
      else if (row !== undefined) await this.#gone(row)
    }
    await this.#findBlocked()
  }

  /** Names that folders had: some of those may be gone by now. */
  async #findBlocked(): Promise<void> {
    const blocked = this.#blocked
    this.#blocked = []
    for (const { entry, row } of blocked) await this.#compare(entry, row, true)
  }

  // ---- One row of the drive ----------------------------------------------------------------------

  async #compare(entry: DriveEntry, row: LedgerRow | undefined, isLast = false): Promise<void> {
    const { teller, signal } = this.#context
    const bytes = entry.blob?.byteLength ?? 0
    try {
      const text = this.#checkEntry(entry)
      const standing = this.#context.writer.look(entry.path)
      if (standing.kind === 'folder' && !isLast) {
        this.#blocked.push({ entry, row })
        return
      }
      const todo = this.#whatToDo(entry, row, standing, text)
      teller.expect(1, todo === 'nothing' || todo === 'keep' ? 0 : bytes, bytes)
      if (todo === 'nothing') this.#settled(entry, row, standing)
      else if (todo === 'keep') {
        teller.conflict(entry.path, row?.seq === entry.seq ? 'unchanged' : 'changed')
      } else await this.#jobs.push({ entry, row, todo, linkText: text })
    } catch (error) {
      this.#skip(entry.path, error)
    }
    if (!this.#pace.isOver) return
    signal.throwIfAborted()
    await this.#pace.turn()
  }

  /** Throws if the row must not be written here; the text of the link if it is one. */
  #checkEntry(entry: DriveEntry): string | undefined {
    const { path, invalid, linkname } = entry
    const wrong = invalid ?? whatIsWrongWith(path)
    if (wrong !== undefined) throw hostile(path, `this name or row is not safe to write: ${wrong}`)
    const folded = foldName(path)
    const other = this.#folded?.get(folded) ?? path
    if (other !== path) throw hostile(path, `this disk takes it for the same name as ${other}`)
    this.#folded?.set(folded, path)
    if (linkname === undefined) return undefined
    const text = linkText(path, linkname)
    if (text === undefined) throw hostile(path, 'the link points out of the folder')
    return text
  }

  /** `keep`: something is there that we did not write and may not touch. */
  #whatToDo(
    entry: DriveEntry,
    row: LedgerRow | undefined,
    standing: Standing,
    text: string | undefined,
  ): 'nothing' | 'keep' | Job['todo'] {
    const { force, verify } = this.#context
    if (standing.kind === 'nothing') return 'write'
    if (text !== undefined && standing.kind === 'link' && standing.text === text) return 'nothing'
    if (row !== undefined && isOurs(row, standing)) {
      if (row.seq !== entry.seq || isCutShort(row, standing)) return 'write'
      return verify && standing.kind === 'file' ? 'doubt' : 'nothing'
    }
    // Contents can tell: that it is the drive's already, or what we wrote from an older row.
    if (standing.kind === 'file' || (standing.kind === 'link' && row !== undefined)) return 'doubt'
    return force ? 'overwrite' : 'keep'
  }

  /** As it should be. A link that somebody else made just so is ours from now on. */
  #settled(entry: DriveEntry, row: LedgerRow | undefined, standing: Standing): void {
    this.#context.teller.unchanged(entry.path)
    if (standing.kind === 'link' && row?.seq !== entry.seq) {
      this.#writer.note(entry, 'link', standing.stat)
    }
  }

  /** The drive has no such row any more. */
  async #gone(row: LedgerRow): Promise<void> {
    const { writer, teller, force } = this.#context
    try {
      const standing = writer.look(row.path)
      if (standing.kind === 'nothing' || standing.kind === 'folder') this.#writer.forget(row.path)
      else if (isOurs(row, standing) || (await this.#writer.isAsWritten(row, standing))) {
        writer.remove(row.path)
        this.#writer.removed(row.path)
      } else if (force) {
        writer.keepAside(row.path)
        this.#writer.removed(row.path)
      } else {
        teller.expect(1, 0)
        teller.conflict(row.path, 'removed')
      }
    } catch (error) {
      this.#skip(row.path, error)
    }
  }

  #skip(path: string, error: unknown): void {
    const { teller, signal } = this.#context
    signal.throwIfAborted()
    if (!isOfFile(error)) throw error
    teller.expect(1, 0)
    teller.skipped(path, fileError(error, path))
  }
}

/** Is what stands there what we wrote, untouched since? Or a file of ours that a power cut shortened. */
function isOurs(row: LedgerRow | undefined, standing: Standing): boolean {
  if (row === undefined || standing.kind !== row.kind) return false
  return isUntouched(row.stat, standing.stat) || isCutShort(row, standing)
}

/** After a power cut a file may have lost its end while its times and inode are those that we gave it. */
function isCutShort(row: LedgerRow, standing: Standing): boolean {
  if (standing.kind !== 'file' || standing.stat.size >= row.stat.size) return false
  return isUntouched({ ...row.stat, size: standing.stat.size }, standing.stat)
}

function isBehind(entry: DriveEntry, row: LedgerRow): boolean {
  return comparePaths(row.path, entry.path) < 0
}

function hostile(path: string, why: string): DatError {
  return new DatError('BAD_CONTENT', `${JSON.stringify(path)} was left out: ${why}.`, { path })
}
