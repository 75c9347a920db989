/** Peers that have all they came for, on wires where they wait for our word before they go. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainIdentity } from '../../src/log/identity.ts'
import { openReplica, testKeyPair, write } from '../log/support.ts'
import { join } from '../sim/pipe.ts'
import { numbered, type Party, Scene } from './fixtures.ts'

const WAITING = { seek: true, hash: false, cancel: false, refuse: false, waitsForEnd: true }
/** Longer than a log lingers that nobody holds any more. */
const LINGERED_MS = 60_000

async function pairOf(scene: Scene): Promise<[Party, Party]> {
  const replica = await openReplica(plainIdentity(2, { keyPair: testKeyPair() }))
  await write(replica, numbered(0, 20))
  const { key } = replica.slot.identity
  return [scene.party(replica), scene.party(await openReplica(plainIdentity(2, { key })))]
}

test('who downloads no more is let go once, where he waits for it', async () => {
  const scene = new Scene()
  const [a, b] = await pairOf(scene)
  const joint = join(scene.world, a.replicator, b.replicator, { abilities: WAITING })
  await scene.until(b.replicator.range({ start: 0, end: 20 }).done())

  await scene.pass(LINGERED_MS)
  const before = joint.closed
  b.replicator.setDownloading(false)
  await scene.pass(LINGERED_MS)

  assert.deepEqual([before, joint.closed], [false, true])
})

test('where nobody waits for it, who downloads no more stays for what he has to give', async () => {
  const scene = new Scene()
  const [a, b] = await pairOf(scene)
  const joint = join(scene.world, a.replicator, b.replicator)
  await scene.until(b.replicator.range({ start: 0, end: 20 }).done())

  b.replicator.setDownloading(false)
  await scene.pass(LINGERED_MS)

  assert.equal(joint.closed, false)
})

test('who has never wanted anything, as a writer of old programs, is not sent away', async () => {
  const scene = new Scene()
  const [a, b] = await pairOf(scene)
  const joint = join(scene.world, a.replicator, b.replicator, {
    abilities: WAITING,
    tamperA: (message) => {
      if (message.type === 'want') return undefined
      if (message.type !== 'status') return message
      return { ...message, status: { ...message.status, downloading: false } }
    },
  })

  await scene.until(b.replicator.range({ start: 0, end: 20 }).done())
  await scene.pass(LINGERED_MS)

  assert.equal(joint.closed, false)
})

test('who leaves stays until we have what he holds', async () => {
  const scene = new Scene()
  const [a, b] = await pairOf(scene)
  const joint = join(scene.world, a.replicator, b.replicator, { abilities: WAITING })
  await scene.until(b.replicator.range({ start: 0, end: 20 }).done())
  a.replica.clear(3, 9)

  b.replicator.setDownloading(false)
  await scene.pass(LINGERED_MS)
  const before = joint.closed
  await scene.until(a.replicator.range({ start: 0, end: 20 }).done())
  await scene.pass(5_000)

  assert.deepEqual([before, joint.closed], [false, true])
})
