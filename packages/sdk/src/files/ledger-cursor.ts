/**
 * A place in the rows of a ledger, moving forward.
 *
 * Owns: the merge of the sorted part in the file with the rows held in memory, which win. A cursor sees the
 * paths that were there when it was made; it stays valid while batches are recorded.
 */

import { type LedgerRow, linePath, parseRow } from './ledger-row.ts'
import type { LineReader } from './lines.ts'
import { comparePaths, isBelow } from './paths.ts'

export class LedgerCursor {
  readonly #reader: LineReader
  readonly #start: number
  readonly #overlay: ReadonlyMap<string, LedgerRow | undefined>
  readonly #paths: readonly string[]
  readonly #folder: string
  #pathAt = 0
  /** The next row of the sorted part. */
  #sorted: LedgerRow | undefined
  #row: LedgerRow | undefined

  constructor(
    reader: LineReader,
    start: number,
    overlay: ReadonlyMap<string, LedgerRow | undefined>,
    paths: readonly string[],
    folder: string,
  ) {
    this.#reader = reader
    this.#start = start
    this.#overlay = overlay
    this.#paths = paths
    this.#folder = folder
    if (folder === '/') {
      this.#readSorted()
      this.advance()
    } else this.seek(`${folder}/`)
  }

  /** The row at this place; `undefined` behind the last one of the folder. */
  get row(): LedgerRow | undefined {
    return this.#row
  }

  advance(): void {
    for (;;) {
      const path = this.#paths[this.#pathAt]
      const sorted = this.#sorted
      const order =
        path === undefined ? 1 : sorted === undefined ? -1 : comparePaths(path, sorted.path)
      if (path === undefined && sorted === undefined) {
        this.#row = undefined
        return
      }
      if (order >= 0) this.#readSorted()
      if (order <= 0) this.#pathAt++
      const row = order <= 0 && path !== undefined ? this.#overlay.get(path) : sorted
      if (row === undefined) continue
      this.#row = isBelow(row.path, this.#folder) ? row : undefined
      return
    }
  }

  /** Moves to the first row at or behind `path`; never back behind the folder's end. */
  seek(path: string): void {
    this.#reader.seek(this.#start, (line) => isBefore(line, path))
    this.#sorted = undefined
    this.#readSorted()
    let low = 0
    let high = this.#paths.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (comparePaths(this.#paths[middle] ?? '', path) < 0) low = middle + 1
      else high = middle
    }
    this.#pathAt = low
    this.advance()
  }

  #readSorted(): void {
    const last = this.#sorted?.path
    for (;;) {
      const line = this.#reader.next()
      const row = line === undefined ? undefined : parseRow(line)
      this.#sorted = row
      if (line === undefined) return
      // What is no row in the sorted part is the end of a batch. A row that is not in order was damaged: its file is not known.
      if (row !== undefined && (last === undefined || comparePaths(last, row.path) < 0)) return
    }
  }
}

/** `undefined` for the ends of batches. */
function isBefore(line: string, path: string): boolean | undefined {
  const at = linePath(line)
  return at === undefined ? undefined : comparePaths(at, path) < 0
}
