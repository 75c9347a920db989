/** Drives of older networks, by their link alone, between nodes of today. */

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { fromUtf8, utf8 } from '@dat-rhino/core/bytes/bytes'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { TrieDrive } from '@dat-rhino/core/drive/trie-drive'
import type { Rhino } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { readTree } from '../temp.ts'

/** A hyperdrive 10 with another one mounted in it, served by a node. */
async function served(node: Rhino): Promise<{ outer: TrieDrive; link: string }> {
  const store = await node.corestore()
  const made = async (name: string): Promise<TrieDrive> => {
    const log = await store.get({ keyPair: store.keyPair(name), generation: 2 })
    return TrieDrive.open({ store, log })
  }
  const [outer, inner] = [await made('outer'), await made('inner')]
  await inner.put('/inside', utf8('inside'))
  await outer.put('/readme.md', utf8('# readme\n'))
  await outer.put('/run.sh', utf8('#!/bin/sh\n'), { executable: true })
  await outer.put('/big', new Uint8Array(700_000).fill(97))
  await outer.mkdir('/empty')
  await outer.symlink('/link', 'readme.md')
  await outer.mount('/mnt', inner.key)
  const link = formatLink({ key: outer.key })
  await (await node.serve(link)).announced
  return { outer, link }
}

test('a link opens a drive of an older network, which says what it is', async (t) => {
  const bed = new Bed(t)
  const { outer, link } = await served(await bed.online())
  const reader = await bed.online()

  const drive = await reader.drive(link)

  assert.equal(drive.format, 'hyperdrive 10')
  assert.equal(drive.version, outer.version)
  assert.equal(drive.writable, false)
  assert.equal(fromUtf8((await drive.get('/mnt/inside')) ?? utf8('?')), 'inside')
  await assert.rejects(drive.put('/x', utf8('x')), (e) => isCode(e, 'NOT_WRITABLE'))
})

test('what is mounted and has nobody who serves it is left out of a clone and named, and the rest is written', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  const { outer, link } = await served(node)
  const store = await node.corestore()
  const core = await store.get({ keyPair: store.keyPair('core'), generation: 2 })
  await core.append(utf8('bytes of a log'))
  await outer.mount('/core', core.key, { kind: 'log' })
  await store.delete(core.key)
  await outer.mount('/gone', new Uint8Array(32).fill(6))
  const dir = bed.folder()

  const clone = await (await bed.online()).clone(link, dir, { timeoutMs: 2_000 })
  const report = await clone.done()
  await clone.close()

  assert.deepEqual(report.problems.map(({ path }) => path).sort(), ['/core', '/gone'])
  assert.ok(report.error !== undefined)
  assert.deepEqual(Object.keys(readTree(dir)), ['big', 'link', 'mnt/inside', 'readme.md', 'run.sh'])
})

test('a drive of an older network is cloned with what is mounted in it, and followed', async (t) => {
  const bed = new Bed(t)
  const { outer, link } = await served(await bed.online())
  const dir = join(bed.folder(), 'clone')
  mkdirSync(dir)
  const clone = await (await bed.online()).clone(link, dir, { live: true })

  const report = await clone.done()
  const states = clone.states()[Symbol.asyncIterator]()
  await outer.put('/later', utf8('later'))
  for (let isHere = false; !isHere; ) {
    const { value } = await states.next()
    isHere = value?.phase === 'watching' && value.version === outer.version
  }

  assert.equal(report.skipped, 0)
  assert.deepEqual(readTree(dir), {
    big: 'a'.repeat(700_000),
    later: 'later',
    link: { link: 'readme.md' },
    'mnt/inside': 'inside',
    'readme.md': '# readme\n',
    'run.sh': { exec: '#!/bin/sh\n' },
  })
  await clone.close()
})

test('a clone of an older drive goes on without network where it ended', async (t) => {
  const bed = new Bed(t)
  const { link } = await served(await bed.online())
  const dir = join(bed.folder(), 'clone')
  mkdirSync(dir)
  const first = await (await bed.online()).clone(link, dir)
  await first.done()
  await first.close()
  const offline = await bed.offline()

  const again = await offline.clone(link, dir)
  const report = await again.done()
  await again.close()
  await using folder = await offline.folder(dir)
  const status = await folder.status()

  assert.deepEqual([report.added, report.changed, report.skipped], [0, 0, 0])
  assert.equal(folder.drive.format, 'hyperdrive 10')
  assert.equal(status.files, 5)
})
