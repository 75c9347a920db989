/**
 * Old logs in a store of ours, live with the packages that wrote them: hypercore 6, 7, 8 and 9, and corestore 5.
 *
 * What each wire says is tested in `wire1.test.ts` and `wire2.test.ts`; here it is what becomes of logs.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import type { FeedConnection } from '@dat-rhino/core/corestore/feed-connection'
import { connectBytes } from '@dat-rhino/sdk/platform/node/duplex-bytes'
import { type OldNode, type OldPeer, oldPeer, openOldNode, until } from './old-feeds.ts'

interface Program {
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
  readonly wire: 1 | 2
  readonly protocol: 7 | 8
  /** Which generation its signatures are of. */
  readonly generation: 1 | 2
  /** Can it be made to sign what its key did not sign? The oldest knows no other way. */
  readonly forges: boolean
}

const PROGRAMS: readonly Program[] = [
  {
    name: 'hypercore 6',
    script: 'gen1/feeds.mjs',
    args: ['6'],
    wire: 1,
    protocol: 8,
    generation: 1,
    forges: false,
  },
  {
    name: 'hypercore 7',
    script: 'gen1/feeds.mjs',
    args: [],
    wire: 1,
    protocol: 8,
    generation: 1,
    forges: true,
  },
  {
    name: 'hypercore 8',
    script: 'gen2-early/feeds.mjs',
    args: [],
    wire: 2,
    protocol: 7,
    generation: 1,
    forges: true,
  },
  {
    name: 'hypercore 9',
    script: 'gen2/feeds.mjs',
    args: [],
    wire: 2,
    protocol: 8,
    generation: 2,
    forges: true,
  },
  {
    name: 'corestore 5',
    script: 'gen2/corestore.mjs',
    args: [],
    wire: 2,
    protocol: 8,
    generation: 2,
    forges: true,
  },
]

const blocks = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => utf8(`block number ${from + i}`))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

const start = (t: TestContext, { script, args }: Program): OldPeer => oldPeer(t, script, ...args)

/** We dial the program and speak what it speaks. */
async function dial(node: OldNode, peer: OldPeer, program: Program): Promise<FeedConnection> {
  const { port } = await peer('listen', { ack: true })
  const { wire: generation, protocol } = program
  const connection = node.corestore.connectFeeds(await connectBytes({ port }), {
    generation,
    protocol,
    isInitiator: true,
  })
  node.connections.push(connection)
  return connection
}

for (const program of PROGRAMS) {
  const { name, generation } = program

  test(`${name} is read in part, whole, and as it grows`, async (t) => {
    const peer = start(t, program)
    await peer('feed', { name: 'a' })
    const { key } = await peer('append', { name: 'a', blocks: blocks(0, 70) })
    const node = await openOldNode(t)
    const log = await node.corestore.get({ key, generation })
    const connection = await dial(node, peer, program)

    assert.equal(text(await log.get(33)), 'block number 33')
    assert.deepEqual([log.length, log.replica.slot.heldBlocks], [70, 1])
    await log.download({ start: 10, end: 20 }).done()
    assert.equal(log.replica.slot.heldBlocks, 11)
    await peer('append', { name: 'a', blocks: blocks(70, 73) })
    assert.equal(text(await log.get(72)), 'block number 72')
    await log.download({ start: 0, end: 73 }).done()
    assert.equal(log.contiguousLength, 73)
    assert.equal(connection.closed, false)
  })

  test(`${name} reads ours in part, whole, and as it grows`, async (t) => {
    const peer = start(t, program)
    const node = await openOldNode(t)
    const keyPair = node.corestore.keyPair('ours')
    const log = await node.corestore.get({ keyPair, generation })
    await log.append(blocks(0, 70))
    const key = keyPair.publicKey
    await peer('feed', { name: 'part', key, sparse: true })
    await dial(node, peer, program)

    const { value } = await peer('get', { name: 'part', index: 41 })
    assert.equal(text(value), 'block number 41')
    assert.equal((await peer('info', { name: 'part' })).downloaded, 1)
    await log.append(blocks(70, 73))
    assert.equal(text((await peer('get', { name: 'part', index: 72 })).value), 'block number 72')
    const whole = start(t, program)
    await whole('feed', { name: 'whole', key })
    await dial(node, whole, program)
    assert.equal((await whole('reach', { name: 'whole', blocks: 73 })).length, 73)
  })

  test(`a log of ${name} is served to another one with its own signatures, when its writer is gone`, async (t) => {
    const writer = start(t, program)
    await writer('feed', { name: 'a' })
    for (const [from, to] of [
      [0, 5],
      [5, 6],
      [6, 40],
    ] as const) {
      await writer('append', { name: 'a', blocks: blocks(from, to) })
    }
    const { key } = await writer('info', { name: 'a' })
    const node = await openOldNode(t)
    const log = await node.corestore.get({ key, generation })
    const connection = await dial(node, writer, program)
    await log.download({ start: 0, end: 40 }).done()
    connection.close()
    await connection.ended

    const reader = start(t, program)
    await reader('feed', { name: 'b', key })
    await dial(node, reader, program)
    assert.equal((await reader('reach', { name: 'b', blocks: 40 })).length, 40)
    assert.equal(text((await reader('get', { name: 'b', index: 39 })).value), 'block number 39')
  })

  test(`a bare key of ${name} is settled by the head that it shows`, async (t) => {
    const peer = start(t, program)
    await peer('feed', { name: 'a' })
    const { key } = await peer('append', { name: 'a', blocks: blocks(0, 9) })
    const node = await openOldNode(t)
    const opening = node.corestore.get({ key, generation: 'unknown' })

    const connection = await dial(node, peer, program)
    const log = await opening

    assert.equal(log.generation.id, generation)
    assert.equal(text(await log.get(7)), 'block number 7')
    assert.equal(connection.logCount, 1)
    assert.equal(connection.closed, false)
  })

  if (!program.forges) continue
  test(`of several feeds of ${name} on a connection one is forged: the others finish`, async (t) => {
    const peer = start(t, program)
    const node = await openOldNode(t)
    const logs = []
    for (const feed of ['good', 'forged', 'also good']) {
      await peer('feed', { name: feed, forged: feed === 'forged' })
      const { key } = await peer('append', { name: feed, blocks: blocks(0, 50) })
      logs.push({ feed, log: await node.corestore.get({ key, generation }) })
    }
    const connection = await dial(node, peer, program)

    for (const { feed, log } of logs) {
      if (feed === 'forged') continue
      await log.download({ start: 0, end: 50 }).done()
      assert.equal(log.contiguousLength, 50)
    }
    assert.equal(logs.find(({ feed }) => feed === 'forged')?.log.length, 0)
    assert.equal(connection.closed, false)
  })
}

for (const program of PROGRAMS.filter(({ wire }) => wire === 2)) {
  test(`receipts of ${program.name} count as copies, of those blocks that it has stored`, async (t) => {
    const peer = start(t, program)
    const node = await openOldNode(t)
    const keyPair = node.corestore.keyPair('ours')
    const log = await node.corestore.get({ keyPair, generation: program.generation })
    await log.append(blocks(0, 12))
    await peer('feed', { name: 'a', key: keyPair.publicKey, sparse: true })
    const connection = await dial(node, peer, program)

    await peer('get', { name: 'a', index: 4 })
    await peer('get', { name: 'a', index: 5 })

    const claims = await log.replicated({ start: 4, length: 2, timeoutMs: 5_000 })
    assert.deepEqual(
      claims.map(({ ranges }) => ranges),
      [[{ start: 4, end: 6 }]],
    )
    assert.deepEqual(claims[0]?.remotePublicKey, connection.remotePublicKey)
  })
}

for (const program of PROGRAMS.filter(({ name }) => name !== 'hypercore 6')) {
  test(`${program.name} gets receipts for what we have stored, and for nothing else`, async (t) => {
    const peer = start(t, program)
    await peer('feed', { name: 'a' })
    const { key } = await peer('append', { name: 'a', blocks: blocks(0, 12) })
    const node = await openOldNode(t)
    const log = await node.corestore.get({ key, generation: program.generation })
    await dial(node, peer, program)

    await log.update({ timeoutMs: 5_000 })
    await log.download({ start: 3, end: 6 }).done()
    await until(async () => (await peer('news', {})).acks.length >= 3)

    const { acks } = await peer('news', {})
    acks.sort(([, x], [, y]) => x - y)
    assert.deepEqual(acks, [
      ['a', 3, 1],
      ['a', 4, 1],
      ['a', 5, 1],
    ])
  })
}
