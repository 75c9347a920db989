/** Logs that are made in one moment: one record, and one end for all of them. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { openStore } from '../../src/store/open.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, bytesOf, identityOf } from './helpers.ts'

test('a hundred logs that are made in one moment are one write, with what else was staged', async () => {
  const disk = new FakeDisk()
  // Nothing is synced meanwhile.
  const store = await openStore({ disk, crc32, clock: new ManualClock() })
  const first = await store.create(identityOf(0))
  const from = disk.ops.length

  append(first, bytesOf(10, 1))
  const slots = await Promise.all(
    Array.from({ length: 100 }, (_, i) => store.create(identityOf(1 + i))),
  )

  const writes = disk.ops.slice(from).filter(({ kind }) => kind === 'write')
  assert.equal(writes.length, 1)
  assert.equal(new Set(slots.map(({ log }) => log)).size, 100)
  const again = await openStore({ disk: disk.killed(disk.ops.length), crc32 })
  assert.deepEqual([...again.logs()].length, 101)
  assert.deepEqual(again.slot(first.log).read(0), bytesOf(10, 1))
  await store.close()
})

test('a commit that comes first writes the logs that are being made', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32 })

  const making = [store.create(identityOf(1)), store.create(identityOf(2))]
  await store.commit()
  const files = disk.killed(disk.ops.length)
  await Promise.all(making)

  const again = await openStore({ disk: files, crc32 })
  assert.deepEqual([...again.logs()], [0, 1])
  await store.close()
})

test('when the write fails nobody has made a log, and it can be made later', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32 })
  disk.faults.roomBytes = 50

  const making = [store.create(identityOf(1)), store.create(identityOf(2))]
  const byCommit = await store.commit().catch((error: unknown) => error)
  const ends = await Promise.allSettled(making)
  const soon = await Promise.allSettled([store.create(identityOf(1)), store.create(identityOf(3))])
  disk.faults.roomBytes = Number.POSITIVE_INFINITY
  const slot = await store.create(identityOf(1))

  assert.ok(isCode(byCommit, 'STORE_FULL'))
  for (const end of [...ends, ...soon]) {
    assert.ok(end.status === 'rejected' && isCode(end.reason, 'STORE_FULL'))
  }
  assert.deepEqual([...store.logs()], [slot.log])
  await store.close()
})

test('those who make five hundred logs in one moment go on in slices', async () => {
  const clock = new BusyClock()
  const store = await openStore({ disk: new FakeDisk(), crc32, clock })
  const { turns } = clock

  await Promise.all(Array.from({ length: 500 }, (_, i) => store.create(identityOf(i))))

  const slices = 500 / (SLICE_ITEMS * SLICE_MS)
  assert.ok(clock.turns - turns >= slices - 1, `${clock.turns - turns} turns`)
  await store.close()
})

test('those who wait for one sync are told in slices, and who has left meanwhile is not', async () => {
  const clock = new BusyClock()
  const store = await openStore({ disk: new FakeDisk(), crc32, clock })
  const slot = await store.create(identityOf(1))
  const told: number[] = []
  const stops: (() => void)[] = []
  store.onSynced(() => stops[499]?.())
  for (let i = 0; i < 500; i++) stops.push(store.onSynced(() => told.push(i)))
  append(slot, bytesOf(10, 1))
  await store.commit()
  const { turns } = clock

  const synced = store.sync()
  stops[498]?.()
  await Promise.all([synced, ...Array.from({ length: 500 }, () => store.sync())])

  assert.deepEqual(
    told,
    Array.from({ length: 498 }, (_, i) => i),
  )
  assert.ok(clock.turns - turns >= 500 / (SLICE_ITEMS * SLICE_MS) - 1, `${clock.turns} turns`)
  await store.close()
})
