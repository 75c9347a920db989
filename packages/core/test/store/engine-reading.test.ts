/** What the disk store reads and keeps in memory, and who may have it open. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { OPEN_FILES_MAX } from '../../src/base/limits.ts'
import { HEADER_BYTES } from '../../src/store/engine/format.ts'
import { pageBytes } from '../../src/store/engine/page-layout.ts'
import { openStore } from '../../src/store/open.ts'
import type { Slot } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import {
  append,
  appendAndCommit,
  blocksOf,
  bytesOf,
  headOf,
  identityOf,
  putBlock,
} from './helpers.ts'
import { count, rig } from './rig.ts'

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

test('who reads in order is not disturbed by who reads single blocks meanwhile', async () => {
  const { disk, store, slot } = await rig()
  for (let i = 0; i < 2_000; i++) append(slot, bytesOf(1_000, i))
  await store.commit()
  disk.reads = 0

  for (let i = 0; i < 1_000; i++) {
    assert.deepEqual(slot.read(i), bytesOf(1_000, i))
    if (i % 100 === 50) assert.deepEqual(slot.read(1_900 - i), bytesOf(1_000, 1_900 - i))
  }

  assert.ok(disk.reads < 20, `${disk.reads} reads`)
  await store.close()
})

test('a block that was read is memory of just that block', async () => {
  const { store, slot } = await rig()
  append(slot, bytesOf(100, 1), bytesOf(70_000, 2), bytesOf(300_000, 3))
  const lengths = [100, 70_000, 300_000]

  assert.deepEqual(
    lengths.map((_, i) => slot.read(i)?.buffer.byteLength),
    lengths,
    'staged',
  )
  await store.commit()
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(
      lengths.map((_, i) => slot.read(i)?.buffer.byteLength),
      lengths,
      'stored',
    )
  }
  await store.close()
})

test('who reads on from a store that was closed is told, and leaves no file open', async () => {
  const { disk, store, slot } = await rig()
  await appendAndCommit(store, slot, bytesOf(100, 1))
  await store.close()

  assert.throws(() => slot.read(0), { code: 'CLOSED' })
  assert.equal(disk.openFiles, 0)
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

test('whoever asks for nodes of more pages than fit, again and again, gets the right ones', async () => {
  const sizes = { pageCacheBytes: 65_536, dirtyBytes: 65_536, checkpointBytes: 1 << 20 }
  const { store, slot } = await rig({ durability: 'none', sizes })
  const count = 64 * 64
  for (let i = 0; i < count; i++) append(slot, bytesOf(10, i))
  await store.checkpoint()
  const hashOf = (block: number): Uint8Array => {
    assert.equal(slot.findNode(2 * block), true)
    return slot.nodeBytes.slice(slot.nodeAt, slot.nodeAt + 32)
  }
  const expected = Array.from({ length: count }, (_, i) => hashOf(i))

  for (let i = 0; i < 2_000; i++) {
    const block = (i * 1_237) % count
    assert.deepEqual(hashOf(block), expected[block])
    assert.deepEqual(slot.read(block), bytesOf(10, block))
  }

  assert.equal(new Set(expected.map((hash) => hash.join())).size, count)
  await store.close()
})

test('after slow reads the store is cold, warming reads in the thread pool, and then reading is not', async () => {
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

test('what is kept in memory is not cold, however slow the disk is', async () => {
  const { disk, clock, store, slot } = await rig()
  for (let i = 0; i < 2_000; i++) append(slot, bytesOf(300, i))
  await store.commit()
  // Far apart, so that none is read with those before it: the piece around them is worth keeping soon.
  for (let i = 0; i < 40; i++) slot.read(400 + ((i * 37) % 180))

  disk.onRead = () => clock.pass(5)
  slot.read(1_500)
  slot.read(1_900)

  assert.equal(slot.isCold(1_000, 1_001), true, 'the disk is slow')
  assert.equal(slot.isCold(411, 412), false)
  disk.reads = 0
  assert.deepEqual(slot.read(411), bytesOf(300, 411))
  assert.equal(disk.reads, 0)
  disk.onRead = undefined
  await store.close()
})

/** A store of one log with 40 pages of level 0, closed; `find` looks for a node in each of them. */
async function manyPages(): Promise<{ disk: FakeDisk; clock: ManualClock; log: number }> {
  const { disk, clock, store, slot } = await rig()
  for (let i = 0; i < 40 * 64; i++) append(slot, bytesOf(10, i))
  await store.close()
  return { disk, clock, log: slot.log }
}

function find(slot: Slot): void {
  for (let i = 0; i < 40 * 64; i += 64) assert.equal(slot.findNode(2 * i), true)
}

test('where a page takes as long as from a disk, the next ones are read with those beside them', async () => {
  const { disk, clock, log } = await manyPages()

  const warm = await openStore({ disk, clock, crc32 })
  disk.reads = 0
  find(warm.slot(log))
  assert.equal(disk.reads, 41, 'from memory each page alone, and the one above')
  await warm.close()

  const cold = await openStore({ disk, clock, crc32 })
  disk.onRead = () => clock.pass(0.2)
  disk.reads = 0
  find(cold.slot(log))
  assert.ok(disk.reads < 10, `${disk.reads} reads`)
  for (let i = 0; i < 40 * 64; i += 50) assert.deepEqual(cold.slot(log).read(i), bytesOf(10, i))
  disk.onRead = undefined
  await cold.close()
})

test('who reads here and there from a slow disk reads no page beside, until two of them touch', async () => {
  const { disk, clock, log } = await manyPages()
  const store = await openStore({ disk, clock, crc32 })
  const slot = store.slot(log)
  const readsFor = (page: number): number => {
    const before = disk.reads
    assert.equal(slot.findNode(2 * 64 * page), true)
    return disk.reads - before
  }
  disk.onRead = () => clock.pass(0.2)
  slot.findNode(0)

  const apart = [20, 30, 10, 5, 15, 25, 35].map(readsFor)
  const touching = [6, 7, 8, 9].map(readsFor)

  assert.deepEqual(apart, [1, 1, 1, 1, 1, 1, 1])
  assert.deepEqual(touching, [1, 0, 0, 0])
  disk.onRead = undefined
  await store.close()
})

test('pages are warmed with those beside them', async () => {
  const { disk, clock, log } = await manyPages()
  const store = await openStore({ disk, clock, crc32 })
  const slot = store.slot(log)
  disk.onRead = () => clock.pass(5)
  slot.read(0)
  slot.findNode(2 * 64)
  disk.onRead = undefined
  assert.equal(slot.isCold(10 * 64, 40 * 64), true)

  disk.laterReads = 0
  await slot.warm(10 * 64, 40 * 64)
  assert.ok(disk.laterReads < 10, `${disk.laterReads} reads`)

  assert.equal(slot.isCold(10 * 64, 40 * 64), false)
  disk.reads = 0
  for (let i = 10 * 64; i < 40 * 64; i += 64) assert.equal(slot.findNode(2 * i), true)
  assert.equal(disk.reads, 0)
  await store.close()
})

test('of pages that are read together a damaged one is told when it is asked for, and no other', async () => {
  const { disk, log } = await manyPages()
  const files = disk.killed().files()
  const name = [...files.keys()].find((file) => file.startsWith('pages-')) ?? ''
  const damaged = new Uint8Array(files.get(name) ?? [])
  // In the fifth page of those with room for 64 blocks.
  const at = HEADER_BYTES + 4 * pageBytes(0, 2, false) + 100
  damaged[at] = (damaged[at] ?? 0) ^ 1
  const broken = new FakeDisk(new Map([...files, [name, damaged]]))
  broken.id = disk.id
  const clock = new ManualClock()
  broken.onRead = () => clock.pass(0.2)
  const store = await openStore({ disk: broken, clock, crc32 })
  const slot = store.slot(log)

  const wrong: number[] = []
  for (const page of [0, 1, 2, 3, 5, 4, 6, 39, 4]) {
    try {
      assert.deepEqual(slot.read(page * 64), bytesOf(10, page * 64))
    } catch (error) {
      assert.ok(isCode(error, 'CORRUPT_STORE'))
      wrong.push(page)
    }
  }

  assert.deepEqual(wrong, [4, 4])
  await store.close()
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
