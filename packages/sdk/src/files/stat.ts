/**
 * What makes a file on the disk the same file as before, without reading it.
 *
 * Owns: `FileStat`, how it is compared, and the rule for files that changed too recently to be trusted. A file
 * whose size, times and inode number are as recorded is taken as unchanged, as git does it; and as in git a
 * record made in the same moment as the file's last change proves nothing ("racily clean"), because a
 * second change in that moment would leave no trace.
 */

import type { Stats } from 'node:fs'

/** What is recorded of a file. */
export interface FileStat {
  readonly size: number
  /** Milliseconds with fractions: exact to a quarter of a microsecond. 0 when it must not be trusted. */
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly inode: number
  readonly executable: boolean
}

/** Two changes within this time may bear the same time stamp: FAT counts in steps of two seconds. */
export const RACY_MS = 2_000

/** `stats` as this project looks at it. */
export function fileStat(stats: Stats): FileStat {
  return {
    size: stats.size,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    inode: stats.ino,
    executable: (stats.mode & 0o100) !== 0,
  }
}

/** Nothing was written to the file between the two looks. Its mode may have changed. */
export function isUntouched(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.mtimeMs !== 0 && a.inode === b.inode
}

/** As `isUntouched`, and neither mode, name nor links changed either. */
export function isSame(a: FileStat, b: FileStat): boolean {
  return isUntouched(a, b) && a.ctimeMs === b.ctimeMs && a.executable === b.executable
}

/** `stat` as it may be recorded at `nowMs`, by the clock that stamped the file. Times before 1970 prove nothing. */
export function trusted(stat: FileStat, nowMs: number): FileStat {
  const isRacy = Math.max(stat.mtimeMs, stat.ctimeMs) > nowMs - RACY_MS
  return isRacy || stat.mtimeMs < 0 ? { ...stat, mtimeMs: 0 } : stat
}
