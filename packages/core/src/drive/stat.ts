/**
 * Modes: what a path is and who may do what, as POSIX writes it.
 *
 * Owns: the bits. Old drives keep a mode; hyperdrive 13 keeps one flag, of which a mode is made here, so that
 * all drives speak of a path in one shape.
 */

import type { BlobId, DriveKind, DriveStat } from './types.ts'

/** Bits of a mode that say what it is, and the values they have. */
const MODE_KIND = 0o170000
const MODE_FILE = 0o100000
const MODE_LINK = 0o120000
export const MODE_FOLDER = 0o040000
/** Bits of a mode that say who may do what. */
export const MODE_PERMISSIONS = 0o7777
const MODE_EXECUTABLE = 0o111

/** The usual permissions of what nobody gave others. */
export const FOLDER_MODE: number = MODE_FOLDER | 0o755
export const LINK_MODE: number = MODE_LINK | 0o644

/** What a mode says a path is. Without bits of a kind it is a file: old writers left them out. */
export function kindOf(mode: number): DriveKind {
  const kind = mode & MODE_KIND
  if (kind === MODE_FILE || kind === 0) return 'file'
  if (kind === MODE_FOLDER) return 'folder'
  return kind === MODE_LINK ? 'link' : 'other'
}

/** Is it a file that somebody may run? */
export function isExecutable(mode: number): boolean {
  return kindOf(mode) === 'file' && (mode & MODE_EXECUTABLE) !== 0
}

/** The mode of a file that we write. */
export function fileMode(options: {
  mode?: number | undefined
  executable?: boolean | undefined
}): number {
  const { mode, executable = false } = options
  return MODE_FILE | ((mode ?? (executable ? 0o755 : 0o644)) & MODE_PERMISSIONS)
}

/** A mode with other permissions: as `mode` says, or with the bits of a program set or cleared. Its kind stays. */
export function permitted(
  before: number,
  { mode, executable }: { mode?: number | undefined; executable?: boolean | undefined },
): number {
  if (mode !== undefined) return (before & ~MODE_PERMISSIONS) | (mode & MODE_PERMISSIONS)
  return executable === true ? before | MODE_EXECUTABLE : before & ~MODE_EXECUTABLE
}

/** What is known of a row that has only flags. */
export function fileStat(row: {
  readonly executable: boolean
  readonly linkname: string | undefined
  readonly blob: BlobId | undefined
}): DriveStat {
  const { executable, linkname, blob } = row
  const isLink = linkname !== undefined
  return {
    kind: isLink ? 'link' : 'file',
    mode: isLink ? LINK_MODE : fileMode({ executable }),
    uid: 0,
    gid: 0,
    size: blob?.blockMap === true ? undefined : (blob?.byteLength ?? 0),
    mtimeMs: undefined,
    ctimeMs: undefined,
  }
}

/** What is known of a folder that exists by what is below it. */
export const IMPLICIT_FOLDER: DriveStat = {
  kind: 'folder',
  mode: FOLDER_MODE,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeMs: undefined,
  ctimeMs: undefined,
}
