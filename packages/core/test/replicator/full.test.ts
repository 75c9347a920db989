/** A store that is full: nothing is fetched to be thrown away, and what goes without blocks goes on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { type Joint, join } from '../sim/pipe.ts'
import { append, block, codeOf, numbered, type Party, Scene } from './fixtures.ts'

interface Full {
  readonly scene: Scene
  readonly writer: Party
  readonly reader: Party
  readonly joint: Joint
  readonly errors: unknown[]
}

/** A reader whose store has room for some hundred of the writer's blocks, and that has asked for all of them. */
async function fullReader(): Promise<Full> {
  const scene = new Scene()
  const writer = await scene.writer(300)
  const store = openMemoryStore({ quotaBytes: 1_000 })
  const reader = await scene.reader(writer, { store })
  const errors: unknown[] = []
  reader.replicator.events.on('storage-error', ({ error }) => errors.push(error))
  const joint = join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })
  await scene.until(reader.replicator.update({}))
  reader.replicator.range({ start: 0, end: 300 })
  await scene.pass(1_000)
  return { scene, writer, reader, joint, errors }
}

const requests = (joint: Joint, from = 0): number =>
  joint.sent.slice(from).filter((m) => m.type === 'request').length

test('a full store stops the download, tells so once, and nothing more is asked for', async () => {
  const { scene, reader, joint, errors } = await fullReader()
  const held = reader.replica.slot.heldBlocks
  const before = joint.sent.length

  await scene.pass(60_000)

  assert.ok(held > 90 && held < 130, `${held}`)
  assert.equal(errors.length, 1)
  assert.deepEqual(
    errors.map((error) => (error as { code: string }).code),
    ['STORE_FULL'],
  )
  assert.equal(requests(joint, before), 0)
})

test('with a full store, who waits for a block is told, and what is here is read and served', async () => {
  const { scene, writer, reader } = await fullReader()
  const third = await scene.reader(writer)
  join(scene.world, reader.replicator, third.replicator)

  await assert.rejects(scene.until(reader.replicator.block(299, {})), { code: 'STORE_FULL' })
  await scene.until(third.replicator.block(0, {}))

  assert.deepEqual(reader.replica.read(0), block(0))
  assert.deepEqual(third.replica.read(0), block(0))
})

test('with a full store heads are followed and positions found', async () => {
  const { scene, writer, reader } = await fullReader()
  await append(writer, numbered(300, 310))
  await scene.pass(1_000)

  await scene.until(reader.replicator.update({}))
  await scene.until(reader.replicator.seek(writer.replica.byteOffset(250) ?? 0, 0, {}))

  assert.equal(reader.replica.length, 310)
  assert.equal(reader.replica.seekLocal(writer.replica.byteOffset(250) ?? 0, 0).kind, 'found')
})

test('when there is room again the download goes on by itself, and a block can be had at once', async () => {
  const { scene, reader } = await fullReader()
  reader.replica.clear(0, 80)
  await reader.replica.commit()

  await scene.until(reader.replicator.block(299, {}))
  await scene.pass(5_000)

  assert.deepEqual(reader.replica.read(299), block(299))
  assert.ok(reader.replica.slot.heldBlocks > 90, `${reader.replica.slot.heldBlocks}`)
})

test('however often it fills up again, one timer looks for room', async () => {
  const { scene, reader } = await fullReader()
  let looks = 0
  const { store } = reader.replica
  const room = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(store), 'roomBytes')
  for (let i = 0; i < 10; i++) {
    reader.replica.clear(0, 300)
    await reader.replica.commit()
    await scene.until(reader.replicator.block(299 - i, {}))
    await scene.pass(100)
  }

  Object.defineProperty(store, 'roomBytes', {
    get: () => {
      looks++
      return room?.get?.call(store)
    },
  })
  await scene.pass(20_000)

  assert.ok(looks <= 11, `${looks} looks in 20 seconds`)
})

test('who waits for a download into a full store is told, and the download goes on when there is room', async () => {
  const { scene, reader } = await fullReader()
  const download = reader.replicator.range({ start: 250, end: 300 })

  await assert.rejects(scene.until(download.done()), { code: 'STORE_FULL' })
  reader.replica.store.setQuota(100_000)
  await scene.until(download.done())

  assert.deepEqual(reader.replica.read(299), block(299))
})

// ---- The system's own fullness, which only a write finds out -------------------------------------

interface FullDisk extends Full {
  readonly disk: FakeDisk
}

/** A reader of one log whose disk fills up under it, though it says nothing of that. */
async function fullDisk(): Promise<FullDisk> {
  const scene = new Scene()
  const writer = await scene.writer(300)
  const disk = new FakeDisk()
  const store = await openStore({ disk, clock: scene.world, crc32 })
  const reader = await scene.reader(writer, { store })
  const errors: unknown[] = []
  reader.replicator.events.on('storage-error', ({ error }) => errors.push(error))
  const joint = join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })
  await scene.until(reader.replicator.update({}))
  disk.faults.roomBytes = 2_000
  return { scene, writer, reader, joint, errors, disk }
}

test('on a disk that is full, who waits for a block or a download is told what, of which log, and what to do', async () => {
  const { scene, reader, errors } = await fullDisk()
  const download = reader.replicator.range({ start: 0, end: 300 })
  const asked = scene.world.now()

  const failed = await scene.until(download.done().catch((error: unknown) => error))
  const block299 = await scene.until(codeOf(reader.replicator.block(299, {})))

  assert.ok(isCode(failed, 'STORE_FULL'), String(failed))
  const log = hex(reader.replica.discoveryKey.subarray(0, 4))
  assert.equal(failed.facts['discoveryKey'], log)
  assert.match(failed.message, new RegExp(`^Log ${log} .*No room on the disk`))
  assert.equal(block299, 'STORE_FULL')
  assert.ok(scene.world.now() - asked < 2_000, 'at once, not when the time of the wait is over')
  assert.deepEqual(errors, [failed])
  assert.equal(reader.replica.store.roomBytes, Number.POSITIVE_INFINITY)
})

test('while the disk is full one frame is tried now and then, and the event tells once', async () => {
  const { scene, reader, joint, errors } = await fullDisk()
  reader.replicator.range({ start: 0, end: 300 })
  await scene.pass(1_000)
  const before = joint.sent.length

  await scene.pass(20_000)

  const tried = requests(joint, before)
  assert.ok(tried > 0 && tried <= 10 * 300, `${tried} requests in ten tries`)
  assert.equal(errors.length, 1)
})

test('a disk that is full ends no connection, other logs go on, and so does this one when there is room', async () => {
  const { scene, writer, reader, disk, joint } = await fullDisk()
  const elsewhere = await scene.reader(writer)
  join(scene.world, writer.replicator, elsewhere.replicator)
  const download = reader.replicator.range({ start: 0, end: 300 })
  await scene.until(codeOf(download.done()))

  await scene.until(elsewhere.replicator.block(0, {}))
  const isCut = joint.closed
  disk.faults.roomBytes = Number.POSITIVE_INFINITY
  await scene.until(download.done(), 5_000)

  assert.equal(isCut, false)
  assert.equal(reader.replica.store.writable, true)
  for (let i = 0; i < 300; i++) assert.deepEqual(reader.replica.read(i), block(i))
})
