/** A disk that is full, or that fails: the store says so, keeps its state, and tells the truth when opened again. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { openStore } from '../../src/store/open.ts'
import type { Slot, Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, appendAndCommit, blocksOf, bytesOf, identityOf, putBlock } from './helpers.ts'
import { HEAVY_STORY, LARGER, play, reopen, SMALL, STORY, shows, showsOneOf } from './history.ts'
import { check, copyState, Driver } from './model.ts'

function code(wanted: 'STORE_FULL' | 'IO' | 'NOT_WRITABLE'): (error: unknown) => boolean {
  return (error) => isCode(error, wanted)
}

async function withLog(disk: FakeDisk): Promise<{ store: Store; slot: Slot }> {
  const store = await openStore({ disk, crc32, sizes: SMALL })
  return { store, slot: await store.create(identityOf(1)) }
}

test('a commit that finds no room changes nothing, whatever was staged, and the next one works', async () => {
  const disk = new FakeDisk()
  const { store, slot } = await withLog(disk)
  const other = await store.create(identityOf(2, { generation: 1 }))
  await appendAndCommit(store, slot, bytesOf(100, 1), bytesOf(100, 2), bytesOf(100, 3))
  other.putSignature(1, bytesOf(64, 1))
  other.stageUserData('a', bytesOf(3, 1))
  await store.commit()
  const { head } = slot
  const stats = store.stats()

  for (const room of [0, 1, 31, 32, 33, 100, 399, 400, 401, 900]) {
    disk.faults.roomBytes = room
    slot.stageTruncate({ ...head, length: 2, fork: 1 })
    append(slot, bytesOf(300, 4), bytesOf(300, 5), bytesOf(300, 6))
    slot.stageClear(0, 1)
    slot.stageManifest(bytesOf(50, 1))
    other.putSignature(1, bytesOf(64, 9))
    other.stageUserData('a', undefined)
    store.remove(other.log)
    await assert.rejects(store.commit(), code('STORE_FULL'), `${room}`)

    assert.deepEqual(slot.head, head)
    assert.deepEqual(blocksOf(slot), [bytesOf(100, 1), bytesOf(100, 2), bytesOf(100, 3)])
    assert.equal(slot.contiguousLength, 3)
    assert.equal(slot.identity.manifest, undefined)
    assert.equal(store.find(identityOf(2).discoveryKey), other.log)
    assert.deepEqual(other.signature(1), bytesOf(64, 1))
    assert.deepEqual(other.userData('a'), bytesOf(3, 1))
    assert.deepEqual(store.stats(), stats)
    assert.equal(store.writable, true)
  }

  disk.faults.roomBytes = Number.POSITIVE_INFINITY
  await appendAndCommit(store, slot, bytesOf(300, 7))
  const again = await reopen(disk.killed())
  assert.equal(again.whyReadOnly, undefined)
  assert.deepEqual(again.slot(slot.log).read(3), bytesOf(300, 7))
  assert.equal(again.slot(slot.log).head.length, 4)
  await again.close()
  await store.close()
})

test('a log that could not be created for want of room is not there, and can be created later', async () => {
  const disk = new FakeDisk()
  const { store } = await withLog(disk)
  const identity = identityOf(9, { publicKey: bytesOf(32, 1), secretKey: bytesOf(64, 2) })

  for (const room of [0, 100, 208, 300]) {
    disk.faults.roomBytes = room
    await assert.rejects(store.create(identity), code('STORE_FULL'))
    assert.equal(store.find(identity.discoveryKey), undefined)
  }
  disk.faults.roomBytes = Number.POSITIVE_INFINITY
  const slot = await store.create(identity)

  const again = await reopen(disk.killed())
  assert.deepEqual(again.slot(slot.log).identity, identity)
  await again.close()
  await store.close()
})

for (const [name, story, sizes] of [
  ['a story', STORY, SMALL],
  ['a heavy story', HEAVY_STORY, LARGER],
] as const) {
  test(`${name} on a disk that fills up at any byte goes on when there is room`, async () => {
    const { disk: whole } = await play(story, { sizes })
    const total = [...whole.files().values()].reduce((sum, bytes) => sum + bytes.length, 0)

    for (let room = 300; room < total; room += 97) {
      const disk = new FakeDisk()
      const store = await openStore({ disk, crc32, sizes })
      const driver = new Driver(store, async () => store)
      disk.faults.roomBytes = room
      for (const step of story) {
        try {
          await driver.run(step)
        } catch (error) {
          assert.ok(isCode(error, 'STORE_FULL'), `${room}: ${error}`)
          // A checkpoint may fail behind its commit; a commit that fails leaves what was committed.
          const isKept = step.do === 'checkpoint' && matches(store, driver)
          if (isKept) driver.committed = copyState(driver.staged)
          driver.staged = copyState(driver.committed)
          check(store, driver.committed)
          disk.faults.roomBytes = 100_000
        }
      }
      await driver.commit()
      check(store, driver.committed)
      const again = await reopen(disk.killed())
      assert.equal(again.whyReadOnly, undefined, `${room}`)
      assert.ok(shows(again, { state: driver.committed, ops: 0, address: 0 }), `${room}`)
      await again.close()
      await store.close()
    }
  })
}

function matches(store: Store, driver: Driver): boolean {
  return shows(store, { state: driver.staged, ops: 0, address: 0 })
}

test('after a sync that failed nothing is written, and opening again tells the truth', async () => {
  for (let n = 0; n < 12; n++) {
    const disk = new FakeDisk()
    const store = await openStore({ disk, crc32, sizes: SMALL, durability: 'strict' })
    const slot = await store.create(identityOf(1))
    disk.faults.syncsLeft = n
    let acknowledged = 0
    let error: unknown
    for (let i = 0; i < 20 && error === undefined; i++) {
      try {
        await appendAndCommit(store, slot, bytesOf(50, i))
        acknowledged++
        if (i % 3 === 2) await store.checkpoint()
      } catch (caught) {
        error = caught
      }
    }

    assert.ok(isCode(error, 'IO'), `${n}: ${error}`)
    assert.equal(store.writable, false)
    assert.match(store.whyReadOnly ?? '', /sync failed \(.+\)/)
    assert.ok(isCode(store.cause, 'IO'), 'what the disk said is kept')
    disk.faults.syncsLeft = Number.POSITIVE_INFINITY
    assert.throws(() => slot.reserve(30, 1), code('NOT_WRITABLE'))
    if (store.syncedAddress < store.writtenAddress) await assert.rejects(store.sync(), code('IO'))
    assert.deepEqual(slot.read(0) ?? bytesOf(50, 0), bytesOf(50, 0), 'reading goes on')
    const { length } = disk.ops
    await store.close()
    assert.equal(disk.ops.length, length, 'closing writes nothing')

    const again = await reopen(disk.killed())
    assert.equal(again.whyReadOnly, undefined)
    assert.ok(again.slot(slot.log).head.length >= acknowledged)
    await again.close()
  }
})

test('after a write that failed nothing is written, and opening again tells the truth', async () => {
  const { moments } = await play(STORY)
  for (let n = 1; n < 25; n++) {
    const disk = new FakeDisk()
    const store = await openStore({ disk, crc32, sizes: SMALL })
    const driver = new Driver(store, async () => store)
    disk.faults.writesLeft = n
    let done = 0
    try {
      for (const step of STORY) {
        await driver.run(step)
        if (['create', 'commit', 'checkpoint'].includes(step.do)) done++
      }
    } catch (error) {
      // Or the step after, if the failure was in the background.
      assert.ok(isCode(error, 'IO') || isCode(error, 'NOT_WRITABLE'), `${n}: ${error}`)
      assert.equal(store.writable, false)
    }
    await store.close().catch((error: unknown) => assert.ok(isCode(error, 'IO')))

    const again = await reopen(disk.killed())
    assert.equal(again.whyReadOnly, undefined)
    showsOneOf(again, moments, done, done + 1, `write ${n}`)
    await again.close()
  }
})

test('a read that fails fails alone', async () => {
  const disk = new FakeDisk()
  const { store, slot } = await withLog(disk)
  await appendAndCommit(store, slot, bytesOf(2_000, 1), bytesOf(2_000, 2))
  await store.close()
  const again = await reopen(disk)
  const copy = again.slot(slot.log)

  disk.faults.readsLeft = 0
  assert.throws(() => copy.read(0), code('IO'))
  assert.throws(() => copy.read(1), code('IO'))
  disk.faults.readsLeft = Number.POSITIVE_INFINITY

  assert.deepEqual(copy.read(0), bytesOf(2_000, 1))
  assert.deepEqual(copy.read(1), bytesOf(2_000, 2))
  assert.equal(again.writable, true)
  await appendAndCommit(again, copy, bytesOf(10, 3))
  await again.close()
})

test('opening a store that can not be read fails and leaves the lock free', async () => {
  const { disk } = await play(STORY, { closes: true })
  for (let n = 0; n < 3; n++) {
    disk.faults.readsLeft = n
    await assert.rejects(
      openStore({ disk, crc32 }).then((store) => store.close()),
      code('IO'),
    )
  }
  disk.faults.readsLeft = Number.POSITIVE_INFINITY

  const store = await openStore({ disk, crc32 })

  assert.equal(store.writable, true)
  await store.close()
  assert.equal(disk.openFiles, 0)
})

test('a reservation that was given up after its leaf was put leaves the leaf', async () => {
  const disk = new FakeDisk()
  const { store, slot } = await withLog(disk)
  putBlock(slot, 0, bytesOf(4, 0))
  const leaf = bytesOf(32, 5)
  slot.reserve(1, 4)
  slot.staging.set(bytesOf(4, 1), slot.reserve(1, 4))
  slot.putNode(2, 4, leaf, 0)
  putBlock(slot, 2, bytesOf(4, 2))
  slot.stageHead({ fork: 0, length: 3, byteLength: 12, signature: undefined })
  await store.commit()

  const again = await reopen(disk.killed())
  const copy = again.slot(slot.log)
  assert.equal(copy.read(1), undefined)
  assert.equal(copy.findNode(2), true)
  assert.deepEqual(copy.read(2), bytesOf(4, 2))
  await again.close()
  await store.close()
})

test('what a checkpoint without room did not keep is kept by the next one', async () => {
  for (let room = 0; room < 1_200; room += 20) {
    const disk = new FakeDisk()
    const { store, slot } = await withLog(disk)
    slot.stageUserData('goes', bytesOf(3, 1))
    slot.stageUserData('stays', bytesOf(3, 2))
    await appendAndCommit(store, slot, bytesOf(40, 0))
    const removed = await store.create(identityOf(2))
    await store.checkpoint()
    slot.stageUserData('goes', undefined)
    slot.stageManifest(bytesOf(20, 1))
    store.remove(removed.log)
    await appendAndCommit(store, slot, bytesOf(40, 1))
    disk.faults.roomBytes = room
    await store.checkpoint().catch((error: unknown) => assert.ok(isCode(error, 'STORE_FULL')))
    disk.faults.roomBytes = Number.POSITIVE_INFINITY
    await store.checkpoint()

    const again = await reopen(disk.killed())
    const copy = again.slot(slot.log)
    assert.equal(copy.userData('goes'), undefined, `${room}`)
    assert.deepEqual(copy.userData('stays'), bytesOf(3, 2))
    assert.deepEqual(copy.identity.manifest, bytesOf(20, 1))
    assert.equal(again.find(identityOf(2).discoveryKey), undefined)
    assert.deepEqual(copy.read(1), bytesOf(40, 1))
    await again.close()
    await store.close()
  }
})
