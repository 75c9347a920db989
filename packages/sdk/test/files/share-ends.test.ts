/**
 * Shares that are refused, stopped or closed; and one store for many.
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import type { ShareOptions } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { type Tree, treeOf, writeTree } from '../temp.ts'

const ONCE: ShareOptions = { watch: false }
const BIG = new Uint8Array(700_000).map((_, i) => (i * i) >> 7)
const TREE: Tree = {
  'a.txt': 'first',
  'b/c.txt': 'second',
  'b/d/empty': '',
  'b/run.sh': { exec: '#!/bin/sh\n' },
  'big.bin': BIG,
  'ünï/文.txt': 'names',
  'with space': 'x',
  link: { link: 'b/c.txt' },
}

test('what cannot be shared says why', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, {
    file: 'x',
    'old/.dat/metadata.key': 'k'.repeat(32),
    'old/.dat/metadata.tree': 't',
  })
  const node = await bed.offline()

  await assert.rejects(node.share(join(dir, 'nothing')), (e) => isCode(e, 'NOT_FOUND'))
  await assert.rejects(node.share(join(dir, 'file')), (e) => isCode(e, 'BAD_ARGUMENT'))
  await assert.rejects(node.share(join(dir, 'old/.dat')), (e) => isCode(e, 'UNSUPPORTED'))
})

test('stores of other programs in a shared folder are left out, since they hold secret keys, and told', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, {
    'a.txt': 'a',
    'backup/store/master_key': 'k'.repeat(32),
    'backup/store/ab/cd/data': 'secret',
    'backup/beside.txt': 'b',
    master_key: 'a file of that name, and no key',
    'known/CORESTORE': 'x',
    'known/db/CURRENT': 'x',
    '.datignore': 'known\n',
  })
  const share = await (await bed.offline()).share(dir, ONCE)

  const report = await share.done()

  const told = report.problems.map(({ path, code }) => [path, code])
  assert.deepEqual(told, [['/backup/store', 'CONFLICT']])
  const paths: string[] = []
  for await (const { path } of share.drive.list('/')) paths.push(path)
  assert.deepEqual(paths, ['/.datignore', '/a.txt', '/backup/beside.txt', '/master_key'])
})

test('a folder is shared by one node at a time', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  const node = await bed.offline()
  await node.share(dir)

  await assert.rejects(node.share(dir), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects((await bed.offline()).share(dir), (e) => isCode(e, 'STORE_LOCKED'))
})

test('while a folder is shared, another node reads what is stored of it', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: 'content' })
  const share = await (await bed.offline()).share(dir)
  await share.done()

  const folder = await (await bed.offline()).folder(dir)

  assert.deepEqual([folder.role, folder.link], ['share', share.link])
  assert.deepEqual(await treeOf(folder.drive), { a: 'content' })
  await folder.close()
})

test('a share that is closed before it is done says so', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, TREE)
  const node = await bed.offline()
  const share = await node.share(dir)
  const done = assert.rejects(share.done(), (e) => isCode(e, 'CLOSED'))

  await share.close()

  await done
  assert.equal(share.state.phase, 'closed')
  const again = await node.share(dir, ONCE)
  assert.equal((await again.done()).files, 8)
})

test('a signal stops a share, and that is no failure', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, TREE)
  const abort = new AbortController()
  const share = await (await bed.offline()).share(dir, { signal: abort.signal })

  abort.abort()

  await assert.rejects(share.done(), (e) => isCode(e, 'ABORTED'))
  assert.equal(share.state.phase, 'closed')
})

test('a signal ends the watching of what is shared, and what was done stays done', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, TREE)
  const abort = new AbortController()
  const share = await (await bed.offline()).share(dir, { signal: abort.signal })
  const { files } = await share.done()
  for await (const { phase } of share.states()) if (phase === 'watching') break

  abort.abort()
  await share.close()

  assert.equal(share.state.phase, 'closed')
  assert.equal((await share.done()).files, files)
})

test('one store for all folders keeps them apart, and nothing is written into them', async (t) => {
  const bed = new Bed(t)
  const [one, two, storage] = [bed.folder(), bed.folder(), bed.folder()]
  writeTree(one, { a: '1' })
  writeTree(two, { b: '2' })
  const links: string[] = []

  for (let round = 0; round < 2; round++) {
    const node = await bed.offline({ storage })
    const shares = [await node.share(one, ONCE), await node.share(two, ONCE)]
    for (const share of shares) await share.done()
    links.push(shares.map(({ link }) => link).join())
    assert.deepEqual(await treeOf(shares[1]?.drive ?? assert.fail()), { b: '2' })
    await node.close()
  }

  assert.equal(links[0], links[1])
  assert.equal(existsSync(join(one, '.dat-rhino')), false)
})
