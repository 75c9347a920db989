/** Clearing and deleting while a stock peer replicates: it is told, gets what remains, and follows what begins anew. */

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const blocks = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => utf8(`block ${i}`))

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined)

test('a hypercore 11 is told of what we clear, and gets every block that remains', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(100))
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })
  await stock.do('download', { name: 'log', start: 0, end: 10 })
  await stock.do('claimed', { name: 'log', index: 50, by: 'all' })

  // Odd at both ends: the proofs of the neighbours need hashes of what goes.
  await log.clear(21, 60)

  assert.equal(await stock.do('claimed', { name: 'log', index: 50, by: 'none' }), 1)
  for (const index of [20, 60, 99]) {
    assert.equal(text(await stock.do('block', { name: 'log', index })), `block ${index}`)
  }
})

test('a log of a hypercore 11 that we delete is claimed no more, and syncs again when it is wanted again', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await stock.do('core', { name: 'log' })
  await stock.do('append', { name: 'log', blocks: blocks(50) })
  await stock.do('connect', { port: await node.listen() })
  const log = await node.corestore.get({ key })
  await log.update()
  await log.download({ start: 0, end: 50 }).done()
  await stock.do('claimed', { name: 'log', index: 49, by: 'all' })

  await node.corestore.delete({ key })

  await stock.do('claimed', { name: 'log', index: 49, by: 'none' })
  assert.deepEqual(await node.corestore.list(), [])
  const again = await node.corestore.get({ key })
  assert.equal(text(await again.get(49)), 'block 49')
  await again.download({ start: 0, end: 50 }).done()
  assert.equal(again.info().heldBlocks, 50)
})

/** What `du` says of a folder. */
const diskUse = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0)

test('what we clear and delete while a hypercore 11 sends us more is back in the file system', async (t) => {
  const MIB = 1_048_576
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await stock.do('core', { name: 'log' })
  await stock.do('append', { name: 'log', blocks: randomBlocks(80, 100_000, 120_000) })
  const other = await stock.do('core', { name: 'other' })
  await stock.do('append', { name: 'other', blocks: randomBlocks(80, 100_000, 120_000) })
  await stock.do('connect', { port: await node.listen() })
  const log = await node.corestore.get({ key })
  await log.update()
  await log.download({ start: 0, end: 80 }).done()
  await log.flush()
  const before = diskUse(node.folder)

  const growing = await node.corestore.get({ key: other.key })
  await growing.get(0)
  const arriving = growing.download({ start: 0, end: 10 }).done()
  await log.clear(1, 79)
  const cleared = diskUse(node.folder)
  await arriving
  assert.equal((await log.get(40)).length >= 100_000, true)
  await node.corestore.delete(key)
  const deleted = diskUse(node.folder)

  assert.ok(before > 7 * MIB, `${before}`)
  assert.ok(cleared < 4 * MIB, `${cleared} of ${before}`)
  assert.ok(deleted < 2.5 * MIB, `${deleted} of ${before}`)
  await growing.download({ start: 0, end: 80 }).done()
  assert.equal(growing.contiguousLength, 80)
})

test('a hypercore 11 follows a log of ours that was deleted and is written anew', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(20))
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })
  await stock.do('download', { name: 'log', start: 0, end: 20 })

  await node.corestore.delete({ name: 'log' })
  const anew = await node.corestore.get({ name: 'log' })
  await anew.append([utf8('new 0'), utf8('new 1')])

  const { length, fork } = await stock.do('reach', { name: 'log', length: 2, fork: 1 })
  assert.deepEqual([length, fork], [2, 1])
  assert.equal(text(await stock.do('block', { name: 'log', index: 1 })), 'new 1')
})
