/**
 * One pass from a folder into its drive: what is new, changed, moved or gone becomes rows; nothing else is read.
 *
 * Stations:
 *   1 compare   scan and ledger side by side, in one order; equal stats are settled at once, without a promise
 *   2 settle    a file that looks different is compared by content with the drive's, then imported
 *   3 add       new files that may have come from elsewhere wait until all of the folder was seen: a gone file of
 *               the same inode or content lends its bytes, so a rename stores nothing twice
 *   4 remove    rows of files that are gone
 *   5 flush     every so many files: bytes in few appends, rows in one, then the ledger
 *
 * Invariants: a row never stands without its bytes. What could not be looked at is never taken for gone. A file
 * that does not hold still is left for the next pass, as it was. The ledger is written behind the drive, so that
 * a death in between costs comparing and nothing else.
 */

import { lstatSync } from 'node:fs'
import { systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { Pace } from '@dat-rhino/core/base/pace'
import type { Ignores } from './ignore.ts'
import { type ImportContext, ImportWriter } from './import-writer.ts'
import type { LedgerCursor } from './ledger-cursor.ts'
import type { LedgerRow } from './ledger-row.ts'
import { isInStore, refusedStore } from './nested-store.ts'
import { comparePaths, folderOf, isBelow } from './paths.ts'
import { fileError } from './problems.ts'
import { Renames } from './renames.ts'
import { type Found, Scan } from './scan.ts'
import { isSame } from './stat.ts'

/** A folder to be compared: alone, or with everything below. */
export interface Scope {
  readonly folder: string
  readonly deep: boolean
}

/** How a pass looks at the folder. */
export interface ImportOptions {
  readonly ignores: Ignores
  /** Compare contents whatever stats say. */
  readonly verify: boolean
  /** Leave large files alone that were written to a moment ago: somebody is still copying. */
  readonly patient: boolean
  /** Called before a folder is read. */
  readonly onfolder: (folder: string) => void
  /** Are changes in this folder reported? Then a scope that is not deep need not enter it. */
  readonly isWatched: (folder: string) => boolean
}

/** New files that wait for the end of the scan, at most; those before are imported without looking for renames. */
const DEFERRED_MAX = 20_000
/** A file is being written if it was touched so short a time ago. */
const WARM_MS = 500
const WARM_BYTES = 1_048_576

/** One pass; made for it, and used once. */
export class ImportPass {
  readonly #context: ImportContext
  readonly #options: ImportOptions
  readonly #writer: ImportWriter
  readonly #renames: Renames
  readonly #pace = new Pace(systemClock)
  readonly #rootInode: number
  readonly #isFirst: boolean
  #deferred: Found[] = []
  /** Folders that this scan did not look into since the last file: what lies there is not gone. */
  #unseen: string[] = []
  readonly #again = new Set<string>()
  /** Folders that a shallow scope looked into beside its own. */
  readonly #entered = new Set<string>()

  constructor(context: ImportContext, options: ImportOptions) {
    this.#context = context
    this.#options = options
    this.#writer = new ImportWriter(context)
    this.#renames = new Renames(context)
    this.#rootInode = inodeOf(context.root)
    this.#isFirst = context.ledger.isEmpty
  }

  /**
   * Runs the pass over `scopes`: one that is deep, or any number that are not.
   *
   * @returns folders that should be looked at again soon
   */
  async run(scopes: readonly Scope[]): Promise<ReadonlySet<string>> {
    for (const scope of [...scopes].sort((a, b) => comparePaths(a.folder, b.folder))) {
      if (this.#entered.has(scope.folder)) continue
      if (isInStore(this.#context.root, folderOf(scope.folder))) continue
      await this.#compare(scope)
    }
    await this.#addDeferred()
    this.#checkRoot()
    for (const row of this.#renames.gone()) {
      this.#writer.remove(row.path)
      if (this.#writer.isFull) await this.#writer.flush()
    }
    await this.#writer.flush()
    return this.#again
  }

  async #compare(scope: Scope): Promise<void> {
    const { root, ledger } = this.#context
    const scan = new Scan(root, {
      ignores: this.#options.ignores,
      folder: scope.folder,
      enters: (folder) => scope.deep || !this.#passesOver(folder),
      refuses: (folder, names) => refusedStore(root, folder, names),
      onfolder: this.#options.onfolder,
      onproblem: (path, error) => this.#cannotSee(path, error),
    })
    const cursor = ledger.cursor(scope.folder)
    for (;;) {
      const found = scan.next()
      if (found === undefined) {
        if (await scan.more()) continue
        break
      }
      const passing = this.#passRows(cursor, found)
      if (passing !== undefined) await passing
      const row = cursor.row?.path === found.path ? cursor.row : undefined
      if (row !== undefined) cursor.advance()
      const settling = this.#meet(found, row)
      if (settling !== undefined) await settling
      if (this.#writer.isFull) await this.#writer.flush()
      if (settling === undefined ? this.#pace.due() : this.#pace.isOver) await this.#takeTurn()
    }
    await this.#passRows(cursor, undefined)
  }

  /** Rows before the file that was found next: theirs were not. Not `async`: mostly there are none. */
  #passRows(cursor: LedgerCursor, found: Found | undefined): Promise<void> | undefined {
    const { row } = cursor
    if (row !== undefined && (found === undefined || isBefore(row, found))) {
      return this.#passRowsSlowly(cursor, found)
    }
    if (this.#unseen.length > 0) this.#unseen = []
    return undefined
  }

  async #passRowsSlowly(cursor: LedgerCursor, found: Found | undefined): Promise<void> {
    for (let row = cursor.row; row !== undefined; row = cursor.row) {
      if (found !== undefined && !isBefore(row, found)) break
      this.#notFound(row, cursor)
      if (this.#writer.isFull) await this.#writer.flush()
      if (this.#pace.isOver) await this.#takeTurn()
    }
    this.#unseen = []
  }

  /** A file, and what is known about it. Not `async`: most are unchanged, and then nothing is waited for. */
  #meet(found: Found, row: LedgerRow | undefined): Promise<void> | undefined {
    const { teller } = this.#context
    const bytes = found.kind === 'file' ? found.stat.size : 0
    if (row !== undefined && !this.#options.verify && isSame(row.stat, found.stat)) {
      teller.expect(1, 0, bytes)
      teller.unchanged(found.path)
      return undefined
    }
    if (this.#isWarm(found)) {
      this.#again.add(folderOf(found.path))
      return undefined
    }
    teller.expect(1, bytes)
    return row === undefined ? this.#addOrDefer(found) : this.#writer.settle(found)
  }

  /** In a shallow scope: are changes in the folder below reported? Then it is a scope of its own, if at all. */
  #passesOver(folder: string): boolean {
    const isWatched = this.#options.isWatched(folder)
    if (isWatched) this.#unseen.push(folder)
    else this.#entered.add(folder)
    return isWatched
  }

  #cannotSee(path: string, error: DatError): void {
    if (path === '/') throw error
    this.#unseen.push(path)
    this.#context.teller.expect(1, 0)
    this.#context.teller.skipped(path, error)
  }

  /** A row without a file: gone, unless it lies where we did not look. */
  #notFound(row: LedgerRow, cursor: LedgerCursor): void {
    const folder = this.#unseen.find((path) => path === row.path || isBelow(row.path, path))
    if (folder === undefined) {
      if (!this.#renames.add(row)) this.#writer.remove(row.path)
      cursor.advance()
    } else if (folder === row.path) cursor.advance()
    else cursor.seek(`${folder}0`)
  }

  /** The first import has nothing that a file may have come from, and goes straight through. */
  #addOrDefer(found: Found): Promise<void> | undefined {
    if (this.#isFirst || this.#deferred.length >= DEFERRED_MAX) return this.#writer.settle(found)
    this.#deferred.push(found)
    return undefined
  }

  async #addDeferred(): Promise<void> {
    for (const found of this.#deferred) {
      const from = await this.#renames.take(found)
      if (from === undefined) await this.#writer.settle(found)
      else this.#writer.rename(found, from)
      if (this.#writer.isFull) await this.#writer.flush()
      if (this.#pace.isOver) await this.#takeTurn()
    }
    this.#deferred = []
  }

  #isWarm(found: Found): boolean {
    if (!this.#options.patient || found.stat.size < WARM_BYTES) return false
    return found.stat.mtimeMs > this.#context.ledger.clockMs - WARM_MS
  }

  async #takeTurn(): Promise<void> {
    this.#context.signal.throwIfAborted()
    await this.#pace.turn()
  }

  /** Was the folder swapped, or unmounted, under our feet? Then nothing in it is "gone". */
  #checkRoot(): void {
    const { root } = this.#context
    if (inodeOf(root) === this.#rootInode) return
    throw new DatError('CONFLICT', `${root} was replaced by another folder meanwhile.`, {
      dir: root,
    })
  }
}

function isBefore(row: LedgerRow, found: Found): boolean {
  return comparePaths(row.path, found.path) < 0
}

function inodeOf(root: string): number {
  try {
    return lstatSync(root).ino
  } catch (error) {
    throw fileError(error, root)
  }
}
