/** Feeds of hypercore 9, live, in both directions: protocol 8 of generation 2 over TCP. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { binary } from '@dat-rhino/core/bytes/encodings'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { feedKeyPair } from '@dat-rhino/core/wire/gen2-noise'
import { duplexBytes } from '@dat-rhino/sdk/platform/node/duplex-bytes'
import { type OldPeer, oldPeer, openOldNode, until } from './old-feeds.ts'

const SCRIPT = 'gen2/feeds.mjs'
const require = createRequire(new URL('../gen3/package.json', import.meta.url))
const SecretStream: new (isInitiator: boolean, raw: Duplex) => Duplex =
  require('@hyperswarm/secret-stream')
const blocks = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => utf8(`block number ${from + i}`))
const texts = (list: readonly Uint8Array[]): string[] =>
  list.map((one) => Buffer.from(one).toString())

async function written(peer: OldPeer, name: string, count: number) {
  await peer('feed', { name })
  return peer('append', { name, blocks: blocks(0, count) })
}

test('we read what hypercore 9 has written, and what it appends while we are there', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const { key } = await written(peer, 'a', 300)
  const { port } = await peer('listen', {})
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  const connection = await node.connect(port, 2)

  await log.update({ timeoutMs: 5_000 })
  assert.equal(log.length, 300)
  assert.equal(texts([await log.get(123)])[0], 'block number 123')
  await log.download({ start: 0, end: 300 }).done()
  assert.equal(log.contiguousLength, 300)

  await peer('append', { name: 'a', blocks: blocks(300, 305) })
  await log.grown(305)
  assert.equal(texts([await log.get(304)])[0], 'block number 304')
  assert.equal(connection.closed, false)
})

test('hypercore 9 reads what we have written, and what we append while it is there', async (t) => {
  const node = await openOldNode(t)
  const log = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  await log.append(blocks(0, 200))
  const port = await node.listen()
  const peer = oldPeer(t, SCRIPT)
  await peer('feed', { name: 'a', key: log.key })
  await peer('connect', { port })

  const info = await peer('reach', { name: 'a', blocks: 200 })
  assert.deepEqual([info.length, info.byteLength], [200, log.byteLength])

  await log.append(blocks(200, 203))
  await peer('reach', { name: 'a', blocks: 203 })
  const { value } = await peer('get', { name: 'a', index: 202 })
  assert.equal(texts([value])[0], 'block number 202')
  assert.deepEqual((await peer('news', {})).ended, [])
})

test('two programs of hypercore 9 get a log from one another through us, with its own signatures', async (t) => {
  const writer = oldPeer(t, SCRIPT)
  const reader = oldPeer(t, SCRIPT)
  const { key } = await written(writer, 'a', 50)
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  const connection = await node.connect((await writer('listen', {})).port, 2)
  await log.update({ timeoutMs: 5_000 })
  await log.download({ start: 0, end: 50 }).done()
  connection.close()

  await reader('feed', { name: 'a', key })
  await reader('connect', { port: await node.listen() })
  assert.equal((await reader('reach', { name: 'a', blocks: 50 })).length, 50)
})

test('a sparse reader of hypercore 9 gets single blocks and positions of ours', async (t) => {
  const node = await openOldNode(t)
  const log = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  await log.append(Array.from({ length: 100 }, (_, i) => utf8(`${i}`.padStart(10, '0'))))
  const peer = oldPeer(t, SCRIPT)
  await peer('feed', { name: 'a', key: log.key, sparse: true })
  await peer('connect', { port: await node.listen() })

  const { value } = await peer('get', { name: 'a', index: 63 })
  assert.equal(texts([value])[0], '0000000063')
  assert.deepEqual(await peer('seek', { name: 'a', byte: 875 }), { index: 87, offset: 5 })
  const { value: again } = await peer('get', { name: 'a', index: 3 })
  assert.equal(texts([again])[0], '0000000003')
  assert.equal((await peer('info', { name: 'a' })).downloaded, 2)
})

test('our position in a log of hypercore 9 is found without its blocks', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  await peer('feed', { name: 'a' })
  const ten = Array.from({ length: 100 }, (_, i) => utf8(`${i}`.padStart(10, '0')))
  const { key } = await peer('append', { name: 'a', blocks: ten })
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  await node.connect((await peer('listen', {})).port, 2)
  await log.update({ timeoutMs: 5_000 })

  const found = await log.seek(875, { timeoutMs: 5_000 })
  assert.deepEqual([found?.index, found?.offset], [87, 5])
})

test('receipts of hypercore 9 come to us, and ours to it, for what is held only', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const { key } = await written(peer, 'theirs', 10)
  const node = await openOldNode(t)
  const ours = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  await ours.append(blocks(0, 10))
  const theirs = await node.corestore.get({ key, generation: 2 })
  await peer('feed', { name: 'ours', key: ours.key })
  await node.connect((await peer('listen', { ack: true })).port, 2)

  await theirs.update({ timeoutMs: 5_000 })
  await theirs.get(3)
  await theirs.get(7)
  await peer('reach', { name: 'ours', blocks: 10 })
  await until(async () => (await peer('news', {})).acks.length >= 2)

  const { acks } = await peer('news', {})
  const acknowledged = acks.flatMap(([, start, length]) =>
    Array.from({ length }, (_, i) => start + i),
  )
  assert.deepEqual(acknowledged.sort(), [3, 7])
  await until(() => ours.copies().some(({ ranges }) => ranges[0]?.end === 10))
})

test('an extension that is registered when the channel is open is heard, both ways', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const { key } = await written(peer, 'a', 3)
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  await peer('extension', { name: 'a', extension: 'zzz' })
  await node.connect((await peer('listen', {})).port, 2)
  await log.update({ timeoutMs: 5_000 })
  const heard: string[] = []
  const hears = (name: string) => ({
    ...binary,
    onMessage: (message: Uint8Array) => void heard.push(`${name} ${texts([message])[0]}`),
  })
  const late = log.extension('early', hears('early'))
  log.extension('zzz', hears('zzz'))

  // Names before the others make all numbers move, in both lists.
  await peer('extension', { name: 'a', extension: 'early' })
  await peer('broadcast', { name: 'a', extension: 'early', text: 'one' })
  await peer('broadcast', { name: 'a', extension: 'zzz', text: 'two' })
  late.broadcast(utf8('three'))
  await until(async () => heard.length === 2 && (await peer('news', {})).heard.length === 1)

  assert.deepEqual(heard, ['early one', 'zzz two'])
  assert.deepEqual((await peer('news', {})).heard, [['a', 'early', 'three']])
})

test('bytes without an encoding are bare, as those of hypercore 9', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const { key } = await written(peer, 'a', 3)
  const node = await openOldNode(t)
  const log = await node.corestore.get({ key, generation: 2 })
  const heard: string[] = []
  const onMessage = (message: Uint8Array): void => void heard.push(...texts([message]))
  const ours = log.extension('raw', { onMessage })
  const everywhere = node.corestore.extension('store', { onMessage })
  for (const extension of ['raw', 'store']) await peer('extension', { name: 'a', extension })
  await node.connect((await peer('listen', {})).port, 2)
  await log.update({ timeoutMs: 5_000 })

  await peer('broadcast', { name: 'a', extension: 'raw', text: 'one' })
  await peer('broadcast', { name: 'a', extension: 'store', text: 'two' })
  ours.broadcast(utf8('three'))
  everywhere.broadcast(utf8('four'))
  await until(async () => heard.length === 2 && (await peer('news', {})).heard.length === 2)

  assert.deepEqual(heard, ['one', 'two'])
  assert.deepEqual((await peer('news', {})).heard, [
    ['a', 'raw', 'three'],
    ['a', 'store', 'four'],
  ])
})

test('of several feeds on a connection one is forged: it ends, and the others finish', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const node = await openOldNode(t)
  const logs = []
  await peer('feed', { name: 'forged', forged: true })
  const { key: wrongKey } = await peer('append', { name: 'forged', blocks: blocks(0, 20) })
  const wrong = await node.corestore.get({ key: wrongKey, generation: 2 })
  for (const name of ['a', 'b', 'c']) {
    const { key } = await written(peer, name, 40)
    logs.push(await node.corestore.get({ key, generation: 2 }))
  }
  const connection = await node.connect((await peer('listen', {})).port, 2)

  for (const log of logs) {
    await log.update({ timeoutMs: 5_000 })
    await log.download({ start: 0, end: 40 }).done()
  }
  await assert.rejects(wrong.get(0, { timeoutMs: 500 }))
  assert.equal(wrong.length, 0)
  assert.equal(connection.closed, false)
  assert.deepEqual((await peer('news', {})).ended, [])
})

test('what hypercore 9 clears is not asked for any more, and what we clear is not asked of us', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const { key } = await written(peer, 'theirs', 10)
  const node = await openOldNode(t)
  const ours = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  await ours.append(blocks(0, 10))
  const theirs = await node.corestore.get({ key, generation: 2 })
  await peer('feed', { name: 'ours', key: ours.key, sparse: true })
  const connection = await node.connect((await peer('listen', {})).port, 2)
  await theirs.update({ timeoutMs: 5_000 })
  await peer('get', { name: 'ours', index: 9 })

  await peer('clear', { name: 'theirs', start: 2, end: 5 })
  await ours.clear(2, 5)
  await assert.rejects(theirs.get(3, { timeoutMs: 300 }))
  assert.equal(texts([await theirs.get(6)])[0], 'block number 6')
  assert.equal(texts([(await peer('get', { name: 'ours', index: 6 })).value])[0], 'block number 6')
  assert.equal(connection.closed, false)
})

test('who we are is proved to hypercore 9, and who it is to us', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  await written(peer, 'a', 1)
  const node = await openOldNode(t)
  const connection = await node.connect((await peer('listen', {})).port, 2)
  await until(() => connection.remotePublicKey.length === 32)

  assert.equal(connection.generation, 2)
  assert.notDeepEqual(connection.remotePublicKey, feedKeyPair().publicKey)
})

test('hypercore 9 speaks inside a connection of hyperswarm, as cabal does, both ways and at length', async (t) => {
  const peer = oldPeer(t, SCRIPT)
  const node = await openOldNode(t)
  const large = Array.from({ length: 200 }, (_, i) => new Uint8Array(60_000).fill(i))
  await peer('feed', { name: 'theirs' })
  const { key } = await peer('append', { name: 'theirs', blocks: large })
  const theirs = await node.corestore.get({ key, generation: 2 })
  const ours = await node.corestore.get({ keyPair: keyPair(), generation: 2 })
  await ours.append(large)
  await peer('feed', { name: 'ours', key: ours.key })
  const { port } = await peer('listen', { secret: true })

  const socket = connect(port, '127.0.0.1')
  const bytes = duplexBytes(new SecretStream(true, socket))
  const connection = node.corestore.connectFeeds(bytes, { generation: 2, isInitiator: true })
  node.connections.push(connection)
  await theirs.update({ timeoutMs: 10_000 })
  await theirs.download({ start: 0, end: 200 }).done()
  const info = await peer('reach', { name: 'ours', blocks: 200 })

  assert.deepEqual([theirs.contiguousLength, info.byteLength], [200, 200 * 60_000])
  assert.deepEqual(await theirs.get(150), large[150])
  connection.close()
  await connection.ended
  await until(async () => (await peer('news', {})).open === 0)
})
