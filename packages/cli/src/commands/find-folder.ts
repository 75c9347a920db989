/**
 * Which shared or cloned folder a path on this machine belongs to.
 *
 * Owns: that search. As with version control, a path inside the folder will do; the rest of it is the path in the
 * drive. What is something else is named, so that nobody wonders why their old store is "not found".
 */

import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { type FolderRole, folderPlace, readRole } from '@dat-rhino/sdk/files/folder-role'
import { foreignStore } from '@dat-rhino/sdk/files/foreign-store'

/** A folder of ours. */
export interface FoundFolder {
  /** Absolute, without links. */
  readonly dir: string
  readonly role: FolderRole
  /** Where the path that was asked for lies in it: `/` for the folder itself. */
  readonly inside: string
}

/**
 * The folder that `path` is, or lies in.
 *
 * @param storage as given to `share` or `clone`
 * @throws DatError NOT_FOUND, UNSUPPORTED when it is the store of another program or generation
 */
export function findFolder(path: string, storage: string | undefined): FoundFolder {
  const found = lookForFolder(path, storage)
  if (found !== undefined) return found
  const message = `${path} is neither shared nor a clone. To share it: dat share ${path}`
  throw new DatError('NOT_FOUND', message, { path })
}

/** The same; `undefined` where there is an ordinary folder. */
export function lookForFolder(path: string, storage: string | undefined): FoundFolder | undefined {
  const start = placeOf(path)
  const store = storage === undefined ? undefined : resolve(storage)
  for (let dir = start.dir; ; dir = dirname(dir)) {
    const role = readRole(folderPlace(dir, store))
    if (role !== undefined) {
      const inside = [relative(dir, start.dir), start.name].filter((part) => part !== '')
      return { dir, role, inside: `/${inside.join('/').replaceAll(sep, '/')}` }
    }
    checkIsNotForeign(dir)
    if (dirname(dir) === dir) return undefined
  }
}

/** Throws if another program, or an older one, keeps its store in `dir`. */
function checkIsNotForeign(dir: string): void {
  const isOld = foreignStore(join(dir, '.dat')) !== undefined
  const kind = isOld ? 'a folder of dat, generation 1' : foreignStore(dir)
  if (kind === undefined) return
  const message = `${dir} is ${kind}, which this version does not open.`
  throw new DatError('UNSUPPORTED', message, { dir })
}

/** The folder to begin at, and the rest of the path: a file may be meant that is in the drive but not on the disk. */
function placeOf(path: string): { dir: string; name: string } {
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
  throw new DatError('NOT_FOUND', `There is no folder ${path}, and it is no link either.`, { path })
}
