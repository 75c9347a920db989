/**
 * The folder that a person names, as one absolute path.
 *
 * Owns: what may be shared, and where a clone may go.
 */

import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { fileError } from './problems.ts'

/** Absolute and without links, so that one folder has one name. */
export function existingFolder(dir: string): string {
  const path = resolve(dir)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new DatError('NOT_FOUND', `There is no folder ${path}.`, { path })
  if (!stats.isDirectory()) {
    throw new DatError('BAD_ARGUMENT', `${path} is a file. Folders are shared.`, { path })
  }
  return realpathSync(path)
}

/** The same, made if it is not there. */
export function madeFolder(dir: string): string {
  const path = resolve(dir)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && !stats.isDirectory()) {
    throw new DatError('CONFLICT', `${path} is a file; a clone needs a folder.`, { path })
  }
  try {
    mkdirSync(path, { recursive: true })
    return realpathSync(path)
  } catch (error) {
    throw fileError(error, path)
  }
}
