/** Feeds of hypercore 7 and 6, live, in both directions: protocol 6 of generation 1 over TCP. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { type OldPeer, oldPeer, openOldNode, until } from './old-feeds.ts'

const blocks = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => utf8(`block number ${from + i}`))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

async function written(peer: OldPeer, name: string, count: number) {
  await peer('feed', { name })
  return peer('append', { name, blocks: blocks(0, count) })
}

for (const version of ['7', '6'] as const) {
  const start = (t: TestContext): OldPeer => oldPeer(t, 'gen1/feeds.mjs', version)

  test(`we read what hypercore ${version} has written, and what it appends while we are there`, async (t) => {
    const peer = start(t)
    const { key } = await written(peer, 'a', 60)
    const { port } = await peer('listen', {})
    const node = await openOldNode(t)
    const log = await node.corestore.get({ key, generation: 1 })
    const connection = await node.connect(port, 1)

    await log.update({ timeoutMs: 5_000 })
    assert.equal(log.length, 60)
    await log.download({ start: 0, end: 60 }).done()
    await peer('append', { name: 'a', blocks: blocks(60, 63) })
    await log.grown(63)
    assert.equal(text(await log.get(62)), 'block number 62')
    assert.equal(connection.closed, false)
  })

  test(`hypercore ${version} reads what we have written, and what we append while it is there`, async (t) => {
    const node = await openOldNode(t)
    const log = await node.corestore.get({ keyPair: keyPair(), generation: 1 })
    await log.append(blocks(0, 200))
    const port = await node.listen()
    const peer = start(t)
    await peer('feed', { name: 'a', key: log.key })
    await peer('connect', { port })

    await peer('reach', { name: 'a', blocks: 200 })
    await log.append(blocks(200, 203))
    await peer('reach', { name: 'a', blocks: 203 })
    const { value } = await peer('get', { name: 'a', index: 202 })
    assert.equal(text(value), 'block number 202')
    assert.deepEqual((await peer('news', {})).ended, [])
  })

  test(`a sparse reader of hypercore ${version} gets single blocks of ours, and we of its`, async (t) => {
    const peer = start(t)
    const { key } = await written(peer, 'theirs', 100)
    const node = await openOldNode(t)
    const theirs = await node.corestore.get({ key, generation: 1 })
    const connection = await node.connect((await peer('listen', {})).port, 1)
    await theirs.update({ timeoutMs: 5_000 })
    assert.equal(text(await theirs.get(63)), 'block number 63')
    assert.equal(theirs.has(62), false)
    connection.close()

    const ours = await node.corestore.get({ keyPair: keyPair(), generation: 1 })
    await ours.append(blocks(0, 100))
    const reader = start(t)
    await reader('feed', { name: 'ours', key: ours.key, sparse: true })
    await reader('connect', { port: await node.listen() })
    assert.equal(text((await reader('get', { name: 'ours', index: 63 })).value), 'block number 63')
    assert.equal((await reader('info', { name: 'ours' })).downloaded, 1)
  })
}

const seven = (t: TestContext): OldPeer => oldPeer(t, 'gen1/feeds.mjs')

test('receipts of hypercore 7 come to us, and ours to it', async (t) => {
  const peer = seven(t)
  const { key } = await written(peer, 'theirs', 10)
  const node = await openOldNode(t)
  const theirs = await node.corestore.get({ key, generation: 1 })
  const connection = await node.connect((await peer('listen', { ack: true })).port, 1)
  await theirs.update({ timeoutMs: 5_000 })
  await theirs.get(3)
  await theirs.get(7)
  await until(async () => (await peer('news', {})).acks.length >= 2)
  const { acks } = await peer('news', {})
  assert.deepEqual(acks.map(([, start]) => start).sort(), [3, 7])
  connection.close()

  const ours = await node.corestore.get({ keyPair: keyPair(), generation: 1 })
  await ours.append(blocks(0, 10))
  const reader = seven(t)
  await reader('feed', { name: 'ours', key: ours.key })
  await reader('connect', { port: await node.listen() })
  await reader('reach', { name: 'ours', blocks: 10 })
  // It announces its blocks to others only: what we know of them came as receipts.
  await until(() => ours.remoteContiguousLength === 10)
})

test('of several feeds on a connection one is forged: it ends, and the others finish', async (t) => {
  const peer = seven(t)
  const node = await openOldNode(t)
  const { key } = await written(peer, 'a', 40)
  const first = await node.corestore.get({ key, generation: 1 })
  await peer('feed', { name: 'forged', forged: true })
  const forged = await peer('append', { name: 'forged', blocks: blocks(0, 20) })
  const wrong = await node.corestore.get({ key: forged.key, generation: 1 })
  const { key: otherKey } = await written(peer, 'b', 40)
  const second = await node.corestore.get({ key: otherKey, generation: 1 })
  const connection = await node.connect((await peer('listen', {})).port, 1)

  for (const log of [first, second]) {
    await log.update({ timeoutMs: 5_000 })
    await log.download({ start: 0, end: 40 }).done()
  }
  await assert.rejects(wrong.get(0, { timeoutMs: 500 }))
  assert.equal(wrong.length, 0)
  assert.equal(connection.closed, false)
  assert.deepEqual((await peer('news', {})).ended, [])
})

test('extensions that are known when a connection with hypercore 7 begins are heard bare, both ways', async (t) => {
  const peer = seven(t)
  await peer('feed', { name: 'a', extensions: ['chat', 'theirs only'] })
  const { key } = await peer('append', { name: 'a', blocks: blocks(0, 3) })
  await peer('extension', { name: 'a', extension: 'chat' })
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 1 })
  const heard: string[] = []
  const onMessage = (message: Uint8Array): void => void heard.push(text(message))
  // Of the names that both know the numbers differ.
  log.extension('also ours', { onMessage })
  const chat = log.extension('chat', { onMessage })
  const connection = await node.connect((await peer('listen', {})).port, 1)
  await log.update({ timeoutMs: 5_000 })
  const late = log.extension('late', { onMessage })

  await peer('broadcast', { name: 'a', extension: 'chat', text: 'one' })
  // Nobody can be told what this is, and whoever sends it hears so.
  const counts = [late, chat].map((extension) => extension.broadcast(utf8('two')))
  await until(async () => heard.length === 1 && (await peer('news', {})).heard.length === 1)

  assert.deepEqual(counts, [0, 1])
  assert.deepEqual(heard, ['one'])
  assert.deepEqual((await peer('news', {})).heard, [['a', 'chat', 'two']])
  assert.equal(connection.closed, false)
})
