/**
 * What a folder and its drive agreed on last time, file by file: the memory that makes the next pass cheap.
 *
 * Owns: one file of lines (`ledger-row.ts`). These statements always hold:
 *
 * - The ledger is a memory, never the truth. Losing it, or any end of it, costs work and loses nothing: a share
 *   compares contents again, a clone takes what it does not remember having written for the user's own.
 * - The file is a row of batches. The first of them, as long as each goes on behind the last path of the one
 *   before, are its sorted part: found by halving, never held in memory. What comes behind is held in memory and
 *   hides rows of the same path in the sorted part.
 * - A `V` line ends each batch. What stands behind the last one when the ledger is opened is dropped.
 * - A ledger that is closed says behind all batches where its sorted part ends, and that part is not read when it is
 *   opened again. The line goes when it is opened; where it is missing or does not fit, everything is read.
 *
 * So a first import of a million files appends a million lines and holds none of them, and a later change of
 * one file is one line. When too much is held in memory the file is written anew, sorted.
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { systemClock } from '@dat-rhino/core/base/clock'
import { Pace } from '@dat-rhino/core/base/pace'
import { LedgerCursor } from './ledger-cursor.ts'
import {
  closedLine,
  isRowLine,
  type LedgerRow,
  linePath,
  lineVersion,
  parseClosed,
  parseRow,
  removalLine,
  rowLine,
  versionLine,
} from './ledger-row.ts'
import { LineReader } from './lines.ts'
import { comparePaths } from './paths.ts'

/** Rows in memory before the file is written anew, at least, and as a share of the sorted part. */
const OVERLAY_ROWS_MAX = 20_000
const OVERLAY_SHARE_MAX = 1 / 8
const WRITE_ROWS = 2_048
/** Room for the line that ends a closed ledger, and for a `V` line. */
const CLOSED_BYTES_MAX = 16_384
const VERSION_BYTES_MAX = 32
const MAGIC = 'dat-rhino-ledger 1 '

/** What one batch changed. */
export interface LedgerBatch {
  readonly rows: readonly LedgerRow[]
  readonly removed: readonly string[]
  /** All rows are true of this version of the drive. */
  readonly version: number
}

/** An open ledger. One process writes it at a time: whoever holds the lock of the store beside it. */
export class Ledger {
  readonly #path: string
  readonly #header: string
  /** Is it open for writing? */
  readonly #isWritten: boolean
  #file: number
  /** Offset behind the header, behind the sorted part, and behind everything. */
  #start = 0
  #sortedEnd = 0
  #end = 0
  #sortedRows = 0
  #lastSorted = ''
  #version = 0
  #clockMs = 0
  /** Rows behind the sorted part; `undefined` for removed ones. */
  readonly #overlay = new Map<string, LedgerRow | undefined>()
  #overlayPaths: string[] | undefined

  private constructor(path: string, header: string, file: number, isWritten: boolean) {
    this.#path = path
    this.#header = header
    this.#isWritten = isWritten
    this.#file = file
  }

  /**
   * Opens or begins the ledger in file `path`.
   *
   * @param owner what it speaks about; a ledger of another owner is begun anew
   */
  static async open(path: string, owner: string): Promise<Ledger> {
    const ledger = new Ledger(path, `${MAGIC}${owner}\n`, openSync(path, 'a+', 0o600), true)
    const size = await ledger.#load()
    if (size === undefined) ledger.#begin()
    else if (ledger.#end < size) ftruncateSync(ledger.#file, ledger.#end)
    return ledger
  }

  /**
   * The ledger in file `path` as it stands now, whoever is writing it; for looking only.
   *
   * @returns `undefined` where there is none
   */
  static async read(path: string): Promise<Ledger | undefined> {
    if (!existsSync(path)) return undefined
    const file = openSync(path, 'r')
    const { mtimeMs, size } = fstatSync(file)
    const header = `${new LineReader(file, 0, size).next() ?? ''}\n`
    const ledger = new Ledger(path, header, file, false)
    if (header.startsWith(MAGIC)) await ledger.#load()
    ledger.#clockMs = mtimeMs
    return ledger
  }

  /** The version of the drive that all rows are true of; 0 at the beginning. */
  get version(): number {
    return this.#version
  }

  /** Is nothing known? */
  get isEmpty(): boolean {
    return this.#sortedRows === 0 && this.#overlay.size === 0
  }

  /** The file system's clock when a batch was last recorded: what stamps files here. Milliseconds. */
  get clockMs(): number {
    return this.#clockMs
  }

  /** Rows below `folder`, in order of their paths, as they stand now. */
  cursor(folder = '/'): LedgerCursor {
    this.#overlayPaths ??= [...this.#overlay.keys()].sort(comparePaths)
    const reader = new LineReader(this.#file, this.#start, this.#sortedEnd)
    return new LedgerCursor(reader, this.#start, this.#overlay, this.#overlayPaths, folder)
  }

  /** The row of one path. */
  get(path: string): LedgerRow | undefined {
    if (this.#overlay.has(path)) return this.#overlay.get(path)
    const cursor = this.cursor()
    cursor.seek(path)
    return cursor.row?.path === path ? cursor.row : undefined
  }

  /** Adds what a batch found and did, as one write. */
  record(batch: LedgerBatch): void {
    const extendsSorted = this.#take(batch.rows, batch.removed)
    let text = ''
    for (const path of batch.removed) text += removalLine(path)
    for (const row of batch.rows) text += rowLine(row)
    this.#end += writeAll(this.#file, text + versionLine(batch.version))
    if (extendsSorted) this.#sortedEnd = this.#end
    this.#version = batch.version
    this.#clockMs = fstatSync(this.#file).mtimeMs
  }

  /** Writes the file anew if too many rows are held in memory. Cursors of before end there. */
  async compact(): Promise<void> {
    const allowed = Math.max(OVERLAY_ROWS_MAX, this.#sortedRows * OVERLAY_SHARE_MAX)
    if (this.#overlay.size > allowed) await this.#rewrite()
  }

  close(): void {
    try {
      if (this.#isWritten && this.#sortedRows > 0) writeAll(this.#file, this.#closedLine())
    } catch {
      // A full disk, most likely. The next one to open reads everything.
    }
    closeSync(this.#file)
  }

  #closedLine(): string {
    return closedLine({
      sortedEnd: this.#sortedEnd,
      end: this.#end,
      sortedRows: this.#sortedRows,
      lastSorted: this.#lastSorted,
    })
  }

  /** Puts a batch where it belongs. True: it goes on where the sorted part ends, and extends it. */
  #take(rows: readonly LedgerRow[], removed: readonly string[]): boolean {
    if (removed.length === 0 && this.#extends(rows, pathOf)) return true
    this.#hide(rows, removed)
    return false
  }

  /**
   * As `#take`, of a batch that was read: the rows of the sorted part stay text until somebody asks for them.
   *
   * @returns `undefined` for a batch that is damaged
   */
  #takeLines(lines: readonly string[], removed: readonly string[]): boolean | undefined {
    if (removed.length === 0 && this.#extends(lines, linePath)) return true
    const rows: LedgerRow[] = []
    for (const line of lines) {
      const row = parseRow(line)
      if (row === undefined) return undefined
      rows.push(row)
    }
    return this.#take(rows, removed)
  }

  /** Are the rows in order, and behind all sorted ones, which end the file? Then they are sorted ones too. */
  #extends<T>(rows: readonly T[], pathOf: (row: T) => string | undefined): boolean {
    if (this.#sortedEnd !== this.#end) return false
    let last = this.#lastSorted
    for (const row of rows) {
      const path = pathOf(row)
      if (path === undefined || (last !== '' && comparePaths(path, last) <= 0)) return false
      last = path
    }
    this.#sortedRows += rows.length
    this.#lastSorted = last
    return true
  }

  /** Holds rows in memory, where they hide those in the sorted part. */
  #hide(rows: readonly LedgerRow[], removed: readonly string[]): void {
    for (const path of removed) this.#overlay.set(path, undefined)
    for (const row of rows) this.#overlay.set(row.path, row)
    this.#overlayPaths = undefined
  }

  // ---- Opening, and writing anew -----------------------------------------------------------------

  /** Takes in whole batches. Returns the size of the file, or `undefined` if it speaks about something else. */
  async #load(): Promise<number | undefined> {
    const size = fstatSync(this.#file).size
    const reader = new LineReader(this.#file, 0, size)
    if (`${reader.next()}\n` !== this.#header) return undefined
    this.#start = reader.offset
    this.#end = this.#start
    this.#sortedEnd = this.#start
    this.#believeClosed(size)
    reader.offset = this.#end
    const pace = new Pace(systemClock)
    let rows: string[] = []
    let removed: string[] = []
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      const version = lineVersion(line)
      if (isRowLine(line)) rows.push(line)
      else if (version !== undefined) {
        const extendsSorted = this.#takeLines(rows, removed)
        if (extendsSorted === undefined) break
        this.#end = reader.offset
        if (extendsSorted) this.#sortedEnd = this.#end
        this.#version = version
        rows = []
        removed = []
      } else {
        const path = line.startsWith('D ') ? linePath(line) : undefined
        if (path === undefined) break
        removed.push(path)
      }
      if (pace.isOver) await pace.turn()
    }
    return size
  }

  /** Takes the sorted part over as it was when the ledger was closed, if that is how it ended. */
  #believeClosed(size: number): void {
    const tail = lastLine(this.#file, Math.max(this.#start, size - CLOSED_BYTES_MAX), size)
    const closed = tail === undefined ? undefined : parseClosed(tail.line)
    if (closed === undefined || closed.end !== tail?.offset || closed.sortedEnd > closed.end) return
    const from = Math.max(this.#start, closed.sortedEnd - VERSION_BYTES_MAX)
    const version = lineVersion(lastLine(this.#file, from, closed.sortedEnd)?.line ?? '')
    if (version === undefined) return
    this.#end = closed.sortedEnd
    this.#sortedEnd = closed.sortedEnd
    this.#sortedRows = closed.sortedRows
    this.#lastSorted = closed.lastSorted
    this.#version = version
  }

  #begin(): void {
    ftruncateSync(this.#file, 0)
    this.#start = writeAll(this.#file, this.#header)
    this.#end = this.#start
    this.#sortedEnd = this.#start
  }

  async #rewrite(): Promise<void> {
    const next = `${this.#path}.next`
    const file = openSync(next, 'w+', 0o600)
    const pace = new Pace(systemClock)
    const start = writeAll(file, this.#header)
    let end = start
    let count = 0
    let last = ''
    let text = ''
    for (let cursor = this.cursor(); cursor.row !== undefined; cursor.advance()) {
      text += rowLine(cursor.row)
      last = cursor.row.path
      if (++count % WRITE_ROWS !== 0) continue
      end += writeAll(file, text)
      text = ''
      if (pace.isOver) await pace.turn()
    }
    end += writeAll(file, text + versionLine(this.#version))
    renameSync(next, this.#path)
    closeSync(this.#file)
    this.#file = file
    this.#start = start
    this.#end = end
    this.#sortedEnd = end
    this.#sortedRows = count
    this.#lastSorted = last
    this.#overlay.clear()
    this.#overlayPaths = undefined
  }
}

function pathOf(row: LedgerRow): string {
  return row.path
}

/** The last whole line between two offsets, and where it begins. */
function lastLine(
  file: number,
  from: number,
  end: number,
): { readonly line: string; readonly offset: number } | undefined {
  const reader = new LineReader(file, from, end)
  let last: { line: string; offset: number } | undefined
  for (let offset = from, line = reader.next(); line !== undefined; line = reader.next()) {
    last = { line, offset }
    offset = reader.offset
  }
  return last
}

/** Writes all of `text` at the end of `file`; returns its bytes. */
function writeAll(file: number, text: string): number {
  const bytes = Buffer.from(text)
  let at = 0
  while (at < bytes.length) at += writeSync(file, bytes, at, bytes.length - at)
  return bytes.length
}
