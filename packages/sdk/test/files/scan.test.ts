/**
 * The walk: complete, in the drive's order, never through a link.
 */

import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ignoreRules } from '../../src/files/ignore.ts'
import { type Found, Scan, type ScanOptions } from '../../src/files/scan.ts'
import { asUser, tempFolder, writeTree } from '../temp.ts'

const ALL: ScanOptions = { ignores: () => false }

async function scanAll(root: string, options: ScanOptions = ALL): Promise<Found[]> {
  const scan = new Scan(root, options)
  const all: Found[] = []
  for (;;) {
    const found = scan.next()
    if (found !== undefined) all.push(found)
    else if (!(await scan.more())) return all
  }
}

test('files come in the order of the bytes of their paths, whatever folders they are in', async (t) => {
  const root = tempFolder(t)
  const names = ['a', 'b/c', 'b-x', 'b0', 'b/d/e', 'z/y/x', 'é', '\uFFEE', '😀', 'Z', 'b.txt']
  writeTree(root, Object.fromEntries(names.map((name) => [name, ''])))

  const paths = (await scanAll(root)).map((found) => found.path)

  const expected = names
    .map((name) => `/${name}`)
    .sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
  assert.deepEqual(paths, expected)
})

test('links are found as links and never followed', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'real/file': 'x', away: { link: 'real' }, dangling: { link: 'nowhere' } })

  const found = await scanAll(root)

  assert.deepEqual(
    found.map(({ path, kind }) => [path, kind]),
    [
      ['/away', 'link'],
      ['/dangling', 'link'],
      ['/real/file', 'file'],
    ],
  )
})

test('what is ignored is not entered', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'keep/a': '', 'out/b': '', '.hidden/c': '', '.dat-rhino/d': '', 'x.log': '' })
  const entered: string[] = []

  const found = await scanAll(root, {
    ignores: ignoreRules({ hidden: false, datignore: '*.log\nout\n' }),
    onfolder: (folder) => entered.push(folder),
  })

  assert.deepEqual(
    found.map(({ path }) => path),
    ['/keep/a'],
  )
  assert.deepEqual(entered, ['/', '/keep'])
})

test('a part of the tree keeps its paths from the root', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/1': '', 'a/b/2': '', 'a/c/3': '', d: '' })

  const found = await scanAll(root, { ...ALL, folder: '/a', enters: (folder) => folder !== '/a/b' })

  assert.deepEqual(
    found.map(({ path }) => path),
    ['/a/1', '/a/c/3'],
  )
})

test('a folder that may not be read is told, and the rest is found', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'a/1': '', 'closed/2': '', 'z/3': '' })
  chmodSync(join(root, 'closed'), 0)
  const problems: [string, string][] = []

  const found = await asUser(root, () =>
    scanAll(root, { ...ALL, onproblem: (path, error) => problems.push([path, error.code]) }),
  )

  assert.deepEqual(
    found.map(({ path }) => path),
    ['/a/1', '/z/3'],
  )
  chmodSync(join(root, 'closed'), 0o755)
  assert.deepEqual(problems, [['/closed', 'IO']])
})

test('a root that is not there is told', async (t) => {
  const problems: string[] = []

  await scanAll(join(tempFolder(t), 'nothing'), {
    ...ALL,
    onproblem: (path, error) => problems.push(`${path} ${error.code}`),
  })

  assert.deepEqual(problems, ['/ NOT_FOUND'])
})
