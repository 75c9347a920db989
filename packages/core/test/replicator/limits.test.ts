/** The limits of the layer that no other test reaches by itself: one below each, and one above. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ANSWER_MS_MIN,
  CHALLENGE_MS_MAX,
  CONNECTION_REQUESTS_MAX,
  COPIES_SAVE_MS,
  COPY_PEERS_MAX,
  DISTRUST_MS,
  DISTRUSTED_MAX,
  EXTENSION_BYTES_MAX,
  EXTENSION_BYTES_QUEUED_MAX,
  IN_FLIGHT_BYTES_MAX,
  REFUSALS_MAX,
  REORG_MS_MAX,
  REORG_PROOFS_MAX,
  UNANSWERED_MAX,
} from '../../src/base/limits.ts'
import { ConnectionBudget } from '../../src/replicator/budget.ts'
import { Messenger } from '../../src/replicator/messenger.ts'
import { TICK_MS } from '../../src/replicator/overdue.ts'
import { OPEN } from '../../src/replicator/passage.ts'
import { Peer } from '../../src/replicator/peer.ts'
import { LogRooms } from '../../src/replicator/rooms.ts'
import { Window } from '../../src/replicator/window.ts'
import { CLAIM_HASH, Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import type { Sender } from '../../src/wire/messages.ts'
import { join, joinScripted } from '../sim/pipe.ts'
import { codeOf, Scene } from './fixtures.ts'

/** A peer of a conversation that never says anything. */
function quietPeer(name = 1, sender: Partial<Sender> = {}): Peer {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, name)
  const asker = { priority: 0, onRoom: () => undefined }
  return new Peer(sender as Sender, key, new ConnectionBudget(), OPEN, asker, name, 0)
}

test('a connection asks for as many blocks at once as the other side queues, for all its logs', () => {
  const budget = new ConnectionBudget()
  budget.asked = CONNECTION_REQUESTS_MAX - 1
  const below = budget.hasRoom
  budget.asked++
  let wakes = 0
  budget.wait({ onRoom: () => wakes++ })

  const at = budget.hasRoom
  while (budget.asked > (CONNECTION_REQUESTS_MAX * 3) / 4 + 1) budget.answered()
  const before = wakes
  budget.answered()

  assert.deepEqual([below, at, before, wakes], [true, false, 0, 1])
})

test('a log that has a connection for itself begins with the window that another log has found', () => {
  const alone = quietPeer()
  const beside = quietPeer()
  alone.budget.windowBytes = 500_000
  alone.budget.asked = 1
  beside.budget.windowBytes = 500_000
  beside.budget.asked = 2

  const limits = [alone, beside].map((peer) => peer.windowOrNew(1_000).limitBytes)

  assert.deepEqual(limits, [500_000, 24 * 1_064])
})

test('what a log has found of the way is left to the next one', async () => {
  const scene = new Scene()
  const writer = await scene.writer(600)
  const reader = await scene.reader(writer)
  const budget = new ConnectionBudget()
  join(scene.world, writer.replicator, reader.replicator, {
    budgets: [new ConnectionBudget(), budget],
    delayMs: [20, 20],
  })

  await scene.until(reader.replicator.range({ start: 0, end: 600 }).done())

  assert.ok(budget.windowBytes > 24 * 1_088, `${budget.windowBytes}`)
})

test('of those who wait for room on a connection one is told for each answer, and all after the last', () => {
  const budget = new ConnectionBudget()
  budget.asked = 3
  const told: number[] = []
  for (let i = 0; i < 5; i++) budget.wait({ onRoom: () => told.push(i) })

  const counts = [1, 2, 3].map(() => {
    budget.answered()
    return told.length
  })

  assert.deepEqual(counts, [1, 2, 5])
  assert.deepEqual(told, [0, 1, 2, 3, 4])
})

test('a remote queues as many requests on a connection, whatever log they are about, and the next is refused', async () => {
  for (const queued of [CONNECTION_REQUESTS_MAX - 1, CONNECTION_REQUESTS_MAX]) {
    const scene = new Scene()
    const writer = await scene.writer(3)
    const budget = new ConnectionBudget()
    budget.queued = queued
    const heard: string[] = []
    const handler = () => ({
      onData: () => heard.push('data'),
      onRefusal: (_id: number, reason: string) => heard.push(reason),
    })
    const budgets = [budget, new ConnectionBudget()] as const
    const { sender } = joinScripted(scene.world, writer.replicator, handler, { budgets })

    sender.request({ id: 1, priority: 0, ...NOTHING_ASKED, block: 1 })
    await scene.pass(1_000)

    assert.deepEqual(heard, [queued < CONNECTION_REQUESTS_MAX ? 'data' : 'invalid'])
  }
})

test(`a peer that has refused ${REFUSALS_MAX} times in a row is asked last`, () => {
  const peer = quietPeer()
  peer.refusals = REFUSALS_MAX - 1
  const below = peer.suspect
  peer.refusals++

  assert.deepEqual([below, peer.suspect], [false, true])
})

test(`a peer that leaves ${UNANSWERED_MAX} requests unanswered is asked for nothing more`, () => {
  const peer = quietPeer()
  peer.heard = true
  peer.uploading = true
  for (let i = 1; i < UNANSWERED_MAX; i++) peer.requests.add(0)
  const below = peer.askable(0)
  peer.requests.add(0)

  assert.deepEqual([below, peer.askable(0)], [true, false])
})

test(`a silent peer is given ${ANSWER_MS_MIN} ms before somebody else is asked as well`, async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  const first = join(scene.world, writer.replicator, reader.replicator, { delayMs: [10, 10] })
  await scene.until(reader.replicator.update({}))
  first.cut()
  let askedAt = 0
  const { sender } = joinScripted(scene.world, reader.replicator, () => ({
    onRequest: () => {
      askedAt ||= scene.world.now()
    },
  }))
  const parts = { fork: 0, length: 3, remoteLength: 3, canUpgrade: true, hasManifest: true }
  sender.status({ ...parts, uploading: true, downloading: true })
  sender.have(0, 3)
  const done = reader.replicator.block(1, {})
  await scene.pass(100)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [10, 10] })

  await scene.until(done)
  const tookMs = scene.world.now() - askedAt

  assert.ok(askedAt > 0)
  assert.ok(tookMs >= ANSWER_MS_MIN && tookMs <= ANSWER_MS_MIN + 2 * TICK_MS, `${tookMs} ms`)
})

test(`of liars the last ${DISTRUSTED_MAX} are remembered`, async () => {
  const scene = new Scene()
  const { replica } = await scene.writer(1)
  const rooms = new LogRooms(replica, { clock: scene.world })
  const liars = Array.from({ length: DISTRUSTED_MAX + 1 }, (_, i) => quietPeer(i + 1))
  const until = (i: number): number => {
    return rooms.distrustedUntil(liars[i]?.remotePublicKey ?? assert.fail())
  }

  for (const liar of liars.slice(0, -1)) rooms.onLiar(liar)
  const below = until(0)
  rooms.onLiar(liars.at(-1) ?? assert.fail())

  const known = scene.world.now() + DISTRUST_MS
  assert.deepEqual([below, until(0), until(1), until(DISTRUSTED_MAX)], [known, 0, known, known])
})

test(`${EXTENSION_BYTES_QUEUED_MAX} bytes of messages wait for a peer that does not read, and the next is not taken`, async () => {
  const { replica } = await new Scene().writer(1)
  const messenger = new Messenger(replica, quietPeer(1, { writable: false }))
  const message = new Uint8Array(EXTENSION_BYTES_MAX)
  const fits = EXTENSION_BYTES_QUEUED_MAX / EXTENSION_BYTES_MAX

  for (let i = 0; i < fits; i++) assert.equal(messenger.post('chat', message), true)

  assert.equal(messenger.post('chat', Uint8Array.of(1)), false)
})

test(`what a peer claims to hold is written down ${COPIES_SAVE_MS} ms later, for all claims of that time`, async () => {
  const scene = new Scene()
  const { replica, replicator } = await scene.writer(100)
  const { sender } = joinScripted(scene.world, replicator, () => ({}))
  const parts = { fork: 0, length: 100, remoteLength: 100, canUpgrade: true, hasManifest: true }
  sender.status({ ...parts, uploading: true, downloading: true })
  sender.have(0, 10)
  await scene.pass(10)
  const saved = (): boolean => replica.slot.userData('dat-rhino/copies') !== undefined

  await scene.pass(COPIES_SAVE_MS - 20)
  const before = saved()
  await scene.pass(40)

  assert.deepEqual([before, saved()], [false, true])
})

test(`of those who claim to hold blocks the last ${COPY_PEERS_MAX} are remembered`, async () => {
  const scene = new Scene()
  const { replicator } = await scene.writer(10)
  const join = async (name: number): Promise<void> => {
    const key = new Uint8Array(32).fill(name)
    const keys = [new Uint8Array(32), key] as const
    const { sender } = joinScripted(scene.world, replicator, () => ({}), { keys })
    const parts = { fork: 0, length: 10, remoteLength: 10, canUpgrade: true, hasManifest: true }
    sender.status({ ...parts, uploading: true, downloading: true })
    sender.have(0, 10)
    await scene.pass(5)
  }
  const names = (): (number | undefined)[] =>
    replicator.copies().map(({ remotePublicKey }) => remotePublicKey[0])

  for (let i = 1; i <= COPY_PEERS_MAX; i++) await join(i)
  const below = names()
  await join(COPY_PEERS_MAX + 1)

  assert.deepEqual([below.length, below.includes(1)], [COPY_PEERS_MAX, true])
  assert.deepEqual([names().length, names().includes(1)], [COPY_PEERS_MAX, false])
})

test(`a claim that is checked is proved within ${CHALLENGE_MS_MAX} ms, or not at all`, async () => {
  for (const lateMs of [CHALLENGE_MS_MAX - 100, CHALLENGE_MS_MAX + 100]) {
    const scene = new Scene()
    const { replica, replicator } = await scene.writer(1)
    const { sender } = joinScripted(scene.world, replicator, () => ({
      onRequest(asked) {
        const proof = new Proof()
        replica.prove(asked, proof)
        const bytes = replica.read(asked.block) ?? assert.fail()
        scene.world.after(lateMs, () => {
          sender.data(asked.id, proof, bytes.length, (into, at) => into.set(bytes, at))
        })
      },
    }))
    const parts = { fork: 0, length: 1, remoteLength: 1, canUpgrade: true, hasManifest: true }
    sender.status({ ...parts, uploading: true, downloading: true })
    sender.have(0, 1)

    const wait = replicator.replicated({ verify: true, timeoutMs: CHALLENGE_MS_MAX + 1_000 })

    const ended = await scene.until(codeOf(wait))
    assert.equal(ended === 'no error', lateMs < CHALLENGE_MS_MAX, ended)
  }
})

test(`${IN_FLIGHT_BYTES_MAX} bytes are asked of one peer at a time, and no more, however urgent`, () => {
  const window = new Window(1_000)
  window.blocks = 1
  window.bytes = IN_FLIGHT_BYTES_MAX - 1
  const below = window.hasUrgentRoom
  window.bytes++

  assert.deepEqual([below, window.hasUrgentRoom], [true, false])
})

// ---- Another history -----------------------------------------------------------------------------

/** A reader who is led through proofs of a fork that never come to an end; each is answered after `answerMs`. */
async function led(answerMs: number): Promise<{ requests: number; forMs: number }> {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(reader.replicator.update({}))
  writer.replicator.close()
  await scene.pass(10)
  const endless = { start: 0, end: 50, nodes: 0, done: false, add: () => undefined }
  reader.replica.verifyReorg = () => endless as never
  const at: number[] = []
  const { sender } = joinScripted(scene.world, reader.replicator, () => ({
    onRequest(asked) {
      at.push(scene.world.now())
      scene.world.after(answerMs, () => {
        const proof = new Proof()
        proof.fork = asked.fork
        proof.upgradeLength = asked.upgradeLength
        if (asked.hash >= 0) {
          proof.claim = CLAIM_HASH
          proof.index = asked.hash
        }
        sender.data(asked.id, proof, 0, () => undefined)
      })
    },
  }))
  const parts = { fork: 3, length: 50, remoteLength: 0, canUpgrade: true, hasManifest: true }
  sender.status({ ...parts, uploading: true, downloading: true })
  await scene.pass(REORG_MS_MAX + 1_000)
  const [first = 0] = at
  // A claim that failed is looked into again after a while: that is another one.
  const end = at.findIndex((time, i) => i > 0 && time - (at[i - 1] ?? 0) > answerMs + 500)
  const requests = end < 0 ? at.length : end
  return { requests, forMs: (at[requests - 1] ?? 0) - first }
}

test(`another history is given up after ${REORG_PROOFS_MAX} proofs that do not end it`, async () => {
  const { requests } = await led(1)

  assert.equal(requests, REORG_PROOFS_MAX)
})

test(`and after ${REORG_MS_MAX} ms, however slowly they come`, async () => {
  const { requests, forMs } = await led(900)

  assert.ok(requests < REORG_PROOFS_MAX)
  assert.ok(forMs < REORG_MS_MAX && forMs > REORG_MS_MAX - 2_000, `${forMs} ms`)
})
