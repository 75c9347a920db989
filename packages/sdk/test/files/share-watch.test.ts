/**
 * A share that is watched: what changes in the folder is in the drive soon after.
 */

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import type { Share } from '../../src/index.ts'
import { Bed, firstEvent } from '../bed.ts'
import { readTree, type Tree, treeOf, writeTree } from '../temp.ts'

async function watched(t: TestContext, tree: Tree): Promise<{ dir: string; share: Share }> {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, tree)
  const node = await bed.offline()
  const share = await node.share(dir)
  await share.done()
  return { dir, share }
}

test('while it is watched, each change is in the drive soon after', async (t) => {
  const { dir, share } = await watched(t, { a: '1', 'd/b': '2', 'd/e/f': '3' })

  const added = firstEvent(share.events(), 'file-added')
  writeTree(dir, { 'd/new': 'n' })
  assert.equal((await added).path, '/d/new')

  const changed = firstEvent(share.events(), 'file-changed')
  writeFileSync(join(dir, 'a'), 'one')
  assert.equal((await changed).path, '/a')

  const renamed = firstEvent(share.events(), 'file-renamed')
  renameSync(join(dir, 'd/b'), join(dir, 'd/e/b'))
  assert.deepEqual(await renamed, { type: 'file-renamed', path: '/d/e/b', from: '/d/b' })

  const removed = firstEvent(share.events(), 'file-removed', ({ path }) => path === '/d/e/f')
  rmSync(join(dir, 'd/e'), { recursive: true })
  await removed

  assert.deepEqual(await treeOf(share.drive), readTree(dir))
})

test('files in folders that come later are watched as well', async (t) => {
  const { dir, share } = await watched(t, { a: '1' })

  const first = firstEvent(share.events(), 'file-added')
  mkdirSync(join(dir, 'x/y'), { recursive: true })
  writeFileSync(join(dir, 'x/y/one'), '1')
  await first
  const second = firstEvent(share.events(), 'file-added')
  writeFileSync(join(dir, 'x/y/two'), '2')

  assert.equal((await second).path, '/x/y/two')
  assert.deepEqual(await treeOf(share.drive), readTree(dir))
})

test('a folder that is renamed while watched moves in the drive, with everything in it', async (t) => {
  const { dir, share } = await watched(t, { 'd/a': '1', 'd/e/b': '2', 'd/e/f/c': '3' })
  const bytes = share.drive.blobs?.log.byteLength

  const moved = firstEvent(share.events(), 'file-removed', ({ path }) => path === '/d/e/f/c')
  renameSync(join(dir, 'd'), join(dir, 'z'))
  await moved
  const added = firstEvent(share.events(), 'file-added')
  writeFileSync(join(dir, 'z/e/f/new'), 'n')
  await added

  assert.deepEqual(await treeOf(share.drive), readTree(dir))
  assert.equal(share.drive.blobs?.log.byteLength, (bytes ?? 0) + 1)
})

test('new ignore rules take files out of the drive', async (t) => {
  const { dir, share } = await watched(t, { 'a.log': '1', 'd/b.log': '2', c: '3' })

  const removed = firstEvent(share.events(), 'file-removed', ({ path }) => path === '/d/b.log')
  writeFileSync(join(dir, '.datignore'), '*.log\n')
  await removed

  assert.deepEqual(Object.keys(await treeOf(share.drive)), ['.datignore', 'c'])
  assert.equal(existsSync(join(dir, 'a.log')), true)
})

test('a suspended node watches no folder and plans nothing, and compares all when it goes on', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1', 'd/b': '2' })
  let planned = 0
  const clock = {
    ...systemClock,
    after(delayMs: number, task: () => void) {
      planned++
      return systemClock.after(delayMs, task)
    },
  }
  const node = await bed.offline({ clock })
  const share = await node.share(dir)
  await share.done()

  await node.suspend()
  const before = planned
  const seen = new Promise((resolve) => {
    const watcher = watch(join(dir, 'd'), (_, name) => name === 'late' && resolve(watcher.close()))
  })
  writeTree(dir, { 'd/b': 'two', 'd/late': 'l' })
  await seen
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  const during = [planned - before, await share.drive.get('/d/late')]
  const added = firstEvent(share.events(), 'file-added')
  await node.resume()

  assert.deepEqual(during, [0, undefined])
  assert.equal((await added).path, '/d/late')
  const again = firstEvent(share.events(), 'file-changed', ({ path }) => path === '/a')
  writeFileSync(join(dir, 'a'), 'changed')
  await again
  assert.deepEqual(await treeOf(share.drive), readTree(dir))
})

test('a folder that is shared while the node is suspended is imported, and watched once that goes on', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1' })
  const node = await bed.offline()

  await node.suspend()
  const share = await node.share(dir)
  const { files } = await share.done()
  const added = firstEvent(share.events(), 'file-added')
  writeTree(dir, { b: '2' })
  await node.resume()

  assert.equal(files, 1)
  assert.equal((await added).path, '/b')
})
