/** Peer sockets: what strangers, floods and those who never read can do, and what they can not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import {
  SOCKET_BYTES_QUEUED_MAX,
  SOCKET_MESSAGE_BYTES_MAX,
  SOCKET_MESSAGE_COST,
  SOCKET_SENDS_QUEUED_MAX,
  SOCKET_WINDOW_BYTES,
} from '../../src/base/limits.ts'
import { json, utf8 } from '../../src/bytes/encodings.ts'
import { SOCKET_PROTOCOL, topicId, topicOf, writeProof } from '../../src/sockets/topic.ts'
import { numbered } from '../corestore/fixtures.ts'
import { Ear } from '../wire/channels.ts'
import { join, pair } from './support.ts'

test('a peer that does not read holds up who sends, who is bounded too, and nothing else', async () => {
  const { world, a, b } = await pair()
  const log = await a.store.get({ name: 'log' })
  await log.append(numbered(0, 50))
  const reader = await b.store.get({ key: log.key })
  const room = a.sockets.join('room')
  const other = b.sockets.join('room')
  join(world, a, b)
  await world.run(100)
  const [to] = room.peers
  const [from] = other.peers
  assert.ok(to && from)
  const message = new Uint8Array(SOCKET_MESSAGE_BYTES_MAX / 16)
  const inWindow = Math.floor(SOCKET_WINDOW_BYTES / (message.length + SOCKET_MESSAGE_COST))
  const waiting = SOCKET_BYTES_QUEUED_MAX / message.length
  let sent = 0
  const count = (): void => void sent++

  for (let i = 0; i < inWindow; i++) to.send(message).then(count, () => {})
  await world.run(1_000)
  for (let i = 0; i < waiting; i++) to.send(message).then(count, () => {})
  await world.run(1_000)
  const before = sent
  await assert.rejects(to.send(message), (error) => isCode(error, 'OVER_LIMIT'))
  assert.equal(room.broadcast(message), 0)
  const fetched = reader.download({ start: 0, end: 50 }).done()
  await world.run(1_000)
  await fetched
  const messages = from[Symbol.asyncIterator]()
  for (let i = 0; i < inWindow + waiting; i++) {
    const next = messages.next()
    await world.run(10)
    assert.equal((await next).value?.length, message.length)
  }

  assert.deepEqual([before, sent], [inWindow, inWindow + waiting])
})

test('small messages are counted too: so many wait, and not one more', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join('room')
  b.sockets.join('room')
  join(world, a, b)
  await world.run(100)
  const [to] = room.peers
  assert.ok(to)
  const most = Math.floor(SOCKET_WINDOW_BYTES / SOCKET_MESSAGE_COST) + SOCKET_SENDS_QUEUED_MAX

  for (let i = 0; i < most; i++) {
    assert.equal(room.broadcast(new Uint8Array(0)), 1)
    if (i % SOCKET_SENDS_QUEUED_MAX === 0) await world.run(10)
  }

  assert.equal(room.broadcast(new Uint8Array(0)), 0)
})

test('a handler that throws, and bytes that are no value, end that socket and no other', async () => {
  const { world, a, b } = await pair()
  const bad = a.sockets.join('bad', utf8)
  const good = a.sockets.join('good', utf8)
  const ends: (Error | undefined)[] = []
  const theirs = b.sockets.join('bad', json)
  b.sockets.join('good', { ...utf8, onMessage: () => {} })
  join(world, a, b)
  await world.run(100)
  const [peer] = theirs.peers
  assert.ok(peer)
  void peer.ended.then((error) => ends.push(error))
  const read = assert.rejects(peer[Symbol.asyncIterator]().next(), (error) =>
    isCode(error, 'BAD_CONTENT'),
  )

  assert.equal(bad.broadcast('{'), 1)
  await world.run(100)
  await read

  assert.equal(isCode(ends[0], 'BAD_CONTENT'), true)
  assert.deepEqual([bad.peers.length, good.peers.length], [0, 1])
})

test('who does not know the topic is refused as where nobody has joined it, and hears nothing', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join('secret')
  const [, theirs] = join(world, a, b)
  await world.run(100)
  const stranger = new Ear()
  const elsewhere = new Ear()
  const reflected = new Ear()
  const open = (id: Uint8Array, proof: Uint8Array, handler: Ear): void => {
    theirs.mux.open({ protocol: SOCKET_PROTOCOL, id, handshake: proof, handler })
  }
  const wrong = writeProof(theirs.mux, topicOf('another'))

  open(room.id, wrong, stranger)
  open(topicId(topicOf('nobody')), wrong, elsewhere)
  await world.run(100)
  const isOurs = a.store.connections[0]?.mux
  assert.ok(isOurs)
  open(room.id, writeProof(isOurs, topicOf('secret')), reflected)
  await world.run(100)

  assert.deepEqual(stranger.lines, ['close'])
  assert.deepEqual(elsewhere.lines, ['close'])
  assert.deepEqual(reflected.lines, ['close'])
  assert.deepEqual([room.peers.length, theirs.closed], [0, false])
})

test('a flood ends the socket, not the connection: one byte below the window is taken', async () => {
  for (const excess of [0, 1]) {
    const { world, a, b } = await pair()
    const room = a.sockets.join('room')
    const [, theirs] = join(world, a, b)
    await world.run(100)
    const flood = new Ear()
    const topic = topicOf('room')
    const handshake = writeProof(theirs.mux, topic)
    theirs.mux.open({ protocol: SOCKET_PROTOCOL, id: room.id, handshake, handler: flood })
    await world.run(100)
    const last = SOCKET_WINDOW_BYTES - SOCKET_MESSAGE_BYTES_MAX - 2 * SOCKET_MESSAGE_COST

    flood.channel?.send(0, new Uint8Array(SOCKET_MESSAGE_BYTES_MAX))
    flood.channel?.send(0, new Uint8Array(last + excess))
    await world.run(100)

    assert.equal(room.peers.length, 1 - excess)
    assert.deepEqual([flood.lines.includes('close'), theirs.closed], [excess === 1, false])
  }
})

test('room that was never used cannot be given back', async () => {
  const { world, a, b } = await pair()
  const room = a.sockets.join('room')
  const [, theirs] = join(world, a, b)
  const ear = new Ear()
  await world.run(100)
  const handshake = writeProof(theirs.mux, topicOf('room'))
  theirs.mux.open({ protocol: SOCKET_PROTOCOL, id: room.id, handshake, handler: ear })
  await world.run(100)

  ear.channel?.send(1, Uint8Array.of(1))
  await world.run(100)

  assert.deepEqual([room.peers.length, theirs.closed], [0, false])
})
