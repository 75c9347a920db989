/** Logs of generations 1 and 2 among peers: digests, heads that follow from nodes, receipts. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crypto, setCrypto } from '../../src/crypto/crypto.ts'
import { plainIdentity } from '../../src/log/identity.ts'
import type { Replica } from '../../src/log/replica.ts'
import type { Store } from '../../src/store/store.ts'
import { CLAIM_HASH } from '../../src/tree/proof.ts'
import { openReplica, testKeyPair, write } from '../log/support.ts'
import { join, type Message } from '../sim/pipe.ts'
import { SlowStore } from '../sim/slow-store.ts'
import { append, block, codeOf, numbered, type Party, Scene } from './fixtures.ts'

type Old = 1 | 2
const OLD = [1, 2] as const

async function writer(scene: Scene, generation: Old, count: number): Promise<Party> {
  const replica = await openReplica(plainIdentity(generation, { keyPair: testKeyPair() }))
  if (count > 0) await write(replica, numbered(0, count))
  return scene.party(replica)
}

async function reader(scene: Scene, of: Replica, store?: Store): Promise<Party> {
  const { key, generation } = of.slot.identity
  const identity = plainIdentity(generation === 1 ? 1 : 2, { key })
  return scene.party(await openReplica(identity, store === undefined ? {} : { store }))
}

const kinds = (sent: readonly Message[], type: Message['type']): Message[] =>
  sent.filter((message) => message.type === type)

for (const generation of OLD) {
  test(`generation ${generation}: a reader learns the head with the last leaf, and fetches what is asked for`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 20)
    const b = await reader(scene, a.replica)
    const { sent } = join(scene.world, a.replicator, b.replicator)

    assert.equal(await scene.until(b.replicator.update({})), true)

    assert.equal(b.replica.length, 20)
    assert.equal(b.replica.slot.heldBlocks, 0)
    const [first] = kinds(sent, 'request')
    assert.ok(first?.type === 'request')
    assert.deepEqual([first.request.block, first.request.hash, first.request.digest], [-1, 38, 0])
    await scene.until(b.replicator.block(7, {}))
    assert.deepEqual(b.replica.read(7), block(7))
    assert.equal(await scene.until(b.replicator.update({})), false)
    await scene.until(b.replicator.range({ start: 0, end: 20 }).done())
    assert.equal(b.replica.slot.contiguousLength, 20)
    assert.deepEqual(b.replica.slot.head, a.replica.slot.head)
  })

  test(`generation ${generation}: requests say what is held, and answers bring only what is not`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 64)
    const b = await reader(scene, a.replica)
    const { sent } = join(scene.world, a.replicator, b.replicator)
    await scene.until(b.replicator.update({}))

    for (const index of [10, 11, 8, 40]) await scene.until(b.replicator.block(index, {}))

    const requests = kinds(sent, 'request').flatMap((m) => (m.type === 'request' ? m.request : []))
    const answers = kinds(sent, 'data').flatMap((m) => (m.type === 'data' ? m.proof : []))
    const nodes = new Map(answers.map((proof) => [proof.index, proof.nodes.length]))
    // 10: five siblings, since the last leaf has brought the other half. 11 and 8: their leaf or uncle is known then.
    assert.equal(nodes.get(10), 5)
    assert.equal(requests.find((r) => r.block === 11)?.digest, 1)
    assert.equal(nodes.get(11), 0)
    assert.equal(nodes.get(8), 1)
    assert.ok((nodes.get(40) ?? 9) < 5)
  })

  test(`generation ${generation}: a signature that comes with every answer is verified once`, async (t) => {
    const scene = new Scene()
    const a = await writer(scene, generation, 64)
    const b = await reader(scene, a.replica)
    const { sent } = join(scene.world, a.replicator, b.replicator, {
      // As if everything had been asked for before anything came.
      tamperB: (message) => {
        if (message.type !== 'request') return message
        return { ...message, request: { ...message.request, digest: 0 } }
      },
    })
    const provider = crypto()
    let count = 0
    t.after(() => setCrypto(provider))
    setCrypto({
      ...provider,
      verify: (signature, message, publicKey) => {
        count++
        return provider.verify(signature, message, publicKey)
      },
    })

    await scene.until(b.replicator.range({ start: 0, end: 64 }).done())

    const signed = kinds(sent, 'data').filter((m) => m.type === 'data' && m.proof.signature)
    assert.ok(signed.length > 60)
    // Of generation 1 both ways to sign are tried.
    assert.equal(count, generation === 1 ? 2 : 1)
  })

  test(`generation ${generation}: a log that grows is followed, with every signature that was shown`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 3)
    const b = await reader(scene, a.replica)
    join(scene.world, a.replicator, b.replicator)
    b.replicator.range({ start: 0, end: -1 })
    await scene.pass(1_000)

    for (const length of [4, 9, 10]) {
      await append(a, numbered(a.replica.length, length))
      await scene.pass(1_000)
      assert.equal(b.replica.slot.contiguousLength, length)
    }

    for (const length of [3, 4, 9, 10]) {
      assert.ok(b.replica.slot.signature(length))
      assert.deepEqual(b.replica.slot.signature(length), a.replica.slot.signature(length))
    }
  })

  test(`generation ${generation}: what a reader holds is served on with the author's signatures`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 20)
    const b = await reader(scene, a.replica)
    const joint = join(scene.world, a.replicator, b.replicator)
    await scene.until(b.replicator.block(3, {}))
    joint.cut()
    await append(a, numbered(20, 37))
    await scene.until(a.replica.sealed())
    const again = join(scene.world, a.replicator, b.replicator)
    await scene.until(b.replicator.block(33, {}))
    again.cut()

    const c = await reader(scene, a.replica)
    join(scene.world, b.replicator, c.replicator)

    for (const index of [3, 33]) {
      await scene.until(c.replicator.block(index, {}))
      assert.deepEqual(c.replica.read(index), block(index))
    }
    assert.equal(c.replica.length, 37)
    assert.equal(
      await codeOf(scene.until(c.replicator.block(5, { timeoutMs: 3_000 }))),
      'NOT_AVAILABLE',
    )
  })

  test(`generation ${generation}: a block that is gone is answered by its leaf, and fetched elsewhere`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 8)
    const b = await reader(scene, a.replica)
    const joint = join(scene.world, a.replicator, b.replicator)
    await scene.until(b.replicator.update({}))
    // The reader has heard of block 5 before it is dropped.
    await scene.pass(1_000)
    a.replica.clear(5, 6)

    const wait = scene.until(b.replicator.block(5, { timeoutMs: 2_000 }))

    assert.equal(await codeOf(wait), 'NOT_AVAILABLE')
    const gone = kinds(joint.sent, 'data').flatMap((m) => (m.type === 'data' ? m.proof : []))
    assert.ok(gone.some((proof) => proof.claim === CLAIM_HASH && proof.index === 10))
    assert.ok(kinds(joint.sent, 'unhave').length > 0)
    assert.equal(kinds(joint.sent, 'refuse').length, 0)
    assert.equal(b.replicator.peers()[0]?.wrongProofs, 0)
  })

  test(`generation ${generation}: a head that is older than was claimed is kept, and the claim is not asked about without end`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 5)
    const b = await reader(scene, a.replica)
    const { sent } = join(scene.world, a.replicator, b.replicator, {
      // Says that it has a longer log, and answers what it is asked with what it has.
      tamperA: (message) => {
        if (message.type === 'status')
          return { ...message, status: { ...message.status, length: 9 } }
        return message
      },
      tamperB: (message) => {
        if (message.type !== 'request' || message.request.hash !== 16) return message
        return { ...message, request: { ...message.request, hash: 8 } }
      },
    })

    await scene.pass(30_000)

    assert.ok(kinds(sent, 'request').length < 12, `${kinds(sent, 'request').length} requests`)
  })

  test(`generation ${generation}: receipts are for what a peer sent, when it is on the disk, and never before`, async () => {
    const scene = new Scene()
    const a = await writer(scene, generation, 12)
    const store = new SlowStore(scene.world, 200)
    const b = await reader(scene, a.replica, store)
    const early: number[] = []
    const { sent } = join(scene.world, a.replicator, b.replicator, {
      wantsAcks: true,
      keys: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)],
      tamperB: (message) => {
        if (message.type === 'have' && message.ack === true) {
          for (let i = message.start; i < message.start + message.length; i++) {
            if (!b.replica.isDurable(i)) early.push(i)
          }
        }
        return message
      },
    })

    await scene.until(b.replicator.range({ start: 2, end: 9 }).done())
    const atOnce = acked(sent)
    await scene.pass(5_000)

    assert.deepEqual(early, [])
    assert.deepEqual(atOnce, [])
    assert.deepEqual(acked(sent), [2, 3, 4, 5, 6, 7, 8])
    const claims = a.replicator.copies()
    assert.deepEqual(
      claims.map(({ ranges }) => ranges),
      [[{ start: 2, end: 9 }]],
    )
    const copies = await scene.until(a.replicator.replicated({ start: 2, length: 7 }))
    assert.equal(copies.length, 1)
  })
}

/** Blocks that receipts were sent for, in order of number. */
function acked(sent: readonly Message[]): number[] {
  const blocks: number[] = []
  for (const message of sent) {
    if (message.type !== 'have' || message.ack !== true) continue
    for (let i = 0; i < message.length; i++) blocks.push(message.start + i)
  }
  return blocks.sort((x, y) => x - y)
}
