/** Claims that are checked by asking for blocks: who passes, who lies, who is late, and what is remembered. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHALLENGE_BLOCKS, CHALLENGE_BLOCKS_MAX, CHALLENGE_MS_MAX } from '../../src/base/limits.ts'
import type { CopyClaim } from '../../src/log/copies.ts'
import { Replica } from '../../src/log/replica.ts'
import { copyProof, type Joint, join, type Tamper } from '../sim/pipe.ts'
import { append, codeOf, numbered, type Party, Scene } from './fixtures.ts'

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

interface Holder {
  readonly party: Party
  readonly joint: Joint
}

/** A reader that holds all of the log, joined under key `n`; `tamper` changes what it says. */
async function holder(scene: Scene, writer: Party, n: number, tamper?: Tamper): Promise<Holder> {
  const party = await scene.reader(writer)
  const honest = join(scene.world, writer.replicator, party.replicator, { keys: [key(1), key(n)] })
  const { length } = writer.replica
  await scene.until(party.replicator.range({ start: 0, end: length }).done())
  await scene.pass(2_000)
  if (tamper === undefined) return { party, joint: honest }
  honest.cut()
  const keys = [key(1), key(n)] as const
  const options = { keys, tamperB: tamper }
  return { party, joint: join(scene.world, writer.replicator, party.replicator, options) }
}

const requests = ({ sent }: Joint): number[] =>
  sent.flatMap((m) => (m.type === 'request' && m.request.id >= 2 ** 30 ? [m.request.block] : []))

const byKey = (claims: readonly CopyClaim[]): Record<number, boolean> =>
  Object.fromEntries(
    claims.map(({ remotePublicKey, verifiedAt }) => [remotePublicKey[0], verifiedAt !== undefined]),
  )

/** Other bytes in each block. */
const flips: Tamper = (message) => {
  if (message.type !== 'data' || message.proof.value === undefined) return message
  const proof = copyProof(message.proof)
  proof.value = Uint8Array.from(message.proof.value, (byte) => byte ^ 1)
  return { ...message, proof }
}

const refuses: Tamper = (message) =>
  message.type === 'data'
    ? { type: 'refuse', id: message.id, reason: 'unavailable', bytes: 4 }
    : message

const isSilent: Tamper = (message) => (message.type === 'data' ? undefined : message)

test('a peer that holds what it claims is asked for blocks at random, and counts', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const { joint } = await holder(scene, writer, 2)
  const before = Date.now()

  const claims = await scene.until(writer.replicator.replicated({ verify: true }))
  const asked = requests(joint)
  await scene.until(writer.replicator.replicated({ verify: 3 }))

  const [claim] = claims
  assert.deepEqual(byKey(claims), { 2: true })
  assert.ok((claim?.verifiedAt ?? 0) >= before && (claim?.verifiedAt ?? 0) <= Date.now())
  assert.equal(new Set(asked).size, CHALLENGE_BLOCKS)
  assert.ok(asked.every((block) => block >= 0 && block < 100))
  const again = requests(joint).slice(CHALLENGE_BLOCKS)
  assert.equal(again.length, 3)
  assert.notDeepEqual(again, asked.slice(0, 3))
})

test('without verify nobody is asked, and a liar counts: it is a claim', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const { joint } = await holder(scene, writer, 2, flips)

  const claims = await scene.until(writer.replicator.replicated({}))

  assert.deepEqual(byKey(claims), { 2: false })
  assert.deepEqual(requests(joint), [])
})

test('who lies, lacks or is silent does not count; who is honest does', async () => {
  const scene = new Scene()
  const writer = await scene.writer(100)
  const named: number[] = []
  writer.replica.events.on('wrong-proof', (event) => named.push(event.remotePublicKey[0] ?? 0))
  await holder(scene, writer, 2, flips)
  await holder(scene, writer, 3, refuses)
  await holder(scene, writer, 4, isSilent)

  const none = codeOf(writer.replicator.replicated({ verify: true, timeoutMs: 30_000 }))
  await scene.pass(30_000)
  const two = writer.replicator.replicated({ verify: true, copies: 1 })
  await holder(scene, writer, 5)
  const claims = await scene.until(two)

  assert.equal(await none, 'TIMEOUT')
  assert.deepEqual(byKey(claims), { 5: true })
  assert.ok(named.length > 0 && named.every((n) => n === 2))
  const whole = writer.replicator.copies().filter(({ ranges }) => ranges[0]?.end === 100)
  // The silent one still claims, and nothing shows that it lies.
  assert.deepEqual(byKey(whole), { 4: false, 5: true })
})

test('who was late is asked again while somebody waits', async () => {
  const scene = new Scene()
  const writer = await scene.writer(20)
  let isLate = true
  const { joint } = await holder(scene, writer, 2, (message) =>
    message.type === 'data' && isLate ? undefined : message,
  )

  const wait = writer.replicator.replicated({ verify: true, timeoutMs: 0 })
  await scene.pass(CHALLENGE_MS_MAX)
  const first = requests(joint).length
  isLate = false
  const claims = await scene.until(wait)

  assert.equal(first, CHALLENGE_BLOCKS)
  assert.deepEqual(byKey(claims), { 2: true })
})

test('all of a short range is asked for, and nothing of what comes is kept', async () => {
  const scene = new Scene()
  const writer = await scene.writer(20)
  const { joint } = await holder(scene, writer, 2)
  writer.replica.clear(4, 8)
  await writer.replica.commit()

  await scene.until(writer.replicator.replicated({ start: 4, length: 4, verify: true }))
  await scene.until(writer.replicator.replicated({ start: 20, length: 0, verify: true, copies: 0 }))

  assert.deepEqual(requests(joint).sort(), [4, 5, 6, 7])
  assert.equal(writer.replica.has(4), false)
})

test('when it was is remembered over a restart, and forgotten when the peer takes anything back', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const { party } = await holder(scene, writer, 2)
  await scene.until(writer.replicator.replicated({ verify: true }))
  const { store, slot } = writer.replica
  const [claim] = writer.replicator.copies()

  const again = scene.party(Replica.open(store, slot))
  const remembered = again.replicator.copies()
  party.replica.clear(7, 8)
  await party.replica.commit()
  await scene.pass(2_000)
  const [less] = writer.replicator.copies()

  assert.deepEqual(
    remembered.map(({ verifiedAt, connected }) => [verifiedAt, connected]),
    [[claim?.verifiedAt, false]],
  )
  assert.deepEqual([less?.verifiedAt, less?.ranges.length], [undefined, 2])
})

test('a peer that leaves during its challenge is no copy, and nothing stays open', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const { joint } = await holder(scene, writer, 2, isSilent)
  const wait = codeOf(writer.replicator.replicated({ verify: true, timeoutMs: 20_000 }))
  await scene.pass(100)

  joint.cut()
  await scene.pass(20_000)

  assert.equal(await wait, 'TIMEOUT')
  assert.equal(writer.replicator.peerCount, 0)
})

test('a challenge about a history that is gone meanwhile proves nothing and accuses nobody', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const wrong: unknown[] = []
  writer.replica.events.on('wrong-proof', (event) => wrong.push(event))
  await holder(scene, writer, 2)

  const wait = writer.replicator.replicated({ start: 0, length: 20, verify: true })
  await scene.pass(1)
  writer.replica.truncate(20)
  await append(writer, numbered(100, 110))
  const claims = await scene.until(wait)

  assert.deepEqual(wrong, [])
  assert.deepEqual(byKey(claims), { 2: true })
})

test('a challenge has its bounds', async () => {
  const scene = new Scene()
  const writer = await scene.writer(CHALLENGE_BLOCKS_MAX + 100)
  const { joint } = await holder(scene, writer, 2)

  for (const verify of [-1, 1.5, CHALLENGE_BLOCKS_MAX + 1]) {
    assert.equal(await codeOf(writer.replicator.replicated({ verify })), 'BAD_ARGUMENT')
  }
  await scene.until(writer.replicator.replicated({ verify: CHALLENGE_BLOCKS_MAX }))

  assert.equal(requests(joint).length, CHALLENGE_BLOCKS_MAX)
})

test('how far a log is elsewhere is told as it grows, remembered, and cut with the history', async () => {
  const scene = new Scene()
  const writer = await scene.writer(50)
  const told: number[] = []
  writer.replica.events.on('remote-contiguous', ({ length }) => told.push(length))
  const { joint } = await holder(scene, writer, 2)
  await append(writer, numbered(50, 60))
  await scene.pass(5_000)
  const grown = writer.replicator.remoteContiguousLength
  joint.cut()
  const { store, slot } = writer.replica

  const away = writer.replicator.remoteContiguousLength
  const again = scene.party(Replica.open(store, slot)).replicator
  again.copies()
  const remembered = again.remoteContiguousLength
  writer.replica.truncate(30)
  await writer.replica.commit()

  assert.deepEqual([told[0], grown, away, remembered], [50, 50, 50, 50])
  assert.equal(writer.replicator.remoteContiguousLength, 30)
})
