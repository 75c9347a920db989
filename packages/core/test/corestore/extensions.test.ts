/** Messages of applications: on a log and on a whole store, early, late, removed, and too many. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { EXTENSION_BYTES_MAX, EXTENSIONS_QUEUED_MAX } from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { binary, json, utf8 } from '../../src/bytes/encodings.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { Log } from '../../src/log/log.ts'
import { World } from '../sim/world.ts'
import { bytes, connect, openStore, text } from './fixtures.ts'

interface Scene {
  readonly world: World
  readonly a: Corestore
  readonly b: Corestore
  readonly log: Log
  readonly reader: Log
}

/** Two stores that hold the same log, not joined yet. */
async function scene(): Promise<Scene> {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'log' })
  await log.append(bytes('block 0'))
  const reader = await b.get({ key: log.key })
  return { world, a, b, log, reader }
}

const nothing = { ...utf8, onMessage: () => {} }

test('a name that was taken before there was a peer hears it, and answers', async () => {
  const { world, a, b, log, reader } = await scene()
  const heard: string[] = []
  const near = log.extension('chat', { ...utf8, onMessage: (message) => void heard.push(message) })
  const far = reader.extension('chat', {
    ...utf8,
    onMessage: (message, peer) => void far.send(`${message} to you`, peer),
  })
  connect(a, b, world)
  await world.run(100)

  const count = near.broadcast('good day')
  await world.run(100)

  assert.equal(count, 1)
  assert.deepEqual(heard, ['good day to you'])
})

test('a name that is taken while peers are there hears them from then on, until it is given up', async () => {
  const { world, a, b, log, reader } = await scene()
  connect(a, b, world)
  const near = log.extension('chat', nothing)
  await world.run(100)
  near.broadcast('too early')
  await world.run(100)
  const heard: string[] = []

  const far = reader.extension('chat', {
    ...binary,
    onMessage: (message) => void heard.push(text(message)),
  })
  near.broadcast('in time')
  await world.run(100)
  far.close()
  near.broadcast('too late')
  await world.run(100)

  assert.deepEqual(heard, ['in time'])
})

test('a store hears what is said about any of its logs, also those opened later', async () => {
  const { world, a, b, log } = await scene()
  const heard: string[] = []
  b.extension('news', {
    ...json,
    onMessage: (message, peer) => void heard.push(`${hex(peer.key)} ${JSON.stringify(message)}`),
  })
  connect(a, b, world)
  const later = await a.get({ name: 'later' })
  await later.append(bytes('block 0'))
  await b.get({ key: later.key })
  await world.run(100)

  log.extension('news', { ...json, onMessage: () => {} }).broadcast([1])
  later.extension('news', { ...json, onMessage: () => {} }).broadcast({ two: 2 })
  await world.run(100)

  assert.deepEqual(heard, [`${hex(log.key)} [1]`, `${hex(later.key)} {"two":2}`])
})

test('what a store says to all reaches each peer once, however many logs they share', async () => {
  const { world, a, b } = await scene()
  const more = await a.get({ name: 'more' })
  await b.get({ key: more.key })
  const heard: string[] = []
  const far = b.extension('news', { ...utf8, onMessage: (message) => void heard.push(message) })
  const near = a.extension('news', nothing)
  connect(a, b, world)
  await world.run(100)

  near.broadcast('once')
  await world.run(100)
  far.close()
  near.broadcast('to nobody')
  await world.run(100)

  assert.deepEqual(heard, ['once'])
})

test('messages of a peer are handled one after the other', async () => {
  const { world, a, b, log, reader } = await scene()
  const told: string[] = []
  const releases: (() => void)[] = []
  reader.extension('work', {
    ...utf8,
    async onMessage(message) {
      told.push(`begin ${message}`)
      await new Promise<void>((resolve) => releases.push(resolve))
      told.push(`end ${message}`)
    },
  })
  const near = log.extension('work', nothing)
  connect(a, b, world)
  await world.run(100)

  near.broadcast('1')
  near.broadcast('2')
  await world.run(100)
  assert.deepEqual(told, ['begin 1'])
  releases[0]?.()
  await world.run(100)

  assert.deepEqual(told, ['begin 1', 'end 1', 'begin 2'])
})

test('a flood on one log ends that conversation, and no other', async () => {
  const { world, a, b, log, reader } = await scene()
  const other = await a.get({ name: 'other' })
  const otherReader = await b.get({ key: other.key })
  let begun = 0
  reader.extension('work', { ...binary, onMessage: () => new Promise(() => begun++) })
  const near = log.extension('work', nothing)
  const [, connection] = connect(a, b, world)
  await world.run(100)
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      near.broadcast('x')
      if (i % 100 === 99) await world.run(10)
    }
    await world.run(100)
  }

  // One is being handled, the queue is full: everybody is still there.
  await send(1 + EXTENSIONS_QUEUED_MAX)
  assert.deepEqual([begun, reader.peerCount], [1, 1])
  await send(1)

  assert.equal(reader.peerCount, 0)
  assert.equal(otherReader.peerCount, 1)
  assert.equal(connection.closed, false)
})

test('a listener that throws ends the conversation that the message came in', async () => {
  const { world, a, b, log, reader } = await scene()
  reader.extension('strict', { ...json, onMessage: () => {} })
  const near = log.extension('strict', nothing)
  const [, connection] = connect(a, b, world)
  await world.run(100)

  near.broadcast('{ no json')
  await world.run(100)

  assert.equal(reader.peerCount, 0)
  assert.equal(connection.closed, false)
})

test('names and messages have a largest size', async () => {
  const { world, a, b, log, reader } = await scene()
  const heardBytes: number[] = []
  reader.extension('big', { ...binary, onMessage: ({ length }) => void heardBytes.push(length) })
  connect(a, b, world)
  await world.run(100)
  const near = log.extension('big', { ...binary, onMessage: () => {} })
  const bad = (error: unknown): boolean => isCode(error, 'BAD_ARGUMENT')

  assert.throws(() => near.broadcast(new Uint8Array(EXTENSION_BYTES_MAX + 1)), bad)
  assert.throws(() => log.extension('', nothing), bad)
  assert.throws(() => log.extension('é'.repeat(129), nothing), bad)
  near.broadcast(new Uint8Array(EXTENSION_BYTES_MAX))
  await world.run(1_000)

  assert.deepEqual(heardBytes, [EXTENSION_BYTES_MAX])
})

test('a closed handle neither hears nor keeps its names', async () => {
  const { world, a, b, log, reader } = await scene()
  const heard: string[] = []
  const session = reader.session()
  session.extension('chat', { ...utf8, onMessage: (message) => void heard.push(message) })
  const near = log.extension('chat', nothing)
  connect(a, b, world)
  await world.run(100)

  await session.close()
  near.broadcast('anybody?')
  await world.run(100)

  assert.deepEqual(heard, [])
  assert.throws(
    () => session.extension('chat', nothing),
    (error) => isCode(error, 'CLOSED'),
  )
})
