/**
 * Between the names in a drive and the names on this machine.
 *
 * Owns: the one function by which a name that somebody else chose becomes a path here (`whatIsWrongWith`, then
 * `localPath`), and the order of paths that drives, scans and ledgers share. Nothing else joins a root with a name
 * from a drive. Source: the threat model, section 7.
 */

import { sep } from 'node:path'
import { safeParts } from '@dat-rhino/core/drive/path'
import { STATE_FOLDER } from './options.ts'

/**
 * Why a drive's path cannot be a file here, or `undefined` if it can.
 *
 * @param path as it stands in the drive, with a slash in front
 */
export function whatIsWrongWith(
  path: string,
  windows: boolean = process.platform === 'win32',
): string | undefined {
  const checked = safeParts(path, { windows })
  if ('refused' in checked) return checked.refused
  return isReserved(path) ? 'it is a name that dat keeps for its own state' : undefined
}

/**
 * Does the path lie in a folder of ours, at any depth, or in the store of an old dat at the root? Whatever the
 * file system takes for the same name counts: another case, invisible characters, the short names of Windows.
 */
export function isReserved(path: string): boolean {
  if (isAscii(path) && !/dat/i.test(path)) return false
  return path.split('/').some((part, i) => {
    const name = foldName(part)
    return (
      name.startsWith(STATE_FOLDER) || name.startsWith('dat-rh~') || (i === 1 && name === '.dat')
    )
  })
}

/** The form in which two names meet on a file system that ignores case and composition. */
export function foldName(name: string): string {
  if (isAscii(name)) return name.toLowerCase()
  return name
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
}

/** Where the drive's `path` lies under `root`. Only for paths that nothing is wrong with. */
export function localPath(root: string, path: string): string {
  const below = sep === '/' ? path : path.replaceAll('/', sep)
  return root.endsWith(sep) ? root + below.slice(1) : root + below
}

/** The folder of a path; `/` for what lies at the root. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The path of `name` in `folder`. */
export function joinPath(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** Does `path` lie below `folder`, however deep? */
export function isBelow(path: string, folder: string): boolean {
  return folder === '/' || (path.startsWith(folder) && path.charCodeAt(folder.length) === 47)
}

/**
 * The order of paths by their UTF-8 bytes, which is the order of rows in a drive.
 *
 * JavaScript compares UTF-16 units, which differs only where a surrogate meets U+E000 to U+FFFF.
 */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0
  const end = Math.min(a.length, b.length)
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const isHighX = x >= 0xd800 && x <= 0xdfff
    const isHighY = y >= 0xd800 && y <= 0xdfff
    if (isHighX !== isHighY && x >= 0xd800 && y >= 0xd800) return isHighX ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}
