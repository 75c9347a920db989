/**
 * Is a folder the store of another program, or of an older generation?
 *
 * Owns: by which files such stores are recognised. Nothing is opened. Nobody means to share a store as a folder of
 * files: it holds secret keys. And whoever points at one is told what it is, instead of what it is not.
 */

import { statSync } from 'node:fs'
import { join } from 'node:path'

/** What each kind of store is called, and files that only it has together: a size in bytes, or `/` for a folder. */
const KINDS: readonly {
  readonly name: string
  readonly files: Readonly<Record<string, number | '/' | 'any'>>
}[] = [
  {
    name: 'the store of a drive of dat, generation 1',
    files: { 'metadata.key': 32, 'metadata.tree': 'any' },
  },
  {
    name: 'a log of generation 1 or 2 (hypercore 6 to 9)',
    files: { key: 32, tree: 'any', bitfield: 'any' },
  },
  { name: 'a corestore of generation 2 (corestore 5)', files: { master_key: 32 } },
  { name: 'a corestore of hypercore 10', files: { 'primary-key': 32, cores: '/' } },
  { name: 'a corestore of hypercore 11', files: { CORESTORE: 'any', db: '/' } },
  { name: 'a corestore of hypercore 11', files: { 'db/CURRENT': 'any', 'db/IDENTITY': 'any' } },
  {
    name: 'a RocksDB database, as early corestores 7 were',
    files: { CURRENT: 'any', IDENTITY: 'any' },
  },
]

/** What the store in `dir` is, in words that go behind "is"; `undefined` if it is none that we know. */
export function foreignStore(dir: string): string | undefined {
  return KINDS.find(({ files }) =>
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
