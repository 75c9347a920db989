/**
 * Does the jobs of an export: fetches blocks a window ahead, writes files, records them.
 *
 * Owns: the window and the ledger rows of what was written. Blocks are asked for as few long ranges, so that a window
 * of a thousand small files is a handful of requests. Large files reach the device while the next ones are written; all
 * have when `run` resolves. The ledger is written behind the files, in their order: a death in between costs comparing
 * contents, and overwrites nothing.
 */

import { systemClock } from '@dat-rhino/core/base/clock'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import type { Download } from '@dat-rhino/core/log/remote'
import type { ExportContext } from './export-context.ts'
import { LARGE_MAX, type Standing } from './folder-writer.ts'
import type { Job, JobQueue } from './job-queue.ts'
import { Landings } from './landings.ts'
import type { LedgerRow } from './ledger-row.ts'
import { linkText } from './links.ts'
import type { PartFile } from './part-file.ts'
import { fileError, systemCode } from './problems.ts'
import { changedWhileRead, hasContent, SMALL_BYTES } from './read.ts'
import { type FileStat, trusted } from './stat.ts'

/** Jobs that are fetched and recorded together. */
const GROUP_JOBS = 512
const GROUP_BYTES = 8 * 1_048_576
/** Bytes asked for and not written yet, at least, while there are jobs. */
const AHEAD_BYTES = 32 * 1_048_576

interface Group {
  readonly jobs: Job[]
  readonly bytes: number
  readonly downloads: Download[]
}

/** The place of a row in the ledger, which is in the order of the jobs. */
interface Note {
  /** `undefined` until the file stands on the disk, and for one that did not get there. */
  row: LedgerRow | undefined
  isOver: boolean
}

/** The doer of one export. */
export class ExportWriter {
  readonly #context: ExportContext
  readonly #pace = new Pace(systemClock)
  readonly #landings = new Landings(LARGE_MAX)
  #notes: Note[] = []
  #removed: string[] = []

  constructor(context: ExportContext) {
    this.#context = context
  }

  /** Does all jobs, until the queue has ended. */
  async run(jobs: JobQueue): Promise<void> {
    const groups: Group[] = []
    let ahead = 0
    try {
      for (;;) {
        while (ahead < AHEAD_BYTES) {
          const group = this.#takeGroup(jobs)
          if (group === undefined) break
          groups.push(group)
          ahead += group.bytes
        }
        const group = groups.shift()
        if (group === undefined) {
          if (await jobs.more()) continue
          break
        }
        for (const job of group.jobs) await this.#do(job)
        ahead -= group.bytes
        for (const download of group.downloads) download.cancel()
        this.#record()
      }
      await this.#landings.all()
      this.#record()
    } finally {
      await this.#landings.settled()
      for (const { downloads } of groups) for (const download of downloads) download.cancel()
    }
  }

  // ---- What the finder settles itself ------------------------------------------------------------

  removed(path: string): void {
    this.#removed.push(path)
    this.#context.teller.removed(path)
  }

  /** The row's file is gone already. */
  forget(path: string): void {
    this.#removed.push(path)
  }

  /** Is it what the row of the drive said that the ledger says we wrote? */
  async isAsWritten(row: LedgerRow, standing: Standing): Promise<boolean> {
    if (standing.kind !== row.kind) return false
    const entry = await this.#entryOf(row)
    if (entry === undefined) return false
    if (standing.kind === 'file') return this.#hasContent(entry, standing.stat)
    const { linkname } = entry
    return linkname !== undefined && linkText(row.path, linkname) === standing.text
  }

  /** The drive's row that a file was written from, whatever became of it since. */
  async #entryOf({ seq, path }: LedgerRow): Promise<DriveEntry | undefined> {
    const { drive, wait } = this.#context
    try {
      const change = await drive.changeAt(seq, wait)
      if (change?.path === path) return change.entry
    } catch (error) {
      // What nobody can say any more counts as not being so: the file is then the user's.
      if (!UNKNOWABLE.some((code) => isCode(error, code))) throw error
    }
    return undefined
  }

  // ---- Jobs --------------------------------------------------------------------------------------

  /** The jobs that are there now, up to a group; their blocks are asked for. */
  #takeGroup(queue: JobQueue): Group | undefined {
    const jobs: Job[] = []
    let bytes = 0
    while (jobs.length < GROUP_JOBS && bytes < GROUP_BYTES) {
      const job = queue.shift()
      if (job === undefined) break
      jobs.push(job)
      bytes += job.entry.blob?.byteLength ?? 0
    }
    return jobs.length === 0
      ? undefined
      : { jobs, bytes, downloads: this.#context.drive.fetch(jobs.map(({ entry }) => entry)) }
  }

  async #do(job: Job): Promise<void> {
    this.#context.signal.throwIfAborted()
    try {
      if (job.todo === 'overwrite') this.#context.writer.keepAside(job.entry.path)
      if (job.todo !== 'doubt' || (await this.#isToWrite(job))) await this.#write(job)
    } catch (error) {
      this.#skip(job.entry, error)
    }
    if (this.#pace.isOver) await this.#pace.turn()
  }

  /** The rest goes on without this file. Throws if the error speaks of more than that. */
  #skip(entry: DriveEntry, error: unknown): void {
    const { teller, signal } = this.#context
    signal.throwIfAborted()
    if (!isOfFile(error) && !isElsewhere(entry, error)) throw error
    teller.skipped(entry.path, fileError(error, entry.path))
  }

  /** Settles a doubt: it is the drive's already, or ours and outdated, or the user's. */
  async #isToWrite({ entry, row, linkText: text }: Job): Promise<boolean> {
    const { writer, teller, force } = this.#context
    const bytes = entry.blob?.byteLength ?? 0
    const standing = writer.look(entry.path)
    if (standing.kind === 'nothing') return true
    if (standing.kind === 'file' && text === undefined) {
      if (await this.#hasContent(entry, standing.stat)) {
        teller.moved(bytes)
        this.#adopt(entry, standing.stat)
        return false
      }
    }
    const isOutdated = row !== undefined && row.seq !== entry.seq
    if (isOutdated && (await this.isAsWritten(row, standing))) return true
    if (force) writer.keepAside(entry.path)
    else {
      teller.expect(0, -bytes, 0)
      teller.conflict(entry.path, row?.seq === entry.seq ? 'unchanged' : 'changed')
    }
    return force
  }

  /** The file has the right bytes, whoever wrote it. */
  #adopt(entry: DriveEntry, stat: FileStat): void {
    const { writer, teller } = this.#context
    const isRight = stat.executable === entry.executable
    const right = isRight ? stat : writer.setExecutable(entry.path, entry.executable)
    if (isRight) teller.unchanged(entry.path)
    else teller.changed(entry.path, entry.blob?.byteLength ?? 0)
    // Its time is not of our making.
    this.note(entry, 'file', trusted(right, this.#context.ledger.clockMs))
  }

  async #hasContent(entry: DriveEntry, stat: FileStat): Promise<boolean> {
    const { blob } = entry
    const { writer, drive, wait } = this.#context
    if (entry.linkname !== undefined) return false
    if (blob === undefined) return stat.size === 0
    if (blob.blockMap !== true && blob.byteLength !== stat.size) return false
    const same = await hasContent(writer.file(entry.path), stat, drive.read(entry, wait))
    if (same === undefined) throw changedWhileRead(entry.path)
    return same
  }

  async #write(job: Job): Promise<void> {
    const { entry, linkText: text } = job
    if (text !== undefined) this.#written(job, this.#context.writer.writeLink(entry.path, text))
    else if (isSmall(entry)) this.#written(job, await this.#writeSmall(entry))
    else await this.#writeLarge(job)
  }

  /** The file has its name. */
  #written({ entry, row, linkText: text }: Job, stat: FileStat, note = this.#newNote()): void {
    const { teller } = this.#context
    const kind = text === undefined ? 'file' : 'link'
    note.row = { path: entry.path, kind, stat, seq: entry.seq }
    note.isOver = true
    if (row === undefined) teller.added(entry.path, stat.size)
    else teller.changed(entry.path, stat.size)
  }

  async #writeSmall(entry: DriveEntry): Promise<FileStat> {
    const { drive, writer, teller, wait } = this.#context
    const { blob } = entry
    const bytes =
      blob === undefined || blob.byteLength === 0 ? new Uint8Array(0) : await drive.get(entry, wait)
    if (bytes === undefined || bytes.length !== (blob?.byteLength ?? 0)) throw wrongSize(entry)
    const stat = writer.writeFile(entry.path, bytes, entry.executable)
    teller.moved(bytes.length)
    return stat
  }

  /** Resolves when all bytes are here; the file reaches the device meanwhile. */
  async #writeLarge(job: Job): Promise<void> {
    await this.#landings.room()
    const writing = await this.#writePieces(job.entry)
    const note = this.#newNote()
    const landing = writing.finish().then((stat) => this.#written(job, stat, note))
    this.#landings.add(
      landing.catch((error) => {
        note.isOver = true
        this.#skip(job.entry, error)
      }),
    )
  }

  async #writePieces(entry: DriveEntry): Promise<PartFile> {
    const { drive, writer, teller, wait, signal } = this.#context
    const writing = writer.open(entry.path, entry.executable)
    try {
      let size = 0
      for await (const piece of drive.read(entry, wait)) {
        const slow = writing.write(piece)
        if (slow !== undefined) await slow
        size += piece.length
        teller.moved(piece.length)
        if (!this.#pace.isOver) continue
        signal.throwIfAborted()
        await this.#pace.turn()
      }
      if (entry.blob?.blockMap !== true && size !== entry.blob?.byteLength) throw wrongSize(entry)
      return writing
    } catch (error) {
      await writing.abandon()
      throw error
    }
  }

  /** The file is as the drive has it. */
  note(entry: DriveEntry, kind: LedgerRow['kind'], stat: FileStat): void {
    const { path, seq } = entry
    this.#notes.push({ row: { path, kind, stat, seq }, isOver: true })
  }

  #newNote(): Note {
    const note: Note = { row: undefined, isOver: false }
    this.#notes.push(note)
    return note
  }

  /** Those in front of the first file that is still on its way. */
  #record(): void {
    const { ledger } = this.#context
    const open = this.#notes.findIndex(({ isOver }) => !isOver)
    const over = this.#notes.splice(0, open < 0 ? this.#notes.length : open)
    const rows = over.flatMap(({ row }) => row ?? [])
    if (rows.length + this.#removed.length === 0) return
    ledger.record({ rows, removed: this.#removed, version: ledger.version })
    this.#removed = []
  }
}

/** Does the error speak of one file, so that the rest can go on? */
export function isOfFile(error: unknown): boolean {
  if (error instanceof DatError) return OF_FILE.has(error.code)
  const code = systemCode(error)
  return code !== undefined && code !== 'ENOSPC' && code !== 'EDQUOT'
}

const OF_FILE: ReadonlySet<string> = new Set([
  'CONFLICT',
  'BAD_CONTENT',
  'BAD_ARGUMENT',
  'NOT_AVAILABLE',
  'NOT_FOUND',
  'UNSUPPORTED',
])

const UNKNOWABLE = ['NOT_AVAILABLE', 'NO_PEERS', 'TIMEOUT'] as const

/** What is mounted belongs to others: that nobody has it now says nothing of the drive itself. */
function isElsewhere({ mount }: DriveEntry, error: unknown): boolean {
  return mount !== undefined && UNKNOWABLE.some((code) => isCode(error, code))
}

function isSmall({ blob }: DriveEntry): boolean {
  return blob === undefined || (blob.byteLength <= SMALL_BYTES && blob.blockMap !== true)
}

function wrongSize(entry: DriveEntry): DatError {
  return new DatError(
    'BAD_CONTENT',
    `The row of ${entry.path} gives a size that its bytes do not have.`,
    {
      path: entry.path,
    },
  )
}
