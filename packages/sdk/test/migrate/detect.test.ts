/** What a path is, found out without being told. */

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DETECT_DEPTH_MAX, DETECT_NAMES_MAX } from '@dat-rhino/core/base/limits'
import { detectPath, searchBelow } from '../../src/migrate/detect.ts'
import type { FoundKind } from '../../src/migrate/types.ts'
import { tempFolder, writeTree } from '../temp.ts'
import { copyOf, fixture } from './bed.ts'

const KINDS: readonly (readonly [string, FoundKind])[] = [
  ['gen1/feed-live', 'feed'],
  ['gen1/feed-v6', 'feed'],
  ['gen1/feed-static', 'feed'],
  ['gen1/dat-folder/share', 'dat-folder'],
  ['gen1/dat-clone/share', 'dat-folder'],
  ['gen1/sleep-multi/sleep', 'dat-archive'],
  ['gen1/beaker', 'folder'],
  ['gen2/corestore5', 'corestore-5'],
  ['gen2/hyperdrive10', 'corestore-5'],
  ['gen2/multifeed6', 'multifeed'],
  ['gen2/hypercore9-writer', 'feed'],
  ['gen3/corestore6', 'corestore-6'],
  ['gen3/corestore7', 'corestore-7'],
  ['gen3/corestore7-early', 'corestore-7'],
  ['gen3/hypercore10-header0', 'hypercore-10'],
  ['gen1/dat-folder/home/.dat/secret_keys', 'dat-secrets'],
]

for (const [name, kind] of KINDS) {
  test(`${name} is found to be: ${kind}`, () => {
    const found = detectPath(fixture(name))

    assert.equal(found.kind, kind)
    assert.equal(found.path, fixture(name))
    assert.equal(found.isCut, false)
    assert.ok(found.why.endsWith('.'))
    // RocksDB is used by others too; the file that would settle it is left out of the fixtures.
    assert.equal(found.sure, kind === 'corestore-7' ? 'likely' : 'certain')
  })
}

test("a Beaker profile has its archives below it, and is called Beaker's", () => {
  const found = detectPath(fixture('gen1/beaker'))

  assert.deepEqual(
    found.nested.map(({ kind }) => kind),
    ['archive'],
  )
  assert.match(found.why, /Beaker/)
  assert.match(found.nested[0]?.path ?? '', /Archives.Meta.fd.1724385a/)
})

test('below a folder every store is found once, in order of its path', () => {
  const found = detectPath(fixture('gen2'))

  const kinds = found.nested.map(({ kind, path }) => `${path.split(/[/\\]/).at(-1)} ${kind}`)
  assert.equal(kinds.length, 10)
  assert.equal(kinds[0], 'corestore5 corestore-5')
  assert.equal(kinds.at(-1), 'multifeed6 multifeed')
})

test('of a file, or of a folder inside of a store, the store is found', (t) => {
  const dir = fixture('gen1/dat-folder/share')

  assert.equal(detectPath(join(dir, '.dat')).path, dir)
  assert.equal(detectPath(join(dir, '.dat', 'metadata.tree')).path, dir)
  assert.equal(detectPath(join(dir, 'data', 'numbers.csv')).path, dir)
  assert.equal(detectPath(fixture('gen3/corestore6/primary-key')).kind, 'corestore-6')
  assert.equal(detectPath(fixture('gen3/corestore6/cores')).path, fixture('gen3/corestore6'))
  const store = copyOf(t, 'gen3/corestore7')
  writeFileSync(join(store, 'CORESTORE'), '')
  assert.equal(detectPath(join(store, 'db')).path, store)
  assert.equal(detectPath(store).sure, 'certain')
})

test('a store that has lost files is still found, and is only likely', (t) => {
  const lost: readonly (readonly [string, string, FoundKind])[] = [
    ['gen1/feed-live', 'key', 'feed'],
    ['gen1/feed-live', 'bitfield', 'feed'],
    ['gen1/dat-folder/share', '.dat/metadata.key', 'dat-folder'],
    ['gen1/sleep-multi/sleep', 'metadata.key', 'dat-archive'],
    ['gen2/corestore5', 'master_key', 'corestore-5'],
    ['gen3/corestore6', 'primary-key', 'corestore-6'],
  ]
  for (const [name, file, kind] of lost) {
    const dir = copyOf(t, name)
    rmSync(join(dir, file))

    const found = detectPath(dir)

    assert.equal(found.kind, kind, `${name} without ${file}`)
    assert.equal(found.sure, 'likely')
  }
})

test("today's stores, and folders that have one, are known", (t) => {
  const dir = tempFolder(t)
  mkdirSync(join(dir, 'share', '.dat-rhino', 'store'), { recursive: true })
  writeTree(join(dir, 'store'), { keys: '', 'data-0': '' })

  assert.equal(detectPath(join(dir, 'share')).kind, 'rhino')
  assert.equal(detectPath(join(dir, 'store')).kind, 'rhino')
})

test('what is no store is said to be none, and a dat before version 13 is named', (t) => {
  const dir = tempFolder(t)
  writeTree(dir, { 'plain/readme.md': 'hello', 'old/.dat/db/CURRENT': 'MANIFEST-1' })

  assert.equal(detectPath(join(dir, 'plain')).kind, 'nothing')
  const old = detectPath(join(dir, 'old'))
  assert.equal(old.kind, 'nothing')
  assert.match(old.why, /before version 13/)
  assert.throws(() => detectPath(join(dir, 'none')), { code: 'NOT_FOUND' })
})

test('a store is found as deep as the search goes, and not deeper', (t) => {
  const dir = tempFolder(t)
  const below = (depth: number): string =>
    Array.from({ length: depth }, (_, i) => `level ${i}`).join('/')
  const deepest = join(dir, 'a', below(DETECT_DEPTH_MAX - 1))
  cpSync(fixture('gen1/feed-live'), deepest, { recursive: true })
  cpSync(fixture('gen1/feed-live'), join(dir, 'b', below(DETECT_DEPTH_MAX)), { recursive: true })

  const found = detectPath(dir)

  assert.deepEqual(
    found.nested.map(({ path }) => path),
    [deepest],
  )
  assert.ok(found.isCut)
})

test('so many names are looked at, and of more it is told that the search was cut', (t) => {
  const dir = tempFolder(t)
  for (const name of ['a', 'b']) mkdirSync(join(dir, name))
  cpSync(fixture('gen1/feed-live'), join(dir, 'c'), { recursive: true })

  const below = searchBelow(dir, DETECT_NAMES_MAX - 3)
  const above = searchBelow(dir, DETECT_NAMES_MAX - 2)

  assert.deepEqual([below.isCut, below.nested.length], [false, 1])
  assert.deepEqual([above.isCut, above.nested.length], [true, 0])
})

test('the search does not follow links, and tells when it ends at a limit', (t) => {
  const dir = tempFolder(t)
  mkdirSync(join(dir, 'a'))
  symlinkSync(dir, join(dir, 'a', 'round'))
  cpSync(fixture('gen1/feed-live'), join(dir, 'b', 'feed'), { recursive: true })
  mkdirSync(join(dir, 'c', '1', '2', '3', '4', '5', '6', '7', '8'), { recursive: true })

  const found = detectPath(dir)

  assert.deepEqual(
    found.nested.map(({ path }) => path),
    [join(dir, 'b', 'feed')],
  )
  assert.equal(found.isCut, true)
})
