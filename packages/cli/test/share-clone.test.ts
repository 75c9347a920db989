/**
 * The main job, by the real command: a folder shared by one process is cloned by another.
 */

import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTree, type Tree, writeTree } from '../../sdk/test/temp.ts'
import { Bench, type DatEvent, type Ended } from './dat.ts'

const LARGE = new Uint8Array(300_000).map((_, i) => (i * i) >> 7)

/** A bit of everything that a folder may hold. */
const TREE: Tree = {
  'readme.md': '# Read me\n',
  empty: '',
  'photos/large.bin': LARGE,
  'photos/2024/Straße 東京.txt': 'a name',
  'run.sh': { exec: '#!/bin/sh\necho run\n' },
  'photos/newest': { link: '2024' },
}

function textOf({ events }: Ended, name: string, field: string): unknown {
  return events.find(({ event }) => event === name)?.[field]
}

function paths(events: readonly DatEvent[], name: string): unknown[] {
  return events.filter(({ event }) => event === name).map(({ path }) => path)
}

test('a clone has what was shared, follows it, and both end cleanly with Ctrl-C', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  writeTree(source, TREE)

  const share = bench.start(['share', source, '--json', ...entry])
  const { link } = await share.event('link')
  await share.event('sharing')
  const clone = bench.start(['clone', String(link), copy, '--live', '--json', ...entry])
  const cloned = await clone.event('cloned')

  assert.deepEqual(readTree(copy), readTree(source))
  assert.equal(cloned['files'], 6)
  assert.equal(cloned['added'], 6)
  assert.equal(cloned['link'], link)

  writeFileSync(join(source, 'new.txt'), 'new')
  appendFileSync(join(source, 'readme.md'), 'More.\n')
  renameSync(join(source, 'empty'), join(source, 'still empty'))
  rmSync(join(source, 'photos/newest'))
  chmodSync(join(source, 'run.sh'), 0o644)
  await clone.event('file-added', ({ path }) => path === '/new.txt')
  await clone.event('file-changed', ({ path }) => path === '/readme.md')
  await clone.event('file-added', ({ path }) => path === '/still empty')
  await clone.event('file-removed', ({ path }) => path === '/empty')
  await clone.event('file-removed', ({ path }) => path === '/photos/newest')
  await clone.event('file-changed', ({ path }) => path === '/run.sh')

  assert.deepEqual(readTree(copy), readTree(source))
  assert.equal((await clone.interrupt()).exit, 0)
  assert.equal((await share.interrupt()).exit, 0)
})

test('the same folder has the same link, imports only what changed, and the link is all of standard output', async (t) => {
  const bench = new Bench(t)
  const source = bench.folder()
  writeTree(source, TREE)

  const first = await bench.run(['share', '--once'], { cwd: source })
  appendFileSync(join(source, 'readme.md'), 'More.\n')
  const second = await bench.run(['share', source, '--once', '--json'])

  assert.match(first.stdout, /^hyper:\/\/[a-z0-9]{52}\n$/)
  assert.match(first.stderr, /6 files, 300 KB, version 7 \(6 added\)/)
  assert.equal(`${textOf(second, 'link', 'link')}\n`, first.stdout)
  assert.equal(textOf(second, 'imported', 'changed'), 1)
  assert.equal(textOf(second, 'imported', 'unchanged'), 5)
  assert.equal(textOf(second, 'imported', 'added'), 0)
})

test('hidden files are shared unless asked otherwise, those of .datignore are not, and people are told how many', async (t) => {
  const bench = new Bench(t)
  const source = bench.folder()
  writeTree(source, {
    '.datignore': '*.log\nbuild/\n',
    '.secret/key': 'x',
    '.profile': 'x',
    'a.log': 'x',
    'build/out': 'x',
    'draft.tmp': 'x',
    'kept.txt': 'x',
  })

  const told = await bench.run(['share', source, '--once', '--no-hidden', '--ignore', '*.tmp'])
  const all = await bench.run(['share', source, '--once', '--no-datignore', '--json'])

  assert.match(told.stderr, /^1 file, /m)
  assert.match(told.stderr, /^2 hidden names were left out\.$/m)
  assert.match(told.stderr, /^3 names were left out by rules/m)
  assert.deepEqual(
    all.events.filter(({ event }) => event === 'hidden'),
    [{ event: 'hidden', names: 2, shared: true }],
  )
  assert.deepEqual(paths(all.events, 'file-added').sort(), [
    '/.datignore',
    '/.profile',
    '/.secret/key',
    '/a.log',
    '/build/out',
    '/draft.tmp',
  ])
})

test('a clone goes on with what it has, and keeps files that were edited in it', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  writeTree(source, TREE)
  const node = await bench.node()
  const shared = await node.share(source, { watch: false })
  await shared.done()
  const clone = ['clone', shared.link, copy, '--json', ...entry]
  assert.equal((await bench.run(clone)).exit, 0)

  writeFileSync(join(copy, 'readme.md'), 'mine')
  const kept = await bench.run(clone)
  const keptText = readFileSync(join(copy, 'readme.md'), 'utf8')
  const forced = await bench.run([...clone, '--force'])

  assert.equal(kept.exit, 75)
  assert.deepEqual(paths(kept.events, 'conflict'), ['/readme.md'])
  assert.equal(textOf(kept, 'cloned', 'unchanged'), 5)
  assert.equal(textOf(kept, 'error', 'code'), 'LOCAL_CHANGES')
  assert.equal(keptText, 'mine')
  assert.equal(forced.exit, 0)
  assert.equal(readFileSync(join(copy, 'readme.md'), 'utf8'), TREE['readme.md'])
  assert.equal(readFileSync(join(copy, 'readme.md.orig'), 'utf8'), 'mine')
})

test('a copied clone goes on; a copied share only when that is said to be meant', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy, moved] = [bench.folder(), bench.folder(), bench.folder()]
  writeTree(source, { a: '1' })
  const first = await bench.run(['share', source, '--once'])
  cpSync(source, moved, { recursive: true })
  rmSync(source, { recursive: true })
  writeFileSync(join(moved, 'b'), '2')

  const refused = await bench.run(['share', moved, '--once', '--json'])
  const share = bench.start(['share', moved, '--recover', '--json', ...entry])
  const { link } = await share.event('link')
  await share.event('sharing')
  await bench.run(['clone', String(link), copy, ...entry])
  const copied = bench.folder()
  cpSync(copy, copied, { recursive: true })
  writeFileSync(join(moved, 'c'), '3')
  await share.event('file-added', ({ path }) => path === '/c')
  const clone = await bench.run(['clone', String(link), copied, ...entry])

  assert.equal(refused.exit, 77)
  assert.equal(textOf(refused, 'error', 'code'), 'NOT_WRITABLE')
  assert.match(String(textOf(refused, 'error', 'hint')), /--recover/)
  assert.equal(`${link}\n`, first.stdout)
  assert.equal(clone.exit, 0)
  assert.deepEqual(readTree(copied), { a: '1', b: '2', c: '3' })
})

test('an older version is written out when asked for, by option or in the link', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, byOption, byLink] = [bench.folder(), bench.folder(), bench.folder()]
  writeTree(source, { a: '1' })
  await bench.run(['share', source, '--once'])
  writeTree(source, { a: 'two', b: '2' })
  const node = await bench.node()
  const shared = await node.share(source, { watch: false })
  await shared.done()

  const option = await bench.run(['clone', shared.link, byOption, '--checkout', '2', ...entry])
  const link = await bench.run(['clone', `${shared.link}+2`, byLink, ...entry])

  assert.deepEqual([option.exit, link.exit], [0, 0])
  assert.deepEqual(readTree(byOption), { a: '1' })
  assert.deepEqual(readTree(byLink), { a: '1' })
})

test('a share with a limit sends no faster', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  writeTree(source, { 'large.bin': LARGE })
  const share = bench.start(['share', source, '--json', '--limit-up', '40k', ...entry])
  const { link } = await share.event('link')
  await share.event('sharing')
  const before = performance.now()

  const clone = await bench.run(['clone', String(link), copy, ...entry])
  const tookMs = performance.now() - before

  assert.equal(clone.exit, 0)
  assert.deepEqual(readTree(copy), readTree(source))
  // A quarter of a second of the rate and one block may pass at once, the rest at the rate.
  assert.ok(tookMs > ((LARGE.length - 10_000 - 65_536) / 40_000) * 1_000, `${tookMs}`)
  assert.equal((await share.interrupt()).exit, 0)
})
