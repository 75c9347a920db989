/** Histories that are cut, continued on higher forks, and signed twice. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWriter, proofOf } from '../log/support.ts'
import { join } from '../sim/pipe.ts'
import { append, block, numbered, type Party, Scene, text } from './fixtures.ts'

async function truncate({ replica }: Party, length: number, then: Uint8Array[]): Promise<void> {
  replica.truncate(length)
  await replica.commit()
  replica.append(then)
  await replica.commit()
}

const other = (i: number): Uint8Array => new TextEncoder().encode(`other ${i}`)

test('a reader that is connected follows a truncation', async () => {
  const scene = new Scene()
  const writer = await scene.writer(30)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 30 }).done())

  await truncate(writer, 20, [other(20)])
  await scene.pass(500)

  assert.deepEqual([reader.replica.fork, reader.replica.length], [1, 21])
  assert.equal(reader.replica.slot.contiguousLength, 20)
  assert.equal(text(reader.replica.read(19)), 'block 19')
})

test('a reader that comes back later follows it, keeps what is shared and fetches the rest', async () => {
  const scene = new Scene()
  const writer = await scene.writer(32)
  const reader = await scene.reader(writer)
  const first = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 32 }).done())
  first.cut()
  await truncate(
    writer,
    21,
    Array.from({ length: 20 }, (_, i) => other(21 + i)),
  )

  const second = join(scene.world, writer.replicator, reader.replicator)
  const download = reader.replicator.range({ start: 0, end: -1 })
  await scene.pass(2_000)
  download.cancel()

  assert.deepEqual([reader.replica.fork, reader.replica.slot.contiguousLength], [1, 41])
  assert.equal(text(reader.replica.read(20)), 'block 20')
  assert.equal(text(reader.replica.read(21)), 'other 21')
  const asked = second.sent.flatMap((m) => (m.type === 'request' ? [m.request] : []))
  assert.deepEqual(
    asked.filter((r) => r.upgradeLength > 0).map((r) => [r.fork, r.upgradeStart, r.upgradeLength]),
    [[1, 0, 41]],
  )
  assert.ok(asked.some((r) => r.hash >= 0))
  assert.equal(asked.filter((r) => r.block >= 0).length, 20)
})

test('peers are told of the blocks that a truncation took, and of the new length', async () => {
  const scene = new Scene()
  const writer = await scene.writer(30)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 30 }).done())
  await scene.pass(100)

  const before = joint.sent.length
  await truncate(writer, 12, [other(12)])
  await scene.pass(500)

  const drops = joint.sent
    .slice(before)
    .flatMap((m) => (m.type === 'unhave' ? [[m.start, m.length]] : []))
  assert.deepEqual(drops, [
    [12, 18],
    [12, 18],
  ])
})

test('a download goes on over a truncation', async () => {
  const scene = new Scene(5)
  const writer = await scene.writer(2_000)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [30, 40] })
  const download = reader.replicator.range({ start: 0, end: -1 })
  await scene.pass(250)
  const held = reader.replica.slot.heldBlocks

  await truncate(
    writer,
    1_000,
    Array.from({ length: 100 }, (_, i) => other(1_000 + i)),
  )
  await scene.pass(20_000)
  download.cancel()

  assert.ok(held > 0 && held < 1_000, `${held}`)
  assert.deepEqual([reader.replica.fork, reader.replica.slot.contiguousLength], [1, 1_100])
  assert.equal(text(reader.replica.read(1_050)), 'other 1050')
})

test('the highest fork that can be proved wins over those that cannot', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  await truncate(writer, 5, [other(5), other(6)])
  const reader = await scene.reader(writer)

  join(scene.world, writer.replicator, reader.replicator, {
    keys: [new Uint8Array(32).fill(5), new Uint8Array(32).fill(6)],
    tamperA: (m) =>
      m.type === 'status' ? { ...m, status: { ...m.status, fork: m.status.fork + 3 } } : m,
  })
  await scene.pass(3_000)
  const before = reader.replica.fork
  join(scene.world, writer.replicator, reader.replicator)
  await scene.pass(3_000)

  assert.equal(before, 0)
  assert.deepEqual([reader.replica.fork, reader.replica.length], [1, 7])
})

test('a peer that stays on the lower fork gives nothing and takes nothing until it follows', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer, { downloading: false })
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  await truncate(writer, 5, [other(5)])
  await scene.pass(1_000)
  const before = reader.replica.fork

  await scene.until(reader.replicator.update({}))

  assert.equal(before, 0)
  assert.equal(reader.replica.fork, 1)
  assert.equal(joint.sent.filter((m) => m.type === 'data' && m.id === 0).length, 0)
})

test('two histories under one key are noticed by all who see both, kept apart, and end the conversation', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const copyOfKey = scene.party(await openWriter())
  await append(copyOfKey, [...numbered(0, 4), ...Array.from({ length: 8 }, (_, i) => other(i))])
  const reader = await scene.reader(writer)
  const conflicts: string[] = []
  for (const [name, party] of Object.entries({ writer, copyOfKey, reader })) {
    party.replica.events.on('conflict', () => conflicts.push(name))
  }
  const first = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 10 }).done())

  const second = join(scene.world, copyOfKey.replicator, reader.replicator)
  await scene.pass(5_000)

  assert.deepEqual(conflicts.sort(), ['copyOfKey', 'reader'])
  assert.equal(reader.replica.frozen, true)
  assert.equal(text(reader.replica.read(9)), 'block 9')
  assert.deepEqual([first.closed, second.closed], [true, true])
})

test('a frozen log ends a conversation as soon as one begins', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const copyOfKey = scene.party(await openWriter())
  await append(copyOfKey, [block(0), other(1)])
  join(scene.world, writer.replicator, copyOfKey.replicator)
  await scene.pass(5_000)

  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.pass(100)

  assert.equal(writer.replica.frozen, true)
  assert.equal(joint.closed, true)
})

test('who is told of a conflict by others lets its peers see its head, so that they notice too', async () => {
  const scene = new Scene()
  const writer = await scene.writer(4)
  const copyOfKey = scene.party(await openWriter())
  await append(copyOfKey, [block(0), ...Array.from({ length: 3 }, (_, i) => other(i))])
  const witness = scene.party(await openWriter())
  await append(witness, numbered(0, 4))
  join(scene.world, witness.replicator, copyOfKey.replicator)
  const joint = join(scene.world, writer.replicator, copyOfKey.replicator)
  await scene.pass(1_000)
  const before = [writer, copyOfKey].map(({ replica }) => replica.frozen)
  witness.replica.checkConflict(proofOf(copyOfKey.replica, { upgradeLength: 4 }))
  const { conflict } = witness.replica
  assert.ok(conflict)

  writer.replica.acceptConflict(conflict)
  await writer.replica.commit()
  await scene.pass(1_000)

  assert.deepEqual(before, [false, false])
  assert.deepEqual([writer.replica.frozen, copyOfKey.replica.frozen], [true, true])
  assert.equal(joint.closed, true)
})
