/**
 * Writing under names that somebody else chose: whole or not at all, and never outside.
 */

import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { FolderWriter, LARGE_MAX } from '../../src/files/folder-writer.ts'
import { tempFolder, writeTree } from '../temp.ts'

const BYTES = new TextEncoder().encode('content')

test('a file is written with the folders on its way, and with its mode', (t) => {
  const root = tempFolder(t)
  const writer = new FolderWriter(root)

  writer.writeFile('/a/b/c', BYTES, false)
  const stat = writer.writeFile('/a/b/run', BYTES, true)

  assert.equal(readFileSync(join(root, 'a/b/c'), 'utf8'), 'content')
  assert.equal(statSync(join(root, 'a/b/c')).mode & 0o111, 0)
  assert.equal(statSync(join(root, 'a/b/run')).mode & 0o100, 0o100)
  assert.equal(stat.executable, true)
  assert.equal(stat.size, BYTES.length)
  assert.deepEqual(readdirSync(join(root, 'a/b')), ['c', 'run'])
})

test('what a crash left of files is removed with the first file that is written into their folder', (t) => {
  const root = tempFolder(t)
  const writer = new FolderWriter(root)
  for (const path of ['/a/big', '/a/bigger', '/a/biggest']) writer.open(path, false)
  const parts = readdirSync(join(root, 'a'))
  assert.equal(parts.length, 3)
  for (const part of parts) assert.match(part, /^\.dat-rhino/)

  new FolderWriter(root).writeFile('/a/other', BYTES, false)

  assert.deepEqual(readdirSync(join(root, 'a')), ['other'])
})

test('large files are written side by side, and each comes under its name when it is whole', async (t) => {
  const root = tempFolder(t)
  const writer = new FolderWriter(root)
  const piece = new Uint8Array(700_000).fill(7)
  const one = writer.open('/one', false)
  const two = writer.open('/two', true)

  for (let i = 0; i < 5; i++) {
    await one.write(piece)
    await two.write(new Uint8Array(piece.length).fill(7 + i))
  }
  writer.writeFile('/small', BYTES, false)
  const seen = readdirSync(root).filter((name) => !name.startsWith('.'))
  const stats = await Promise.all([two.finish(), one.finish()])

  assert.deepEqual(seen, ['small'])
  assert.deepEqual(readdirSync(root), ['one', 'small', 'two'])
  assert.deepEqual(
    stats.map(({ size, executable }) => [size, executable]),
    [
      [3_500_000, true],
      [3_500_000, false],
    ],
  )
  const bytes = readFileSync(join(root, 'two'))
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => bytes[i * 700_000]),
    [7, 8, 9, 10, 11],
  )
})

test('a large file that has its name lends the other name to the next one', async (t) => {
  const root = tempFolder(t)
  const writer = new FolderWriter(root)

  for (let i = 0; i < 2 * LARGE_MAX; i++) {
    const writing = writer.open(`/${i}`, false)
    if (i % 2 === 0) await writing.finish()
    else await writing.abandon()
  }

  assert.deepEqual(readdirSync(root), ['0', '2', '4'])
})

test('an abandoned file leaves nothing, and what was there stays', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { a: 'old' })
  const writing = new FolderWriter(root).open('/a', false)

  await writing.write(new Uint8Array(3_000_000))
  await writing.abandon()

  assert.deepEqual(readdirSync(root), ['a'])
  assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'old')
})

test('a large file that cannot have its name leaves nothing', async (t) => {
  const root = tempFolder(t)
  const writing = new FolderWriter(root).open('/a', false)
  await writing.write(BYTES)
  writeTree(root, { 'a/b': 'a folder is in the way' })

  await assert.rejects(writing.finish(), { code: 'EISDIR' })

  assert.deepEqual(readdirSync(root), ['a'])
})

test('nothing is written or looked at through a link', (t) => {
  const root = tempFolder(t)
  const outside = tempFolder(t)
  symlinkSync(outside, join(root, 'way'))
  const writer = new FolderWriter(root)

  const isConflict = (error: unknown): boolean => isCode(error, 'CONFLICT')
  assert.throws(() => writer.writeFile('/way/evil', BYTES, false), isConflict)
  assert.throws(() => writer.writeFile('/way/deep/evil', BYTES, false), isConflict)
  assert.throws(() => writer.look('/way/evil'), isConflict)
  assert.throws(() => writer.writeLink('/way/evil', 'x'), isConflict)

  assert.deepEqual(readdirSync(outside), [])
})

test('a link at the name is replaced, not followed', (t) => {
  const root = tempFolder(t)
  const outside = join(tempFolder(t), 'precious')
  writeFileSync(outside, 'precious')
  symlinkSync(outside, join(root, 'a'))

  new FolderWriter(root).writeFile('/a', BYTES, false)

  assert.equal(readFileSync(outside, 'utf8'), 'precious')
  assert.equal(lstatSync(join(root, 'a')).isFile(), true)
})

test('a link in the place of a part is not followed either', async (t) => {
  const root = tempFolder(t)
  const outside = join(tempFolder(t), 'precious')
  writeFileSync(outside, 'precious')
  const writer = new FolderWriter(root)
  const writing = writer.open('/x', false)
  const part = readdirSync(root)[0] ?? ''
  await writing.abandon()
  symlinkSync(outside, join(root, part))

  await writer.open('/a', false).finish()

  assert.equal(readFileSync(outside, 'utf8'), 'precious')
})

test('removing the last file removes the folders that are empty by it, and no others', (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/b/c': '', 'a/keep': '' })
  const writer = new FolderWriter(root)

  writer.remove('/a/b/c')
  assert.deepEqual(readdirSync(join(root, 'a')), ['keep'])

  writer.writeFile('/a/b/d', BYTES, false)
  assert.equal(existsSync(join(root, 'a/b/d')), true)
})

test('what is kept aside never takes the name of another file', (t) => {
  const root = tempFolder(t)
  writeTree(root, { a: '1', 'a.orig': '2' })

  const aside = new FolderWriter(root).keepAside('/a')

  assert.equal(aside, '/a.orig-2')
  assert.equal(readFileSync(join(root, 'a.orig'), 'utf8'), '2')
  assert.equal(readFileSync(join(root, 'a.orig-2'), 'utf8'), '1')
})

test('look tells what stands at a path', (t) => {
  const root = tempFolder(t)
  writeTree(root, { file: 'abc', link: { link: 'file' } })
  mkdirSync(join(root, 'folder'))
  const writer = new FolderWriter(root)

  const kinds = ['/file', '/link', '/folder', '/nothing', '/no/thing'].map(
    (p) => writer.look(p).kind,
  )

  assert.deepEqual(kinds, ['file', 'link', 'folder', 'nothing', 'nothing'])
})
