/**
 * Between the names in a drive and the names on this machine.
 *
 * Owns: the one function by which a name that somebody else chose becomes a path here (`localPath`), the order
 * of paths that drives, scans and ledgers share, and where a link may point. Nothing else joins a root
 * with a name from a drive. Source: the threat model, section 7.
 */

import { sep } from 'node:path'
import {
  LINKNAME_BYTES_MAX,
  PATH_BYTES_MAX,
  PATH_PART_BYTES_MAX,
} from '@dat-rhino/core/base/limits'

/** Characters and names that Windows gives a meaning of its own. */
const WINDOWS_BAD = /[<>:"|?*\\]|[. ]$/
const LONE_SURROGATE = /\p{Surrogate}/u
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i

/**
 * Why a drive's path cannot be a file here, or `undefined` if it can.
 *
 * @param path as it stands in the drive, with a slash in front
 */
export function whatIsWrongWith(
  path: string,
  platform: string = process.platform,
): string | undefined {
  if (!path.startsWith('/')) return 'does not start with a slash'
  if (utf8Bytes(path) > PATH_BYTES_MAX) return `is longer than ${PATH_BYTES_MAX} bytes`
  for (const part of path.slice(1).split('/')) {
    if (part === '') return 'has an empty part'
    if (part === '.' || part === '..') return `has a part "${part}"`
    if (part.includes('\0')) return 'has a zero byte'
    if (utf8Bytes(part) > PATH_PART_BYTES_MAX)
      return `has a part of over ${PATH_PART_BYTES_MAX} bytes`
    if (LONE_SURROGATE.test(part)) return 'is no well-formed text'
    if (platform === 'win32' && isBadOnWindows(part))
      return `has a part "${part}" that Windows forbids`
  }
  return undefined
}

/** Where the drive's `path` lies under `root`. Only for paths that nothing is wrong with. */
export function localPath(root: string, path: string): string {
  const below = sep === '/' ? path : path.replaceAll('/', sep)
  return root.endsWith(sep) ? root + below.slice(1) : root + below
}

/**
 * Where a link's target lies in the drive, or `undefined` if it leads out of it or nowhere certain.
 *
 * Relative targets are resolved against the folder of the link, as file systems do it.
 */
export function linkTarget(path: string, target: string): string | undefined {
  if (target === '' || target.includes('\0') || utf8Bytes(target) > LINKNAME_BYTES_MAX)
    return undefined
  if (target.startsWith('/') || /^[a-z]:/i.test(target) || target.includes('\\')) return undefined
  const parts = path.split('/').slice(1, -1)
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return `/${parts.join('/')}`
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
    const highX = x >= 0xd800 && x <= 0xdfff
    const highY = y >= 0xd800 && y <= 0xdfff
    if (highX !== highY && x >= 0xd800 && y >= 0xd800) return highX ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

function isBadOnWindows(part: string): boolean {
  for (let i = 0; i < part.length; i++) if (part.charCodeAt(i) < 32) return true
  return WINDOWS_BAD.test(part) || WINDOWS_DEVICE.test(part)
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text)
}
