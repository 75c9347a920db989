/**
 * Symbolic links on their way between folder and drive.
 *
 * Owns: what a link's text becomes on either side. In a drive a target is relative to the folder of the link, or
 * begins with a slash and is meant from the drive's root. On the disk every link is relative, so that the folder
 * can be moved; and it never leads out: not by its own steps, nor by stepping back out of another link.
 * What leads out is left out on both sides and reported.
 */

import { LINKNAME_BYTES_MAX } from '@dat-rhino/core/base/limits'
import { isReserved } from './paths.ts'

/**
 * The target to be stored in the drive for a link found on the disk, or `undefined` if it leads out of `root`.
 *
 * @param path of the link in the drive
 * @param text as the link has it
 */
export function storedTarget(root: string, path: string, text: string): string | undefined {
  const portable = process.platform === 'win32' ? text.replaceAll('\\', '/') : text
  const base = process.platform === 'win32' ? root.replaceAll('\\', '/') : root
  if (portable === base) return relativeText(path, '/')
  const target = portable.startsWith(`${base}/`) ? portable.slice(base.length) : portable
  const isOutside = target === portable && (target.startsWith('/') || /^[a-z]:/i.test(target))
  if (isOutside || resolve(path, target) === undefined) return undefined
  return target
}

/**
 * The text to be written to the disk for a link in a drive, or `undefined` if it must not be.
 *
 * A target that steps back behind a name (`a/../b`) is written in its short form: were `a` a link, the step
 * back would lead to another place than it seems.
 */
export function linkText(path: string, target: string): string | undefined {
  const resolved = resolve(path, target)
  if (resolved === undefined || isReserved(resolved)) return undefined
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const firstName = parts.findIndex((part) => part !== '..')
  const stepsBack = firstName !== -1 && parts.includes('..', firstName)
  const isPlain = !target.startsWith('/') && !stepsBack
  return isPlain ? target : relativeText(path, resolved)
}

/** Where a target lies in the drive, or `undefined` if it leads out or is no target at all. */
function resolve(path: string, target: string): string | undefined {
  if (target === '' || target.includes('\0') || target.includes('\\')) return undefined
  if (Buffer.byteLength(target) > LINKNAME_BYTES_MAX) return undefined
  const parts = target.startsWith('/') ? [] : path.split('/').slice(1, -1)
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return `/${parts.join('/')}`
}

function relativeText(path: string, target: string): string {
  const from = path.split('/').slice(1, -1)
  const to = target === '/' ? [] : target.slice(1).split('/')
  let common = 0
  while (common < from.length && common < to.length && from[common] === to[common]) common++
  return [...from.slice(common).map(() => '..'), ...to.slice(common)].join('/') || '.'
}
