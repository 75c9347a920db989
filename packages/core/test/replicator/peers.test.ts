/** Several peers: they share the work, stand in for one another, and come and go. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionBudget } from '../../src/replicator/budget.ts'
import { type Joint, join, type Message } from '../sim/pipe.ts'
import { append, block, numbered, type Party, Scene, text } from './fixtures.ts'

const blocksAsked = (joint: Joint): number[] =>
  joint.sent.flatMap((m) => (m.type === 'request' && m.request.block >= 0 ? [m.request.block] : []))

/** A reader that holds everything. */
async function mirror(scene: Scene, of: Party): Promise<Party> {
  const party = await scene.reader(of)
  const joint = join(scene.world, of.replicator, party.replicator)
  await scene.until(party.replicator.range({ start: 0, end: of.replica.length }).done())
  await scene.pass(100)
  joint.cut()
  return party
}

test('two sources share a download, each in chunks of its own', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2_000)
  const other = await mirror(scene, writer)
  const reader = await scene.reader(writer)

  const a = join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })
  const b = join(scene.world, other.replicator, reader.replicator, { delayMs: [20, 20] })
  await scene.until(reader.replicator.range({ start: 0, end: 2_000 }).done())

  const [fromA, fromB] = [blocksAsked(a), blocksAsked(b)]
  assert.ok(Math.min(fromA.length, fromB.length) > 600, `${fromA.length} and ${fromB.length}`)
  const twice = fromA.filter((index) => fromB.includes(index))
  assert.ok(twice.length < 100, `${twice.length} blocks were asked for twice`)
})

test('what a peer owed when it went is fetched from another', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const other = await mirror(scene, writer)
  const reader = await scene.reader(writer)
  const a = join(scene.world, writer.replicator, reader.replicator, { delayMs: [30, 30] })
  const done = reader.replicator.range({ start: 0, end: 1_000 }).done()
  await scene.pass(200)
  const owed = reader.replicator.audit().requests

  a.cut(new Error('gone'))
  const left = reader.replicator.audit().requests
  join(scene.world, other.replicator, reader.replicator, { delayMs: [30, 30] })
  await scene.until(done)

  assert.ok(owed > 0)
  assert.equal(left, 0)
  assert.equal(reader.replica.slot.contiguousLength, 1_000)
})

test('a download goes on where it stopped when a peer comes back', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const reader = await scene.reader(writer)
  const first = join(scene.world, writer.replicator, reader.replicator, { delayMs: [30, 30] })
  const done = reader.replicator.range({ start: 0, end: 1_000 }).done()
  await scene.pass(400)
  first.cut()
  const held = reader.replica.slot.heldBlocks
  await scene.pass(5_000)

  const second = join(scene.world, writer.replicator, reader.replicator, { delayMs: [30, 30] })
  await scene.until(done)

  assert.ok(held > 0 && held < 1_000, `${held}`)
  assert.equal(blocksAsked(second).length, 1_000 - held)
})

test('a block that one peer withholds comes from another, and the one is asked last from then on', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const other = await mirror(scene, writer)
  const reader = await scene.reader(writer)
  const withholds = (m: Message) =>
    m.type === 'data' && m.proof.value !== undefined ? undefined : m
  const bad = join(scene.world, writer.replicator, reader.replicator, { tamperA: withholds })
  await scene.until(reader.replicator.update({}))
  const wait = reader.replicator.block(4, { timeoutMs: 20_000 })
  await scene.pass(10)
  join(scene.world, other.replicator, reader.replicator, { delayMs: [40, 40] })

  await scene.until(wait)
  const asked = blocksAsked(bad).length
  await scene.until(reader.replicator.block(5, {}))

  assert.equal(asked, 1)
  assert.equal(blocksAsked(bad).length, 1)
})

test('an upgrade that one peer withholds comes from another', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const other = await mirror(scene, writer)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, {
    tamperA: (m) => (m.type === 'data' ? undefined : m),
  })
  await scene.pass(50)
  join(scene.world, other.replicator, reader.replicator, { delayMs: [40, 40] })

  await scene.until(reader.replicator.update({}))

  assert.equal(reader.replica.length, 100)
})

test('towards the end an idle peer takes over what a slow one has had for long', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const other = await mirror(scene, writer)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [8_000, 8_000] })
  join(scene.world, other.replicator, reader.replicator, { delayMs: [10, 10] })

  await scene.until(reader.replicator.range({ start: 0, end: 500 }).done())

  assert.ok(scene.world.now() < 9_000, `${scene.world.now()}`)
})

test('an old peer that is shorter still gives the blocks that it has', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const old = await mirror(scene, writer)
  await append(writer, numbered(100, 120))
  const reader = await scene.reader(writer)
  const a = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  a.cut()

  join(scene.world, old.replicator, reader.replicator)
  await scene.until(reader.replicator.block(50, {}))

  assert.equal(reader.replica.length, 120)
  assert.equal(text(reader.replica.read(50)), 'block 50')
})

test('news travels through a chain of readers', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1)
  const parties = [writer]
  for (let i = 0; i < 5; i++) parties.push(await scene.reader(writer))
  for (let i = 1; i < parties.length; i++) {
    const [a, b] = [parties[i - 1], parties[i]]
    if (a !== undefined && b !== undefined) join(scene.world, a.replicator, b.replicator)
    parties[i]?.replicator.range({ start: 0, end: -1 })
  }
  await scene.pass(1_000)

  await append(writer, numbered(1, 30))
  await scene.pass(2_000)

  assert.equal(text(parties.at(-1)?.replica.read(29)), 'block 29')
})

test('logs on one connection share what they may ask for', async () => {
  const scene = new Scene()
  const budgets = [new ConnectionBudget(), new ConnectionBudget()] as const
  const readers: Party[] = []
  let most = 0
  scene.world.onStep = () => {
    most = Math.max(most, budgets[1].asked)
  }
  for (let i = 0; i < 8; i++) {
    const writer = await scene.writer(0)
    await append(
      writer,
      Array.from({ length: 3_000 }, () => new Uint8Array(0)),
    )
    const reader = await scene.reader(writer)
    join(scene.world, writer.replicator, reader.replicator, { delayMs: [300, 300], budgets })
    readers.push(reader)
  }

  await scene.until(
    Promise.all(readers.map((r) => r.replicator.range({ start: 0, end: 3_000 }).done())),
  )

  assert.ok(most > 3_500 && most <= 4_096, `${most}`)
  assert.deepEqual([budgets[0].queued, budgets[1].asked], [0, 0])
})

test('a request is not late while its connection answers about other logs', async () => {
  const scene = new Scene()
  const budgets = [new ConnectionBudget(), new ConnectionBudget()] as const
  const busy = await scene.writer(0)
  const busyReader = await scene.reader(busy)
  join(scene.world, busy.replicator, busyReader.replicator, { budgets })
  const live = busyReader.replicator.range({ start: 0, end: -1 })
  const slow = await scene.writer(1)
  const reader = await scene.reader(slow)
  const joint = join(scene.world, slow.replicator, reader.replicator, {
    delayMs: [1_500, 1_500],
    budgets,
  })

  for (let i = 0; i < 10; i++) {
    await append(busy, numbered(i, i + 1))
    await scene.pass(1_000)
  }
  live.cancel()

  assert.equal(reader.replica.length, 1)
  assert.equal(joint.sent.filter(({ type }) => type === 'cancel').length, 0)
})

test('stats tell what each peer did', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  const keys = [new Uint8Array(32).fill(8), new Uint8Array(32).fill(9)] as const
  join(scene.world, writer.replicator, reader.replicator, { keys, delayMs: [7, 7] })
  let [down, up] = [0, 0]
  reader.replicator.events.on('download', ({ blocks }) => {
    down += blocks
  })
  writer.replicator.events.on('upload', ({ bytes }) => {
    up += bytes
  })

  await scene.until(reader.replicator.range({ start: 0, end: 10 }).done())

  const [seen] = reader.replicator.peers()
  const [served] = writer.replicator.peers()
  assert.deepEqual([seen?.blocksDown, seen?.bytesDown, seen?.length], [10, 70, 10])
  assert.deepEqual([served?.blocksUp, served?.bytesUp], [10, 70])
  assert.deepEqual(seen?.remotePublicKey, keys[0])
  assert.equal(Math.round(seen?.answerMs ?? 0), 14)
  assert.deepEqual([down, up], [10, 70])
})

test('a log that nobody wants any more is spoken about for a while, and then no longer', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))

  writer.replicator.setDownloading(false)
  reader.replicator.setDownloading(false)
  await scene.pass(19_000)
  const isOpenBefore = !joint.closed
  await scene.pass(25_000)

  assert.equal(isOpenBefore, true)
  assert.equal(joint.closed, true)
  assert.equal(reader.replicator.idle, true)
})

test('a conversation stays while one side wants the log', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)

  writer.replicator.setDownloading(false)
  await scene.pass(60_000)
  await append(writer, [block(3)])
  await scene.pass(100)

  assert.equal(joint.closed, false)
  assert.equal(reader.replica.length, 4)
})
