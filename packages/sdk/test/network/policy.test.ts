/** What a node's policy does to connections of a swarm, and what a node does while it is suspended. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '@dat-rhino/core/bytes/bytes'
import type Hyperswarm from 'hyperswarm'
import type { Rhino } from '../../src/index.ts'
import { Topic } from '../../src/network/topic.ts'
import { Bed } from '../bed.ts'
import { handClock } from '../hand-clock.ts'

/** Who a node is in the network: the key that others see. */
async function keyOf(node: Rhino): Promise<Uint8Array> {
  return (await node.corestore()).keyPair('noise').publicKey
}

/** A node with a log of one block, which it announces. */
async function writer(
  node: Rhino,
): Promise<{ key: string; append: (text: string) => Promise<void> }> {
  const log = await (await node.corestore()).get({ name: 'log' })
  await log.append(utf8('first'))
  const key = Buffer.from(log.key).toString('hex')
  await node.log(key)
  return {
    key,
    append: async (text) => {
      await log.append(utf8(text))
    },
  }
}

test('a peer that the policy denies does not connect, and is let in when the policy has changed', async (t) => {
  const bed = new Bed(t)
  const [a, b] = [await bed.online(), await bed.online()]
  const { key } = await writer(a)
  a.setPolicy({ deny: [await keyOf(b)] })
  const connected: number[] = []

  await assert.rejects(b.log(key, { timeoutMs: 3_000 }), { name: 'DatError' })
  connected.push(a.network.peers.length, b.network.peers.length)
  a.setPolicy({})
  const log = await b.log(key)

  assert.deepEqual(connected, [0, 0])
  assert.equal(Buffer.from(await log.get(0)).toString(), 'first')
})

test('a peer that is banned loses its connection, and comes in again when that is over', async (t) => {
  const bed = new Bed(t)
  const [a, b] = [await bed.online(), await bed.online()]
  const { key, append } = await writer(a)
  const log = await b.log(key)
  const store = await a.corestore()
  const gone = new Promise((resolve) => store.events.on('peer-remove', resolve))

  await store.ban(await keyOf(b))
  await gone
  const during = a.network.peers.length
  await append('second')
  await store.unban(await keyOf(b))
  await b.suspend()
  await b.resume()
  const block = await log.get(1)

  assert.equal(during, 0)
  assert.equal(Buffer.from(block).toString(), 'second')
})

test('a node that is suspended has no connections, and goes on when it resumes', async (t) => {
  const bed = new Bed(t)
  const [a, b] = [await bed.online(), await bed.online()]
  const { key, append } = await writer(a)
  const log = await b.log(key)
  await log.get(0)

  await b.suspend()
  const during = b.network.peers.length
  await append('second')
  const wait = log.get(1)
  await b.resume()

  assert.equal(during, 0)
  assert.equal(Buffer.from(await wait).toString(), 'second')
})

test('what was suspended can be closed, and twice is once', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  const { append } = await writer(node)

  await Promise.all([node.suspend(), node.suspend()])
  await append('second')
  await node.close()

  await assert.rejects(append('third'), { code: 'CLOSED' })
})

test('a topic that is paused sets no timer, and looks at once when it goes on', async () => {
  const clock = handClock()
  let [looks, timers] = [0, 0]
  const after = clock.after.bind(clock)
  clock.after = (delayMs, task) => {
    timers++
    return after(delayMs, task)
  }
  const discovery = { flushed: async () => true, refresh: async () => ++looks > 0 }
  const swarm = { join: () => discovery, flush: async () => true }
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  // A stand-in for the few calls that a topic makes.
  const topic = new Topic(swarm as unknown as Hyperswarm, new Uint8Array(32), clock, {
    mayAnnounce: () => true,
    hasPeers: () => false,
    onproblem: () => undefined,
    onleave: () => undefined,
  })
  for (let i = 0; i < 100 && looks < 2; i++) {
    await settle()
    clock.advance(500)
  }

  topic.pause()
  await settle()
  const before = [looks, timers]
  clock.advance(3_600_000)
  await settle()
  const during = [looks, timers]
  topic.resume()
  await settle()

  assert.equal(before[0], 2)
  assert.deepEqual(during, before)
  assert.equal(looks, 3)
  topic.stop()
})
