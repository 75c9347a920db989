/**
 * Which folder of ours, or which old store, a path on this machine belongs to.
 *
 * Owns: that search. As with version control, a path inside the folder will do; the rest of it is the path in the
 * drive. Nearer folders go first, so that a clone inside an old archive is that clone.
 */

import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { detectPath } from '@dat-rhino/sdk'
import { type FolderRole, folderPlace, readRole } from '@dat-rhino/sdk/files/folder-role'
import { foreignStore } from '@dat-rhino/sdk/files/foreign-store'
import { detectFolder } from '@dat-rhino/sdk/migrate/detect'

/** A folder of ours. */
export interface FoundFolder {
  readonly kind: 'folder'
  /** Absolute, without links. */
  readonly dir: string
  readonly role: FolderRole
  /** Where the path that was asked for lies in it: `/` for the folder itself. */
  readonly inside: string
}

/** A store of another program or of an older dat, or a folder with several. */
export interface FoundOld {
  readonly kind: 'old'
  /** Absolute, without links. */
  readonly path: string
  /** As in `FoundFolder`; `/` unless the files of the archive lie around its store. */
  readonly inside: string
}

/** Folders below that an error names. */
const NAMED_MAX = 10

/** What `placeOf` made of a path. */
interface Start {
  readonly dir: string
  readonly name: string
}

/**
 * The folder or old store that `path` is, or lies in.
 *
 * @param storage as given to `share` or `clone`
 * @throws DatError NOT_FOUND
 */
export function findPlace(path: string, storage: string | undefined): FoundFolder | FoundOld {
  const start = placeOf(path)
  const found = nearest(start, storage, (dir) => oldAt(dir, start)) ?? oldBelow(start)
  if (found !== undefined) return found
  throw nothingAt(path)
}

/** What to say of a path that leads to nothing of ours: that depends on what is there. */
export function nothingAt(path: string): DatError {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) {
    const message = `There is no folder ${path}, and it is no link either.`
    return new DatError('NOT_FOUND', message, { path })
  }
  if (!stats.isDirectory()) {
    const message = `${path} is a file, and lies in no folder that was shared or cloned here.`
    return new DatError('NOT_FOUND', message, { path })
  }
  const inside = detectPath(path).nested.map(({ path: at }) => at)
  const list = inside.slice(0, NAMED_MAX).map((at) => `\n  ${at}`)
  const below = inside.length === 0 ? '' : ` Below it there are:${list.join('')}`
  const message = `${path} is neither shared nor a clone, and no old archive. To share it: dat share ${path}${below}`
  return new DatError('NOT_FOUND', message, { path })
}

/**
 * The folder of ours that `path` is, or lies in; `undefined` where there is an ordinary folder.
 *
 * @throws DatError UNSUPPORTED when it is the store of another program or generation
 */
export function lookForFolder(path: string, storage: string | undefined): FoundFolder | undefined {
  return nearest(placeOf(path), storage, (dir) => {
    checkIsNotForeign(dir)
    return undefined
  })
}

function nearest<T>(
  start: Start,
  storage: string | undefined,
  other: (dir: string) => T | undefined,
): FoundFolder | T | undefined {
  const store = storage === undefined ? undefined : resolve(storage)
  for (let { dir } = start; ; dir = dirname(dir)) {
    const role = readRole(folderPlace(dir, store))
    if (role !== undefined) return { kind: 'folder', dir, role, inside: insideOf(dir, start) }
    const found = other(dir)
    if (found !== undefined || dirname(dir) === dir) return found
  }
}

/** The old store that a folder is. What is only likely one counts if it was named, not if it lies around. */
function oldAt(dir: string, start: Start): FoundOld | undefined {
  const found = detectFolder(dir)
  if (found === undefined || found.kind === 'rhino' || found.kind === 'dat-secrets')
    return undefined
  if (found.sure !== 'certain' && dir !== start.dir) return undefined
  const inside = found.kind === 'dat-folder' ? insideOf(found.path, start) : '/'
  return { kind: 'old', path: found.path, inside: /^\/\.dat(\/|$)/.test(inside) ? '/' : inside }
}

/** A folder that holds old stores, such as the profile of Beaker. */
function oldBelow({ dir, name }: Start): FoundOld | undefined {
  if (name !== '') return undefined
  const { kind, nested } = detectPath(dir)
  const isOld = kind === 'folder' && nested.some((each) => each.kind !== 'rhino')
  return isOld ? { kind: 'old', path: dir, inside: '/' } : undefined
}

function insideOf(dir: string, start: Start): string {
  const inside = [relative(dir, start.dir), start.name].filter((part) => part !== '')
  return `/${inside.join('/').replaceAll(sep, '/')}`
}

/** Throws if another program, or an older one, keeps its store in `dir`. */
function checkIsNotForeign(dir: string): void {
  const isOld = foreignStore(join(dir, '.dat')) !== undefined
  const kind = isOld ? 'a folder of dat, generation 1' : foreignStore(dir)
  if (kind === undefined) return
  const message = `${dir} is ${kind}. dat inspect ${dir} says what is in it and what can be done.`
  throw new DatError('UNSUPPORTED', message, { dir })
}

/** The folder to begin at, and the rest of the path: a file may be meant that is in the drive but not on the disk. */
function placeOf(path: string): Start {
  const absolute = resolve(path)
  for (const [dir, name] of [
    [absolute, ''],
    [dirname(absolute), basename(absolute)],
  ] as const) {
    try {
      return { dir: realpathSync(dir), name }
    } catch {
      // Not there: perhaps its parent is.
    }
  }
  throw nothingAt(path)
}
