/**
 * The files by which each kind of store is recognised.
 *
 * Owns: the table, in the order in which it is asked. A sign is `certain` where the content of a file was looked at and is
 * right, and `likely` where names fit and something is missing or damaged, so that a store that has lost files
 * is still found.
 */

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { KEY_BYTES } from '@dat-rhino/core/crypto/crypto'
import { SECRET_KEY_BYTES } from '@dat-rhino/core/crypto/keys'
import { STATE_FOLDER } from '../files/options.ts'
import { parseSleepHeader, SLEEP_HEADER_BYTES } from './sleep.ts'
import type { FoundKind } from './types.ts'

/** Why a folder is taken for a store. */
export interface Sign {
  readonly sure: 'certain' | 'likely'
  readonly why: string
  /** Where the store begins, if it is not the folder that was looked at. */
  readonly at?: string
}

type Names = ReadonlySet<string>

/** The kinds of stores, in the order in which a folder is looked at. */
export const SIGNS: readonly {
  readonly kind: FoundKind
  readonly recognise: (path: string, names: Names) => Sign | undefined
}[] = [
  { kind: 'rhino', recognise: rhino },
  { kind: 'dat-archive', recognise: datArchive },
  { kind: 'dat-folder', recognise: datFolder },
  { kind: 'archive', recognise: archive },
  { kind: 'hypercore-10', recognise: hypercore10 },
  { kind: 'feed', recognise: (path, names) => (names.has('oplog') ? undefined : feed(path)) },
  { kind: 'corestore-7', recognise: corestore7 },
  { kind: 'corestore-6', recognise: corestore6 },
  { kind: 'corestore-5', recognise: corestore5 },
  { kind: 'multifeed', recognise: multifeed },
  { kind: 'dat-secrets', recognise: datSecrets },
]

function rhino(path: string, names: Names): Sign | undefined {
  if (names.has(STATE_FOLDER) && isDirectory(join(path, STATE_FOLDER))) {
    return { sure: 'certain', why: `It has a ${STATE_FOLDER} folder, as dat makes it today.` }
  }
  const isStore = names.has('keys') && [...names].some((name) => /^(data|pages)-/.test(name))
  return isStore ? { sure: 'certain', why: 'It is a store of Dat Rhino.' } : undefined
}

// ---- SLEEP ---------------------------------------------------------------------------------------

/** Does a log in SLEEP files lie here, under names that begin with `prefix`? */
function feed(path: string, prefix = ''): Sign | undefined {
  const at = (name: string): string => join(path, prefix + name)
  const heads = ['tree', 'bitfield', 'signatures'].filter((name) => hasSleepHeader(at(name)))
  const key = sizeOf(at('key'))
  if (heads.length === 3 && key === KEY_BYTES) {
    return { sure: 'certain', why: `${prefix}key, tree, bitfield and signatures are SLEEP files.` }
  }
  if (heads.length > 0) {
    const why = `Of the SLEEP files of a log, ${prefix}${heads.join(', ')} are right; others are missing or damaged.`
    return { sure: 'likely', why }
  }
  const isAlmost = key === KEY_BYTES && sizeOf(at('tree')) !== undefined
  const why = `There are ${prefix}key and ${prefix}tree, though no file begins as it should.`
  return isAlmost ? { sure: 'likely', why } : undefined
}

/** `metadata.*` and `content.*`, with the content in one file, here or in `.dat`. */
function datArchive(path: string, names: Names): Sign | undefined {
  const inside = names.has('.dat') ? join(path, '.dat') : path
  if (sizeOf(join(inside, 'content.data')) === undefined && inside !== path) return undefined
  if (inside === path && basename(path) === '.dat' && !names.has('content.data')) return undefined
  const sign = feed(inside, 'metadata.')
  return sign && { ...sign, at: inside, why: `metadata.* and content.* of dat: ${sign.why}` }
}

function datFolder(path: string, names: Names): Sign | undefined {
  const isInside = basename(path) === '.dat'
  const inside = isInside ? path : join(path, '.dat')
  if (!isInside && !names.has('.dat')) return undefined
  const sign = feed(inside, 'metadata.')
  const at = isInside ? dirname(path) : path
  return sign && { ...sign, at, why: `A folder of the dat command: ${sign.why}` }
}

function archive(path: string, names: Names): Sign | undefined {
  if (!names.has('metadata')) return undefined
  const metadata = feed(join(path, 'metadata'))
  const content = names.has('content') ? feed(join(path, 'content')) : undefined
  if (metadata === undefined) return undefined
  const isWhole = content !== undefined && metadata.sure === 'certain' && content.sure === 'certain'
  const why = isWhole
    ? 'metadata/ and content/ are logs in SLEEP files (hyperdrive 9, Beaker).'
    : 'metadata/ is a log in SLEEP files (hyperdrive 9, Beaker); something of it, or of content/, is missing.'
  return { sure: isWhole ? 'certain' : 'likely', why }
}

function corestore5(path: string, names: Names): Sign | undefined {
  const log = firstLog(path, names)
  const sign = log === undefined ? undefined : feed(log)
  const hasMaster = sizeOf(join(path, 'master_key')) === KEY_BYTES
  if (sign !== undefined && hasMaster) {
    return {
      sure: 'certain',
      why: 'master_key, and logs in SLEEP files by discovery key (corestore 5).',
    }
  }
  if (sign !== undefined) {
    return {
      sure: 'likely',
      why: 'Logs in SLEEP files by discovery key (corestore 5), without master_key.',
    }
  }
  const why = 'There is a master_key (corestore 5), and no log.'
  return hasMaster ? { sure: 'likely', why } : undefined
}

function multifeed(path: string, names: Names): Sign | undefined {
  const numbers = [...names].filter((name) => /^(0|[1-9]\d{0,6})$/.test(name))
  const first = numbers.map((name) => feed(join(path, name))).find((sign) => sign !== undefined)
  if (first === undefined) return undefined
  const sure = names.has('0') ? first.sure : 'likely'
  return { sure, why: 'Folders with numbers hold logs in SLEEP files (multifeed).' }
}

// ---- Hypercore 10 and 11 -------------------------------------------------------------------------

function hypercore10(path: string, names: Names): Sign | undefined {
  if (!names.has('oplog')) return undefined
  const isWhole = (sizeOf(join(path, 'oplog')) ?? 0) >= 8_192
  const others = ['tree', 'data', 'bitfield'].filter((name) => names.has(name))
  if (!isWhole && others.length === 0) return undefined
  return { sure: isWhole ? 'certain' : 'likely', why: 'It has the oplog of a log of hypercore 10.' }
}

function corestore6(path: string, names: Names): Sign | undefined {
  const cores = names.has('cores') ? join(path, 'cores') : undefined
  const log = cores && firstLog(cores, new Set(listed(cores)))
  if (log !== undefined && sizeOf(join(log, 'oplog')) !== undefined) {
    const hasKey = sizeOf(join(path, 'primary-key')) === KEY_BYTES
    const why = `Logs of hypercore 10 by discovery key in cores/ (corestore 6)${hasKey ? '' : ', without primary-key'}.`
    return { sure: hasKey ? 'certain' : 'likely', why }
  }
  const inside = firstLog(path, names)
  if (basename(path) !== 'cores' || inside === undefined) return undefined
  return sizeOf(join(inside, 'oplog')) === undefined
    ? undefined
    : { sure: 'certain', why: 'The cores/ folder of a corestore 6.', at: dirname(path) }
}

function corestore7(path: string, names: Names): Sign | undefined {
  const isDb = isRocks(names)
  const inDb = names.has('db') && isRocks(new Set(listed(join(path, 'db'))))
  if (!isDb && !inDb) return undefined
  const at =
    isDb && basename(path) === 'db' && sizeOf(join(dirname(path), 'CORESTORE')) !== undefined
  const why = inDb
    ? 'db/ is a RocksDB database, as corestore 7 makes it.'
    : 'It is a RocksDB database, as early corestores 7 are.'
  return {
    sure: names.has('CORESTORE') || at ? 'certain' : 'likely',
    why,
    ...(at && { at: dirname(path) }),
  }
}

function isRocks(names: Names): boolean {
  const hasManifest = [...names].some((name) => name.startsWith('MANIFEST-'))
  const isOfRocks = names.has('IDENTITY') || [...names].some((name) => name.startsWith('OPTIONS-'))
  return isOfRocks && (names.has('CURRENT') || hasManifest)
}

/** The store of a dat before version 13: LevelDB, which has no IDENTITY. */
export function looksLikeLevelDb(path: string): boolean {
  const names = new Set(listed(path))
  return names.has('CURRENT') || names.has('db')
}

// ---- Secret keys ---------------------------------------------------------------------------------

function datSecrets(path: string, names: Names): Sign | undefined {
  const first = [...names].find((name) => /^[0-9a-f]{2}$/.test(name))
  const inside = first === undefined ? [] : listed(join(path, first))
  const secret = inside.find((name) => /^[0-9a-f]{62}$/.test(name))
  if (first === undefined || secret === undefined) return undefined
  if (sizeOf(join(path, first, secret)) !== SECRET_KEY_BYTES) return undefined
  return { sure: 'certain', why: 'Secret keys of the dat command, by discovery key.' }
}

// ---- Looking -------------------------------------------------------------------------------------

/** The first folder `ab/cd/abcd…` below `path`, as corestores 5 and 6 name the folders of logs. */
function firstLog(path: string, names: Names): string | undefined {
  for (const a of [...names].filter(isByte).sort()) {
    for (const b of listed(join(path, a)).filter(isByte)) {
      const log = listed(join(path, a, b)).find((name) => isLogName(name, a, b))
      if (log !== undefined) return join(path, a, b, log)
    }
  }
  return undefined
}

const isByte = (name: string): boolean => /^[0-9a-f]{2}$/.test(name)

/** Is `name` the folder of a log in `a/b`? */
function isLogName(name: string, a: string, b: string): boolean {
  return /^[0-9a-f]{64}$/.test(name) && name.startsWith(a + b)
}

/** The folders of all logs below `path`, in order. */
export function logFolders(path: string): string[] {
  const folders: string[] = []
  for (const a of listed(path).filter(isByte).sort()) {
    for (const b of listed(join(path, a)).filter(isByte).sort()) {
      for (const name of listed(join(path, a, b)).sort()) {
        if (isLogName(name, a, b)) folders.push(join(path, a, b, name))
      }
    }
  }
  return folders
}

/** The names in a folder; none if it cannot be listed. */
export function listed(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** Is a folder at `path`, or a link to one? */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Bytes of a regular file; `undefined` if there is none. */
function sizeOf(path: string): number | undefined {
  try {
    const stat = statSync(path)
    return stat.isFile() ? stat.size : undefined
  } catch {
    return undefined
  }
}

function hasSleepHeader(path: string): boolean {
  if (sizeOf(path) === undefined) return false
  const header = new Uint8Array(SLEEP_HEADER_BYTES)
  try {
    const fd = openSync(path, 'r')
    readSync(fd, header, 0, SLEEP_HEADER_BYTES, 0)
    closeSync(fd)
    parseSleepHeader(header)
    return true
  } catch {
    return false
  }
}
