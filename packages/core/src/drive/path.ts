/**
 * Names in drives, and what of them may become a name in a file system.
 *
 * Owns: the two functions through which every path goes. Skeleton of the signatures; filled in next.
 */

import { DatError } from '../base/errors.ts'

/** The key of a path: absolute, `/` between parts, none at the end. Throws `BAD_ARGUMENT`. */
export function normalize(_path: string, _options: { strict?: boolean } = {}): string {
  throw new DatError('INVARIANT', 'not built')
}

export interface SafeNameOptions {
  /** Also refuse what Windows can't hold or understands otherwise. Default false. */
  readonly windows?: boolean
}

/**
 * The parts of a drive's path as names for a file system, or why they can't be: the only way from a
 * stranger's name to a path on this machine.
 */
export function safeParts(
  _path: string,
  _options: SafeNameOptions = {},
): { readonly parts: readonly string[] } | { readonly refused: string } {
  throw new DatError('INVARIANT', 'not built')
}
