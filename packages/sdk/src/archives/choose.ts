/**
 * Which archive of an old store is meant.
 *
 * Owns: what may name one. Where several lie, none is guessed: the error lists them, so that the next call can say which.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { equal, hex } from '@dat-rhino/core/bytes/bytes'
import { formatLink, type Link, parseLink } from '@dat-rhino/core/crypto/links'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'

/** Archives that an error lists. */
const LISTED_MAX = 20

const LINKS: Readonly<Record<StoredLog['generation'], (key: Uint8Array) => string>> = {
  1: (key) => `dat://${hex(key)}`,
  2: (key) => `hyper://${hex(key)}`,
  3: (key) => formatLink({ key }),
}

/** The link of a log as the programs of its generation write it. */
export function oldLink({ generation, key }: Pick<StoredLog, 'generation' | 'key'>): string {
  return LINKS[generation](key)
}

/** All archives that `which` may mean; all there are without it. */
export function matching(store: StoredStore, which: string | undefined): readonly StoredArchive[] {
  const { archives } = store
  if (which === undefined) return archives
  const key = keyOf(which)
  if (key !== undefined) return archives.filter((archive) => equal(archive.key, key))
  const named = archives.filter(({ parts }) => parts.some(({ name }) => name === which))
  if (named.length > 0) return named
  return archives.filter((archive) => hex(archive.key).startsWith(which.toLowerCase()))
}

/**
 * The one archive that is meant.
 *
 * @throws DatError NOT_FOUND if there is none; BAD_ARGUMENT if there are several, with a list of them; CORRUPT_STORE if nothing
 *   in the store could be opened, with the reason
 */
export function chosen(store: StoredStore, which: string | undefined): StoredArchive {
  const { path } = store.found
  const found = matching(store, which)
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  if (store.archives.length === 0) {
    const why = store.problems[0]?.message ?? 'It holds no log.'
    throw new DatError('CORRUPT_STORE', `Nothing can be read in ${path}. ${why}`, { path })
  }
  if (first === undefined) {
    const message = `There is no ${which} in ${path}. There are:\n${list(store.archives)}`
    throw new DatError('NOT_FOUND', message, { path })
  }
  const what = which === undefined ? `${path} holds` : `${which} may be`
  const message = `${what} ${found.length} archives. Say which, by its key or the beginning of it:\n${list(found)}`
  throw new DatError('BAD_ARGUMENT', message, { path, archives: found.length })
}

function list(archives: readonly StoredArchive[]): string {
  const lines = archives.slice(0, LISTED_MAX).map(({ key, format, parts }) => {
    const name = parts[0]?.name
    return `  ${hex(key)}  ${format}${name === undefined ? '' : `  ${name}`}`
  })
  const more = archives.length - LISTED_MAX
  if (more > 0) lines.push(`  … and ${more} more.`)
  return lines.join('\n')
}

/**
 * What a text is: the key of a link, or a path. A text that reads as a link is one; `./NAME` is a path whatever its name.
 *
 * @throws DatError BAD_LINK for what is meant as a link and is none
 */
export function linkOrPath(text: string): Link | undefined {
  try {
    return parseLink(text)
  } catch (error) {
    if (!isCode(error, 'BAD_LINK') || text.includes('://')) throw error
    return undefined
  }
}

function keyOf(which: string): Uint8Array | undefined {
  try {
    return parseLink(which).key
  } catch (error) {
    if (isCode(error, 'BAD_LINK')) return undefined
    throw error
  }
}
