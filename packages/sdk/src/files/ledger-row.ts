/**
 * One line of a ledger: what was known about one file when its folder and its drive agreed.
 *
 * Owns: the text form. One line per row, fields between single blanks, the path last and escaped only where
 * it holds a line break or a backslash:
 *
 *     F size mtime ctime inode seq /path      a file            X … an executable one
 *     L size mtime ctime inode seq /path      a symbolic link
 *     D /path                                 not there any more
 *     V version                               everything above is true of this version of the drive
 *     S sorted end rows /path                 the last line of a ledger that was closed: see `ClosedAt`
 */

import type { FileStat } from './stat.ts'

const FILE = 70
const EXECUTABLE = 88
const LINK = 76
const BLANK = 32

/** What was known about one file. */
export interface LedgerRow {
  readonly path: string
  readonly kind: 'file' | 'link'
  /** The file as it was on the disk. `mtimeMs` 0: must be compared by content. */
  readonly stat: FileStat
  /**
   * A clone: the drive's row that the file was written from. A share: the version of the drive in which
   * the file's row stood when it was compared.
   */
  readonly seq: number
}

/** What a ledger knew of itself when it was closed, so that the next one need not read its sorted part. */
export interface ClosedAt {
  /** Offset behind the sorted part, and behind everything: that of the line itself. */
  readonly sortedEnd: number
  readonly end: number
  /** Rows in the sorted part, and the path of the last of them. */
  readonly sortedRows: number
  readonly lastSorted: string
}

/** The line of a row, with its line break. */
export function rowLine(row: LedgerRow): string {
  const { size, mtimeMs, ctimeMs, inode, executable } = row.stat
  const kind = row.kind === 'link' ? 'L' : executable ? 'X' : 'F'
  return `${kind} ${size} ${mtimeMs} ${ctimeMs} ${inode} ${row.seq} ${escapePath(row.path)}\n`
}

/** The line that says that a path is not there any more. */
export function removalLine(path: string): string {
  return `D ${escapePath(path)}\n`
}

/** The line that ends a batch. */
export function versionLine(version: number): string {
  return `V ${version}\n`
}

/** The line that ends a ledger which is closed. */
export function closedLine({ sortedEnd, end, sortedRows, lastSorted }: ClosedAt): string {
  return `S ${sortedEnd} ${end} ${sortedRows} ${escapePath(lastSorted)}\n`
}

/** What such a line says, or `undefined` for any other. */
export function parseClosed(line: string): ClosedAt | undefined {
  const match = /^S (\d+) (\d+) (\d+) (\/.*)$/.exec(line)
  if (match === null) return undefined
  const [sortedEnd = 0, end = 0, sortedRows = 0] = match.slice(1, 4).map(Number)
  return { sortedEnd, end, sortedRows, lastSorted: unescapePath(match[4] ?? '') }
}

/** The path of a row or removal, or `undefined` for a line that is neither. */
export function linePath(line: string): string | undefined {
  const at = line.indexOf('/')
  return at === -1 ? undefined : unescapePath(line.slice(at))
}

/** The version of a `V` line. */
export function lineVersion(line: string): number | undefined {
  if (!line.startsWith('V ')) return undefined
  const version = Number(line.slice(2))
  return Number.isSafeInteger(version) && version >= 0 ? version : undefined
}

/** Does the line begin as a row does? Its numbers may be damaged all the same: `parseRow` says. */
export function isRowLine(line: string): boolean {
  const kind = line.charCodeAt(0)
  return (kind === FILE || kind === EXECUTABLE || kind === LINK) && line.charCodeAt(1) === BLANK
}

/** The row of a line, or `undefined` for a removal or a line that is damaged. */
export function parseRow(line: string): LedgerRow | undefined {
  const slash = line.indexOf('/')
  if (slash < 2 || !isRowLine(line)) return undefined
  // By hand, not by `split`: each line is looked at twice in a pass in which nothing has changed.
  const sizeEnd = line.indexOf(' ', 2)
  const mtimeEnd = line.indexOf(' ', sizeEnd + 1)
  const ctimeEnd = line.indexOf(' ', mtimeEnd + 1)
  const inodeEnd = line.indexOf(' ', ctimeEnd + 1)
  const seqEnd = line.indexOf(' ', inodeEnd + 1)
  if (seqEnd !== slash - 1) return undefined
  const size = Number(line.slice(2, sizeEnd))
  const mtimeMs = Number(line.slice(sizeEnd + 1, mtimeEnd))
  const ctimeMs = Number(line.slice(mtimeEnd + 1, ctimeEnd))
  const inode = Number(line.slice(ctimeEnd + 1, inodeEnd))
  const seq = Number(line.slice(inodeEnd + 1, seqEnd))
  if (!(size >= 0 && mtimeMs >= 0 && seq >= 0)) return undefined
  const kind = line.charCodeAt(0)
  return {
    path: unescapePath(line.slice(slash)),
    kind: kind === LINK ? 'link' : 'file',
    stat: { size, mtimeMs, ctimeMs, inode, executable: kind === EXECUTABLE },
    seq,
  }
}

function escapePath(path: string): string {
  if (!/[\\\n]/.test(path)) return path
  return path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function unescapePath(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
}
