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

/** What is looked up: an entry, or what else may be a link. */
interface Linked {
  readonly path: string
  readonly linkname: string | undefined
}

type Lookup<T> = (path: string) => Promise<T | undefined>

/** What stands under `path` and is no link, behind as many links as it takes; `undefined` if there is nothing. */
export function follow<T extends Linked>(path: string, lookup: Lookup<T>): Promise<T | undefined> {
  return new Walk(path, lookup).resolve(path)
}

class Walk<T extends Linked> {
  readonly #path: string
  readonly #lookup: Lookup<T>
  #steps = 0

  constructor(path: string, lookup: Lookup<T>) {
    this.#path = path
    this.#lookup = lookup
  }

  async resolve(path: string): Promise<T | undefined> {
    const entry = await this.#lookup(path)
    if (entry === undefined) return this.#throughFolders(path)
    if (entry.linkname === undefined) return entry
    return this.#behind(entry, entry.linkname, '')
  }

  /** The first folder on the way that is a link takes the rest of the path with it. */
  async #throughFolders(path: string): Promise<T | undefined> {
    for (let at = path.indexOf('/', 1); at !== -1; at = path.indexOf('/', at + 1)) {
      const link = await this.#lookup(path.slice(0, at))
      if (link?.linkname !== undefined) return this.#behind(link, link.linkname, path.slice(at))
    }
    return undefined
  }

  async #behind(link: T, linkname: string, rest: string): Promise<T | undefined> {
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
