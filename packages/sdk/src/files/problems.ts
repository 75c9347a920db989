/**
 * From the operating system's errors to ours, in words for people.
 *
 * Owns: that mapping for files and folders of users. (A store maps its own.) The system's error stays as `cause`.
 */

import { type Code, DatError } from '@dat-rhino/core/base/errors'

const WORDS: Readonly<Record<string, { code: Code; says: string }>> = {
  EACCES: { code: 'IO', says: 'permission denied' },
  EPERM: { code: 'IO', says: 'not permitted' },
  EBUSY: { code: 'IO', says: 'in use by another program' },
  EIO: { code: 'IO', says: 'the device reported an error' },
  ENOENT: { code: 'NOT_FOUND', says: 'does not exist' },
  ENOTDIR: { code: 'CONFLICT', says: 'a file is where a folder should be' },
  EISDIR: { code: 'CONFLICT', says: 'a folder is where a file should be' },
  EEXIST: { code: 'CONFLICT', says: 'something else is there already' },
  ENOTEMPTY: { code: 'CONFLICT', says: 'the folder is not empty' },
  ELOOP: { code: 'CONFLICT', says: 'a symbolic link is on the way' },
  ENAMETOOLONG: { code: 'BAD_CONTENT', says: 'the name is too long for this disk' },
  EILSEQ: { code: 'BAD_CONTENT', says: 'this disk cannot hold such a name' },
  EINVAL: { code: 'BAD_CONTENT', says: 'this disk cannot hold such a name' },
  EROFS: { code: 'IO', says: 'the disk is read-only' },
  ENOSPC: { code: 'STORE_FULL', says: 'no room on the disk' },
  EDQUOT: { code: 'STORE_FULL', says: 'the disk quota is used up' },
  EMFILE: { code: 'IO', says: 'too many open files' },
  ENFILE: { code: 'IO', says: 'too many open files on this machine' },
}

/** The `DatError` that tells what went wrong with `path`. A `DatError` comes through as it is. */
export function fileError(error: unknown, path: string): DatError {
  if (error instanceof DatError) return error
  const code = systemCode(error)
  const known = code === undefined ? undefined : WORDS[code]
  const says = known?.says ?? (error instanceof Error ? error.message : String(error))
  const facts = code === undefined ? { path } : { path, system: code }
  return new DatError(known?.code ?? 'IO', `${path}: ${says}.`, facts, error)
}

/** `ENOENT` and the like, if the operating system said so. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof DatError || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Does the error say that nothing is there? */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
