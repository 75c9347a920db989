/** Live connections with old programs: who is let in, and who is of no use. */

import assert from 'node:assert/strict'
import { Duplex, PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import {
  LEGACY_ACCEPTED_MAX,
  LEGACY_CONNECTIONS_MAX,
  LEGACY_IDLE_MS_MAX,
} from '@dat-rhino/core/base/limits'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import type { ByteStream } from '@dat-rhino/core/wire/byte-stream'
import { Calls } from '../../../src/network/legacy/calls.ts'
import type { NetworkPeer } from '../../../src/network/state.ts'
import { duplexBytes } from '../../../src/platform/node/duplex-bytes.ts'
import { handClock } from '../../hand-clock.ts'
import { settle } from './wire-hub.ts'

/** Two ends of a pipe. */
function pipe(): [ByteStream, ByteStream] {
  const [there, back] = [new PassThrough(), new PassThrough()]
  return [
    duplexBytes(Duplex.from({ readable: back, writable: there })),
    duplexBytes(Duplex.from({ readable: there, writable: back })),
  ]
}

async function side(t: TestContext) {
  const clock = handClock()
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const told: string[] = []
  const note = (what: string) => (peer: NetworkPeer) => void told.push(`${what} ${peer.generation}`)
  const calls = new Calls(corestore, clock, LEGACY_CONNECTIONS_MAX, {
    onPeer: note('peer'),
    onEnd: note('end'),
  })
  t.after(async () => {
    calls.close()
    await corestore.close()
  })
  return { clock, corestore, calls, told }
}

async function met(t: TestContext) {
  const [near, far] = [await side(t), await side(t)]
  const [left, right] = pipe()
  const call = near.calls.begin(left, { address: 'far:1', wire: 'hypercore 9' }) ?? assert.fail()
  far.calls.begin(right, { address: 'near:1' })
  assert.equal(await call.understood, true)
  await settle()
  return { near, far, call }
}

test('a connection on which no log is spoken about is ended after a while', async (t) => {
  const { near, call } = await met(t)
  assert.deepEqual(near.told, ['peer 2'])
  assert.equal(near.calls.peers[0]?.address, 'far:1')

  near.clock.advance(LEGACY_IDLE_MS_MAX - 1)
  assert.equal(call.connection.closed, false)
  near.clock.advance(2)
  await call.connection.ended
  await settle()

  assert.equal(call.isUseful, false)
  assert.deepEqual(near.told, ['peer 2', 'end 2'])
  assert.deepEqual([near.calls.count, near.calls.peers], [0, []])
  assert.ok(near.calls.bytesUp > 0 && near.calls.bytesDown > 0)
})

test('a connection stays while a log is spoken about, until the other end has closed it', async (t) => {
  const { near, far, call } = await met(t)
  const pair = keyPair()
  await near.corestore.get({ key: pair.publicKey, generation: 2 })
  await far.corestore.get({ keyPair: pair, generation: 2 })
  for (let i = 0; i < 100 && call.connection.logCount === 0; i++) await settle()

  near.clock.advance(LEGACY_IDLE_MS_MAX + 1)
  assert.deepEqual([call.connection.closed, call.isUseful], [false, true])
  assert.equal(call.connection.logCount, 1)

  far.calls.close()
  await call.connection.ended
  assert.equal(near.calls.count, 0)
})

test('others may dial us so often, and leave room for those whom we dial', async (t) => {
  const { calls } = await side(t)
  const strangers = Array.from({ length: LEGACY_ACCEPTED_MAX }, () => pipe())

  for (const [, right] of strangers) {
    assert.equal(calls.isFull, false)
    calls.begin(right, { address: 'stranger:1' })
  }

  assert.equal(calls.isFull, true)
  assert.ok(calls.count < calls.max)
})

test('so many connections there are in all, whoever has dialled', async (t) => {
  const { calls } = await side(t)
  const begin = (i: number): void => {
    calls.begin(pipe()[0], { address: `there:${i}`, wire: 'hypercore 9' })
  }

  for (let i = 1; i < LEGACY_CONNECTIONS_MAX; i++) begin(i)
  const below = calls.isFull
  begin(LEGACY_CONNECTIONS_MAX)

  assert.deepEqual([below, calls.isFull, calls.count], [false, true, LEGACY_CONNECTIONS_MAX])
})

test('we know ourselves at the other end, on every wire', async (t) => {
  for (const wire of ['hypercore 7', 'hypercore 9'] as const) {
    const { corestore, calls, told } = await side(t)
    const log = await corestore.get({ keyPair: keyPair(), generation: 1 })
    const [left, right] = pipe()

    const options = { address: 'me:1', wire, first: log.discoveryKey }
    const call = calls.begin(left, options) ?? assert.fail()
    calls.begin(right, { address: 'me:2' })

    assert.equal(await call.understood, false, wire)
    assert.deepEqual([calls.isOurs('me:1'), calls.isOurs('me:2')], [true, false])
    assert.deepEqual(told, [])
  }
})
