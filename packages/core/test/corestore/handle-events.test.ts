/** What a handle tells of its log's peers, and when it says that it asks them. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Replicator } from '../../src/replicator/replicator.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import { joinScripted } from '../sim/pipe.ts'
import { World } from '../sim/world.ts'
import { connect, numbered, openStore } from './fixtures.ts'

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

test('a handle tells of peers that come and go, and of what passes', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 50))
  const reader = await b.get({ key: log.key })
  const told: string[] = []
  let [up, down] = [0, 0]
  log.on('peer-add', ({ remotePublicKey }) => told.push(`here ${remotePublicKey[0]}`))
  log.on('peer-remove', ({ remotePublicKey }) => told.push(`gone ${remotePublicKey[0]}`))
  log.on('remote-contiguous', ({ length }) => told.push(`elsewhere ${length}`))
  log.on('upload', ({ blocks }) => {
    up += blocks
  })
  reader.on('download', ({ blocks }) => {
    down += blocks
  })

  const [ours] = connect(a, b, world, { keys: [key(1), key(2)] })
  reader.download({ start: 0, end: 50 })
  await world.run(5_000)
  const [peer] = log.peers()
  ours.close()
  await world.run(100)

  assert.deepEqual(told, ['here 2', 'elsewhere 50', 'gone 2'])
  assert.deepEqual([up, down], [50, 50])
  assert.deepEqual([peer?.blocksUp, peer?.remotePublicKey, peer?.length], [50, key(2), 50])
  assert.deepEqual([log.peers(), log.info().remoteContiguousLength], [[], 50])
})

test('what a handle has listened to it hears no more when it is closed', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'log' })
  const session = log.session()
  const told: string[] = []
  session.on('peer-add', () => told.push('here'))
  await session.close()
  await b.get({ key: log.key })

  connect(a, b, world)
  await world.run(1_000)

  assert.deepEqual([told, log.peerCount], [[], 1])
})

test('a request that makes no sense is told', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 4))
  await log.flush()
  const bad: Uint8Array[] = []
  log.on('invalid-request', ({ remotePublicKey }) => bad.push(remotePublicKey))
  const { sender } = joinScripted(world, log.replica.remote as Replicator, () => ({}), {
    keys: [key(1), key(9)],
  })

  sender.request({ ...NOTHING_ASKED, id: 1, block: 1, nodes: 40, priority: 0 })
  await world.run(100)

  assert.deepEqual(bad, [key(9)])
})

test('onWait is called for blocks that are not here, and by sessions of the handle too', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 10))
  const waits: number[] = []
  const reader = await b.get({ key: log.key }, { onWait: (index) => waits.push(index) })
  connect(a, b, world)
  const first = reader.get(3)
  await world.run(1_000)
  await first

  await reader.get(3)
  const second = reader.session().get(4)
  await world.run(1_000)
  await second

  assert.deepEqual(waits, [3, 4])
})
