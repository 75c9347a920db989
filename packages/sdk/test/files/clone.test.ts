/**
 * Cloning over a real network on this machine: hyperswarm, a DHT of three nodes, two of our own.
 */

import assert from 'node:assert/strict'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { firstEvent } from '../bed.ts'
import { change, cloneOnce, live, pair } from '../pair.ts'
import { readTree, type Tree, writeTree } from '../temp.ts'

const BIG = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 9)
const TREE: Tree = {
  'a.txt': 'first',
  'b/c.txt': 'second',
  'b/d/empty': '',
  'b/run.sh': { exec: '#!/bin/sh\n' },
  'big.bin': BIG,
  'b-x': '1',
  b0: '2',
  'ünï/文.txt': 'names',
  'with space': 'x',
  link: { link: 'b/c.txt' },
  'b/up': { link: '../a.txt' },
}

test('a clone is equal to what was shared, byte for byte, with modes and links', async (t) => {
  const folders = await pair(t, TREE)

  const report = await cloneOnce(folders)

  assert.deepEqual(readTree(folders.target), readTree(folders.source))
  assert.deepEqual([report.added, report.files, report.conflicts], [11, 11, 0])
  assert.equal(report.error, undefined)
  assert.equal(report.version, folders.share.drive.version)
})

test('a clone that is complete has nothing to do, and does nothing', async (t) => {
  const folders = await pair(t, TREE)
  await cloneOnce(folders)
  const before = statSync(join(folders.target, 'big.bin'))

  const report = await cloneOnce(folders)

  assert.deepEqual([report.added, report.changed, report.unchanged], [0, 0, 11])
  assert.equal(statSync(join(folders.target, 'big.bin')).ino, before.ino)
})

test('large files among small ones are recorded in the order of their paths', async (t) => {
  const tree: Tree = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [
      `f${10 + i}`,
      i % 3 === 2 ? `${i}` : BIG.subarray(0, 300_000 + 400_000 * (i % 5)),
    ]),
  )
  const folders = await pair(t, tree)

  const report = await cloneOnce(folders)

  const lines = readFileSync(join(folders.target, '.dat-rhino/files'), 'utf8').split('\n')
  const recorded = lines.flatMap((line) => /^F .*(f\d\d)$/.exec(line)?.[1] ?? [])
  assert.equal(report.added, 12)
  assert.deepEqual(recorded, Object.keys(tree).sort())
  assert.deepEqual(readTree(folders.target), readTree(folders.source))
})

test('a large file that cannot have its name is told, and the others arrive', async (t) => {
  const folders = await pair(t, { a: BIG, b: BIG, c: 'small' })
  const node = await folders.bed.online()
  const clone = await node.clone(folders.share.link, folders.target)
  // In the place of the file, once it was looked for and before it is whole.
  const part = watch(folders.target, () =>
    mkdirSync(join(folders.target, 'a'), { recursive: true }),
  )
  t.after(() => part.close())

  const report = await clone.done()
  await node.close()

  assert.deepEqual(
    report.problems.map(({ path, code }) => [path, code]),
    [['/a', 'CONFLICT']],
  )
  assert.deepEqual(readdirSync(folders.target).sort(), ['.dat-rhino', 'a', 'b', 'c'])
})

test('a live clone follows what is added, changed, renamed and deleted', async (t) => {
  const folders = await pair(t, TREE)
  const { source, target } = folders
  const { clone } = await live(folders)

  const added = firstEvent(clone.events(), 'file-added', ({ path }) => path === '/new/file')
  writeTree(source, { 'new/file': 'n' })
  await added
  const changed = firstEvent(clone.events(), 'file-changed', ({ path }) => path === '/a.txt')
  writeFileSync(join(source, 'a.txt'), 'FIRST')
  await changed
  const renamed = firstEvent(clone.events(), 'file-removed', ({ path }) => path === '/big.bin')
  renameSync(join(source, 'big.bin'), join(source, 'b/moved.bin'))
  await renamed
  const removed = firstEvent(clone.events(), 'file-removed', ({ path }) => path === '/b/run.sh')
  rmSync(join(source, 'b'), { recursive: true })
  await removed
  const again = firstEvent(clone.events(), 'file-changed', ({ path }) => path === '/a.txt')
  writeFileSync(join(source, 'a.txt'), 'first')
  await again

  assert.deepEqual(readTree(target), readTree(source))
})

test('a clone that is stopped in the middle is gone on with', async (t) => {
  const tree = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`f${i}`, BIG.subarray(i, i + 30_000)]),
  )
  const folders = await pair(t, tree)
  const abort = new AbortController()
  const node = await folders.bed.online()
  const clone = await node.clone(folders.share.link, folders.target, { signal: abort.signal })
  const first = firstEvent(clone.events(), 'file-added')
  const done = assert.rejects(clone.done(), (e) => isCode(e, 'ABORTED'))

  await first
  abort.abort()
  await done
  await node.close()
  const partly = Object.entries(readTree(folders.target))
  const whole = readTree(folders.source)
  const report = await cloneOnce(folders)

  assert.ok(partly.length > 0 && partly.length < 400, `${partly.length}`)
  for (const [path, content] of partly) {
    if (!path.startsWith('.dat-rhino')) assert.equal(content, whole[path])
  }
  assert.ok(report.added < 400)
  assert.deepEqual(readTree(folders.target), whole)
})

test('what a stopped clone had written goes when it is gone from the drive since', async (t) => {
  const folders = await pair(t, { a: '1', gone: '2' })
  const { source, target, share } = folders
  await cloneOnce(folders)
  // As if it had been stopped before the end: every file is recorded, no version is.
  const ledger = join(target, '.dat-rhino/files')
  writeFileSync(ledger, readFileSync(ledger, 'utf8').replaceAll(/^V \d+$/gm, 'V 0'))
  await change(share, () => unlinkSync(join(source, 'gone')))

  const report = await cloneOnce(folders)

  assert.deepEqual(readTree(target), { a: '1' })
  assert.deepEqual([report.removed, report.unchanged], [1, 1])
})
