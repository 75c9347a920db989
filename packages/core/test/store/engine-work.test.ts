/** How much the disk store writes and syncs, and when it writes its index. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import {
  CHECKPOINT_IDLE_MS,
  GROUP_SYNC_BYTES,
  GROUP_SYNC_MS,
  SLICE_MS,
} from '../../src/base/limits.ts'
import { openStore } from '../../src/store/open.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { ManualClock, turn } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, appendAndCommit, bytesOf, identityOf } from './helpers.ts'
import { count, rig } from './rig.ts'

// ---- Writing and syncing -------------------------------------------------------------------------

test('a commit of many blocks in many logs is one write', async () => {
  const { disk, store, slot } = await rig()
  const other = await store.create(identityOf(2))
  const before = disk.ops.length

  for (let i = 0; i < 100; i++) {
    append(slot, bytesOf(1_000, i))
    append(other, bytesOf(1_000, i))
  }
  await store.commit()

  assert.equal(count(disk, 'write', before), 1)
  await store.close()
})

test('a commit of nothing writes nothing', async () => {
  const { disk, store, slot } = await rig()
  const before = disk.ops.length
  slot.reserve(0, 10)

  await store.commit()
  await store.commit()

  assert.equal(disk.ops.length, before)
  await store.close()
})

test('who commits again and again lets others have their turns, and things be synced meanwhile', async () => {
  for (const durability of ['none', 'group'] as const) {
    const disk = new FakeDisk()
    const clock = new BusyClock()
    const store = await openStore({ disk, clock, crc32, durability })
    const slot = await store.create(identityOf(1))
    const turnsBefore = clock.turns
    let others = 0
    const other = (): void => {
      others++
      immediate = setImmediate(other)
    }
    let immediate = setImmediate(other)

    for (let i = 0; i < 100; i++) await appendAndCommit(store, slot, bytesOf(10, i))
    clearImmediate(immediate)

    const slices = 100 / (SLICE_MS + 1)
    assert.ok(others >= slices - 1, `${others} turns for others in mode ${durability}`)
    assert.ok(clock.turns - turnsBefore <= 3 * slices, `${clock.turns} turns asked for`)
    await store.close()
  }
})

test('in mode group a sync follows within its time, once for all commits of that time', async () => {
  const { disk, clock, store, slot } = await rig()
  const before = disk.ops.length

  await appendAndCommit(store, slot, bytesOf(10, 1))
  await clock.advance(GROUP_SYNC_MS - 1)
  await appendAndCommit(store, slot, bytesOf(10, 2))
  assert.equal(count(disk, 'sync', before), 0)
  assert.ok(store.syncedAddress < slot.addressOf(0))
  await clock.advance(1)

  assert.equal(count(disk, 'sync', before), 1)
  assert.equal(store.syncedAddress, store.writtenAddress)
  await clock.advance(10 * GROUP_SYNC_MS)
  assert.equal(count(disk, 'sync', before), 1)
  await store.close()
})

test('in mode group a sync starts at once when enough was written', async () => {
  const { disk, store, slot } = await rig()
  const before = disk.ops.length

  await appendAndCommit(store, slot, bytesOf(GROUP_SYNC_BYTES - 1_000, 1))
  await turn()
  assert.equal(count(disk, 'sync', before), 0)
  await appendAndCommit(store, slot, bytesOf(1_000, 2))
  await turn()

  assert.equal(count(disk, 'sync', before), 1)
  await store.close()
})

test('callers of one moment share a sync, and a later write waits for the next', async () => {
  const { disk, store, slot } = await rig()
  await appendAndCommit(store, slot, bytesOf(10, 1))
  const before = disk.ops.length

  const first = Promise.all([store.sync(), store.sync(), store.sync()])
  await appendAndCommit(store, slot, bytesOf(10, 2))
  const second = Promise.all([store.sync(), store.sync()])
  await first
  assert.ok(store.syncedAddress < slot.addressOf(1))
  await second

  const syncs = count(disk, 'sync', before)
  assert.ok(syncs === 1 || syncs === 2, `${syncs}`)
  assert.equal(store.syncedAddress, store.writtenAddress)
  await store.close()
})

test('in mode strict a commit resolves when it is synced', async () => {
  const { store, slot } = await rig({ durability: 'strict' })

  append(slot, bytesOf(10, 1))
  const committed = store.commit()
  assert.ok(store.syncedAddress < store.writtenAddress)
  await committed

  assert.equal(store.syncedAddress, store.writtenAddress)
  await store.close()
})

test('in mode none nothing is synced but keys and what is ours', async () => {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const store = await openStore({ disk, clock, crc32, durability: 'none' })
  const slot = await store.create(identityOf(1))
  const before = disk.ops.length

  await appendAndCommit(store, slot, bytesOf(10, 1))
  assert.equal(store.syncedAddress, store.writtenAddress)
  await store.sync()
  await store.checkpoint()
  await clock.advance(1_000)
  await store.close()

  assert.equal(count(disk, 'sync', before), 0)
})

// ---- Checkpoints ---------------------------------------------------------------------------------

test('a checkpoint follows when nothing was changed for a while', async () => {
  const { disk, clock, store, slot } = await rig()
  await appendAndCommit(store, slot, bytesOf(10, 1))
  await clock.advance(CHECKPOINT_IDLE_MS - 10)
  await appendAndCommit(store, slot, bytesOf(10, 2))
  await clock.advance(CHECKPOINT_IDLE_MS - 10)
  assert.equal(
    disk.list().some((name) => name.startsWith('pages-')),
    false,
  )

  await clock.advance(CHECKPOINT_IDLE_MS)

  assert.equal(
    disk.list().some((name) => name.startsWith('pages-')),
    true,
  )
  const idle = disk.ops.length
  await clock.advance(10 * CHECKPOINT_IDLE_MS)
  assert.equal(disk.ops.length, idle, 'and none after that')
  await store.close()
})

test('a checkpoint follows when enough was written', async () => {
  const { disk, store, slot } = await rig({ sizes: { checkpointBytes: 5_000 } })

  await appendAndCommit(store, slot, bytesOf(3_000, 1))
  await turn()
  assert.equal(
    disk.list().some((name) => name.startsWith('pages-')),
    false,
  )
  await appendAndCommit(store, slot, bytesOf(3_000, 2))
  await turn()

  assert.equal(
    disk.list().some((name) => name.startsWith('pages-')),
    true,
  )
  await store.close()
})

test('the cost of a checkpoint follows what changed, not how many logs there are', async () => {
  const { disk, store, slot } = await rig({ durability: 'none' })
  for (let i = 2; i < 500; i++) append(await store.create(identityOf(i)), bytesOf(5, i))
  await store.checkpoint()
  const before = disk.ops.length

  await appendAndCommit(store, slot, bytesOf(5, 1))
  await store.checkpoint()

  let written = 0
  for (const op of disk.ops.slice(before)) if (op.kind === 'write') written += op.bytes.length
  assert.ok(written < 2_000, `${written} bytes`)
  await store.close()
})

test('after a close, opening replays nothing, and reads neither pages nor blocks', async () => {
  const { disk, store } = await rig({ durability: 'none' })
  for (let i = 2; i < 300; i++) append(await store.create(identityOf(i)), bytesOf(100, i))
  await store.close()
  disk.reads = 0

  const again = await openStore({ disk, crc32 })

  assert.ok(disk.reads < 10, `${disk.reads} reads`)
  assert.equal(again.stats().logs, 299)
  assert.deepEqual(
    again.slot(again.find(identityOf(250).discoveryKey) ?? -1).read(0),
    bytesOf(100, 250),
  )
  await again.close()
})

test('the index file is written anew when most of it is out of date, and only then', async () => {
  const { disk, store, slot } = await rig({ durability: 'none' })
  assert.equal(disk.list().includes('index-1'), true)

  for (let i = 0; i < 1_000; i++) {
    await appendAndCommit(store, slot, bytesOf(1, i))
    await store.checkpoint()
  }

  const [name = '', ...others] = disk.list().filter((file) => file.startsWith('index-'))
  assert.deepEqual(others, [])
  assert.notEqual(name, 'index-1')
  assert.ok((disk.files().get(name)?.length ?? 0) < 100_000)
  await store.close()
  const again = await openStore({ disk, crc32 })
  assert.equal(again.slot(slot.log).head.length, 1_000)
  assert.deepEqual(again.slot(slot.log).read(999), bytesOf(1, 999))
  await again.close()
})

test('a process that dies while the index is written anew leaves the old one', async () => {
  const { disk, store, slot } = await rig()
  for (let i = 0; i < 600; i++) {
    await appendAndCommit(store, slot, bytesOf(1, i))
    await store.checkpoint()
  }
  const at = disk.ops.findIndex((op) => op.kind === 'rename' && op.to === 'index-2')
  assert.ok(at > 0)

  for (const cut of [at - 3, at - 1, at, at + 1, at + 2, at + 3]) {
    const left = disk.killed(cut)
    const again = await openStore({ disk: left, crc32 })
    assert.equal(again.whyReadOnly, undefined)
    const { length } = again.slot(slot.log).head
    assert.ok(length > 0)
    assert.deepEqual(again.slot(slot.log).read(length - 1), bytesOf(1, length - 1))
    const indexes = left.list().filter((file) => file.startsWith('index-'))
    assert.equal(indexes.length, 1, indexes.join())
    await again.close()
  }
  await store.close()
})
