/** Two peers on a quiet network: what is asked for arrives, and nothing else is sent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/bytes/bytes.ts'
import { binary } from '../../src/bytes/encodings.ts'
import { Proof } from '../../src/tree/proof.ts'
import { openReplica, testKeyPair } from '../log/support.ts'
import { join, type Message } from '../sim/pipe.ts'
import { pattern } from '../tree/model.ts'
import { vectors } from '../vectors.ts'
import { append, block, numbered, Scene, text } from './fixtures.ts'

const requests = (messages: readonly Message[]) =>
  messages.flatMap((message) => (message.type === 'request' ? [message.request] : []))

test('a reader learns the length and fetches the one block that is asked for', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)

  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.block(7, {}))

  assert.equal(reader.replica.length, 10)
  assert.equal(text(reader.replica.read(7)), 'block 7')
  assert.equal(reader.replica.slot.heldBlocks, 1)
})

test('the first exchange is the one of the specification: status and range, then the upgrade, then statuses', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)

  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  await scene.pass(10)

  const told = joint.sent.map((message) => {
    if (message.type === 'status') {
      const { length, remoteLength, canUpgrade, hasManifest } = message.status
      return `status ${length} ${remoteLength}${canUpgrade ? ' can' : ''}${hasManifest ? ' manifest' : ''}`
    }
    if (message.type === 'have') return `have ${message.start} ${message.length}`
    if (message.type !== 'request') return message.type
    const { upgradeStart, upgradeLength, manifest, id } = message.request
    return `request ${id}: upgrade ${upgradeStart} ${upgradeLength}${manifest ? ' manifest' : ''}`
  })
  assert.deepEqual(told, [
    'status 3 0 can manifest',
    'have 0 3',
    'status 0 0 can',
    // The shorter side has heard: it can't upgrade anybody, and asks.
    'status 0 3',
    'request 1: upgrade 0 3 manifest',
    // The longer side acknowledges each status of the shorter one.
    'status 3 0 can manifest',
    'status 3 0 can manifest',
    'data',
    // The manifest is known, the head is on the disk; and there is nothing left to upgrade.
    'status 3 3 manifest',
    'status 3 3 manifest',
    'status 3 3 manifest',
  ])
})

test('a whole log comes over with about one node for each block', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3_000)
  const reader = await scene.reader(writer)

  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 3_000 }).done())

  let nodes = 0
  for (const message of joint.sent) if (message.type === 'data') nodes += message.proof.nodes.length
  assert.equal(reader.replica.slot.contiguousLength, 3_000)
  for (let i = 0; i < 3_000; i += 77) assert.equal(text(reader.replica.read(i)), `block ${i}`)
  // The first block came with the head.
  assert.equal(requests(joint.sent).length, 3_000)
  assert.ok(nodes < 3_000 * 1.1, `${nodes}`)
})

test('the first block comes with the first head', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const ranged = await scene.reader(writer)
  const waiting = await scene.reader(writer)

  const joints = [ranged, waiting].map((reader) => {
    return join(scene.world, writer.replicator, reader.replicator)
  })
  const download = ranged.replicator.range({ start: 0, end: 1 })
  await Promise.all([download.done(), waiting.replicator.block(0, {})].map((p) => scene.until(p)))

  for (const { sent } of joints) {
    const asked = requests(sent).map(({ block, upgradeLength }) => [block, upgradeLength])
    assert.deepEqual(asked, [[0, 3]])
  }
})

test('what is new comes with the head that tells of it', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  const before = requests(joint.sent).length

  const downloads = [
    reader.replicator.range({ start: 0, end: 6, blocks: [1, 4, 5] }),
    reader.replicator.range({ start: 0, end: 5 }),
  ]
  await scene.pass(100)
  const held = requests(joint.sent).length
  await append(writer, numbered(3, 6))
  await Promise.all(downloads.map((download) => scene.until(download.done())))

  const later = requests(joint.sent).slice(held)
  assert.equal(held - before, 3)
  assert.deepEqual([later[0]?.block, later[0]?.upgradeStart, later[0]?.upgradeLength], [4, 3, 3])
  assert.deepEqual(
    later.slice(1).map(({ block, upgradeLength }) => [block, upgradeLength]),
    [
      [5, 0],
      [3, 0],
    ],
  )
})

test('who downloads a whole log announces it once, when it is whole', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const reader = await scene.reader(writer)

  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.range({ start: 0, end: 1_000 }).done())
  await scene.pass(1_000)

  const haves = joint.sent.flatMap((m) => (m.type === 'have' ? [[m.start, m.length]] : []))
  assert.deepEqual(haves, [
    [0, 1_000],
    [0, 1_000],
  ])
})

test('five thousand blocks of random sizes, empty ones among them, arrive as they were', async () => {
  const scene = new Scene(7)
  const { world } = scene
  const writer = await scene.writer(0)
  const blocks = Array.from({ length: 5_000 }, () => {
    const size = world.chance(0.1) ? 0 : world.between(1, world.chance(0.02) ? 20_000 : 200)
    return new Uint8Array(size).fill(world.between(0, 255))
  })
  await append(writer, blocks)
  const reader = await scene.reader(writer)

  join(scene.world, writer.replicator, reader.replicator, { delayMs: [5, 25] })
  await scene.until(reader.replicator.range({ start: 0, end: 5_000 }).done())

  blocks.forEach((bytes, i) => {
    assert.deepEqual(reader.replica.read(i), bytes, `block ${i}`)
  })
  assert.equal(reader.replica.byteLength, writer.replica.byteLength)
})

test('a live range follows the log as it grows, the newest block with the upgrade', async () => {
  const scene = new Scene()
  const writer = await scene.writer(5)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  reader.replicator.range({ start: 0, end: -1 })
  await scene.pass(100)

  const before = joint.sent.length
  await append(writer, [block(5)])
  await scene.pass(100)

  assert.equal(text(reader.replica.read(5)), 'block 5')
  const asked = requests(joint.sent.slice(before))
  assert.deepEqual(
    asked.map((request) => [request.block, request.upgradeStart, request.upgradeLength]),
    [[5, 5, 1]],
  )
})

test('a log that grows all the time is followed to its end', async () => {
  const scene = new Scene(3)
  const writer = await scene.writer(1)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [10, 60] })
  reader.replicator.range({ start: 0, end: -1 })

  for (let i = 1; i < 500; i += 7) {
    await append(writer, numbered(i, i + 7))
    await scene.pass(scene.world.between(0, 30))
  }
  await scene.pass(2_000)

  const { length } = writer.replica
  assert.equal(reader.replica.slot.contiguousLength, length)
  assert.equal(text(reader.replica.read(length - 1)), `block ${length - 1}`)
})

test('a block that does not exist yet is fetched with the upgrade that brings it', async () => {
  const scene = new Scene()
  const writer = await scene.writer(4)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  const awaited = reader.replicator.block(5, {})
  await scene.pass(50)

  const before = joint.sent.length
  await append(writer, numbered(4, 6))
  await scene.until(awaited)

  const asked = requests(joint.sent.slice(before))
  assert.deepEqual(
    asked.map((request) => [request.block, request.upgradeLength, request.priority]),
    [[5, 2, 1]],
  )
})

test('a linear range comes in order, and a list brings just its blocks', async () => {
  const scene = new Scene()
  const writer = await scene.writer(300)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  const order = (): number[] => requests(joint.sent).flatMap((r) => (r.block < 0 ? [] : [r.block]))

  const blocks = [3, 70, 71, 200]
  await scene.until(reader.replicator.range({ start: 0, end: 0, blocks }).done())
  const listed = order()
  await scene.until(reader.replicator.range({ start: 100, end: 150, linear: true }).done())

  assert.deepEqual(listed, blocks)
  assert.deepEqual(
    order().slice(blocks.length),
    Array.from({ length: 50 }, (_, i) => 100 + i),
  )
  assert.equal(reader.replica.slot.heldBlocks, 54)
})

test('a position is found by hashes alone', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))

  const position = writer.replica.byteOffset(321) ?? 0
  await scene.until(reader.replicator.seek(position + 2, 0, {}))

  assert.deepEqual(reader.replica.seekLocal(position + 2, 0), {
    kind: 'found',
    index: 321,
    offset: 2,
  })
  assert.equal(reader.replica.slot.heldBlocks, 0)
})

test('a remote without seeks leads to a position by hashes, step by step', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const reader = await scene.reader(writer)
  const abilities = { seek: false, hash: true, cancel: false, refuse: false, waitsForEnd: false }
  join(scene.world, writer.replicator, reader.replicator, { abilities })
  await scene.until(reader.replicator.update({}))

  const position = writer.replica.byteOffset(400) ?? 0
  await scene.until(reader.replicator.seek(position, 0, {}))

  assert.equal(reader.replica.seekLocal(position, 0).kind, 'found')
})

test('urgent blocks go before a range that fills the window', async () => {
  const scene = new Scene()
  const writer = await scene.writer(20_000)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    delayMs: [50, 50],
    budgetBytes: 3_000,
  })
  reader.replicator.range({ start: 0, end: 20_000 })
  await scene.pass(2_000)
  const before = reader.replica.slot.heldBlocks

  await scene.until(reader.replicator.block(19_999, {}))

  assert.ok(reader.replica.slot.heldBlocks - before < 600, `${reader.replica.slot.heldBlocks}`)
  assert.equal(requests(joint.sent).find((r) => r.block === 19_999)?.priority, 1)
})

test('a sparse reader serves another what it holds, and only that', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2_000)
  const middle = await scene.reader(writer)
  const wire = join(scene.world, writer.replicator, middle.replicator)
  const held = [5, 6, 7, 900, 1_999]
  await scene.until(middle.replicator.range({ start: 0, end: 0, blocks: held }).done())
  await scene.pass(100)
  wire.cut()

  const reader = await scene.reader(writer)
  const joint = join(scene.world, middle.replicator, reader.replicator)
  reader.replicator.range({ start: 0, end: 2_000 })
  await scene.pass(5_000)

  const got = Array.from({ length: 2_000 }, (_, i) => i).filter((i) => reader.replica.has(i))
  assert.deepEqual(got, held)
  assert.equal(joint.sent.filter((message) => message.type === 'want').length, 1)
  assert.equal(joint.sent.filter((message) => message.type === 'refuse').length, 0)
})

test('extensions reach the other side with their name', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)
  const heard: string[] = []
  const listen = { ...binary, onMessage: (bytes: Uint8Array) => void heard.push(text(bytes)) }
  reader.replica.extensions.open(
    'chat',
    () => binary,
    listen,
    () => [],
  )

  for (const peer of writer.replicator.extensionPeers()) peer.post('chat', block(1))
  await scene.pass(10)

  assert.deepEqual(heard, ['block 1'])
})

test('a log with a prologue is fetched, the first upgrade alone', async () => {
  const scene = new Scene()
  const { prologue } = vectors<{ prologue: { manifest: string } }>('gen3-core/seek-prologue')
  const owner = await openReplica({
    manifest: fromHex(prologue.manifest),
    keyPair: testKeyPair(1),
  })
  owner.append(Array.from({ length: 8 }, (_, i) => pattern(i, 4)))
  await owner.sealed()
  const writer = scene.party(owner)
  const reader = await scene.reader(writer)

  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.block(7, {}))
  await scene.until(reader.replicator.range({ start: 0, end: 8 }).done())

  const [first] = requests(joint.sent)
  assert.deepEqual([first?.block, first?.upgradeLength, first?.manifest], [-1, 8, true])
  assert.equal(reader.replica.slot.contiguousLength, 8)
  assert.equal(joint.sent.filter((message) => message.type === 'refuse').length, 0)
})

test('where only the manifest comes of the first request, block and head are asked for again', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  let isFirst = true
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    tamperA(message) {
      if (message.type !== 'data' || !isFirst) return message
      isFirst = false
      const bare = new Proof()
      bare.manifest = message.proof.manifest
      return { ...message, proof: bare }
    },
  })

  await scene.until(reader.replicator.block(0, {}))

  const asked = requests(joint.sent).map(({ block, manifest }) => [block, manifest])
  assert.deepEqual(asked.at(0), [0, true])
  assert.ok(asked.slice(1).every(([, manifest]) => manifest === false))
  assert.equal(text(reader.replica.read(0)), 'block 0')
})
