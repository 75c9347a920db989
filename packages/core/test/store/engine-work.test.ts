/** How much the disk store does, and when: writes, syncs, checkpoints, reads, open files. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import {
  CHECKPOINT_IDLE_MS,
  GROUP_SYNC_BYTES,
  GROUP_SYNC_MS,
  OPEN_FILES_MAX,
} from '../../src/base/limits.ts'
import { openStore } from '../../src/store/open.ts'
import type { OpenStoreOptions } from '../../src/store/options.ts'
import type { Slot, Store } from '../../src/store/store.ts'
import { ManualClock, turn } from '../fakes/clock.ts'
import { FakeDisk, type Op } from '../fakes/disk.ts'
import {
  append,
  appendAndCommit,
  blocksOf,
  bytesOf,
  headOf,
  identityOf,
  putBlock,
} from './helpers.ts'

interface Rig {
  readonly disk: FakeDisk
  readonly clock: ManualClock
  readonly store: Store
  readonly slot: Slot
}

async function rig(options: Partial<OpenStoreOptions> = {}): Promise<Rig> {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const store = await openStore({ disk, clock, crc32, ...options })
  const slot = await store.create(identityOf(1, { publicKey: bytesOf(32, 1) }))
  await turn()
  return { disk, clock, store, slot }
}

/** Operations since `from` of one kind. */
function count(disk: FakeDisk, kind: Op['kind'], from = 0): number {
  return disk.ops.slice(from).filter((op) => op.kind === kind).length
}

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

// ---- Reading -------------------------------------------------------------------------------------

test('blocks that are read one after another are read from the file in windows', async () => {
  const { disk, store, slot } = await rig()
  for (let i = 0; i < 1_000; i++) append(slot, bytesOf(100, i))
  await store.commit()
  disk.reads = 0

  for (let i = 0; i < 1_000; i++) assert.deepEqual(slot.read(i), bytesOf(100, i))

  assert.ok(disk.reads < 5, `${disk.reads} reads`)
  await store.close()
})

test('memory for pages is bounded: what was thrown out is read again', async () => {
  const sizes = { pageCacheBytes: 65_536, dirtyBytes: 65_536, checkpointBytes: 1 << 20 }
  const { disk, store, slot } = await rig({ durability: 'none', sizes })
  for (let i = 0; i < 10_000; i++) {
    append(slot, bytesOf(10, i))
    if (i % 500 === 0) await store.commit()
  }
  await store.checkpoint()
  disk.reads = 0

  for (let i = 0; i < 10_000; i += 64) assert.equal(slot.findNode(2 * i), true)
  const cold = disk.reads
  for (let i = 0; i < 640; i += 64) assert.equal(slot.findNode(2 * i), true)

  assert.ok(cold > 100, 'all pages do not fit')
  assert.ok(disk.reads > cold, 'and the first ones have left')
  assert.deepEqual(slot.read(5_000), bytesOf(10, 5_000))
  await store.close()
})

test('after a slow read the store is cold, warming reads in the thread pool, and then reading is not', async () => {
  const { disk, clock, store, slot } = await rig()
  for (let i = 0; i < 500; i++) append(slot, bytesOf(300, i))
  await store.close()
  const again = await openStore({ disk, clock, crc32 })
  const copy = again.slot(slot.log)
  assert.equal(copy.isCold(0, 500), false, 'nobody knows yet')

  disk.onRead = () => clock.pass(5)
  assert.deepEqual(copy.read(400), bytesOf(300, 400))
  assert.equal(copy.isCold(100, 101), true)
  assert.equal(copy.isCold(100, 110), true)
  disk.onRead = undefined
  await copy.warm(100, 110)
  assert.ok(disk.laterReads > 0)
  assert.equal(copy.isCold(100, 110), false)
  assert.equal(copy.isCold(300, 301), true)
  assert.equal(copy.isCold(499, 500), true)
  assert.equal(copy.isCold(10_000, 10_001), false, 'what is not held is not cold')
  assert.deepEqual(copy.read(105), bytesOf(300, 105))

  await clock.advance(60_000)
  assert.equal(copy.isCold(300, 301), false, 'time for a probe')
  copy.read(300)
  assert.equal(copy.isCold(200, 201), false, 'it was fast')
  await again.close()
})

test('a commit larger than a record is several records, and still whole or not at all', async () => {
  const { disk, store, slot } = await rig({ sizes: { recordBytes: 2_000 } })
  const before = disk.ops.length
  for (let i = 0; i < 20; i++) append(slot, bytesOf(500, i))
  assert.deepEqual(slot.read(3), bytesOf(500, 3))
  await store.commit()
  const writes = count(disk, 'write', before)
  assert.ok(writes > 4)

  for (let n = 1; n < writes; n++) {
    const again = await openStore({ disk: disk.killed(before + n), crc32 })
    assert.equal(again.slot(slot.log).head.length, 0)
    assert.equal(again.slot(slot.log).heldBlocks, 0)
    await again.close()
  }
  const again = await openStore({ disk: disk.killed(before + writes), crc32 })
  assert.equal(blocksOf(again.slot(slot.log)).filter((block) => block !== undefined).length, 20)
  await again.close()
  await store.close()
})

test('however many files a store has, few are open', async () => {
  const sizes = { segmentBytes: 4_096 }
  const { disk, store, slot } = await rig({ sizes })
  for (let i = 0; i < 100; i++) await appendAndCommit(store, slot, bytesOf(3_000, i))
  await store.sync()
  assert.ok(disk.list().length > 50)

  for (let i = 0; i < 100; i++)
    assert.deepEqual(slot.read((i * 37) % 100), bytesOf(3_000, (i * 37) % 100))

  assert.ok(disk.openFiles <= OPEN_FILES_MAX, `${disk.openFiles}`)
  await store.close()
  assert.equal(disk.openFiles, 0)
})

// ---- Who else is there ---------------------------------------------------------------------------

test('a store that is open is not opened a second time', async () => {
  const { disk, store } = await rig()

  await assert.rejects(openStore({ disk, crc32 }), (error: unknown) =>
    isCode(error, 'STORE_LOCKED'),
  )

  await store.close()
  const again = await openStore({ disk, crc32 })
  await again.close()
})

test('a reader sees what is committed at that moment, while the writer goes on, and writes nothing', async () => {
  const { disk, store, slot } = await rig({ sizes: { segmentBytes: 4_096 } })
  append(slot, bytesOf(50, 1), bytesOf(50, 2))
  slot.putNode(5, 1, bytesOf(32, 9), 0)
  putBlock(slot, 7, bytesOf(5, 7))
  await store.commit()

  const reader = await openStore({ disk: disk.reader(), crc32 })
  for (let i = 0; i < 100; i++) await appendAndCommit(store, slot, bytesOf(200, i))
  await store.checkpoint()

  const copy = reader.slot(slot.log)
  assert.deepEqual(blocksOf(copy), [bytesOf(50, 1), bytesOf(50, 2)])
  assert.equal(copy.has(7), false, 'beyond the head')
  assert.equal(copy.findNode(5), false)
  assert.equal(reader.writable, false)
  assert.match(reader.whyReadOnly ?? '', /for reading/)
  for (const attempt of [
    () => copy.reserve(2, 1),
    () => copy.putNode(0, 1, bytesOf(32, 1), 0),
    () => copy.stageHead(headOf(3)),
    () => copy.stageTruncate(headOf(0)),
    () => copy.stageClear(0, 1),
    () => copy.stageManifest(bytesOf(1, 1)),
    () => copy.stageUserData('a', undefined),
    () => reader.remove(slot.log),
  ]) {
    assert.throws(attempt, (error: unknown) => isCode(error, 'NOT_WRITABLE'))
  }
  await assert.rejects(reader.create(identityOf(3)), (error: unknown) =>
    isCode(error, 'NOT_WRITABLE'),
  )
  await reader.commit()
  await reader.checkpoint()
  await reader.close()
  const later = await openStore({ disk: disk.reader(), crc32 })
  assert.equal(later.slot(slot.log).head.length, 102)
  await later.close()
  await store.close()
})

test('reading where no store is says so', async () => {
  await assert.rejects(openStore({ disk: new FakeDisk().reader(), crc32 }), (error: unknown) =>
    isCode(error, 'NOT_FOUND'),
  )
})
