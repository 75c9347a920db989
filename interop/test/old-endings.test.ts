/** Programs of old generations that came for what there is, and go when they have it (`live: false`). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { openDrive } from '@dat-rhino/core/drive/open'
import { connectBytes } from '@dat-rhino/sdk/platform/node/duplex-bytes'
import { asked } from './asked.ts'
import { type OldNode, type OldPeer, oldPeer, openOldNode, until } from './old-feeds.ts'

/** Name, script, its argument, generation of its wire, protocol, and generation of its signatures. */
const PROGRAMS = [
  ['hypercore 6', 'gen1/feeds.mjs', '6', 1, 8, 1],
  ['hypercore 7', 'gen1/feeds.mjs', '7', 1, 8, 1],
  ['hypercore 8', 'gen2-early/feeds.mjs', '', 2, 7, 1],
  ['hypercore 9', 'gen2/feeds.mjs', '', 2, 8, 2],
] as const
const WAIT = { timeoutMs: 10_000 }

const blocks = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => utf8(`block number ${from + i}`))

for (const [name, script, arg, wire, protocol, generation] of PROGRAMS) {
  /** A connection on which the program speaks once, or for as long as it lasts. */
  const meet = async (node: OldNode, peer: OldPeer, live: boolean) => {
    const bytes = await connectBytes({ port: (await peer('listen', { live })).port })
    const options = { generation: wire, protocol, isInitiator: true }
    const connection = node.corestore.connectFeeds(bytes, options)
    node.connections.push(connection)
    return connection
  }

  test(`${name} that clones ours once ends when it has everything, and not before`, async (t) => {
    const node = await openOldNode(t)
    const log = await node.corestore.get({ keyPair: keyPair(), generation })
    await log.append(blocks(0, 500))
    const peer = oldPeer(t, script, arg)
    await peer('feed', { name: 'a', key: log.key })

    const connection = await meet(node, peer, false)
    await connection.ended

    assert.equal((await peer('info', { name: 'a' })).downloaded, 500)
    await until(async () => (await peer('news', {})).open === 0)
  })

  test(`${name} that clones once from a holder of ours ends, and the holder goes on with the writer`, async (t) => {
    const node = await openOldNode(t)
    const writer = oldPeer(t, script, arg)
    await writer('feed', { name: 'a' })
    const { key } = await writer('append', { name: 'a', blocks: blocks(0, 60) })
    const log = await node.corestore.get({ key, generation })
    await meet(node, writer, true)
    await log.update(WAIT)
    await log.download({ start: 0, end: 60 }).done(WAIT)
    const reader = oldPeer(t, script, arg)
    await reader('feed', { name: 'b', key })

    const connection = await meet(node, reader, false)
    await connection.ended

    assert.equal((await reader('info', { name: 'b' })).downloaded, 60)
    await writer('append', { name: 'a', blocks: blocks(60, 61) })
    await log.grown(61)
    assert.equal((await writer('news', {})).open, 1)
  })

  test(`${name} that has more than ours gives it before it goes`, async (t) => {
    const node = await openOldNode(t)
    const pair = keyPair()
    const writer = await node.corestore.get({ keyPair: pair, generation })
    await writer.append(blocks(0, 60))
    const peer = oldPeer(t, script, arg)
    await peer('feed', { name: 'a', key: writer.key })
    await meet(node, peer, true)
    await peer('reach', { name: 'a', blocks: 60 })
    const other = await openOldNode(t)
    const log = await other.corestore.get({ key: writer.key, generation })
    const all = log.download({ start: 0, end: 60 })

    const connection = await meet(other, peer, false)
    await all.done(WAIT)
    await connection.ended

    assert.equal(log.contiguousLength, 60)
  })
}

test('a clone of hyperdrive 9 ends when both of its feeds have everything', async (t) => {
  const author = asked(t, 'gen1/drives.mjs')
  const { key } = await author<{ key: Uint8Array }>({ op: 'create' })
  const list = Array.from({ length: 5 }, (_, i) => ({
    type: 'put',
    path: `/file ${i}`,
    bytes: new Uint8Array(100_000).fill(i),
  }))
  const { version } = await author<{ version: number }>({ op: 'play', list })
  const node = await openOldNode(t)
  await node.connect((await author<{ port: number }>({ op: 'listen' })).port, 1)
  const drive = await openDrive({ store: node.corestore, key, generation: 1, wait: WAIT })
  await drive.update(WAIT)
  await drive.log.download({ start: 0, end: version + 1 }).done(WAIT)
  await drive.download('/').done(WAIT)

  const clone = asked(t, 'gen1/drives.mjs')
  await clone({ op: 'open', key, port: await node.listen(), live: false })
  const { files } = await clone<{ files: unknown[] }>({ op: 'tree', version })
  await clone({ op: 'ended' })

  assert.equal(files.length, 5)
})
