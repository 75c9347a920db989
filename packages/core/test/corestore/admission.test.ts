/** Who is let in: allow and deny lists, and bans. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import type { Policy } from '../../src/corestore/policy.ts'
import type { Log } from '../../src/log/log.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { transports } from '../sim/transports.ts'
import { World } from '../sim/world.ts'
import { connect, numbered, openStore, text } from './fixtures.ts'

/** As `connect` names the ends: the first is heard of under the second key, and the other way round. */
const [KEY_A, KEY_B, KEY_C] = [11, 22, 33].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

async function written(store: Corestore, name: string, count = 5): Promise<Log> {
  const log = await store.get({ name })
  await log.append(numbered(0, count))
  return log
}

const closeAll = (...stores: Corestore[]) => Promise.all(stores.map((store) => store.close()))

test('a peer that is denied, or not among those allowed, is not let in and hears of no log', async () => {
  const policies: Policy[] = [
    { deny: [KEY_B] },
    { allow: [KEY_C] },
    { allow: [KEY_B], deny: [KEY_B] },
  ]
  for (const policy of policies) {
    const world = new World(1)
    const [a, b] = [await openStore(1, world), await openStore(2, world)]
    const log = await written(a, 'first')
    await b.get({ key: log.key })
    a.setPolicy(policy)
    const denied: string[] = []
    a.events.on('peer-denied', ({ error }) => denied.push(error.code))
    const [left, right] = transports(world)
    let sent = 0
    const send = left.send.bind(left)
    left.send = (message) => {
      sent++
      send(message)
    }

    const connection = a.connect(left)
    b.connect(right)
    await world.run(1_000)

    assert.deepEqual([connection.closed, a.connections.length, sent], [true, 0, 0])
    assert.equal(((await connection.ended) as { code?: string } | undefined)?.code, 'DENIED')
    assert.deepEqual(denied, ['DENIED'])
    assert.equal(a.admits(KEY_B), false)
  }
})

test('a policy that denies a peer ends its connection, and no other', async () => {
  const [a, b, c] = [await openStore(1), await openStore(2), await openStore(3)]
  const log = await written(a, 'first')
  const [toB] = connect(a, b)
  const [toC] = connect(a, c, systemClock, { keys: [KEY_A, KEY_C] })

  a.setPolicy({ deny: [KEY_B] })
  const error = await toB.ended

  assert.equal((error as { code?: string } | undefined)?.code, 'DENIED')
  assert.equal(toC.closed, false)
  const reader = await c.get({ key: log.key })
  assert.equal(text(await reader.get(0)), 'block 0')
  await closeAll(a, b, c)
})

test('a ban ends the connection, holds over a restart, and is lifted', async () => {
  const store = openMemoryStore({ primaryKey: new Uint8Array(32).fill(1) })
  const a = await Corestore.open({ store })
  const b = await openStore(2)
  await written(a, 'first')
  const [left] = connect(a, b)

  await Promise.all([a.ban(KEY_B), a.ban(KEY_C)])
  const error = await left.ended
  const listed = (await a.list()).length
  // A memory store forgets when it is closed, so it is opened a second time beside the first.
  const again = await Corestore.open({ store })
  const banned = again.banned.map(hex)
  const [refused] = connect(again, b)
  await again.unban(KEY_B)
  const [welcome] = connect(again, b)

  assert.equal((error as { code?: string } | undefined)?.code, 'DENIED')
  assert.deepEqual(banned.sort(), [hex(KEY_B), hex(KEY_C)])
  assert.deepEqual([refused.closed, welcome.closed], [true, false])
  assert.deepEqual(again.banned.map(hex), [hex(KEY_C)])
  assert.equal(listed, 1, 'what bans are kept in is no log of the user')
  await closeAll(b, again)
})

test('a ban in a store that may not be written holds until it is closed, and says so', async () => {
  const a = await openStore(1)
  Object.defineProperty(a.store, 'writable', { value: false })

  await assert.rejects(a.ban(KEY_B), { code: 'NOT_WRITABLE' })

  assert.equal(a.admits(KEY_B), false)
})
