/** Peer sockets: who meets whom, in which order, how fast, and how it ends. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import {
  SOCKET_MESSAGE_BYTES_MAX,
  SOCKET_MESSAGE_COST,
  SOCKET_NAME_BYTES_MAX,
} from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { json, utf8 } from '../../src/bytes/encodings.ts'
import type { SocketPeer } from '../../src/sockets/sockets.ts'
import { topicId, topicOf } from '../../src/sockets/topic.ts'
import { connect } from '../corestore/fixtures.ts'
import { World } from '../sim/world.ts'
import { join, key, pair, side } from './support.ts'

test('whichever comes first, the topic or the connection: those who joined both meet', async () => {
  const { world, a, b } = await pair()
  const before = a.sockets.join('one', utf8)
  b.sockets.join('one', utf8)
  a.sockets.join('two', utf8)
  join(world, a, b)
  await world.run(100)
  const later = b.sockets.join('two', utf8)
  a.sockets.join('nobody else', utf8)
  await world.run(100)

  assert.deepEqual(
    before.peers.map((peer) => peer.remotePublicKey),
    [key(2)],
  )
  assert.deepEqual(
    later.peers.map((peer) => peer.remotePublicKey),
    [key(1)],
  )
  assert.equal(a.store.connections[0]?.closed, false)
})

test('messages arrive in order as they were, in the encoding of the topic', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join(key(9), json)
  const heard: unknown[] = []
  b.sockets.join(key(9), {
    ...json,
    onMessage: (message, peer) => {
      heard.push(message)
      void peer.send({ heard: heard.length })
    },
  })
  join(world, a, b)
  await world.run(100)
  const [peer] = room.peers
  assert.ok(peer)

  await peer.send({ n: 1 })
  await peer.send([2])
  const answers = peer[Symbol.asyncIterator]()
  const first = answers.next()
  await world.run(100)

  assert.deepEqual(heard, [{ n: 1 }, [2]])
  assert.deepEqual(
    [(await first).value, (await answers.next()).value],
    [{ heard: 1 }, { heard: 2 }],
  )
})

test('a reader of the topic hears of each peer once, those of before and those who come', async () => {
  const world = new World(1)
  const a = await side(world, 1)
  const room = a.sockets.join('lobby')
  const met: number[] = []
  const reading = (async () => {
    for await (const peer of room) met.push(peer.remotePublicKey[0] ?? 0)
  })()
  for (const n of [2, 3, 4]) {
    const other = await side(world, n)
    other.sockets.join('lobby')
    connect(a.store, other.store, world, { keys: [key(1), key(n)] })
    await world.run(100)
  }
  assert.deepEqual(met, [2, 3, 4])

  await room.leave()
  await reading

  assert.deepEqual([room.peers, room.left], [[], true])
})

test('leaving ends the sockets and not the connection, and both can join again', async () => {
  const { world, a, b } = await pair()
  const first = a.sockets.join('room')
  const other = b.sockets.join('room')
  join(world, a, b)
  await world.run(100)
  const [peer] = other.peers
  assert.ok(peer)
  const rest: Uint8Array[] = []
  const reading = (async () => {
    for await (const message of peer) rest.push(message)
  })()
  assert.equal(first.broadcast(Uint8Array.of(7)), 1)
  await world.run(10)

  await first.leave()
  await world.run(100)
  await reading

  assert.deepEqual([rest, peer.closed, await peer.ended], [[Uint8Array.of(7)], true, undefined])
  await assert.rejects(peer.send(Uint8Array.of(1)), (error) => isCode(error, 'CLOSED'))
  assert.equal(a.store.connections[0]?.closed, false)
  const again = a.sockets.join('room')
  await world.run(100)
  assert.deepEqual([again.peers.length, other.peers.length], [1, 1])
})

test('what is aborted while it waits is not sent; what stands behind it is', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join('room', utf8)
  const heard: string[] = []
  let go: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  b.sockets.join('room', {
    ...utf8,
    onMessage: async (message) => {
      heard.push(message.slice(0, 8))
      await held
    },
  })
  join(world, a, b)
  await world.run(100)
  const [to] = room.peers
  assert.ok(to)
  const big = 'x'.repeat(SOCKET_MESSAGE_BYTES_MAX)
  const abort = new AbortController()
  await to.send(big)
  await world.run(50)
  // The first is being read; these two are all that may wait there.
  for (let i = 0; i < 2; i++) {
    const filler = to.send(big.slice(SOCKET_MESSAGE_COST))
    await world.run(50)
    await filler
  }

  const second = to.send(`2 ${big.slice(2)}`, { signal: abort.signal })
  const late = assert.rejects(to.send('late', { timeoutMs: 10 }), (error) =>
    isCode(error, 'TIMEOUT'),
  )
  const third = to.send('3')
  abort.abort()
  await assert.rejects(second, (error) => isCode(error, 'ABORTED'))
  await world.run(50)
  await late
  go()
  await world.run(100)
  await third

  assert.deepEqual(heard, ['xxxxxxxx', 'xxxxxxxx', 'xxxxxxxx', '3'])
})

test('one reader at a time: a second one is refused, and the next may go on', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join('room', utf8)
  const other = b.sockets.join('room', utf8)
  join(world, a, b)
  await world.run(100)
  const [peer] = other.peers as SocketPeer<string>[]
  assert.ok(peer)
  for (const text of ['a', 'b']) room.broadcast(text)
  await world.run(100)

  for await (const message of peer) {
    assert.equal(message, 'a')
    assert.throws(
      () => peer[Symbol.asyncIterator](),
      (error) => isCode(error, 'CONFLICT'),
    )
    break
  }

  assert.equal((await peer[Symbol.asyncIterator]().next()).value, 'b')
})

test('topics, messages and names have their bounds, and a topic is joined once', async () => {
  const { world, a, b } = await pair()
  const isBad = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')
  const room = a.sockets.join('room')
  b.sockets.join('room')
  join(world, a, b)
  await world.run(100)
  const [peer] = room.peers
  assert.ok(peer)

  assert.throws(
    () => a.sockets.join('room'),
    (error) => isCode(error, 'CONFLICT'),
  )
  assert.throws(() => a.sockets.join(''), isBad)
  assert.throws(() => a.sockets.join('x'.repeat(SOCKET_NAME_BYTES_MAX + 1)), isBad)
  a.sockets.join('x'.repeat(SOCKET_NAME_BYTES_MAX))
  assert.throws(() => a.sockets.join(new Uint8Array(31)), isBad)
  await assert.rejects(peer.send(new Uint8Array(SOCKET_MESSAGE_BYTES_MAX + 1)), isBad)
  assert.throws(() => room.broadcast(new Uint8Array(SOCKET_MESSAGE_BYTES_MAX + 1)), isBad)
  await peer.send(new Uint8Array(SOCKET_MESSAGE_BYTES_MAX))
  await a.sockets.close()
  assert.throws(
    () => a.sockets.join('other'),
    (error) => isCode(error, 'CLOSED'),
  )
})

test('a name, a key of that name and the 32 bytes are three topics', () => {
  const all = [topicOf('a'), topicOf({ key: key(1) }), topicOf(key(1)), topicId(key(1))].map(hex)
  assert.equal(new Set(all).size, 4)
  assert.deepEqual(topicOf(key(1)), key(1))
})

test('whatever is sent arrives, in order, however it is read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 40 }),
      fc.integer({ min: 0, max: 5 }),
      async (sizes, everyMs) => {
        const { world, a, b } = await pair()
        const room = a.sockets.join('room')
        const heard: number[] = []
        b.sockets.join('room', {
          onMessage: (message) => {
            heard.push(message.length)
            return new Promise<void>((resolve) => void world.after(everyMs, resolve))
          },
        })
        join(world, a, b)
        await world.run(100)
        const [peer] = room.peers
        assert.ok(peer)

        const all = Promise.all(sizes.map((size) => peer.send(new Uint8Array(size))))
        await world.run(10_000)
        await all

        assert.deepEqual(heard, sizes)
      },
    ),
    { numRuns: 15 },
  )
})

test('the connection ends, and so do sockets, with what ended it', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join({ key: key(5) })
  b.sockets.join({ key: key(5) })
  const [ours] = join(world, a, b)
  await world.run(100)
  const [peer] = room.peers
  assert.ok(peer)

  ours.close(new Error('gone'))
  await world.run(100)

  assert.equal((await peer.ended)?.message, 'gone')
  assert.deepEqual(room.peers, [])
})
