/** Files of old stores: few are open at a time, none is read as a whole, and nothing but files is opened. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { STORED_FILES_OPEN_MAX, STORED_WINDOW_BYTES } from '@dat-rhino/core/base/limits'
import fc from 'fast-check'
import { ProblemList } from '../../src/migrate/problems.ts'
import { FilePool } from '../../src/migrate/stored-file.ts'
import { tempFolder } from '../temp.ts'

/** Descriptors of this process on files below `dir`; `undefined` where the system does not tell. */
function openBelow(dir: string): number | undefined {
  if (process.platform !== 'linux') return undefined
  const links = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' })
  return links.split('\n').filter((line) => line.includes(dir)).length
}

test('bytes come from where they lie, for any place and length, in any order', (t) => {
  const dir = tempFolder(t)
  const size = 3 * STORED_WINDOW_BYTES + 123
  const content = Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8))
  writeFileSync(join(dir, 'file'), content)
  const pool = new FilePool()
  t.after(() => pool.close())
  const problems = new ProblemList()
  const file = pool.file(join(dir, 'file'), problems)

  fc.assert(
    fc.property(fc.nat(size + 100), fc.nat(2 * STORED_WINDOW_BYTES), (at, length) => {
      const isInside = at + length <= size
      const bytes = file?.read(at, length)
      assert.deepEqual(
        bytes && Buffer.from(bytes),
        isInside ? Buffer.from(content.subarray(at, at + length)) : undefined,
      )
    }),
  )
  assert.deepEqual(problems.all, [])
})

test('a huge file with holes is read where it is asked, without room for the rest', (t) => {
  const path = join(tempFolder(t), 'file')
  writeFileSync(path, 'begin')
  truncateSync(path, 2 ** 40)
  const pool = new FilePool()
  t.after(() => pool.close())
  const file = pool.file(path, new ProblemList())

  assert.equal(file?.size, 2 ** 40)
  assert.equal(Buffer.from(file?.read(0, 5) ?? []).toString(), 'begin')
  assert.deepEqual(Uint8Array.from(file?.read(2 ** 40 - 3, 3) ?? []), new Uint8Array(3))
})

test('however many files are read, few are open, and none when the pool is closed', (t) => {
  const dir = tempFolder(t)
  const pool = new FilePool()
  const problems = new ProblemList()
  const files = Array.from({ length: 3 * STORED_FILES_OPEN_MAX }, (_, i) => {
    const path = join(dir, `file-${i}`)
    writeFileSync(path, `content ${i}`)
    return pool.file(path, problems)
  })

  const views = files.map((file) => file?.read(0, file.size))

  const open = openBelow(dir)
  assert.ok(open === undefined || (open > 0 && open <= STORED_FILES_OPEN_MAX), `${open} open`)
  // Views outlive the descriptor that they were read through.
  for (const [i, view] of views.entries()) {
    assert.equal(Buffer.from(view ?? []).toString(), `content ${i}`)
  }
  pool.close()
  assert.ok(open === undefined || openBelow(dir) === 0)
  assert.deepEqual(problems.all, [])
})

test('a folder in the place of a file is no file, and a pipe is told and not waited for', (t) => {
  const dir = tempFolder(t)
  const pool = new FilePool()
  t.after(() => pool.close())
  const problems = new ProblemList()
  mkdirSync(join(dir, 'folder'))

  assert.equal(pool.file(join(dir, 'folder'), problems), undefined)
  assert.equal(pool.file(join(dir, 'none'), problems), undefined)
  assert.equal(pool.file(join(dir, 'none', 'none'), problems), undefined)
  assert.deepEqual(problems.all, [])
  if (process.platform === 'win32') return
  execFileSync('mkfifo', [join(dir, 'pipe')])
  assert.equal(pool.file(join(dir, 'pipe'), problems), undefined)
  assert.deepEqual(
    problems.all.map(({ kind }) => kind),
    ['damaged'],
  )
  assert.equal(readdirSync(dir).length, 2)
})

test('a file that should be small and is not is told, and not read', (t) => {
  const path = join(tempFolder(t), 'key')
  writeFileSync(path, new Uint8Array(33))
  const pool = new FilePool()
  t.after(() => pool.close())
  const problems = new ProblemList()

  assert.equal(pool.content(path, 33, problems)?.length, 33)
  assert.equal(pool.content(path, 32, problems), undefined)
  assert.equal(problems.all.length, 1)
})

test('the same problem is named once, and of very many the first', () => {
  const problems = new ProblemList()

  for (let i = 0; i < 10; i++) problems.add('cut', 'file', 'short')
  for (let i = 0; i < 1_000; i++) problems.add('edited', 'file', 'changed', i)

  assert.equal(problems.all.length, 256)
  assert.equal(problems.count, 1_001)
})
