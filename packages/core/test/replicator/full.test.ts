/** A store that is full: nothing is fetched to be thrown away, and what goes without blocks goes on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../../src/store/memory.ts'
import { type Joint, join } from '../sim/pipe.ts'
import { append, block, numbered, type Party, Scene } from './fixtures.ts'

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
