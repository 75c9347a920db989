/** Logs of generations 1 and 2 in a store, among nodes of today: by key, by key pair, and by a bare key. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { adopt } from '../../src/log/adopt.ts'
import { plainIdentity } from '../../src/log/identity.ts'
import type { Log } from '../../src/log/log.ts'
import { StoredCopy } from '../log/stored.ts'
import { openReplica, testKeyPair, write } from '../log/support.ts'
import { codeOf } from '../replicator/fixtures.ts'
import { bytes, connect, forge, numbered, openStore, text } from './fixtures.ts'

const OLD = [1, 2] as const
const keyPair = testKeyPair(4)
const { publicKey: key } = keyPair

/** A log with `count` blocks that is written in this store. */
async function writeLog(store: Corestore, generation: 1 | 2 | 3, count: number): Promise<Log> {
  const log = await store.get({ keyPair, generation })
  if (count > 0) await log.append(numbered(0, count))
  return log
}

for (const generation of OLD) {
  test(`generation ${generation}: a log is made by its key pair, listed with its generation, and opened by its key alone`, async () => {
    const store = await openStore()
    const log = await writeLog(store, generation, 3)

    assert.equal(log.generation.id, generation)
    assert.deepEqual(log.key, key)
    assert.equal(
      (await store.list()).find((record) => text(record.key) === text(key))?.generation,
      generation,
    )
    for (const selector of [
      { key },
      { key, generation },
      { key, generation: 'unknown' },
    ] as const) {
      const other = await store.get(selector)
      assert.equal(other.generation.id, generation)
      assert.equal(text(await other.get(2)), 'block 2')
    }
    await assert.rejects(async () => log.truncate(1), { code: 'UNSUPPORTED' })
    await store.close()
  })

  test(`generation ${generation}: a log goes between nodes of today with its key and signatures, live, and both ways`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(a, generation, 5)
    const theirs = await b.get({ key, generation })
    connect(a, b)

    assert.equal(text(await theirs.get(4)), 'block 4')
    await mine.append([bytes('later')])
    assert.equal(text(await theirs.get(5)), 'later')
    await theirs.download({ start: 0, end: 6 }).done()
    assert.deepEqual(theirs.replica.slot.head.signature, mine.replica.slot.head.signature)

    // The reader serves it on, with the author gone, and without holding it open.
    await a.close()
    await theirs.close()
    const c = await openStore(3)
    connect(b, c)
    const third = await c.get({ key, generation })
    assert.equal(text(await third.get(1)), 'block 1')
    assert.deepEqual(third.replica.slot.signature(6), third.replica.slot.head.signature)
    await Promise.all([b.close(), c.close()])
  })

  test(`generation ${generation}: who writes hears which blocks a reader keeps`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(a, generation, 5)
    const theirs = await b.get({ key, generation })
    const [, connection] = connect(a, b)

    await theirs.download({ start: 1, end: 3 }).done()
    const claims = await mine.replicated({ start: 1, length: 2, timeoutMs: 5_000 })

    assert.equal(claims.length, 1)
    assert.deepEqual(claims[0]?.ranges, [{ start: 1, end: 3 }])
    assert.ok(!connection.closed)
    await Promise.all([a.close(), b.close()])
  })
}

test('an old log and one of today are spoken about on one connection, and a forged one ends alone', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  const { publicKey: stolen } = testKeyPair(9)
  await forge(a, stolen)
  const old = await writeLog(a, 2, 4)
  const today = await a.get({ name: 'today' })
  await today.append(numbered(0, 4))
  const offences: Uint8Array[] = []
  b.events.on('wrong-proof', (event) => offences.push(event.key))
  const [, connection] = connect(a, b)

  const wrong = await b.get({ key: stolen, generation: 2 })
  const [oldThere, todayThere] = [
    await b.get({ key, generation: 2 }),
    await b.get({ key: today.key }),
  ]
  await Promise.all([
    oldThere.download({ start: 0, end: 4 }).done(),
    todayThere.download({ start: 0, end: 4 }).done(),
  ])

  assert.equal(offences.length, 1)
  assert.equal(wrong.length, 0)
  assert.equal(oldThere.contiguousLength, 4)
  assert.equal(todayThere.contiguousLength, 4)
  assert.ok(!connection.closed)
  assert.ok(old.peerCount === 1)
  await Promise.all([a.close(), b.close()])
})

test('a store keeps generations apart: a log that is stored as one is not made again as another', async () => {
  const store = await openStore()
  await writeLog(store, 1, 2)

  const again = await store.get({ key, generation: 2 })

  assert.equal(again.generation.id, 1)
  await store.close()
})

for (const generation of [1, 2, 3] as const) {
  test(`a bare key of generation ${generation} is settled by the first head that verifies, and stays so`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(a, generation, 3)
    const opening = b.get({ key: mine.key, generation: 'unknown' })
    assert.deepEqual(await b.list(), [])

    const [left] = connect(a, b)
    const log = await opening

    assert.equal(log.generation.id, generation)
    assert.equal(log.length, 3)
    assert.equal(text(await log.get(1)), 'block 1')
    assert.equal(left.logCount, 1)
    assert.deepEqual(
      (await b.list()).map((record) => record.generation),
      [generation],
    )
    const again = await b.get({ key: mine.key, generation: 'unknown' })
    assert.equal(again.replica, log.replica)
    await Promise.all([a.close(), b.close()])
  })
}

test('whoever waits for a bare key is told when nobody has it, when he gives up, and when the store closes', async () => {
  const store = await openStore()
  const selector = { key, generation: 'unknown' } as const
  const abort = new AbortController()
  const done = store.findingPeers()

  const lonely = codeOf(store.get(selector))
  await new Promise((resolve) => setImmediate(resolve))
  done()
  assert.equal(await lonely, 'NO_PEERS')
  const given = codeOf(store.get(selector, { signal: abort.signal }))
  const other = codeOf(store.get(selector))
  abort.abort()
  assert.equal(await given, 'ABORTED')
  await store.close()
  assert.equal(await other, 'CLOSED')
})

test('a bare key that is opened as what it is ends the guessing', async () => {
  const store = await openStore()
  const guess = codeOf(store.get({ key, generation: 'unknown' }))
  await new Promise((resolve) => setImmediate(resolve))

  const log = await store.get({ key, generation: 2 })

  assert.equal(await guess, 'CONFLICT')
  assert.equal(log.generation.id, 2)
  await store.close()
})

test('an adopted log is served on, and continued by whoever has its secret key', async () => {
  const source = await openReplica(plainIdentity(1, { keyPair }))
  await write(source, numbered(0, 4))
  const stored = new StoredCopy(source)
  const [a, b] = [await openStore(1), await openStore(2)]
  const mine = await a.get({ keyPair, generation: 1 })

  await adopt(mine.replica, stored)
  await mine.append([bytes('continued')])
  connect(a, b)
  const theirs = await b.get({ key, generation: 1 })

  assert.equal(text(await theirs.get(4)), 'continued')
  assert.equal(text(await theirs.get(0)), 'block 0')
  assert.deepEqual(mine.replica.slot.signature(4), source.slot.signature(4))
  await Promise.all([a.close(), b.close()])
})
