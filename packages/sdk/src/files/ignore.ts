/**
 * Which files of a folder are left out of a drive.
 *
 * Owns: the defaults, and how they meet the user's rules. The order, later words win:
 *
 *     1  version control, droppings of operating systems; hidden names on request    (defaults)
 *     2  the `ignore` option                                               (gitignore syntax)
 *     3  `.datignore` at the root of the folder                            (gitignore syntax)
 *     4  our own state and that of generation 1: never shared, whatever 1 to 3 say
 *
 * As in git, a file cannot be taken in again while a folder above it is left out. Hidden names are taken in, because
 * a clone that silently lacks files is no copy (the old dat left them out); how many there are is told, since
 * settings and keys often begin with a dot. `node_modules` is shared unless a rule says otherwise, as ever.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import ignore from 'ignore'
import { STATE_FOLDER } from './options.ts'

/** The file of rules at the root of a folder. */
export const IGNORE_FILE = '.datignore'

/** Where rules come from. */
export interface IgnoreOptions {
  /** Lines in gitignore syntax. */
  readonly ignore?: readonly string[]
  /** The text of `.datignore`. */
  readonly datignore?: string | undefined
  /** Take hidden names (that begin with a dot) in. Default true. */
  readonly hidden?: boolean
}

/** Is this left out? `path` is relative to the root, without a slash in front; all folders above are in. */
export type Ignores = (path: string, isFolder: boolean) => boolean

/** Folders of the stores of generation 1, at the root: left alone. */
const OLD_STATE_FOLDER = '.dat'
const VERSION_CONTROL = new Set(['.git', '.hg', '.svn', '.bzr', '.jj', 'CVS'])
const DROPPINGS = new Set([
  '.DS_Store',
  '.Spotlight-V100',
  '.Trashes',
  '.fseventsd',
  'Thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'Icon\r',
])

/**
 * Makes the test from all rules.
 *
 * @throws DatError BAD_ARGUMENT when a rule is no text
 */
export function ignoreRules(options: IgnoreOptions = {}): Ignores {
  const hidden = options.hidden ?? true
  const user = userRules(options)
  return (path, isFolder) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (isOurs(path, name)) return true
    const byDefault = isLeftOut(path, name, hidden)
    if (user === undefined) return byDefault
    const said = user.test(isFolder ? `${path}/` : path)
    return said.ignored || (byDefault && !said.unignored)
  }
}

/**
 * `ignoreRules` that also say, once per look, what they leave out, and which names are in or out only by the `hidden`
 * option. Our own files are nobody's news.
 */
export function tellingRules(
  options: IgnoreOptions,
  tell: (why: 'hidden' | 'ignored') => void,
): Ignores {
  const rules = ignoreRules(options)
  const withHidden = ignoreRules({ ...options, hidden: true })
  return (path, isFolder) => {
    const isOut = rules(path, isFolder)
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (path === IGNORE_FILE || isOurs(path, name)) return isOut
    if (name.startsWith('.') && !withHidden(path, isFolder)) tell('hidden')
    else if (isOut) tell('ignored')
    return isOut
  }
}

/** Our own state, parts of files that a clone is writing, and the store of an old dat. */
export function isOurs(path: string, name: string): boolean {
  return name.startsWith(STATE_FOLDER) || path === OLD_STATE_FOLDER
}

function isLeftOut(path: string, name: string, hidden: boolean): boolean {
  if (DROPPINGS.has(name) || VERSION_CONTROL.has(name) || name === OLD_STATE_FOLDER) return true
  if (hidden) return false
  if (name === 'dat' && isWellKnown(path)) return false
  if (name.startsWith('.')) return name !== '.well-known'
  return isWellKnown(path)
}

/** Directly below a folder `.well-known`, of which only `dat` is shared: the record of a domain's link. */
function isWellKnown(path: string): boolean {
  const end = path.lastIndexOf('/')
  return end !== -1 && path.slice(path.lastIndexOf('/', end - 1) + 1, end) === '.well-known'
}

function userRules(options: IgnoreOptions): ReturnType<typeof ignore> | undefined {
  const given = options.ignore ?? []
  if (given.some((rule) => typeof rule !== 'string')) {
    throw new DatError('BAD_ARGUMENT', 'Each ignore rule must be a text.')
  }
  const text = options.datignore ?? ''
  if (given.length === 0 && text.trim() === '') return undefined
  // A byte order mark, as some editors write it, would otherwise become part of the first rule.
  return ignore({ ignorecase: false })
    .add([...given])
    .add(text.replace(/^\uFEFF/, ''))
}
