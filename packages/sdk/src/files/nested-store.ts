/**
 * Stores of other programs that lie in a folder which is shared.
 *
 * Owns: that they are left out, and that it is told. They hold secret keys: whoever shared them with the rest, in a backup say,
 * would let everybody write in his name. What only looks like one, such as a database, is shared as it is.
 */

import type { Dirent } from 'node:fs'
import { DatError } from '@dat-rhino/core/base/errors'
import { certainStore, isNameOfStore } from './foreign-store.ts'
import { folderOf, localPath } from './paths.ts'

/** Why a folder is not looked into; the root was looked at when it was shared. */
export function refusedStore(
  root: string,
  folder: string,
  names: readonly Pick<Dirent, 'name'>[],
): DatError | undefined {
  if (folder === '/' || !names.some(({ name }) => isNameOfStore(name))) return undefined
  const kind = certainStore(localPath(root, folder))
  if (kind === undefined) return undefined
  const message = `${folder} is ${kind} and left out, since secret keys lie in such. List it in .datignore, and this is not told again; its files can be shared as dat clone writes them.`
  return new DatError('CONFLICT', message, { path: folder })
}

/** Does a folder lie in such a store? */
export function isInStore(root: string, folder: string): boolean {
  for (let at = folder; at !== '/'; at = folderOf(at)) {
    if (certainStore(localPath(root, at)) !== undefined) return true
  }
  return false
}
