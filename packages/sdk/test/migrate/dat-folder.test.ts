/** Folders of the dat command, whose content is the files that people work with. */

import assert from 'node:assert/strict'
import { appendFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { Writer } from '@dat-rhino/core/bytes/cursor'
import { writeBytesField, writeStringField } from '@dat-rhino/core/bytes/protobuf'
import { encodeStat } from '@dat-rhino/core/drive/stat-record'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import { DatContent } from '../../src/migrate/dat-content.ts'
import { ProblemList } from '../../src/migrate/problems.ts'
import { FilePool } from '../../src/migrate/stored-file.ts'
import type { StoredPart } from '../../src/migrate/types.ts'
import { tempFolder, writeTree } from '../temp.ts'
import { copyOf, opened, partsOf, readAll } from './bed.ts'

const SHARE = 'gen1/dat-folder/share'

async function contentOf(t: Parameters<typeof opened>[0], dir: string): Promise<StoredPart> {
  const content = partsOf(await opened(t, dir)).at(-1)
  assert.ok(content?.role === 'content')
  return content
}

test('a file that was edited since is named; its blocks are not given, and all others are', async (t) => {
  const dir = copyOf(t, SHARE)
  const before = readAll((await contentOf(t, dir)).log)
  writeFileSync(join(dir, 'dat.json'), 'x'.repeat(79))

  const content = await contentOf(t, dir)
  const after = readAll(content.log)

  const changed = before.flatMap((block, i) => (block === after[i] ? [] : [i]))
  assert.equal(changed.length, 1)
  assert.equal(after[changed[0] ?? 0], null)
  assert.deepEqual(
    content.problems.map(({ kind, path, block }) => ({ kind, path, block })),
    [{ kind: 'edited', path: join(dir, 'dat.json'), block: changed[0] }],
  )
})

test('a file that is shorter, or gone, is named as that', async (t) => {
  const dir = copyOf(t, SHARE)
  truncateSync(join(dir, 'README.md'), 20)
  rmSync(join(dir, 'image.bin'))

  const content = await contentOf(t, dir)
  readAll(content.log)

  const paths = new Set(content.problems.map(({ path }) => path))
  assert.deepEqual(paths, new Set([join(dir, 'README.md'), join(dir, 'image.bin')]))
  assert.ok(
    content.problems.every(
      ({ kind, message }) => kind === 'edited' && /gone|shorter/.test(message),
    ),
  )
})

test('bytes that were appended to a file change nothing of what was published', async (t) => {
  const dir = copyOf(t, SHARE)
  const before = readAll((await contentOf(t, dir)).log)
  appendFileSync(join(dir, 'README.md'), 'more')

  assert.deepEqual(readAll((await contentOf(t, dir)).log), before)
})

test('what lies in the place of a file, a folder or a link to one, is not read', async (t) => {
  const dir = copyOf(t, SHARE)
  rmSync(join(dir, 'README.md'))
  symlinkSync(join(dir, 'data'), join(dir, 'README.md'))

  const content = await contentOf(t, dir)
  const blocks = readAll(content.log)

  assert.ok(blocks.includes(null))
  assert.deepEqual(
    new Set(content.problems.map(({ path }) => path)),
    new Set([join(dir, 'README.md')]),
  )
})

test('a name that leads out of the folder, or into .dat, is not read and is told', (t) => {
  const dir = join(tempFolder(t), 'in')
  writeTree(dir, { '../outside.txt': 'secret', '.dat/metadata.key': 'secret', 'a.txt': 'public' })
  const entry = (name: string, byteOffset: number): Uint8Array => {
    const numbers = { mode: 0o100644, uid: 0, gid: 0, blocks: 1, offset: 0, mtime: 0, ctime: 0 }
    const w = new Writer()
    writeStringField(w, 1, name)
    writeBytesField(w, 2, encodeStat({ ...numbers, size: 6, byteOffset }))
    return w.take()
  }
  const blocks = [
    utf8('header'),
    entry('/../outside.txt', 0),
    entry('/.dat/metadata.key', 6),
    entry('/.DAT/metadata.key', 12),
    entry('/a.txt', 18),
    utf8('no entry at all'),
  ]
  const metadata = { length: blocks.length, has: () => true, block: (i: number) => blocks[i] }
  const problems = new ProblemList()
  const pool = new FilePool()
  t.after(() => pool.close())

  const content = new DatContent(dir, metadata as unknown as StoredLog, pool, problems)

  for (const at of [0, 6, 12]) assert.equal(content.read(at, 6), undefined)
  assert.equal(Buffer.from(content.read(18, 6) ?? []).toString(), 'public')
  assert.equal(content.read(19, 6), undefined)
  assert.equal(content.read(1_000, 1), undefined)
  assert.equal(problems.all.length, 2)
})

test('the key of the content is found in the metadata when its file is lost', async (t) => {
  const dir = copyOf(t, SHARE)
  const before = readAll((await contentOf(t, dir)).log)
  rmSync(join(dir, '.dat', 'content.key'))

  const store = await opened(t, dir)

  assert.deepEqual(readAll(partsOf(store)[1]?.log ?? assert.fail()), before)
  assert.deepEqual(
    store.problems.map(({ kind }) => kind),
    ['missing'],
  )
})
