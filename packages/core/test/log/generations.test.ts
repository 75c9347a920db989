/** Logs of generations 1 and 2: written, proved by digest, and read, with the code of generation 3. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copy, EMPTY, equal, fromHex, hex } from '../../src/bytes/bytes.ts'
import { plainIdentity } from '../../src/log/identity.ts'
import type { Replica } from '../../src/log/replica.ts'
import { digestOf, ReaderMemory } from '../../src/tree/digest.ts'
import { endBlock } from '../../src/tree/flat.ts'
import { Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import { pattern } from '../tree/model.ts'
import { vectors } from '../vectors.ts'
import { openReplica, testKeyPair } from './support.ts'

const block = (i: number): Uint8Array => pattern(i, (37 * i + 11) % 61)

const writer = (generation: 1 | 2): Promise<Replica> =>
  openReplica(plainIdentity(generation, { keyPair: testKeyPair(1) }))

const reader = (server: Replica, generation: 1 | 2): Promise<Replica> =>
  openReplica(plainIdentity(generation, { key: server.key }))

/** A server of `length` blocks, appended in two batches. */
async function serve(generation: 1 | 2, length: number): Promise<Replica> {
  const server = await writer(generation)
  const blocks = Array.from({ length }, (_, i) => block(i))
  const half = Math.floor(length / 2)
  for (const batch of [blocks.slice(0, half), blocks.slice(half)]) {
    if (batch.length > 0) server.append(batch)
    await server.sealed()
  }
  return server
}

/** The answer of a server of generation 1 or 2, as its wire would hand it over. */
function answer(
  server: Replica,
  memory: ReaderMemory,
  index: number,
  digest: number,
  wantsHash: boolean,
): Proof | undefined {
  const proof = new Proof()
  const what = wantsHash ? { hash: 2 * index } : { block: index }
  if (server.prove({ ...NOTHING_ASKED, ...what, digest }, proof, memory) !== undefined) {
    return undefined
  }
  if (!wantsHash) proof.value = server.read(index)
  proof.signature = proof.signature && copy(proof.signature)
  return proof
}

const ask = (from: Replica, server: Replica, memory: ReaderMemory, index: number): Proof => {
  const proof = answer(server, memory, index, digestOf(from.slot, index), false)
  assert.ok(proof)
  return proof
}

for (const generation of [1, 2] as const) {
  test(`generation ${generation}: a reader gets every block in any order, each proved by what he says he holds`, async () => {
    for (const length of [1, 2, 7, 21, 40]) {
      const server = await serve(generation, length)
      const mine = await reader(server, generation)
      const memory = new ReaderMemory()

      for (let n = 0; n < length; n++) {
        const index = (n * 13 + 5) % length
        if (mine.has(index)) continue
        assert.equal(mine.apply(ask(mine, server, memory, index)), 'applied')
        assert.deepEqual(mine.read(index), block(index))
        assert.equal(mine.length, length)
      }
      assert.equal(mine.byteLength, server.byteLength)
    }
  })

  test(`generation ${generation}: an altered block, node or signature is refused and changes nothing`, async () => {
    const server = await serve(generation, 21)
    const mine = await reader(server, generation)
    const alter: ((proof: Proof) => void)[] = [
      (proof) => flip(proof.value ?? EMPTY, 3),
      (proof) => flip(proof.signature ?? EMPTY, 9),
      (proof) => flip(proof.nodes.hashes, 1),
      (proof) => flip(proof.nodes.hashes, 32 * proof.nodes.length - 1),
      (proof) => proof.nodes.sizes.set([8], 0),
      (proof) => {
        proof.signature = undefined
      },
    ]

    for (const change of alter) {
      const proof = ask(mine, server, new ReaderMemory(), 4)
      change(proof)
      const refused = outcome(mine, proof)

      assert.ok(refused === 'later' || refused === 'error')
      assert.equal(mine.length, 0)
      assert.equal(mine.slot.heldBlocks, 0)
      for (let node = 0; node < 42; node++) assert.ok(!mine.slot.findNode(node))
    }
    assert.equal(outcome(mine, ask(mine, server, new ReaderMemory(), 4)), 'applied')
  })

  test(`generation ${generation}: a log grows for its readers, and every signature they got stays`, async () => {
    const server = await serve(generation, 5)
    const mine = await reader(server, generation)
    mine.apply(ask(mine, server, new ReaderMemory(), 0))
    const first = mine.slot.signature(5)
    server.append([block(5), block(6)])
    await server.sealed()

    mine.apply(ask(mine, server, new ReaderMemory(), 6))

    assert.equal(mine.length, 7)
    assert.ok(first !== undefined && equal(first, mine.slot.signature(5) ?? EMPTY))
    assert.deepEqual(mine.slot.signature(7), server.slot.signature(7))
  })

  test(`generation ${generation}: an older head proves what came with it, and the length stays`, async () => {
    const server = await serve(generation, 5)
    const old = ask(await reader(server, generation), server, new ReaderMemory(), 1)
    server.append([block(5), block(6)])
    await server.sealed()
    const mine = await reader(server, generation)
    // Knows blocks 4 to 6 and the roots, but nothing below node 3.
    mine.apply(ask(mine, server, new ReaderMemory(), 6))
    assert.equal(mine.length, 7)

    assert.equal(mine.apply(old), 'applied')

    assert.equal(mine.length, 7)
    assert.deepEqual(mine.read(1), block(1))
  })

  test(`generation ${generation}: a hash alone can be fetched, and then the block with nothing else`, async () => {
    const server = await serve(generation, 21)
    const mine = await reader(server, generation)
    const memory = new ReaderMemory()
    const hashOnly = answer(server, memory, 9, digestOf(mine.slot, 9), true)
    assert.ok(hashOnly)

    assert.equal(mine.apply(hashOnly), 'applied')
    assert.equal(mine.has(9), false)
    const digest = digestOf(mine.slot, 9)
    assert.equal(digest, 1)
    const blockOnly = answer(server, memory, 9, digest, false)
    assert.equal(blockOnly?.nodes.length, 0)
    assert.ok(blockOnly && mine.apply(blockOnly) === 'applied')
    assert.deepEqual(mine.read(9), block(9))
  })

  test(`generation ${generation}: history is not cut`, async () => {
    const server = await serve(generation, 5)

    assert.throws(() => server.truncate(2), { code: 'UNSUPPORTED' })
  })
}

for (const generation of [1, 2] as const) {
  test(`generation ${generation}: whatever a reader holds it proves to others, with signatures that it was shown`, async () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ fetch: fc.nat(200), hash: fc.boolean(), isNewServer: fc.boolean() }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const server = await serve(generation, 1)
        const mine = await reader(server, generation)
        let memory = new ReaderMemory()
        for (const one of steps) {
          if ('append' in one) {
            const { length } = server
            server.append(Array.from({ length: one.append }, (_, i) => block(length + i)))
            await server.sealed()
            continue
          }
          if (one.isNewServer) memory = new ReaderMemory()
          const index = one.fetch % server.length
          const proof = answer(server, memory, index, digestOf(mine.slot, index), one.hash)
          assert.ok(proof && mine.apply(proof) === 'applied')
        }
        await mine.commit()

        for (let i = 0; i < mine.length; i++) {
          if (!mine.has(i)) continue
          const other = await reader(server, generation)
          const proof = answer(mine, new ReaderMemory(), i, 0, false)
          assert.ok(proof, `block ${i} of ${mine.length}`)
          assert.equal(other.apply(proof), 'applied')
          assert.deepEqual(other.read(i), block(i))
        }
      }),
      { numRuns: 300 },
    )
  })
}

test('a log of generation 2 comes out with the roots and signatures of hypercore 9', async () => {
  const v = vectors<{
    publicKey: string
    secretKey: string
    leaves: { data: string }[]
    states: { length: number; signatureV9: string }[]
  }>('gen2/crypto')
  const keyPair = { publicKey: fromHex(v.publicKey), secretKey: fromHex(v.secretKey) }
  const replica = await openReplica(plainIdentity(2, { keyPair }))

  for (const [i, { length, signatureV9 }] of v.states.entries()) {
    replica.append([fromHex(v.leaves[i]?.data ?? '')])
    await replica.sealed()
    assert.equal(replica.length, length)
    assert.equal(hex(replica.slot.signature(length) ?? EMPTY), signatureV9)
  }
})

test('a static log of generation 2 is accepted without a signature, by its root hash alone', async () => {
  const server = await serve(2, 6)
  const nodes = ask(await reader(server, 2), server, new ReaderMemory(), 2)
  const rootHash = server.generation.hash.root(rootsOf(server))
  const mine = await openReplica(plainIdentity(2, { key: rootHash }))
  nodes.signature = undefined

  assert.equal(mine.apply(nodes), 'applied')
  assert.equal(mine.length, 6)
})

function rootsOf(server: Replica) {
  const proof = new Proof()
  for (let node = 0; node < 2 * server.length; node++) {
    const isRoot = [3, 9].includes(node) && endBlock(node) <= server.length
    if (!isRoot || !server.slot.findNode(node)) continue
    const { nodeSize, nodeBytes, nodeAt } = server.slot
    proof.nodes.push(node, nodeSize, nodeBytes, nodeAt)
  }
  return proof.nodes
}

function flip(bytes: Uint8Array, i: number): void {
  bytes[i] = (bytes[i] ?? 0) ^ 1
}

function outcome(replica: Replica, proof: Proof): string {
  try {
    return replica.apply(proof)
  } catch {
    return 'error'
  }
}
