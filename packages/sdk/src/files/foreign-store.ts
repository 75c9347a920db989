/**
 * Is a folder the store of another program, or of an older generation?
 *
 * Owns: by which files such stores are recognised. Nothing is opened. Nobody means to share a store as a folder of
 * files: it holds secret keys. And whoever points at one is told what it is, instead of what it is not.
 */

import { statSync } from 'node:fs'
import { join } from 'node:path'

interface Kind {
  readonly name: string
  /** Files that only it has together: a size in bytes, or `/` for a folder. */
  readonly files: Readonly<Record<string, number | '/' | 'any'>>
}

/** Stores that nothing else looks like. */
const CERTAIN: readonly Kind[] = [
  {
    name: 'the store of a drive of dat, generation 1',
    files: { 'metadata.key': 32, 'metadata.tree': 'any' },
  },
  {
    name: 'a log of generation 1 or 2 (hypercore 6 to 9)',
    files: { key: 32, tree: 'any', bitfield: 'any' },
  },
  { name: 'a corestore of generation 2 (corestore 5)', files: { master_key: 32 } },
  { name: 'a log of hypercore 10', files: { oplog: 'any', tree: 'any', bitfield: 'any' } },
  { name: 'a corestore of hypercore 10', files: { 'primary-key': 32, cores: '/' } },
  { name: 'a corestore of hypercore 11', files: { CORESTORE: 'any', db: '/' } },
]

/** Databases that such stores lie in, and others too. */
const LIKELY: readonly Kind[] = [
  { name: 'a corestore of hypercore 11', files: { 'db/CURRENT': 'any', 'db/IDENTITY': 'any' } },
  {
    name: 'a RocksDB database, as early corestores 7 were',
    files: { CURRENT: 'any', IDENTITY: 'any' },
  },
]

/** What the store in `dir` is, in words that go behind "is"; `undefined` if it is none that we know. */
export function foreignStore(dir: string): string | undefined {
  return nameOf([...CERTAIN, ...LIKELY], dir)
}

/** The same for a folder of which nobody said that it is one: what might be something else is none. */
export function certainStore(dir: string): string | undefined {
  return nameOf(CERTAIN, dir)
}

/** May a folder with such a file be a store? Cheaper than looking at each. */
export function isNameOfStore(name: string): boolean {
  return NAMES.has(name)
}

/** One name of each kind. */
const NAMES: ReadonlySet<string> = new Set(
  CERTAIN.flatMap(({ files }) => Object.keys(files).slice(0, 1)),
)

function nameOf(kinds: readonly Kind[], dir: string): string | undefined {
  return kinds.find(({ files }) =>
    Object.entries(files).every(([file, what]) => has(join(dir, file), what)),
  )?.name
}

function has(path: string, what: number | '/' | 'any'): boolean {
  try {
    const stats = statSync(path)
    if (what === '/') return stats.isDirectory()
    return stats.isFile() && (what === 'any' || stats.size === what)
  } catch {
    return false
  }
}
