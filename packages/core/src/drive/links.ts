/**
 * Symlinks inside a drive.
 *
 * Owns: following them. A target is resolved in the drive and never leaves it. A relative target is read as POSIX reads
 * it; where that leads nowhere, as hyperdrive does (from the link itself). A folder on the way may be a link
 * too. At most `SYMLINK_STEPS_MAX` links are followed, whatever a drive holds.
 */

import { DatError } from '../base/errors.ts'
import { SYMLINK_STEPS_MAX } from '../base/limits.ts'
import { linkTargets } from './path.ts'
import type { DriveEntry } from './types.ts'

type Lookup = (path: string) => Promise<DriveEntry | undefined>

/** The entry under `path` that is no link, behind as many links as it takes; `undefined` if there is none. */
export function follow(path: string, lookup: Lookup): Promise<DriveEntry | undefined> {
  return new Walk(path, lookup).resolve(path)
}

class Walk {
  readonly #path: string
  readonly #lookup: Lookup
  #steps = 0

  constructor(path: string, lookup: Lookup) {
    this.#path = path
    this.#lookup = lookup
  }

  async resolve(path: string): Promise<DriveEntry | undefined> {
    const entry = await this.#lookup(path)
    if (entry === undefined) return this.#throughFolders(path)
    if (entry.linkname === undefined) return entry
    return this.#behind(entry, entry.linkname, '')
  }

  /** The first folder on the way that is a link takes the rest of the path with it. */
  async #throughFolders(path: string): Promise<DriveEntry | undefined> {
    for (let at = path.indexOf('/', 1); at !== -1; at = path.indexOf('/', at + 1)) {
      const link = await this.#lookup(path.slice(0, at))
      if (link?.linkname !== undefined) return this.#behind(link, link.linkname, path.slice(at))
    }
    return undefined
  }

  async #behind(link: DriveEntry, linkname: string, rest: string): Promise<DriveEntry | undefined> {
    this.#steps++
    if (this.#steps > SYMLINK_STEPS_MAX) {
      throw new DatError('BAD_CONTENT', `Too many symlinks behind ${this.#path}.`, {
        path: this.#path,
      })
    }
    for (const target of linkTargets(link.path, linkname)) {
      const entry = await this.resolve(target === '/' ? rest : target + rest)
      if (entry !== undefined) return entry
    }
    return undefined
  }
}
