/** Answering requests: in which order, how fast, and what is taken back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { DatError } from '../../src/base/errors.ts'
import { WARMING_LOGS_MAX } from '../../src/base/limits.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import type { Request } from '../../src/wire/messages.ts'
import { openReplica, testKeyPair } from '../log/support.ts'
import { type JoinOptions, joinScripted, type Message } from '../sim/pipe.ts'
import { append, block, type Party, Scene } from './fixtures.ts'

const request = (id: number, block: number, parts: Partial<Request> = {}): Request => ({
  ...NOTHING_ASKED,
  id,
  block,
  priority: 0,
  ...parts,
})

/** Who asks by hand, and the answers in the order of their coming: block numbers, or why there is none. */
function asker(scene: Scene, party: Party, options: JoinOptions = {}) {
  const answers: (number | string)[] = []
  const { sender, joint } = joinScripted(
    scene.world,
    party.replicator,
    () => ({
      onData: (_id, proof) => answers.push(proof.index),
      onRefusal: (id, reason) => answers.push(`${reason} ${id}`),
    }),
    options,
  )
  return { sender, answers, joint }
}

test('requests are answered in order, urgent ones before the others', async () => {
  const scene = new Scene()
  const { sender, answers } = asker(scene, await scene.writer(20))

  for (const block of [3, 1, 2]) sender.request(request(block, block))
  sender.request(request(9, 9, { priority: 1 }))
  await scene.pass(10)

  assert.deepEqual(answers, [9, 3, 1, 2])
})

test('answers that somebody waits for go out in two parts, those of a range together', async () => {
  const scene = new Scene()
  const frames: number[] = []
  const onFrame = (frame: readonly Message[]): void => {
    const answers = frame.filter(({ type }) => type === 'data').length
    if (answers > 0) frames.push(answers)
  }
  const { sender } = asker(scene, await scene.writer(100), { onFrame })

  for (let i = 0; i < 40; i++) sender.request(request(i + 1, i, { priority: 1 }))
  await scene.pass(10)
  for (let i = 0; i < 5; i++) sender.request(request(i + 1, i, { priority: 1 }))
  await scene.pass(10)
  for (let i = 0; i < 40; i++) sender.request(request(i + 1, i))
  await scene.pass(10)

  assert.deepEqual(frames, [20, 20, 5, 40])
})

test('a request that is cancelled in the same frame is not answered', async () => {
  const scene = new Scene()
  const { sender, answers } = asker(scene, await scene.writer(20))

  sender.request(request(1, 1))
  sender.request(request(2, 2))
  sender.cancel(1)
  sender.cancel(77)
  await scene.pass(10)

  assert.deepEqual(answers, [2])
})

test('a request under an id that waits already replaces the first', async () => {
  const scene = new Scene()
  const { sender, answers } = asker(scene, await scene.writer(20))

  sender.request(request(1, 1))
  sender.request(request(1, 5))
  await scene.pass(10)

  assert.deepEqual(answers, [5])
})

test('an answer leads to the node that the requester trusts', async () => {
  const scene = new Scene()
  const { sender, joint } = asker(scene, await scene.writer(16))

  sender.request(request(1, 2, { nodes: 3 }))
  await scene.pass(10)

  const [answer] = joint.sent.flatMap((m) => (m.type === 'data' ? [m.proof] : []))
  assert.deepEqual([...(answer?.nodes.indices.subarray(0, answer.nodes.length) ?? [])], [6, 1, 11])
})

test('who asks for the manifest alone gets just that', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1)
  const { sender, joint } = asker(scene, writer)

  sender.request(request(1, -1, { manifest: true }))
  await scene.pass(10)

  const [answer] = joint.sent.flatMap((m) => (m.type === 'data' ? [m.proof] : []))
  assert.deepEqual(answer?.manifest, writer.replica.slot.identity.manifest)
  assert.equal(answer?.hasUpgrade, false)
})

test('a long queue is worked off in slices that leave the loop free', async () => {
  const scene = new Scene()
  const { world } = scene
  const { replica } = await scene.writer(1_000)
  let spent = 0
  const clock: Clock = {
    now: () => ++spent,
    after: (delayMs, task) => world.after(delayMs, task),
    soon: (task) => world.soon(task),
  }
  const party = scene.party(replica, { clock })
  const { sender, answers, joint } = asker(scene, party)
  await scene.pass(10)
  let slices = 0
  let before = joint.sent.length
  world.onStep = () => {
    if (joint.sent.length - before > 100) slices++
    before = joint.sent.length
  }

  for (let i = 0; i < 1_000; i++) sender.request(request(i + 1, i))
  before = joint.sent.length
  await scene.pass(10)

  assert.equal(answers.length, 1_000)
  assert.ok(slices >= 4, `${slices}`)
})

test('blocks on a cold disk are brought into memory before they are sent', async () => {
  const scene = new Scene()
  const writer = await scene.writer(200)
  const { slot } = writer.replica
  const warmed: [number, number][] = []
  const isWarm = (start: number): boolean =>
    warmed.some(([from, end]) => from <= start && start < end)
  slot.isCold = (start) => !isWarm(start)
  slot.warm = (start, end) =>
    new Promise((resolve) => {
      scene.world.after(20, () => {
        warmed.push([start, end])
        resolve()
      })
    })
  const { sender, answers } = asker(scene, writer)

  for (let i = 0; i < 100; i++) sender.request(request(i + 1, i))
  await scene.pass(15)
  const soon = answers.length
  await scene.pass(100)

  assert.equal(soon, 0)
  assert.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, i) => i),
  )
  assert.deepEqual(warmed, [
    [0, 64],
    [64, 128],
  ])
})

test('of many logs on a cold disk a few are read at a time, first come, first served, and all are served', async () => {
  const scene = new Scene()
  const store = openMemoryStore()
  let running = 0
  let most = 0
  const begun: number[] = []
  const askers = []
  for (let log = 0; log < 3 * WARMING_LOGS_MAX; log++) {
    const replica = await openReplica({ keyPair: testKeyPair(log) }, { store })
    await append({ replica }, [block(log)])
    await replica.sealed()
    const { slot } = replica
    let isCold = true
    slot.isCold = () => isCold
    slot.warm = () =>
      new Promise((resolve) => {
        begun.push(log)
        most = Math.max(most, ++running)
        scene.world.after(20, () => {
          running--
          isCold = false
          resolve()
        })
      })
    askers.push(asker(scene, scene.party(replica)))
  }

  for (const { sender } of askers) sender.request(request(1, 0))
  await scene.pass(15)
  const soon = begun.length
  // Whoever leaves meanwhile is not read for.
  askers.at(-1)?.joint.cut()
  await scene.pass(1_000)

  assert.deepEqual([soon, most], [WARMING_LOGS_MAX, WARMING_LOGS_MAX])
  assert.deepEqual(
    begun,
    Array.from({ length: 3 * WARMING_LOGS_MAX - 1 }, (_, log) => log),
  )
  for (const { answers } of askers.slice(0, -1)) assert.deepEqual(answers, [0])
})

test('a block that cannot be read any more is refused, and the others are sent', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const { slot } = writer.replica
  const readInto = slot.readInto.bind(slot)
  slot.readInto = (index, into, at) => {
    if (index === 4) throw new DatError('CORRUPT_STORE', 'The block is damaged.', { index })
    return readInto(index, into, at)
  }
  const { sender, answers } = asker(scene, writer)

  for (const block of [3, 4, 5]) sender.request(request(block, block))
  await scene.pass(10)

  assert.deepEqual(answers, [3, 'unavailable 4', 5])
})

test('what waits is let go when the conversation ends', async () => {
  const scene = new Scene()
  const writer = await scene.writer(500)
  const { sender, joint, answers } = asker(scene, writer, { budgetBytes: 10 })
  for (let i = 0; i < 500; i++) sender.request(request(i + 1, i))
  await scene.pass(3)

  joint.cut()
  await scene.pass(1_000)

  assert.ok(answers.length < 5, `${answers.length}`)
  assert.equal(writer.replicator.peerCount, 0)
})
