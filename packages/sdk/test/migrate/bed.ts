/**
 * Old stores for tests: the fixtures, copies of them that may be damaged, and what they say of themselves.
 *
 * No secret keys of whoever runs the tests are looked at: `NO_SECRETS` is the folder where they would be looked for.
 */

import { createHash } from 'node:crypto'
import { chmodSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { openStored } from '../../src/migrate/open.ts'
import type { Found, OpenStoredOptions, StoredPart, StoredStore } from '../../src/migrate/types.ts'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { tempFolder } from '../temp.ts'

setCrypto(sodiumCrypto)

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** A folder that is not there. */
export const NO_SECRETS: string = join(FIXTURES, 'no secrets')

export const fixture = (...path: string[]): string => join(FIXTURES, ...path)

/** All stores of generations 1 and 2, and those of generation 3 that need no database. */
export const STORES: readonly string[] = [
  'gen1/feed-live',
  'gen1/feed-v6',
  'gen1/feed-mixed-sig',
  'gen1/feed-sparse',
  'gen1/feed-static',
  'gen1/dat-folder/share',
  'gen1/dat-clone/share',
  'gen1/sleep-multi/sleep',
  'gen1/beaker',
  'gen1/beaker-indexed',
  'gen2/corestore5',
  'gen2/hypercore8-then-9',
  'gen2/hypercore8-writer',
  'gen2/hypercore9-cleared',
  'gen2/hypercore9-sparse-reader',
  'gen2/hypercore9-static',
  'gen2/hypercore9-writer',
  'gen2/hyperdrive10',
  'gen2/hypertrie5',
  'gen2/multifeed6',
  'gen3/corestore6',
  'gen3/hypercore10-header0',
]

/** What a fixture says of itself. */
export function expected(name: string): Record<string, never> {
  return JSON.parse(readFileSync(fixture(name, 'expected.json'), 'utf8'))
}

/** A copy that may be changed. */
export function copyOf(t: TestContext, name: string): string {
  const dir = join(tempFolder(t), 'copy')
  cpSync(fixture(name), dir, { recursive: true })
  return dir
}

/** Opens a store that is closed when the test is over. */
export async function opened(
  t: TestContext,
  where: string | Found,
  options: OpenStoredOptions = {},
): Promise<StoredStore> {
  const store = await openStored(where, { secretKeys: NO_SECRETS, ...options })
  t.after(() => store.close())
  return store
}

/** All logs of a store. */
export const partsOf = (store: StoredStore): StoredPart[] =>
  store.archives.flatMap((archive) => archive.parts)

/** Everything that was found wrong in a store, blocks included: each is read for it. */
export function problemsOf(store: StoredStore): string[] {
  for (const { log } of partsOf(store)) readAll(log)
  return [store, ...partsOf(store)].flatMap(({ problems }) =>
    problems.map(({ kind, path, message }) => `${kind} ${path} ${message}`),
  )
}

/** Blocks that a log holds by its account and gives, in hex; `null` for the others. */
export function readAll(log: StoredLog): (string | null)[] {
  return Array.from({ length: log.length }, (_, block) => {
    const bytes = log.has(block) ? log.block(block) : undefined
    return bytes === undefined ? null : Buffer.from(bytes).toString('hex')
  })
}

/** Relative paths of all files below `dir`, in order. */
export function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort()
}

/** Names, contents and times of everything below `dir`. */
export function stateOf(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names.map((name) => {
      const { mtimeMs, size, mode } = statSync(join(dir, name))
      const isFile = statSync(join(dir, name)).isFile()
      const hash = isFile ? sha256(readFileSync(join(dir, name))) : ''
      return [name, `${mode} ${mtimeMs} ${isFile ? size : ''} ${hash}`]
    }),
  )
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

/** Nobody may write below `dir` while `work` runs, as far as permissions stop those who run the tests. */
export async function readOnly<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(dir, name),
  )
  const modes = paths.map((path) => statSync(path).mode)
  for (const [i, path] of paths.entries()) chmodSync(path, (modes[i] ?? 0) & ~0o222)
  try {
    return await work()
  } finally {
    for (const [i, path] of paths.entries()) chmodSync(path, modes[i] ?? 0o600)
  }
}
