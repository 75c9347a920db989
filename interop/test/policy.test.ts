/** Policies towards stock hypercore 11: it hears of switches, waits for what is slow, and is let in or not. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const BLOCK_BYTES = 1_000
const blocks = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => new Uint8Array(BLOCK_BYTES).fill(i))

/** A log of ours that a stock peer reads. */
async function served(
  t: TestContext,
  prepare: (store: Corestore, log: Log) => void = () => {},
): Promise<{ stock: Stock; store: Corestore; log: Log }> {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(blocks(100))
  prepare(node.corestore, log)
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('connect', { port: await node.listen() })
  return { stock, store: node.corestore, log }
}

/** Waits until what stock is told of its one peer is so. */
async function told(
  stock: Stock,
  wanted: { uploading?: boolean; downloading?: boolean },
): Promise<void> {
  for (;;) {
    const [peer] = await stock.do('peers', { name: 'log' })
    const { uploading = peer?.uploading, downloading = peer?.downloading } = wanted
    if (peer !== undefined && peer.uploading === uploading && peer.downloading === downloading)
      return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a hypercore 11 is told that we do not upload, asks for nothing, and goes on when we do', async (t) => {
  const { stock, store, log } = await served(t)
  await stock.do('block', { name: 'log', index: 0 })
  await told(stock, { uploading: true })

  store.setPolicy({ upload: false })
  await told(stock, { uploading: false })
  const refused = await stock.do('block', { name: 'log', index: 1, timeout: 500 }).then(
    () => 'a block',
    (error: { code: string }) => error.code,
  )
  const [peer] = await stock.do('peers', { name: 'log' })
  const sent = store.peers(log.discoveryKey)[0]?.blocksUp
  const waiting = stock.do('block', { name: 'log', index: 2 })
  store.setPolicy({})

  assert.equal(refused, 'REQUEST_TIMEOUT')
  assert.deepEqual([peer?.inFlight, sent], [0, 1])
  assert.deepEqual((await waiting)?.[0], 2)
})

test('upload that is switched off in the middle of a download leaves nothing behind', async (t) => {
  const { stock, store } = await served(t, (store) => store.setPolicy({ uploadRate: 20_000 }))
  const download = stock.do('download', { name: 'log', start: 0, end: 100 })
  while (store.traffic.up.bytes < 10_000) await new Promise((resolve) => setTimeout(resolve, 10))

  store.setPolicy({ upload: false })
  await told(stock, { uploading: false })
  // The refusals come right behind that word; without them nothing would end what is in flight.
  while ((await stock.do('peers', { name: 'log' }))[0]?.inFlight !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  store.setPolicy({})
  await download

  assert.deepEqual(await stock.do('blocks', { name: 'log' }), blocks(100).map(Buffer.from))
})

test('a hypercore 11 is told whether we download', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await stock.do('core', { name: 'log' })
  await stock.do('append', { name: 'log', blocks: blocks(10) })
  const log = await node.corestore.get({ key })
  node.corestore.setPolicy({ download: false })
  await node.connect(await stock.do('listen', {}))

  await told(stock, { downloading: false })
  await assert.rejects(log.get(1, { timeoutMs: 300 }), { name: 'DatError' })
  const before = log.length
  node.corestore.setPolicy({})
  await told(stock, { downloading: true })

  assert.equal(before, 0)
  assert.equal((await log.get(1))[0], 1)
})

test('a hypercore 11 waits for what comes slowly, and everything comes', async (t) => {
  const rate = 60_000
  const { stock, store } = await served(t, (store) => store.setPolicy({ uploadRate: rate }))
  const before = performance.now()

  await stock.do('download', { name: 'log', start: 0, end: 100 })
  const tookMs = performance.now() - before

  // A quarter of a second of the rate may pass at once; of the rest no more than the rate.
  const bytes = 100 * BLOCK_BYTES
  assert.ok(tookMs >= ((bytes - rate / 4 - BLOCK_BYTES) / rate) * 1_000, `${tookMs}`)
  assert.deepEqual(await stock.do('blocks', { name: 'log' }), blocks(100).map(Buffer.from))
  assert.ok(
    store.traffic.up.bytes < bytes + 100 * 200,
    `${store.traffic.up.bytes}: each block once`,
  )
})

test('from a hypercore 11 we fetch no faster than we may', async (t) => {
  const rate = 60_000
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await stock.do('core', { name: 'log' })
  await stock.do('append', { name: 'log', blocks: blocks(100) })
  const log = await node.corestore.get({ key })
  node.corestore.setPolicy({ downloadRate: rate })
  await node.connect(await stock.do('listen', {}))
  await log.update()
  const before = performance.now()

  await log.download({ start: 0, end: 100 }).done()
  const tookMs = performance.now() - before

  const least = ((100 * BLOCK_BYTES - rate / 4 - BLOCK_BYTES) / rate) * 1_000
  assert.ok(tookMs >= least, `${tookMs}`)
  assert.deepEqual(log.peek(99), blocks(100)[99])
})

test('a log that is not offered looks missing to a hypercore 11, and appears when it is offered', async (t) => {
  const { stock, store } = await served(t, (store) => store.setPolicy({ offer: 'none' }))
  const missing = await stock.do('block', { name: 'log', index: 0, timeout: 500 }).then(
    () => 'a block',
    (error: { code: string }) => error.code,
  )
  const before = await stock.do('peers', { name: 'log' })

  const waiting = stock.do('block', { name: 'log', index: 7 })
  store.setPolicy({})
  const block = await waiting
  store.setPolicy({ offer: 'none' })
  while ((await stock.do('peers', { name: 'log' })).length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  store.setPolicy({})

  assert.deepEqual([missing, before.length, block?.[0]], ['REQUEST_TIMEOUT', 0, 7])
  assert.equal((await stock.do('block', { name: 'log', index: 8 }))?.[0], 8)
  assert.equal(store.connections.length, 1)
})
