/**
 * Clones that are refused, find nobody, lose their peer or are closed; and where their state is kept.
 */

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { Bed, firstEvent } from '../bed.ts'
import { cloneOnce, live, pair } from '../pair.ts'
import { readTree, writeTree } from '../temp.ts'

const BIG = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 9)
test('a folder has one role: it is not cloned into when shared, nor shared when cloned', async (t) => {
  const folders = await pair(t, { a: '1' })
  const { bed, source, target, share } = folders
  await cloneOnce(folders)
  const other = await bed.offline()
  const otherDir = bed.folder()
  const { link } = await other.share(otherDir)
  await other.close()
  const node = await bed.online()

  await assert.rejects(node.share(target), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects(node.clone(link, target), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects(node.clone(share.link, otherDir), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects(node.clone(link, source), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects(node.clone('dat://what', target), (e) => isCode(e, 'BAD_LINK'))
  assert.deepEqual(readTree(otherDir), {})
})

test('a link that nobody serves ends with NO_PEERS, in the time given', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()

  const clone = await node.clone(`hyper://${'5a'.repeat(32)}`, join(bed.folder(), 'x'), {
    timeoutMs: 400,
  })

  await assert.rejects(clone.done(), (e) => isCode(e, 'NO_PEERS'))
  assert.equal(clone.state.phase, 'failed')
})

test('offline, a new clone ends at once, and a complete one is still checked', async (t) => {
  const folders = await pair(t, { a: '1', b: '2' })
  const { bed, share, target } = folders
  await cloneOnce(folders)
  unlinkSync(join(target, 'a'))
  const node = await bed.offline()

  const known = await (await node.clone(share.link, target)).done()
  const unknown = await node.clone(share.link, `${target}2`)

  assert.equal(known.added + known.changed, 1)
  assert.deepEqual(readTree(target), { a: '1', b: '2' })
  await assert.rejects(unknown.done(), (e) => isCode(e, 'NO_PEERS'))
})

test('a peer that goes away in the middle ends the clone with an error, and loses nothing', async (t) => {
  const tree = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`f${i}`, BIG.subarray(i, i + 100_000)]),
  )
  const bed = new Bed(t)
  const [source, target] = [bed.folder(), join(bed.folder(), 'target')]
  writeTree(source, tree)
  const sharing = await bed.online()
  const share = await sharing.share(source)
  await share.done()
  const node = await bed.online()
  const clone = await node.clone(share.link, target, { timeoutMs: 1_000 })

  await firstEvent(clone.events(), 'file-added')
  await sharing.close()

  await assert.rejects(clone.done(), (e) => isCode(e, 'NO_PEERS') || isCode(e, 'TIMEOUT'))
  await node.close()
  const again = await (await bed.online()).share(source)
  await cloneOnce({ bed, source, target, share: again })
  assert.deepEqual(readTree(target), readTree(source))
})

test('two who join in the same moment meet all the same', async (t) => {
  const bed = new Bed(t)
  const source = bed.folder()
  writeTree(source, { a: '1' })
  const made = await bed.offline()
  const { link } = await made.share(source)
  await made.close()
  const [one, two] = [await bed.online(), await bed.online()]

  const [, clone] = await Promise.all([one.share(source), two.clone(link, join(bed.folder(), 'x'))])

  assert.equal((await clone.done()).added, 1)
})

test('a node closes within a second, also when the network is gone', async (t) => {
  const folders = await pair(t, { a: '1' })
  const { node } = await live(folders)
  const started = performance.now()

  await node.close()

  assert.ok(performance.now() - started < 1_000)
})

test('the folder of a clone can be moved', async (t) => {
  const folders = await pair(t, { a: '1', b: '2' })
  await cloneOnce(folders)
  const moved = `${folders.target}-moved`
  renameSync(folders.target, moved)

  const report = await cloneOnce({ ...folders, target: moved })

  assert.equal(report.unchanged, 2)
})

test('state and events tell the way of a clone', async (t) => {
  const { bed, share, target } = await pair(t, { a: 'x'.repeat(1_000), b: '2' })
  const node = await bed.online()
  const clone = await node.clone(share.link, target)
  const types: string[] = []
  const listening = (async () => {
    for await (const event of clone.events()) types.push(event.type)
  })()

  await clone.done()
  const { phase, files, bytes, have, length, version } = clone.state
  await clone.close()
  await listening

  assert.deepEqual(
    { phase, files, bytes, version },
    {
      phase: 'done',
      files: { done: 2, total: 2 },
      bytes: { done: 1_001, total: 1_001 },
      version: share.drive.version,
    },
  )
  assert.equal(have, length)
  for (const type of ['phase', 'file-added', 'ready', 'version'])
    assert.ok(types.includes(type), type)
})

test('one store for all keeps clones, and writes nothing but files into their folders', async (t) => {
  const { bed, share, target } = await pair(t, { a: '1' })
  const storage = bed.folder()
  const node = await bed.online({ storage })
  await (await node.clone(share.link, target)).done()

  assert.deepEqual(readdirSync(target), ['a'])
  mkdirSync(`${target}2`)
  const second = await node.clone(share.link, `${target}2`)
  assert.equal((await second.done()).added, 1)
})
