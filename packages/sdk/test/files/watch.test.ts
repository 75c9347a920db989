/**
 * Watching: every kind of change names its folder, also in folders that came later.
 */

import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { FolderWatch } from '../../src/files/watch.ts'
import { tempFolder, writeTree } from '../temp.ts'

interface Watching {
  readonly watch: FolderWatch
  /** The folders of the next report. */
  next(): Promise<string[] | undefined>
}

function watching(t: TestContext, root: string): Watching {
  let wake: (() => void) | undefined
  const watch = new FolderWatch(root, {
    clock: systemClock,
    onchange: () => wake?.(),
    onlimit: (error) => assert.fail(error),
  })
  t.after(() => watch.close())
  return {
    watch,
    async next() {
      // The timers of the clock keep no process alive; a test has to wait for them all the same.
      const alive = setInterval(() => undefined, 1_000)
      if (!watch.isSettled) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      clearInterval(alive)
      return watch.take()?.sort()
    },
  }
}

test('a file that is made, written, moved or removed names its folder', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/one': '1', 'b/two': '2' })
  const { watch, next } = watching(t, root)
  for (const folder of ['/', '/a', '/b']) watch.add(folder)

  writeFileSync(join(root, 'a/new'), '')
  assert.deepEqual(await next(), ['/a'])
  writeFileSync(join(root, 'b/two'), 'changed')
  assert.deepEqual(await next(), ['/b'])
  renameSync(join(root, 'a/one'), join(root, 'b/one'))
  assert.deepEqual(await next(), ['/a', '/b'])
  rmSync(join(root, 'b/one'))
  assert.deepEqual(await next(), ['/b'])
})

test('changes of one moment are one report', async (t) => {
  const root = tempFolder(t)
  const { watch, next } = watching(t, root)
  watch.add('/')

  for (let i = 0; i < 50; i++) writeFileSync(join(root, `${i}`), '')

  assert.deepEqual(await next(), ['/'])
  assert.equal(watch.isSettled, false)
})

test('a folder that is gone is reported as its parent, and is not watched any more', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/b/c': '' })
  const { watch, next } = watching(t, root)
  for (const folder of ['/', '/a', '/a/b']) watch.add(folder)

  rmSync(join(root, 'a'), { recursive: true })

  assert.deepEqual(await next(), ['/'])
  assert.equal(watch.isWatched('/a'), false)
})

test('a folder that was replaced by another of its name counts as not watched', async (t) => {
  const root = tempFolder(t)
  mkdirSync(join(root, 'a'))
  mkdirSync(join(root, 'other'))
  const { watch, next } = watching(t, root)
  watch.add('/')
  watch.add('/a')
  assert.equal(watch.isWatched('/a'), true)

  renameSync(join(root, 'a'), join(root, 'old'))
  renameSync(join(root, 'other'), join(root, 'a'))
  await next()

  assert.equal(watch.isWatched('/a'), false)
  watch.add('/a')
  writeFileSync(join(root, 'a/new'), '')
  assert.deepEqual(await next(), ['/a'])
})

test('what was touched by hand is reported without a change on the disk', async (t) => {
  const { watch, next } = watching(t, tempFolder(t))

  watch.touch('/')

  assert.deepEqual(await next(), ['/'])
})

test('while it is suspended nothing is heard, and after that everything counts as changed', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/one': '1' })
  const { watch, next } = watching(t, root)
  for (const folder of ['/', '/a']) watch.add(folder)

  watch.suspend()
  watch.add('/a')
  watch.touch('/a')
  const heard = [watch.isWatched('/'), watch.isWatched('/a'), watch.isSettled]
  watch.resume()

  assert.deepEqual(heard, [false, false, false])
  assert.equal(await next(), undefined)
  watch.add('/a')
  writeFileSync(join(root, 'a/one'), 'changed')
  assert.deepEqual(await next(), ['/a'])
})

test('resuming what was not suspended, or was closed, reports nothing', (t) => {
  const { watch } = watching(t, tempFolder(t))

  watch.resume()
  const before = watch.isSettled
  watch.suspend()
  watch.close()
  watch.resume()

  assert.deepEqual([before, watch.isSettled], [false, false])
})
