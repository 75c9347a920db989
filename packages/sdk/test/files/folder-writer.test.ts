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
import { FolderWriter } from '../../src/files/folder-writer.ts'
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

test('what a crash left of a file is used up by the next one of its folder', (t) => {
  const root = tempFolder(t)
  const writer = new FolderWriter(root)
  const writing = writer.open('/big', false)
  writing.write(BYTES)
  const part = readdirSync(root)
  assert.equal(existsSync(join(root, 'big')), false)
  assert.equal(part.length, 1)
  assert.match(part[0] ?? '', /^\.dat-rhino/)

  new FolderWriter(root).writeFile('/other', BYTES, false)

  assert.deepEqual(readdirSync(root), ['other'])
})

test('an abandoned file leaves nothing, and what was there stays', (t) => {
  const root = tempFolder(t)
  writeTree(root, { a: 'old' })
  const writing = new FolderWriter(root).open('/a', false)

  writing.write(BYTES)
  writing.abandon()

  assert.deepEqual(readdirSync(root), ['a'])
  assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'old')
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

test('a link in the place of a part is not followed either', (t) => {
  const root = tempFolder(t)
  const outside = join(tempFolder(t), 'precious')
  writeFileSync(outside, 'precious')
  const writer = new FolderWriter(root)
  const writing = writer.open('/x', false)
  const part = readdirSync(root)[0] ?? ''
  writing.abandon()
  symlinkSync(outside, join(root, part))

  writer.writeFile('/a', BYTES, false)

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
