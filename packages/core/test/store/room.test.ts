/** A quota, and space that is left free: blocks are refused, everything else goes on, and room made is room again. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { KEEP_FREE_BYTES, ROOM_MEASURE_BYTES } from '../../src/base/limits.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import { Room } from '../../src/store/room.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, appendAndCommit, bytesOf, headOf, identityOf, putBlock } from './helpers.ts'
import { SMALL } from './history.ts'

function isFull(facts: Readonly<Record<string, number>>): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isCode(error, 'STORE_FULL'), String(error))
    for (const [name, value] of Object.entries(facts)) assert.equal(error.facts[name], value, name)
    return true
  }
}

test('a block that ends at the quota is taken, and one byte more is refused before anything is staged', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32, quotaBytes: 20_000 })
  const slot = await store.create(identityOf(1))
  const { roomBytes } = store

  assert.throws(
    () => slot.reserve(0, roomBytes + 1),
    isFull({ quotaBytes: 20_000, bytes: roomBytes + 1 }),
  )
  slot.reserve(0, roomBytes - 100)

  assert.ok(roomBytes > 19_000 && roomBytes < 20_000, `${roomBytes}`)
  assert.equal(store.writable, true)
  await store.close()
})

test('a full store is read, changed, emptied and filled again', async () => {
  const disk = new FakeDisk()
  const options = { disk, crc32, sizes: SMALL, quotaBytes: 60_000 }
  const store = await openStore(options)
  const slot = await store.create(identityOf(1))
  let blocks = 0
  for (; store.roomBytes > 2_000; blocks++)
    await appendAndCommit(store, slot, bytesOf(1_500, blocks))
  assert.throws(() => append(slot, bytesOf(2_000, 99)), isFull({ quotaBytes: 60_000 }))
  await store.commit()

  const other = await store.create(identityOf(2))
  other.stageUserData('a', bytesOf(10, 1))
  slot.putNode(1_000, 5, bytesOf(32, 1), 0)
  slot.stageHead({ ...slot.head, signature: bytesOf(64, 1) })
  await store.commit()
  assert.deepEqual(slot.read(blocks - 1), bytesOf(1_500, blocks - 1))

  slot.stageClear(0, 20)
  await store.commit()
  await store.reclaim({ thorough: true })
  await appendAndCommit(store, slot, bytesOf(15_000, 7))
  await store.close()

  const again = await openStore(options)
  assert.deepEqual(again.slot(slot.log).read(blocks), bytesOf(15_000, 7))
  assert.ok(again.stats().fileBytes < 60_000 + 10_000, `${again.stats().fileBytes}`)
  await again.close()
})

test('what is staged in one commit counts together', async () => {
  const store = await openStore({ disk: new FakeDisk(), crc32, quotaBytes: 50_000 })
  const slot = await store.create(identityOf(1))

  for (let i = 0; i < 4; i++) putBlock(slot, i, bytesOf(10_000, i))
  assert.throws(() => slot.reserve(4, 10_000), isFull({ bytes: 10_000 }))
  slot.stageHead(headOf(4))
  await store.commit()

  assert.deepEqual(slot.read(3), bytesOf(10_000, 3))
  await store.close()
})

test('bytes of the disk that are to stay free stay free, 64 MiB unless told, and none with 0', async () => {
  for (const [keepFreeBytes, kept] of [
    [undefined, KEEP_FREE_BYTES],
    [5_000, 5_000],
  ] as const) {
    const disk = new FakeDisk()
    disk.faults.freeBytes = kept + 1_000
    const store = await openStore({ disk, crc32, keepFreeBytes })
    const slot = await store.create(identityOf(1))

    assert.equal(store.roomBytes, 1_000)
    assert.throws(
      () => slot.reserve(0, 1_001),
      isFull({ keepFreeBytes: kept, freeBytes: kept + 1_000 }),
    )
    slot.reserve(0, 900)
    disk.faults.freeBytes = kept + 10_000
    await appendAndCommit(store, slot, bytesOf(2_000, 1))
    assert.deepEqual(slot.read(0), bytesOf(2_000, 1))
    await store.close()
  }
  const disk = new FakeDisk()
  disk.faults.freeBytes = 0
  const store = await openStore({ disk, crc32, keepFreeBytes: 0 })
  assert.equal(store.roomBytes, Number.POSITIVE_INFINITY)
  await appendAndCommit(store, await store.create(identityOf(1)), bytesOf(2_000, 1))
  await store.close()
})

test('the file system is asked once for many blocks, and again before a refusal', () => {
  let asked = 0
  let free = 100_000_000
  const room = new Room(Number.POSITIVE_INFINITY, 1, {
    usedBytes: () => 0,
    freeBytes: () => {
      asked++
      return free
    },
    measuredTo: () => 0,
  })

  room.check(0, 1_000)
  for (let i = 1; i < 1_000; i++) room.check(i * 1_000, 1_000)
  room.check(ROOM_MEASURE_BYTES, 1_000)
  assert.equal(asked, 1)
  room.check(ROOM_MEASURE_BYTES + 1_000, 1)
  assert.equal(asked, 2)
  free = 10
  assert.throws(() => room.check(90_000_000, 1_000), isFull({ bytes: 1_000, freeBytes: 10 }))
})

test('a store in memory keeps to a quota too', async () => {
  const store = openMemoryStore({ quotaBytes: 1_000 })
  const slot = await store.create(identityOf(1))
  await appendAndCommit(store, slot, bytesOf(600, 1))

  assert.equal(store.roomBytes, 400)
  assert.throws(() => slot.reserve(1, 401), isFull({ quotaBytes: 1_000, usedBytes: 600 }))
  slot.stageClear(0, 1)
  await appendAndCommit(store, slot, bytesOf(401, 1))
  await store.close()
})

test('a quota that is no number of bytes is refused', async () => {
  for (const quotaBytes of [-1, 1.5, Number.NaN]) {
    assert.throws(() => openMemoryStore({ quotaBytes }), { code: 'BAD_ARGUMENT' })
    await assert.rejects(openStore({ disk: new FakeDisk(), quotaBytes }), { code: 'BAD_ARGUMENT' })
  }
})

test('a store that is full is given a larger quota while it is open, and a smaller one leaves what is there', async () => {
  const memory = openMemoryStore({ quotaBytes: 1_000 })
  const onDisk = await openStore({ disk: new FakeDisk(), crc32, quotaBytes: 1_000 })
  for (const store of [memory, onDisk]) {
    const slot = await store.create(identityOf(1))
    assert.throws(() => slot.reserve(0, 2_000), isFull({ quotaBytes: 1_000 }))

    store.setQuota(10_000)
    await appendAndCommit(store, slot, bytesOf(2_000, 1))
    store.setQuota(500)

    assert.deepEqual(slot.read(0), bytesOf(2_000, 1))
    assert.throws(() => slot.reserve(1, 1), isFull({ quotaBytes: 500 }))
    assert.throws(() => store.setQuota(-1), { code: 'BAD_ARGUMENT' })
    await store.close()
  }
})
