/** Thousands of logs: listed and opened in slices, and what an open log that rests has not made. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryObjects } from 'node:v8'
import { crc32 } from 'node:zlib'
import { SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { Lasting } from '../../src/log/lasting.ts'
import { Waits } from '../../src/log/waits.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import { PageTree } from '../../src/store/engine/page-tree.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { bytesOf, identityOf } from '../store/helpers.ts'

/** Items after which a slice is over on a clock on which every look takes a millisecond. */
const SLICE = SLICE_ITEMS * SLICE_MS

async function fill(store: Store, count: number): Promise<Store> {
  const alias = (i: number) => ({ namespace: bytesOf(32, 0), name: `log ${i}` })
  await Promise.all(
    Array.from({ length: count }, (_, i) => store.create(identityOf(i, { alias: alias(i) }))),
  )
  return store
}

test('five thousand logs are listed in order, and others get turns meanwhile', async () => {
  const clock = new BusyClock()
  const corestore = await Corestore.open({ store: await fill(openMemoryStore(), 5_000), clock })

  const records = await corestore.list()
  const { turns } = clock
  const named = await corestore.list(bytesOf(32, 0))

  const keys = records.map(({ discoveryKey }) => hex(discoveryKey))
  assert.equal(keys.length, 5_000)
  assert.deepEqual(keys, [...keys].sort())
  assert.deepEqual(
    named.slice(0, 3).map(({ alias }) => alias?.name),
    ['log 0', 'log 1', 'log 10'],
  )
  assert.equal(named.length, 5_000)
  // Once to go through them, and three times to merge ten sorted runs.
  assert.ok(turns >= (4 * 5_000) / SLICE - 2, `${turns} turns`)
  await corestore.close()
})

test('logs that are asked for in one moment are opened in slices, in order', async () => {
  const clock = new BusyClock()
  const corestore = await Corestore.open({ store: await fill(openMemoryStore(), 1_000), clock })
  const opened: string[] = []
  corestore.events.on('log-open', ({ discoveryKey }) => opened.push(hex(discoveryKey)))
  const wanted = Array.from({ length: 1_000 }, (_, i) => identityOf(i).discoveryKey)

  const gets = wanted.map((discoveryKey) => corestore.get({ discoveryKey }))
  const atOnce = opened.length
  await Promise.all(gets)

  assert.ok(atOnce <= SLICE, `${atOnce} at once`)
  assert.deepEqual(opened, wanted.map(hex))
  assert.ok(clock.turns >= 1_000 / SLICE - 1, `${clock.turns} turns`)
  await corestore.close()
})

test('a log that waits in line when the store is closed is not opened', async () => {
  const corestore = await Corestore.open({
    store: await fill(openMemoryStore(), 500),
    clock: new BusyClock(),
  })
  const gets = Array.from({ length: 500 }, (_, i) =>
    corestore.get({ discoveryKey: identityOf(i).discoveryKey }),
  )

  const [, ends] = await Promise.all([corestore.close(), Promise.allSettled(gets)])

  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []))
  assert.ok(refused.length >= 500 - SLICE, `${refused.length} refused`)
  assert.deepEqual(new Set(refused), new Set(['CLOSED']))
})

test('a store closes its logs in slices, and what they sign is a few commits', async () => {
  const clock = new BusyClock()
  const disk = new FakeDisk()
  const corestore = await Corestore.open({ store: await openStore({ disk, crc32, clock }), clock })
  const names = Array.from({ length: 500 }, (_, i) => ({ name: `log ${i}` }))
  const logs = await Promise.all(names.map((name) => corestore.get(name)))
  await Promise.all(logs.map((log) => log.append(bytesOf(10, 1))))
  const { turns } = clock

  await corestore.close()

  assert.ok(clock.turns - turns >= 500 / SLICE - 1, `${clock.turns - turns} turns`)
  const again = await Corestore.open({ store: await openStore({ disk, crc32 }) })
  const signed = await Promise.all(names.map((name) => again.get(name)))
  assert.ok(signed.every(({ replica }) => replica.slot.head.signature !== undefined))
  await again.close()
})

test('to see that logs at rest are on the disk makes nothing', async () => {
  const corestore = await Corestore.open({ store: await fill(openMemoryStore(), 300) })
  await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      corestore.get({ discoveryKey: identityOf(i).discoveryKey }),
    ),
  )
  const before = queryObjects(Lasting, { format: 'count' })

  await corestore.flush()

  assert.ok(queryObjects(Lasting, { format: 'count' }) <= before)
  await corestore.close()
})

test('open logs that rest have made nothing for changes, for peers or for waits', async () => {
  const disk = new FakeDisk()
  await (await fill(await openStore({ disk, crc32 }), 300)).close()
  const made = [Lasting, Waits, Replicator, PageTree]
  const count = (): number[] => made.map((what) => queryObjects(what, { format: 'count' }))
  const corestore = await Corestore.open({ store: await openStore({ disk, crc32 }) })
  const before = count()

  const names = Array.from({ length: 300 }, (_, i) => ({
    name: `log ${i}`,
    namespace: bytesOf(32, 0),
  }))
  const logs = await Promise.all(names.map((name) => corestore.get(name)))
  const lengths = logs.reduce((sum, log) => sum + log.length, 0)

  assert.deepEqual([logs.length, lengths], [300, 0])
  // Some of what the store had that was filled may have gone meanwhile.
  const resting = count()
  assert.ok(
    resting.every((one, i) => one <= (before[i] ?? 0)),
    `${resting} of ${before}`,
  )
  // What is counted is what is made: a log that is asked about has a replicator, one that is waited for a wait.
  logs[0]?.update().catch(() => {})
  assert.deepEqual(
    count().map((one, i) => one - (resting[i] ?? 0)),
    [0, 1, 1, 0],
  )
  await corestore.close()
})
