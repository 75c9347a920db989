/** Several logs and several peers: ours among stock peers, as owner, reader and the one in between. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '@dat-rhino/core/log/log'
import { fingerprint, randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const WAIT = { timeoutMs: 30_000 }

async function all(log: Log, count: number): Promise<string> {
  const wanted: Promise<Uint8Array>[] = []
  for (let i = 0; i < count; i++) wanted.push(log.get(i, WAIT))
  return fingerprint(await Promise.all(wanted))
}

test('fifty logs of a stock corestore come over one connection', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const keys: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    const { key } = await stock.do('get', { name: `log ${i}`, alias: `log ${i}` })
    await stock.do('append', { name: `log ${i}`, blocks: randomBlocks(5, 1, 500, i + 1) })
    // Half of them are only in its storage: it must open what we ask for.
    if (i % 2 === 0) await stock.do('close', { name: `log ${i}` })
    keys.push(key)
  }

  await node.connect(await stock.do('listen', {}))

  for (const [i, key] of keys.entries()) {
    const log = await node.corestore.get({ key })
    assert.equal(await all(log, 5), fingerprint(randomBlocks(5, 1, 500, i + 1)), `log ${i}`)
  }
  assert.equal(node.connections.length, 1)
})

test('a stock corestore reads fifty of our logs, also those that nobody here has open', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const keys: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    const log = await node.corestore.get({ name: `log ${i}` })
    await log.append(randomBlocks(5, 1, 500, i + 1))
    keys.push(log.key)
    if (i % 2 === 0) await log.close()
  }

  await stock.do('connect', { port: await node.listen() })

  for (const [i, key] of keys.entries()) {
    const name = `copy ${i}`
    await stock.do('get', { name, key })
    const blocks = await stock.do('blocks', { name, end: 5 })
    assert.equal(fingerprint(blocks), fingerprint(randomBlocks(5, 1, 500, i + 1)), name)
  }
})

test('ours passes on what it has from a stock owner, also when the owner is gone', async (t) => {
  const owner = await Stock.start(t)
  const reader = await Stock.start(t)
  const node = await openNode(t)
  const blocks = randomBlocks(200, 1, 3_000)
  const { key } = await owner.do('core', { name: 'log' })
  await owner.do('append', { name: 'log', blocks })
  await reader.do('core', { name: 'log', key })
  const log = await node.corestore.get({ key })
  await node.connect(await owner.do('listen', {}))
  assert.equal(await all(log, 200), fingerprint(blocks))

  owner.kill()
  await reader.do('connect', { port: await node.listen() })

  await reader.do('reach', { name: 'log', length: 200 })
  assert.equal(fingerprint(await reader.do('blocks', { name: 'log' })), fingerprint(blocks))
})

test('ours passes on what arrives, while it arrives', async (t) => {
  const owner = await Stock.start(t)
  const reader = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await owner.do('core', { name: 'log' })
  await reader.do('core', { name: 'log', key })
  const log = await node.corestore.get({ key })
  log.download({ start: 0, end: -1 })
  await node.connect(await owner.do('listen', {}))
  await reader.do('connect', { port: await node.listen() })
  await reader.do('follow', { name: 'log' })

  const blocks = randomBlocks(120, 1, 2_000)
  for (let i = 0; i < 120; i += 10) {
    await owner.do('append', { name: 'log', blocks: blocks.slice(i, i + 10) })
  }

  await reader.do('reach', { name: 'log', length: 120 })
  assert.equal(fingerprint(await reader.do('blocks', { name: 'log' })), fingerprint(blocks))
})

test('a sparse copy of ours serves what it has to a stock peer', async (t) => {
  const owner = await Stock.start(t)
  const reader = await Stock.start(t)
  const node = await openNode(t)
  const blocks = randomBlocks(500, 1, 300)
  const { key } = await owner.do('core', { name: 'log' })
  await owner.do('append', { name: 'log', blocks })
  await reader.do('core', { name: 'log', key })
  const log = await node.corestore.get({ key })
  await node.connect(await owner.do('listen', {}))
  const wanted = [0, 7, 8, 63, 64, 65, 300, 499]
  await log.download({ blocks: wanted }).done(WAIT)

  owner.kill()
  await reader.do('connect', { port: await node.listen() })

  await reader.do('reach', { name: 'log', length: 500 })
  for (const index of wanted) {
    const block = await reader.do('block', { name: 'log', index })
    assert.ok(block !== null)
    assert.equal(fingerprint([block]), fingerprint(blocks.slice(index, index + 1)))
  }
  assert.equal(await reader.do('has', { name: 'log', start: 1 }), false)
})

test('two stock sources with a half each give us the whole', async (t) => {
  const one = await Stock.start(t)
  const two = await Stock.start(t)
  const node = await openNode(t)
  const blocks = randomBlocks(400, 10, 2_000)
  const { key } = await one.do('core', { name: 'log' })
  await one.do('append', { name: 'log', blocks })
  await two.do('core', { name: 'log', key })
  await two.do('connect', { port: await one.do('listen', {}) })
  await two.do('reach', { name: 'log', length: 400 })
  await two.do('download', { name: 'log', start: 200, end: 400 })
  await two.do('drop')
  await one.do('clear', { name: 'log', start: 200, end: 400 })

  const log = await node.corestore.get({ key })
  await node.connect(await one.do('listen', {}))
  await node.connect(await two.do('listen', {}))

  assert.equal(await all(log, 400), fingerprint(blocks))
})

test('blocks of several megabytes pass in both directions', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const blocks = randomBlocks(3, 4_000_000, 5_000_000)
  const ours = await node.corestore.get({ name: 'log' })
  await ours.append(blocks)
  const { key } = await stock.do('core', { name: 'theirs' })
  await stock.do('append', { name: 'theirs', blocks })
  await stock.do('core', { name: 'copy', key: ours.key })
  const theirs = await node.corestore.get({ key })

  await node.connect(await stock.do('listen', {}))

  assert.equal(await all(theirs, 3), fingerprint(blocks))
  await stock.do('reach', { name: 'copy', length: 3 })
  assert.equal(fingerprint(await stock.do('blocks', { name: 'copy' })), fingerprint(blocks))
})
