/** Logs whose blocks are encrypted with a key given for them alone: hypercore 11's `block: true`, in both directions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint, randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const encryptionKey = new Uint8Array(32).fill(3)
const encryption = { key: encryptionKey, block: true }
const blocks = randomBlocks(30, 0, 300)

test('a log of hypercore 11 that is encrypted with a block key is read with it', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const { key } = await stock.do('core', { name: 'log', encryption })
  await stock.do('append', { name: 'log', blocks })
  const log = await node.corestore.get(
    { key: new Uint8Array(key) },
    { encryptionKey, isBlockKey: true },
  )

  await node.connect(await stock.do('listen', {}))
  await log.get(29)
  const found: Uint8Array[] = []
  for await (const block of log.blocks({ end: 30 })) found.push(block)
  const stored = await log.session({ cipher: 'none' }).get(5)

  assert.equal(fingerprint(found), fingerprint(blocks))
  assert.notDeepEqual(stored.subarray(8), blocks[5])
})

test('hypercore 11 reads ours that is encrypted with a block key', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' }, { encryptionKey, isBlockKey: true })
  await log.append(blocks)
  await stock.do('core', { name: 'log', key: log.key, encryption })

  await stock.do('connect', { port: await node.listen() })
  await stock.do('reach', { name: 'log', length: 30 })

  const found = await stock.do('blocks', { name: 'log', start: 0, end: 30 })
  assert.equal(fingerprint(found), fingerprint(blocks))
})
