/** Stores that speak the wires of generations 1 and 2 with each other, over bytes in memory. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { FeedConnection } from '../../src/corestore/feed-connection.ts'
import type { Log } from '../../src/log/log.ts'
import { testKeyPair } from '../log/support.ts'
import { bytesPair } from '../wire/feed-ends.ts'
import { bytes, forge, numbered, openStore, text } from './fixtures.ts'

const WIRES = [1, 2] as const
const keyPair = testKeyPair(4)
const { publicKey: key } = keyPair

/** Joins two stores; the first has dialled and says what is spoken, the other one hears it. */
function connectFeeds(a: Corestore, b: Corestore, wire: 1 | 2): [FeedConnection, FeedConnection] {
  const [left, right] = bytesPair(systemClock)
  const dialled = a.connectFeeds(left, { generation: wire, isInitiator: true })
  return [dialled, b.connectFeeds(right, { isInitiator: false })]
}

async function writeLog(store: Corestore, generation: 1 | 2, count: number): Promise<Log> {
  const log = await store.get({ keyPair, generation })
  await log.append(numbered(0, count))
  return log
}

test('wire 1: who dials can say which log to begin with, the only one that is known at the other end', async () => {
  const [a, b] = [await openStore(1), await openStore(2)]
  await writeLog(b, 1, 8)
  await a.get({ key: testKeyPair(5).publicKey, generation: 1 })
  const theirs = await a.get({ key, generation: 1 })
  const [left, right] = bytesPair(systemClock)

  a.connectFeeds(left, { generation: 1, isInitiator: true, first: theirs.discoveryKey })
  b.connectFeeds(right, { isInitiator: false })

  assert.equal(text(await theirs.get(7)), 'block 7')
  await Promise.all([a.close(), b.close()])
})

for (const wire of WIRES) {
  for (const generation of [1, 2] as const) {
    test(`wire ${wire}: a log of generation ${generation} is read in part, as it grows, and whole`, async () => {
      const [a, b] = [await openStore(1), await openStore(2)]
      const theirs = await a.get({ key, generation })
      const mine = await writeLog(b, generation, 20)
      const [left, right] = connectFeeds(a, b, wire)

      assert.equal(text(await theirs.get(13)), 'block 13')
      assert.equal(theirs.replica.slot.heldBlocks, 1)
      await mine.append([bytes('later')])
      assert.equal(text(await theirs.get(20)), 'later')
      await theirs.download({ end: 21 }).done()
      assert.equal(theirs.contiguousLength, 21)
      assert.deepEqual([left.generation, right.generation], [wire, wire])
      assert.deepEqual([left.logCount, right.logCount], [1, 1])
      await Promise.all([a.close(), b.close()])
      assert.equal((await left.ended) ?? (await right.ended), undefined)
    })
  }

  test(`wire ${wire}: what is only stored is served to whoever knows its key, and logs of today are not spoken about`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(b, 1, 3)
    const today = await b.get({ name: 'today' })
    await today.append(numbered(0, 3))
    await mine.close()
    const [left] = connectFeeds(a, b, wire)

    const theirs = await a.get({ key, generation: 1 })
    const none = await a.get({ key: today.key })

    assert.equal(text(await theirs.get(0)), 'block 0')
    assert.equal(none.peerCount, 0)
    assert.equal(left.logCount, 1)
    await Promise.all([a.close(), b.close()])
  })

  test(`wire ${wire}: of several logs on a connection a forged one ends alone`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const { publicKey: stolen } = testKeyPair(9)
    const mine = await writeLog(b, 2, 40)
    await forge(b, stolen)
    const wrong: Uint8Array[] = []
    a.events.on('wrong-proof', (event) => wrong.push(event.key))
    const theirs = await a.get({ key, generation: 2 })
    const [left, right] = connectFeeds(a, b, wire)

    const forged = await a.get({ key: stolen, generation: 2 })
    await forged.update({ timeoutMs: 2_000 }).catch(() => {})
    await theirs.download({ end: 40 }).done()

    assert.ok(wrong.length > 0)
    assert.equal(forged.length, 0)
    assert.equal(theirs.contiguousLength, 40)
    assert.ok(!left.closed && !right.closed)
    assert.equal(mine.peerCount, 1)
    await Promise.all([a.close(), b.close()])
  })

  test(`wire ${wire}: a bare key is settled on it, and goes on in the same conversation`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(b, 1, 8)
    const opening = a.get({ key, generation: 'unknown' })
    const [left] = connectFeeds(a, b, wire)

    const log = await opening

    assert.equal(log.generation.id, 1)
    assert.equal(log.peerCount, 1)
    assert.equal(text(await log.get(6)), 'block 6')
    assert.equal(left.logCount, 1)
    assert.equal(mine.peerCount, 1)
    await Promise.all([a.close(), b.close()])
  })

  test(`wire ${wire}: a store that lets nobody in says nothing about any log`, async () => {
    const [a, b] = [await openStore(1), await openStore(2)]
    await writeLog(b, 2, 3)
    b.setPolicy({ allow: [] })
    const denied: string[] = []
    b.events.on('peer-denied', ({ error }) => denied.push(error.code))
    const theirs = await a.get({ key, generation: 2 })

    const [left, right] = connectFeeds(a, b, wire)
    await right.ended

    assert.deepEqual(denied, ['DENIED'])
    await left.ended
    assert.deepEqual([theirs.length, theirs.peerCount], [0, 0])
    assert.deepEqual(b.feedConnections, [])
    await Promise.all([a.close(), b.close()])
  })
}

test('wire 2: who writes hears which blocks a reader keeps; on wire 1, where nobody proves who he is, nothing is counted', async () => {
  for (const wire of WIRES) {
    const [a, b] = [await openStore(1), await openStore(2)]
    const mine = await writeLog(b, 2, 6)
    const theirs = await a.get({ key, generation: 2 })
    connectFeeds(a, b, wire)
    await theirs.download({ start: 2, end: 5 }).done()

    if (wire === 2) {
      const [claim] = await mine.replicated({ start: 2, length: 3 })
      assert.deepEqual(claim?.ranges, [{ start: 2, end: 5 }])
      assert.deepEqual(claim?.remotePublicKey, b.feedConnections[0]?.remotePublicKey)
    } else {
      // What is fetched now was asked for after whatever was told of the blocks before.
      await theirs.get(0)
      assert.deepEqual(mine.copies(), [])
    }
    await Promise.all([a.close(), b.close()])
  }
})
