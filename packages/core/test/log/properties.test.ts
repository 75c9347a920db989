/**
 * A writer, readers of all sorts and a naive model, with random steps between them.
 *
 * The model is the list of blocks that the writer appended. Whatever happens, a replica holds nothing but
 * the truth: each node that it stores is the node of the tree by definition, each block is the block.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EMPTY } from '../../src/bytes/bytes.ts'
import { writeU64LE } from '../../src/bytes/integers.ts'
import type { Replica } from '../../src/log/replica.ts'
import type { NodeSet } from '../../src/tree/nodes.ts'
import type { Proof } from '../../src/tree/proof.ts'
import type { ProofRequest } from '../../src/tree/prove.ts'
import { TreeModel } from '../tree/model.ts'
import { answer, fetchBlock, openReader, openWriter, proofOf, write } from './support.ts'
import { checkTruth } from './truth.ts'

/** All that a replica stores, to see that nothing has changed. */
function snapshot(replica: Replica): string {
  const { slot } = replica
  const nodes: number[] = []
  const held: number[] = []
  for (let node = 0; node < 2 * 70; node++) if (slot.findNode(node)) nodes.push(node)
  for (let i = 0; i < 70; i++) if (slot.has(i)) held.push(i)
  return JSON.stringify([nodes, held, slot.head, replica.manifest === undefined])
}

const blockList = fc.array(fc.uint8Array({ maxLength: 12 }), { minLength: 1, maxLength: 40 })

test('a log that is appended in any batches is the tree by definition', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(blockList, { minLength: 1, maxLength: 4 }), async (batches) => {
      const writer = await openWriter()
      for (const batch of batches) await write(writer, batch)

      checkTruth(writer, batches.flat())
      const tree = new TreeModel(batches.flat(), writeU64LE)
      const roots = proofOf(writer, { upgradeLength: writer.length }).upgradeNodes
      assert.deepEqual(writer.generation.hash.root(roots), tree.rootHash)
    }),
    { numRuns: 40 },
  )
})

/** One step of a reader: which server he asks, what for, and two numbers to choose with. */
const step = fc.record({
  kind: fc.constantFrom('append', 'upgrade', 'with', 'block', 'hash', 'seek', 'seekUp', 'clear'),
  reader: fc.nat({ max: 2 }),
  from: fc.nat({ max: 3 }),
  a: fc.nat({ max: 1000 }),
  b: fc.nat({ max: 1000 }),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

type Asked = Partial<ProofRequest>

/** What a reader asks for in a step, or undefined if it makes no sense in his state. */
function ask(reader: Replica, server: Replica, { kind, a, b }: Step): Asked | undefined {
  const more = server.announcedLength - reader.length
  const upgrade = {
    upgradeStart: reader.length,
    upgradeLength: more,
    manifest: reader.manifest === undefined,
  }
  const block = reader.length === 0 ? 0 : a % reader.length
  const nodes = reader.missingNodes(2 * block)
  const seek = { seekBytes: b % (reader.byteLength + 1), seekPadding: 0 }
  if (kind === 'upgrade') return more > 0 ? upgrade : undefined
  if (kind === 'seekUp') {
    return more > 0 ? { ...upgrade, seekBytes: b % (server.byteLength + 1) } : undefined
  }
  if (kind === 'with') {
    return more > 0 ? { ...upgrade, block: reader.length + (a % more), nodes: 0 } : undefined
  }
  if (reader.length === 0) return undefined
  if (kind === 'block') return { block, nodes }
  if (kind === 'hash') return { hash: 2 * block, nodes }
  return kind === 'seek' ? { hash: 2 * block, nodes, ...seek } : undefined
}

test('sparse readers serve one another, and hold nothing but the truth', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const writer = await openWriter()
      const readers = [await openReader(writer), await openReader(writer), await openReader(writer)]
      const blocks: Uint8Array[] = []
      let applied = 0

      for (const one of steps) {
        const reader = readers[one.reader] ?? writer
        if (one.kind === 'append' || blocks.length === 0) {
          const batch = Array.from({ length: 1 + (one.a % 5) }, (_, i) =>
            new Uint8Array((one.b + i) % 7).fill(one.a % 251),
          )
          if (blocks.length + batch.length > 60) continue
          blocks.push(...batch)
          await write(writer, batch)
          continue
        }
        if (one.kind === 'clear') {
          reader.clear(one.a % 20, (one.a % 20) + (one.b % 9))
          await reader.commit()
          continue
        }
        const server = readers[one.from] ?? writer
        const asked = ask(reader, server, one)
        if (asked === undefined || reader === server) continue
        const proof = answer(server, asked)
        // The writer holds all, and can refuse only a byte that is not below the node.
        if (typeof proof === 'string') {
          assert.ok(server !== writer || one.kind === 'seek', JSON.stringify(asked))
          continue
        }

        const result = reader.apply(proof)
        await reader.sealed()

        assert.equal(result, 'applied')
        applied++
      }

      for (const replica of readers) checkTruth(replica, blocks)
      fc.pre(applied > 0)
    }),
    { numRuns: 150 },
  )
})

// ---- Altered answers -----------------------------------------------------------------------------

/** Every number and byte of a proof that can be altered, as a function that alters it. */
function alterations(proof: Proof): ((bit: number) => void)[] {
  const list: ((bit: number) => void)[] = []
  const inBytes = (bytes: Uint8Array, length: number): void => {
    if (length === 0) return
    list.push((bit) => {
      const at = Math.floor(bit / 8) % length
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8))
    })
  }
  const inNumber = (numbers: Float64Array, i: number): void => {
    list.push((bit) => {
      numbers[i] = alter(numbers[i] ?? 0, bit)
    })
  }
  const inNodes = (nodes: NodeSet): void => {
    inBytes(nodes.hashes, nodes.length * 32)
    for (let i = 0; i < nodes.length; i++) {
      inNumber(nodes.indices, i)
      inNumber(nodes.sizes, i)
    }
  }
  for (const set of [proof.nodes, proof.seekNodes, proof.upgradeNodes, proof.additionalNodes]) {
    inNodes(set)
  }
  inBytes(proof.value ?? EMPTY, proof.value?.length ?? 0)
  inBytes(proof.signature ?? EMPTY, proof.signature?.length ?? 0)
  inBytes(proof.manifest ?? EMPTY, proof.manifest?.length ?? 0)
  list.push((bit) => {
    proof.index = alter(proof.index, bit)
  })
  list.push((bit) => {
    proof.fork = alter(proof.fork, bit)
  })
  list.push((bit) => {
    proof.upgradeLength = alter(proof.upgradeLength, bit)
  })
  return list
}

/** Flips bit `bit mod 53`, so that large numbers are tried too. */
function alter(value: number, bit: number): number {
  const weight = 2 ** (bit % 53)
  return Math.floor(value / weight) % 2 === 1 ? value - weight : value + weight
}

test('whatever bit of an answer is altered: refused without a trace, or nothing but the truth', async () => {
  const plan = fc.record({
    length: fc.integer({ min: 1, max: 40 }),
    known: fc.nat({ max: 40 }),
    held: fc.array(fc.nat({ max: 39 }), { maxLength: 4 }),
    what: step,
    where: fc.nat(),
    bit: fc.nat({ max: 2 ** 20 }),
  })
  const results: Record<string, number> = {}

  await fc.assert(
    fc.asyncProperty(plan, async ({ length, known, held, what, where, bit }) => {
      const blocks = Array.from({ length }, (_, i) => new Uint8Array(i % 5).fill(i))
      const writer = await openWriter()
      const reader = await openReader(writer)
      const start = known % (length + 1)
      if (start > 0) {
        await write(writer, blocks.slice(0, start))
        reader.apply(proofOf(writer, { upgradeLength: start, manifest: true }))
        for (const i of held) if (i < start) await fetchBlock(reader, writer, i)
      }
      if (start < length) await write(writer, blocks.slice(start))
      const asked = ask(reader, writer, what)
      const proof = asked && answer(writer, asked)
      if (proof === undefined || typeof proof === 'string') return
      const list = alterations(proof)
      list[where % list.length]?.(bit)
      const before = snapshot(reader)

      let result: string
      try {
        result = reader.apply(proof)
      } catch (error) {
        assert.equal((error as Error).name, 'DatError', String(error))
        result = 'error'
      }

      results[result] = (results[result] ?? 0) + 1
      if (result !== 'applied') assert.equal(snapshot(reader), before)
      checkTruth(reader, blocks)
    }),
    { numRuns: 1500 },
  )
  assert.ok((results['error'] ?? 0) > 300, JSON.stringify(results))
})

test('an altered value, signature or hash that is used is never taken', async () => {
  const plan = fc.record({
    length: fc.integer({ min: 2, max: 40 }),
    pick: fc.nat({ max: 39 }),
    upgrades: fc.boolean(),
    where: fc.constantFrom('value', 'signature', 'nodes'),
    bit: fc.nat({ max: 2 ** 20 }),
  })

  await fc.assert(
    fc.asyncProperty(plan, async ({ length, pick, upgrades, where, bit }) => {
      const writer = await openWriter()
      await write(
        writer,
        Array.from({ length }, (_, i) => new Uint8Array(1 + (i % 5)).fill(i)),
      )
      const reader = await openReader(writer)
      const block = pick % length
      const head = { upgradeLength: length, manifest: true }
      if (!upgrades) reader.apply(proofOf(writer, head))
      const nodes = reader.missingNodes(2 * block)
      const proof = proofOf(writer, upgrades ? { block, ...head } : { block, nodes })
      const target = { value: proof.value, signature: proof.signature, nodes: proof.nodes.hashes }[
        where
      ]
      const size = where === 'nodes' ? 32 * proof.nodes.length : (target?.length ?? 0)
      // The last two bytes of a signature say that there are no patch nodes and close the list.
      const used = where === 'signature' ? size - 2 : size
      fc.pre(target !== undefined && used > 0)
      const at = Math.floor(bit / 8) % used
      target[at] = (target[at] ?? 0) ^ (1 << (bit % 8))
      const before = snapshot(reader)

      assert.throws(() => reader.apply(proof), { name: 'DatError' })
      assert.equal(snapshot(reader), before)
    }),
    { numRuns: 200 },
  )
})
