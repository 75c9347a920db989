/**
 * Which gone file a new one was.
 *
 * Owns: the files that are gone, until one of them turns up under another name. Same inode, size and time: it is that
 * file. Same size and same content: its bytes will do. Anything else is a new file.
 */

import type { DriveEntry } from '@dat-rhino/core/drive/drive'
import type { ImportContext } from './import-writer.ts'
import type { LedgerRow } from './ledger-row.ts'
import { localPath } from './paths.ts'
import { hasContent } from './read.ts'
import type { Found } from './scan.ts'
import { isUntouched } from './stat.ts'

/** Gone files of one size that a new file's content is compared with. */
const CANDIDATES_MAX = 4
/** Gone files that are remembered. */
const GONE_MAX = 100_000

export class Renames {
  readonly #context: ImportContext
  readonly #gone = new Map<string, LedgerRow>()
  readonly #bySize = new Map<number, LedgerRow[]>()

  constructor(context: ImportContext) {
    this.#context = context
  }

  /** False: too many are gone to remember them all; this one is simply removed. */
  add(row: LedgerRow): boolean {
    if (this.#gone.size >= GONE_MAX) return false
    this.#gone.set(row.path, row)
    // Links and empty files have no bytes to lend.
    if (row.kind === 'link' || row.stat.size === 0) return true
    const same = this.#bySize.get(row.stat.size)
    if (same === undefined) this.#bySize.set(row.stat.size, [row])
    else same.push(row)
    return true
  }

  /** All that are gone, taken or not: their rows have to leave the drive. */
  gone(): Iterable<LedgerRow> {
    return this.#gone.values()
  }

  /** The drive's entry of the gone file that `found` was, or `undefined`. Each lends its name once. */
  async take(found: Found): Promise<DriveEntry | undefined> {
    const rows = found.kind === 'file' ? this.#bySize.get(found.stat.size) : undefined
    if (rows === undefined) return undefined
    const moved = rows.find((row) => isUntouched(row.stat, found.stat))
    if (moved !== undefined) return this.#entry(moved, rows)
    for (const row of rows.slice(0, CANDIDATES_MAX)) {
      const entry = await this.#context.drive.entry(row.path)
      if (entry !== undefined && (await this.#isContentOf(entry, found))) {
        return this.#entry(row, rows)
      }
    }
    return undefined
  }

  async #entry(row: LedgerRow, rows: LedgerRow[]): Promise<DriveEntry | undefined> {
    rows.splice(rows.indexOf(row), 1)
    const entry = await this.#context.drive.entry(row.path)
    return entry?.blob === undefined ? undefined : entry
  }

  async #isContentOf(entry: DriveEntry, found: Found): Promise<boolean> {
    if (entry.blob?.byteLength !== found.stat.size) return false
    const file = localPath(this.#context.root, found.path)
    try {
      return (await hasContent(file, found.stat, this.#context.drive.read(entry))) === true
    } catch {
      // Not readable: the import itself will say so.
      return false
    }
  }
}
