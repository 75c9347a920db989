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
 */

import type { FileStat } from './stat.ts'

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

/** The row of a line, or `undefined` for a removal or a line that is damaged. */
export function parseRow(line: string): LedgerRow | undefined {
  const slash = line.indexOf('/')
  const kind = line[0]
  if (slash < 2 || (kind !== 'F' && kind !== 'X' && kind !== 'L')) return undefined
  const [size = -1, mtimeMs = -1, ctimeMs = -1, inode = -1, seq = -1] = line
    .slice(2, slash - 1)
    .split(' ')
    .map(Number)
  if (!(size >= 0 && mtimeMs >= 0 && seq >= 0)) return undefined
  return {
    path: unescapePath(line.slice(slash)),
    kind: kind === 'L' ? 'link' : 'file',
    stat: { size, mtimeMs, ctimeMs, inode, executable: kind === 'X' },
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
