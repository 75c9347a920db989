/**
 * Names in drives, and what of them may become a name in a file system.
 *
 * Owns: the two functions through which every path goes. `normalize` makes the key of a path, as hyperdrive
 * makes it: rewritten, not judged, unless `strict`. `safeParts` is the only way from a stranger's path to a
 * file on this machine: it refuses and never rewrites, so two paths never become one file by its doing.
 * Source: the hyperdrive specification, section 4, and the threat model, section 7.
 */

import { DatError } from '../base/errors.ts'
import { PATH_BYTES_MAX, PATH_PART_BYTES_MAX } from '../base/limits.ts'
import { utf8 } from '../bytes/bytes.ts'

/** How much a path may be rewritten. */
export interface NormalizeOptions {
  /** Refuse NUL, backslashes and schemes instead of keeping or rewriting them. Default false. */
  readonly strict?: boolean | undefined
}

/** The key of a file: absolute, `/` between parts, none at the end. Throws `BAD_ARGUMENT`. */
export function normalize(path: string, options: NormalizeOptions = {}): string {
  const folder = normalizeFolder(path, options)
  if (folder !== '/') return folder
  throw new DatError('BAD_ARGUMENT', 'The root of a drive is a folder, not a file.', { path })
}

/** Like `normalize`, but the root is allowed. */
export function normalizeFolder(path: string, options: NormalizeOptions = {}): string {
  if (isPlain(path)) return path
  const names = path.split(/[/\\]/)
  const dropped = schemeParts(names)
  if (options.strict === true) refuseDoubtful(path, dropped)
  const parts: string[] = []
  for (const name of dropped === 0 ? names : names.slice(dropped)) {
    if (name === '' || name === '.') continue
    if (name !== '..') parts.push(name)
    else if (parts.pop() === undefined) {
      throw new DatError('BAD_ARGUMENT', "A path with too many '..' leaves the drive.", { path })
    }
  }
  return `/${parts.join('/')}`
}

/** Nothing in it that could be rewritten or refused: so are nearly all, and nothing is made of them. */
function isPlain(path: string): boolean {
  return (
    path.startsWith('/') &&
    path.length > 1 &&
    !path.endsWith('/') &&
    !path.includes('//') &&
    !path.includes('/.') &&
    !path.includes('\\') &&
    !path.includes(':') &&
    !path.includes('\0')
  )
}

/** Parts at the front that are a drive letter, or a scheme with what follows it. */
function schemeParts(names: readonly string[]): number {
  const [first = ''] = names
  if (names.length === 1 || !first.endsWith(':')) return 0
  return first.length === 2 || first === 'file:' ? 1 : 3
}

function refuseDoubtful(path: string, dropped: number): void {
  if (dropped === 0 && !path.includes('\0') && !path.includes('\\')) return
  throw new DatError(
    'BAD_ARGUMENT',
    'A path has a NUL, a backslash or a scheme, which other programs read differently.',
    { path },
  )
}

/**
 * Where a symlink at `path` points to, as keys: the POSIX reading (from the link's folder) first, then the
 * one of hyperdrive (from the link itself), if it is another. None for a target that leaves the drive.
 */
export function linkTargets(path: string, linkname: string): string[] {
  if (linkname.startsWith('/')) return inside(linkname)
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const targets = inside(folder + linkname).concat(inside(`${path}/${linkname}`))
  return [...new Set(targets)]
}

function inside(path: string): string[] {
  try {
    return [normalizeFolder(path)]
  } catch {
    return []
  }
}

/** Why no honest writer gives a file this name: a part that names no file. `undefined` for an honest one. */
export function whyNoName(path: string): string | undefined {
  if (!path.startsWith('/')) return 'its path does not begin with a slash'
  for (const part of path.slice(1).split('/')) {
    if (part === '') return 'its path has an empty part'
    if (part === '.' || part === '..') return `its path has the part "${part}"`
    if (part.includes('\0')) return 'its path has a NUL'
  }
  return undefined
}

// ---- To a file system ----------------------------------------------------------------------------

/** Which file system the names are for. */
export interface SafePartsOptions {
  /** Also refuse what Windows can't hold or understands otherwise. Default false. */
  readonly windows?: boolean
}

/** Names for a file system, or the reason why there are none. */
export type SafeParts =
  | { readonly parts: readonly string[]; readonly refused?: undefined }
  /** Why, for a person. */
  | { readonly parts?: undefined; readonly refused: string }

/** The parts of a drive's path (`/a/b`) as names for a file system, or why they can't be. */
export function safeParts(path: string, options: SafePartsOptions = {}): SafeParts {
  if (!path.startsWith('/')) return { refused: 'does not begin with a slash' }
  if (isLonger(path, PATH_BYTES_MAX)) return { refused: `is longer than ${PATH_BYTES_MAX} bytes` }
  const parts = path.slice(1).split('/')
  for (const part of parts) {
    const reason = whyUnsafe(part) ?? (options.windows === true ? whyNotOnWindows(part) : undefined)
    if (reason !== undefined) return { refused: reason }
  }
  return { parts }
}

function whyUnsafe(part: string): string | undefined {
  if (part === '') return 'has an empty part'
  if (part === '.' || part === '..') return `has the part "${part}"`
  if (part.includes('\0')) return 'has a NUL'
  // A lone surrogate has no UTF-8: written, it would become another name.
  if (/\p{Surrogate}/u.test(part)) return 'is not well-formed text'
  if (isLonger(part, PATH_PART_BYTES_MAX)) {
    return `has a part longer than ${PATH_PART_BYTES_MAX} bytes`
  }
  return undefined
}

/** Does the text have more bytes than `bytesMax`? A unit of it has one to three, so that most need no encoding. */
function isLonger(text: string, bytesMax: number): boolean {
  return 3 * text.length > bytesMax && utf8(text).length > bytesMax
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Windows refuses exactly these in names.
const WINDOWS_CHARACTERS = /[<>:"|?*\\\u0000-\u001f]/
const WINDOWS_DEVICES = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i

function whyNotOnWindows(part: string): string | undefined {
  if (WINDOWS_CHARACTERS.test(part)) return 'has a character that Windows does not allow in names'
  if (/[. ]$/.test(part)) return 'has a part that ends with a dot or a space'
  if (WINDOWS_DEVICES.test(part)) return 'has a part that is the name of a Windows device'
  return undefined
}
