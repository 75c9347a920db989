/** What a peer of bad will can say, and what it costs whom. One test for each limit of the layer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DISTRUST_MS,
  PROOFS_WRONG_MAX,
  REQUESTS_INVALID_MAX,
  REQUESTS_QUEUED_MAX,
} from '../../src/base/limits.ts'
import { copy } from '../../src/bytes/bytes.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import type { Handler, Request, Sender } from '../../src/wire/messages.ts'
import { copyProof, join, joinScripted, type Message, type Tamper } from '../sim/pipe.ts'
import { codeOf, type Party, Scene } from './fixtures.ts'

const LIAR = new Uint8Array(32).fill(66)
const HONEST = new Uint8Array(32).fill(77)
const SELF = new Uint8Array(32).fill(1)

const flipsBlocks: Tamper = (message) => {
  if (message.type !== 'data' || message.proof.value === undefined) return message
  const proof = copyProof(message.proof)
  const value = copy(message.proof.value)
  value[0] = (value[0] ?? 0) ^ 1
  proof.value = value
  return { ...message, proof }
}

const request = (parts: Partial<Request>): Request => ({
  id: 1,
  priority: 0,
  ...NOTHING_ASKED,
  ...parts,
})

/** A peer that sends what the test makes it send, and remembers what it hears. */
function script(scene: Scene, party: Party, heard: string[], budgetBytes = 1e9): Sender {
  const handler = (): Partial<Handler> => ({
    onRefusal: (id, reason) => heard.push(`${reason} ${id}`),
    onData: (id) => heard.push(`data ${id}`),
    onClose: () => heard.push('closed'),
    onHave: (start, length) => heard.push(`have ${start} ${length}`),
  })
  return joinScripted(scene.world, party.replicator, handler, { budgetBytes }).sender
}

test('a block with other bytes is never kept; it comes from an honest peer, and the liar is named', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const reader = await scene.reader(writer)
  const named: Uint8Array[] = []
  reader.replicator.events.on('wrong-proof', (event) => named.push(event.remotePublicKey))
  join(scene.world, writer.replicator, reader.replicator, {
    keys: [LIAR, SELF],
    tamperA: flipsBlocks,
  })
  await scene.until(reader.replicator.update({}))
  const wait = reader.replicator.block(7, {})
  await scene.pass(50)
  const keptBefore = reader.replica.has(7)

  join(scene.world, writer.replicator, reader.replicator, { keys: [HONEST, SELF] })
  await scene.until(wait)

  assert.equal(keptBefore, false)
  assert.deepEqual(reader.replica.read(7), writer.replica.read(7))
  assert.deepEqual(named[0], LIAR)
})

test('a peer that lies too often is left, and not asked for that log when it comes back', async () => {
  const scene = new Scene()
  const writer = await scene.writer(200)
  const reader = await scene.reader(writer)
  let wrong = 0
  reader.replicator.events.on('wrong-proof', () => wrong++)
  const options = { keys: [LIAR, SELF] as const, tamperA: flipsBlocks }
  const first = join(scene.world, writer.replicator, reader.replicator, options)
  const download = reader.replicator.range({ start: 0, end: 200 })
  await scene.pass(120_000)
  const isLeft = first.closed

  const second = join(scene.world, writer.replicator, reader.replicator, { keys: [LIAR, SELF] })
  await scene.pass(DISTRUST_MS / 2)
  const askedWhileDistrusted = second.sent.filter((m) => m.type === 'request').length
  download.cancel()

  assert.equal(isLeft, true)
  assert.equal(wrong, PROOFS_WRONG_MAX)
  assert.equal(askedWhileDistrusted, 0)
})

test('a liar that is the only peer is not asked in a loop', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    tamperA: (m) =>
      m.type === 'data' && m.proof.value !== undefined
        ? { ...m, id: m.id, proof: wrongIndex(m) }
        : m,
  })
  const code = codeOf(reader.replicator.block(7, { timeoutMs: 5_000 }))

  await scene.pass(6_000)

  assert.equal(await code, 'TIMEOUT')
  const asked = joint.sent.filter((m) => m.type === 'request' && m.request.block === 7).length
  assert.ok(asked > 1 && asked < 12, `${asked}`)
})

function wrongIndex(message: Message & { type: 'data' }) {
  const proof = copyProof(message.proof)
  proof.index += 1
  return proof
}

test('a peer that refuses everything is asked less and less often', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const reader = await scene.reader(writer)
  const refuses: Tamper = (m) =>
    m.type === 'data' && m.proof.value !== undefined
      ? { type: 'refuse', id: m.id, reason: 'none', bytes: 4 }
      : m
  const joint = join(scene.world, writer.replicator, reader.replicator, { tamperA: refuses })
  const download = reader.replicator.range({ start: 0, end: 500 })

  await scene.pass(60_000)
  download.cancel()

  const asked = joint.sent.filter((m) => m.type === 'request').length
  assert.ok(asked < 1_100, `${asked}`)
})

test('claims of 2^50 blocks do not keep the log from an honest peer', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const reader = await scene.reader(writer)
  const heard: string[] = []
  const liar = script(scene, reader, heard)
  const status = { fork: 0, remoteLength: 0, uploading: true, downloading: true, hasManifest: true }
  liar.status({ ...status, length: 2 ** 50, canUpgrade: true })
  for (let i = 0; i < 2_000; i++) {
    liar.have(i * 100_000, 2 ** 49)
    liar.unhave(2 ** 45 + i * 70_000, 2 ** 40)
  }
  liar.bitfield(2 ** 40, new Uint32Array(262_144).fill(0x5555_5555))

  await scene.pass(2_000)
  join(scene.world, writer.replicator, reader.replicator, { keys: [HONEST, SELF] })
  await scene.until(reader.replicator.range({ start: 0, end: 50 }).done())

  assert.equal(reader.replica.slot.contiguousLength, 50)
})

test('a peer that reads nothing costs a queue of numbers, not of blocks', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const heard: string[] = []
  const greedy = script(scene, writer, heard, 200)

  for (let id = 1; id <= 500; id++) greedy.request(request({ id, block: id - 1 }))
  // Nothing of what is answered has arrived yet: the pipe is full with two answers.
  await scene.world.run(0)
  await scene.pass(1)
  const answered = writer.replicator.peers()[0]?.blocksUp ?? 0
  await scene.pass(10_000)

  assert.ok(answered < 10, `${answered}`)
  assert.equal(heard.filter((what) => what.startsWith('data')).length, 500)
})

test('requests beyond the queue are refused as invalid, those in it are answered', async () => {
  const scene = new Scene()
  const writer = await scene.writer(REQUESTS_QUEUED_MAX + 2)
  const heard: string[] = []
  const greedy = script(scene, writer, heard)

  for (let id = 1; id <= REQUESTS_QUEUED_MAX + 2; id++) {
    greedy.request(request({ id, block: id - 1 }))
  }
  await scene.pass(2_000)

  assert.equal(heard.filter((what) => what.startsWith('data')).length, REQUESTS_QUEUED_MAX)
  assert.deepEqual(
    heard.filter((what) => what.startsWith('invalid')),
    [`invalid ${REQUESTS_QUEUED_MAX + 1}`, `invalid ${REQUESTS_QUEUED_MAX + 2}`],
  )
})

test('requests that make no sense are refused later and later, and in the end not heard', async () => {
  const scene = new Scene()
  const writer = await scene.writer(8)
  const heard: string[] = []
  const confused = script(scene, writer, heard)
  const whenRefused: number[] = []
  await scene.pass(5)

  for (let i = 1; i < REQUESTS_INVALID_MAX; i++) {
    const askedAt = scene.world.now()
    confused.request(request({ id: i, block: 1, nodes: 40 }))
    const count = heard.length
    await scene.world.run(10_000, () => heard.length > count)
    whenRefused.push(Math.round((scene.world.now() - askedAt) / 100) * 100)
  }
  confused.request(request({ id: 99, block: 1, nodes: 40 }))
  await scene.pass(10)

  assert.deepEqual(
    [whenRefused[0], whenRefused[1], whenRefused[4], whenRefused[39]],
    [200, 500, 1_000, 5_000],
  )
  assert.equal(heard.at(-1), 'closed')
})

test('what is not here, or of another fork, is refused at once as unavailable', async () => {
  const scene = new Scene()
  const writer = await scene.writer(8)
  writer.replica.clear(3, 4)
  await writer.replica.commit()
  const heard: string[] = []
  const peer = script(scene, writer, heard)

  peer.request(request({ id: 1, block: 3 }))
  peer.request(request({ id: 2, block: 4, fork: 1 }))
  peer.request(request({ id: 3, block: 4 }))
  await scene.pass(5)

  assert.deepEqual(heard.filter((what) => !what.startsWith('have')).sort(), [
    'data 3',
    'unavailable 1',
    'unavailable 2',
  ])
})

test('answers that nobody asked for change nothing', async () => {
  const scene = new Scene()
  const writer = await scene.writer(8)
  const reader = await scene.reader(writer)
  let sent: Message | undefined
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    tamperA: (m) => {
      if (m.type === 'data' && m.proof.value !== undefined) sent = m
      return m
    },
  })
  await scene.until(reader.replicator.block(2, {}))
  reader.replica.clear(2, 3)
  await reader.replica.commit()
  joint.cut()
  const heard: string[] = []
  const pushy = script(scene, reader, heard)
  assert.ok(sent?.type === 'data')

  for (const id of [1, 7, 1_000_000]) {
    const { value } = sent.proof
    pushy.data(id, sent.proof, value?.length ?? 0, (into, at) => into.set(value ?? [], at))
  }
  await scene.pass(100)

  assert.equal(reader.replica.has(2), false)
  assert.equal(reader.replicator.peers()[0]?.wrongProofs, 0)
})

test('a fork that cannot be proved is looked into for a while, and does not stop the download', async () => {
  const scene = new Scene()
  const writer = await scene.writer(300)
  const reader = await scene.reader(writer)
  const heard: string[] = []
  const liar = script(scene, reader, heard)
  const status = { remoteLength: 0, uploading: true, downloading: true, hasManifest: false }
  liar.status({ ...status, fork: 9, length: 1_000, canUpgrade: false })
  await scene.pass(100)

  join(scene.world, writer.replicator, reader.replicator, { keys: [HONEST, SELF] })
  const done = reader.replicator.range({ start: 0, end: 300 }).done()
  await scene.until(done)
  const update = await scene.until(reader.replicator.update({}))

  assert.equal(update, false)
  assert.equal(reader.replica.fork, 0)
  assert.ok(scene.world.now() < 60_000)
})

test('wants without end are answered as room allows, and one at a time', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  writer.replica.clear(50, 51)
  await writer.replica.commit()
  const bitfields: number[] = []
  const { sender } = joinScripted(
    scene.world,
    writer.replicator,
    () => ({ onBitfield: (_start, words) => bitfields.push(words.length) }),
    { budgetBytes: 10 },
  )

  for (let i = 0; i < 10_000; i++) sender.want((i % 3) * 32, 64)
  await scene.pass(5)
  const soon = bitfields.length
  await scene.pass(5_000)

  assert.ok(soon <= 8, `${soon}`)
  assert.ok(bitfields.length < 5_100, `${bitfields.length}`)
})

test('a want of every shape is answered with the truth', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  writer.replica.clear(40, 41)
  await writer.replica.commit()
  const told: string[] = []
  const { sender } = joinScripted(scene.world, writer.replicator, () => ({
    onBitfield: (start, words) => told.push(`${start}: ${[...words].map((w) => w.toString(16))}`),
    onHave: (start, length) => told.push(`have ${start} ${length}`),
  }))
  await scene.pass(5)
  told.length = 0

  for (const [start, length] of [
    [0, 2 ** 21],
    [0, 10],
    [33, 7],
    [64, 1_000],
    [2 ** 30, 32],
    [0, 2 ** 40],
  ]) {
    sender.want(start ?? 0, length ?? 0)
    await scene.pass(5)
  }

  assert.deepEqual(told, [
    '0: ffffffff,fffffeff,ffffffff,f',
    'have 0 40',
    '32: ff',
    '64: ffffffff,f',
  ])
})

test('a mistake of ours in answering ends that conversation and no other', async () => {
  const scene = new Scene()
  const writer = await scene.writer(20)
  const heard: string[] = []
  const good = script(scene, writer, heard)
  const unlucky: string[] = []
  const bad = script(scene, writer, unlucky)
  const prove = writer.replica.prove.bind(writer.replica)
  writer.replica.prove = (asked, out) => {
    if (asked.block === 13) throw new Error('a bug')
    return prove(asked, out)
  }

  bad.request(request({ id: 1, block: 13 }))
  await scene.pass(10)
  good.request(request({ id: 1, block: 4 }))
  await scene.pass(10)

  assert.equal(unlucky.at(-1), 'closed')
  assert.equal(heard.at(-1), 'data 1')
})

test('a mistake of ours in asking ends the conversations about that log, and leaves nothing reserved', async () => {
  const scene = new Scene()
  const writer = await scene.writer(200)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  const errors: (string | undefined)[] = []
  reader.replicator.events.on('peer-remove', ({ error }) => errors.push(error?.message))
  const { slot } = reader.replica
  const nextMissing = slot.nextMissing.bind(slot)
  slot.nextMissing = (from, end) => {
    if (from > 60) throw new Error('a bug')
    return nextMissing(from, end)
  }

  reader.replicator.range({ start: 10, end: 200 })
  await scene.pass(100)

  assert.equal(joint.closed, true)
  assert.deepEqual(errors, ['a bug'])
  assert.equal(reader.replicator.audit().blocksReserved, 0)
})
