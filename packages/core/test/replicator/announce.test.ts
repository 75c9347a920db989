/** Nothing is told before it is on the disk; and who is told what. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { type Joint, join, joinScripted } from '../sim/pipe.ts'
import { append, block, numbered, Scene } from './fixtures.ts'

/** What was sent about lengths and holdings from message `from` on. */
function told(joint: Joint, from = 0): string[] {
  return joint.sent.slice(from).flatMap((m) => {
    if (m.type === 'status') return [`length ${m.status.length}`]
    if (m.type === 'have' || m.type === 'unhave') return [`${m.type} ${m.start} ${m.length}`]
    return []
  })
}

test('a head and its blocks are told when they are on the disk, not before', async () => {
  const scene = new Scene()
  const store = openMemoryStore({ syncByHand: true })
  const writer = await scene.writer(0, { store })
  const { joint } = joinScripted(scene.world, writer.replicator, () => ({}))
  await scene.pass(10)
  // The disk takes its time: `sync` does nothing until we say so.
  const sync = store.sync.bind(store)
  let release: () => void = () => {}
  store.sync = () =>
    new Promise((resolve) => {
      release = () => void sync().then(resolve)
    })

  await append(writer, numbered(0, 3))
  await scene.pass(100)
  const before = told(joint).at(-1)
  release()
  await scene.pass(10)

  assert.equal(before, 'length 0')
  assert.deepEqual(told(joint).slice(-2), ['have 0 3', 'length 3'])
})

test('a head that nobody has seen is signed when the first peer comes', async () => {
  const scene = new Scene()
  const writer = await scene.writer(0)
  await append(writer, numbered(0, 3))
  const before = writer.replica.announcedLength

  const { joint } = joinScripted(scene.world, writer.replicator, () => ({}))
  await scene.pass(10)

  assert.equal(before, 0)
  assert.deepEqual(told(joint), ['length 0', 'have 0 3', 'length 3'])
})

test('appends of one moment are told together', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const { joint } = joinScripted(scene.world, writer.replicator, () => ({}))
  await scene.pass(10)

  const before = joint.sent.length
  await Promise.all(numbered(3, 20).map((bytes) => append(writer, [bytes])))
  await scene.pass(10)

  assert.deepEqual(told(joint, before), ['have 0 20', 'length 20'])
})

test('a reader with gaps tells of blocks near the end of the log, and of those that were asked about', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const middle = await scene.reader(writer)
  join(scene.world, writer.replicator, middle.replicator)
  const { joint, sender } = joinScripted(scene.world, middle.replicator, () => ({}))
  await scene.until(middle.replicator.update({}))
  sender.want(512, 64)
  await scene.pass(10)

  const before = joint.sent.length
  for (const index of [3, 530, 700, 990]) await scene.until(middle.replicator.block(index, {}))
  await scene.pass(100)

  assert.deepEqual(told(joint, before), ['have 530 1', 'have 990 1'])
})

test('nobody is told of what it holds itself', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const middle = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, middle.replicator)
  await scene.until(middle.replicator.update({}))
  await scene.pass(10)

  const before = joint.sent.length
  await scene.until(middle.replicator.block(999, {}))
  await scene.pass(100)

  assert.deepEqual(told(joint, before), [])
})

test('blocks that are cleared are taken back', async () => {
  const scene = new Scene()
  const writer = await scene.writer(20)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  await scene.pass(10)

  const before = joint.sent.length
  writer.replica.clear(5, 9)
  await writer.replica.commit()
  await scene.pass(10)
  const download = reader.replicator.range({ start: 0, end: 20 })
  await scene.pass(1_000)
  download.cancel()

  assert.deepEqual(told(joint, before)[0], 'unhave 5 4')
  assert.equal(reader.replica.slot.nextMissing(0, 20), 5)
  assert.equal(reader.replica.slot.heldBlocks, 16)
  assert.equal(joint.sent.filter((m) => m.type === 'refuse').length, 0)
})

test('a block that is being written is left out of a bitfield until it is on the disk', async () => {
  const scene = new Scene()
  const source = await scene.writer(100)
  const store = openMemoryStore({ syncByHand: true })
  const reader = await scene.reader(source, { store })
  join(scene.world, source.replicator, reader.replicator)
  const bits: number[] = []
  const haves: number[] = []
  const { sender } = joinScripted(scene.world, reader.replicator, () => ({
    onBitfield: (_start, words) => bits.push(words[1] ?? 0),
    onHave: (start) => haves.push(start),
  }))
  await scene.until(reader.replicator.update({}))
  await scene.until(reader.replicator.block(40, {}))

  sender.want(32, 64)
  await scene.pass(10)
  const before = [...haves]
  await store.sync()
  await scene.pass(10)

  assert.deepEqual(bits, [0])
  assert.deepEqual(before, [])
  assert.deepEqual(haves, [40])
})

test('blocks in no order that wait for the disk are looked at once for a sync, not once for each block', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const store = openMemoryStore({ syncByHand: true })
  const reader = await scene.reader(writer, { store })
  const { replica } = reader
  let looks = 0
  const isDurable = replica.isDurable.bind(replica)
  replica.isDurable = (index) => {
    looks++
    return isDurable(index)
  }
  join(scene.world, writer.replicator, reader.replicator)
  const haves: number[] = []
  const { sender } = joinScripted(scene.world, reader.replicator, () => ({
    onHave: (start) => haves.push(start),
  }))
  await scene.until(reader.replicator.update({}))
  sender.want(0, 1_024)
  await scene.pass(10)

  const blocks = Array.from({ length: 300 }, (_, i) => 2 * i)
  await scene.until(reader.replicator.range({ start: 0, end: 0, blocks }).done())
  const before = { looks, haves: haves.length }
  await store.sync()
  await scene.pass(10)

  assert.ok(before.looks < 4 * blocks.length, `${before.looks} looks`)
  assert.equal(before.haves, 0)
  assert.deepEqual(
    haves.sort((x, y) => x - y),
    blocks,
  )
})

test('a bitfield of millions of blocks is described in slices that leave the loop free', async () => {
  const scene = new Scene()
  const { replica } = await scene.writer(0)
  // Each look at this clock costs a millisecond, so that work takes time.
  let spent = 0
  const { world } = scene
  const clock: Clock = {
    now: () => ++spent,
    after: (delayMs, task) => world.after(delayMs, task),
    soon: (task) => world.soon(task),
  }
  const { replicator } = scene.party(replica, { clock })
  // Holdings without blocks: what is described is the slot, and that alone is what counts here.
  const total = 3_000_000
  Object.defineProperties(replica, {
    announcedLength: { get: () => total },
    isDurable: { value: () => true },
  })
  replica.slot.nextHeld = (from, end) => Math.min(from + (from % 2), end)
  replica.slot.nextMissing = (from, end) => Math.min(from + 1 - (from % 2), end)
  const words: [number, number][] = []
  const { sender } = joinScripted(world, replicator, () => ({
    onBitfield: (start, bits) => words.push([start, bits.length]),
  }))

  sender.want(2 ** 21, 2 ** 21)
  await scene.pass(100)

  let end = 2 ** 21
  for (const [start, count] of words) {
    assert.equal(start, end)
    end += count * 32
  }
  assert.equal(end, Math.ceil(total / 32) * 32)
  assert.ok(words.length > 3, `${words.length}`)
})

test('a disk that is full stops the download, tells so, and lets it go on when there is room', async () => {
  const scene = new Scene()
  const writer = await scene.writer(300)
  const store = openMemoryStore()
  const reader = await scene.reader(writer, { store })
  const commit = store.commit.bind(store)
  let isFull = false
  const errors: unknown[] = []
  reader.replicator.events.on('storage-error', ({ error }) => errors.push(error))
  store.commit = () => {
    if (!isFull) return commit()
    store.rewind(0)
    return Promise.reject(new Error('full'))
  }
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })
  await scene.until(reader.replicator.update({}))
  const done = reader.replicator.range({ start: 0, end: 300 }).done()

  isFull = true
  await scene.pass(3_000)
  const held = reader.replica.slot.heldBlocks
  isFull = false
  await scene.until(done)

  assert.equal(held, 0)
  assert.ok(errors.length > 0)
  assert.deepEqual(reader.replica.read(299), block(299))
})
