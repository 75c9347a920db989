/** Runs of plain answers, against the way that looks at each alone. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { copyAt } from '../../src/bytes/bytes.ts'
import type { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { BlockRun } from '../../src/tree/block-run.ts'
import { Proof } from '../../src/tree/proof.ts'
import {
  block,
  blocks,
  listen,
  openReader,
  openWriter,
  proofOf,
  upgrade,
  write,
} from './support.ts'

const LENGTH = 40

/** The answers for these blocks as requests in this order would get them, in one frame. */
function answersFor(server: Replica, reader: Replica, order: readonly number[]): Proof[] {
  const promised = new Set<number>()
  return order.map((index) => {
    const nodes = reader.missingNodes(2 * index, (node) => promised.has(node))
    const proof = proofOf(server, { block: index, nodes })
    promised.add(2 * index)
    for (let i = 0; i < proof.nodes.length; i++) promised.add(proof.nodes.at(i).index)
    return proof
  })
}

function runOf(proofs: readonly Proof[]): BlockRun {
  const run = new BlockRun()
  const frame = proofs.flatMap(({ value }) => [...(value ?? [])])
  const bytes = Uint8Array.from(frame)
  let at = 0
  for (const [i, { fork, index, nodes, value }] of proofs.entries()) {
    run.nodes.pushAll(nodes)
    run.add(i + 1, fork, index, bytes, at, value?.length ?? 0)
    at += value?.length ?? 0
  }
  return run
}

async function pair(): Promise<{ server: Replica; reader: Replica }> {
  const server = await openWriter()
  await write(server, blocks(0, LENGTH))
  const reader = await openReader(server, { store: openMemoryStore() })
  await upgrade(reader, server)
  return { server, reader }
}

/** Every node and block that is stored. */
function content({ slot }: Replica): string[] {
  const lines: string[] = []
  for (let node = 0; node < 2 * LENGTH; node++) {
    if (!slot.findNode(node)) continue
    lines.push(`${node} ${slot.nodeSize} ${copyAt(slot.nodeBytes, slot.nodeAt, 32)}`)
  }
  for (let i = 0; i < LENGTH; i++) if (slot.has(i)) lines.push(`block ${i} ${slot.read(i)}`)
  return lines
}

test('a run leaves in the store what its answers leave one by one, in whatever order they were asked', async () => {
  const order = fc.shuffledSubarray(Array.from({ length: LENGTH }, (_, i) => i))
  const ascending = order.map((list) => list.toSorted((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(fc.oneof(order, ascending), async (list) => {
      const { server, reader } = await pair()
      const { reader: other } = await pair()
      const proofs = answersFor(server, reader, list)

      const end = reader.applyBlocks(runOf(proofs), 0, proofs.length)
      for (const proof of proofs) assert.equal(other.apply(proof), 'applied')

      assert.equal(end, proofs.length)
      assert.deepEqual(content(reader), content(other))
    }),
    { numRuns: 40 },
  )
})

test('whatever is forged in one answer of a run, those before it are kept, and nothing of it and behind it', async () => {
  const bad = fc.integer({ min: 0, max: LENGTH - 1 })
  const what = fc.constantFrom('value', 'size', 'hash', 'nodeSize', 'more', 'fork')
  await fc.assert(
    fc.asyncProperty(bad, what, async (at, kind) => {
      const { server, reader } = await pair()
      const proofs = answersFor(
        server,
        reader,
        Array.from({ length: LENGTH }, (_, i) => i),
      )
      const forged = proofs[at] ?? new Proof()
      // Where an answer has no node of that kind, its value is forged.
      const has = forged.nodes.length > 0
      const value = forged.value ?? new Uint8Array(0)
      if (kind === 'hash' && has) forged.nodes.hashes[5] = 1 ^ (forged.nodes.hashes[5] ?? 0)
      else if (kind === 'nodeSize' && has) forged.nodes.sizes[0] = 1 + (forged.nodes.sizes[0] ?? 0)
      else if (kind === 'more') forged.nodes.push(2 * LENGTH + 1, 1, new Uint8Array(32), 0)
      else if (kind === 'fork') forged.fork = 1
      else if (kind === 'size' || value.length === 0)
        forged.value = new Uint8Array(value.length + 1)
      else value[0] = 1 ^ (value[0] ?? 0)

      const end = reader.applyBlocks(runOf(proofs), 0, LENGTH)

      assert.equal(end, at)
      assert.equal(reader.slot.contiguousLength, at)
      for (let i = 0; i < at; i++) assert.deepEqual(reader.read(i), block(i))
      if (kind === 'fork') assert.equal(reader.apply(forged), 'stale')
      else
        assert.throws(
          () => reader.apply(forged),
          (error) => isCode(error, 'BAD_PROOF'),
        )
      const rest = reader.applyBlocks(runOf(answersFor(server, reader, [at])), 0, 1)
      assert.equal(rest, 1)
      await reader.commit()
      assert.deepEqual(reader.read(at), block(at))
    }),
    { numRuns: 60 },
  )
})

test('a run ends before a block that is here, that is twice in it, that comes early or lies beyond the length', async () => {
  const { server, reader } = await pair()
  const [first, second, third] = answersFor(server, reader, [0, 1, 2])
  assert.ok(first && second && third)
  const early = proofOf(server, { block: 30, nodes: 1 })
  const beyond = new Proof()
  beyond.index = LENGTH
  beyond.value = new Uint8Array(1)

  const runs = [
    [first, first],
    [first, second],
    [second, early],
    [third, beyond],
  ].map((proofs) => reader.applyBlocks(runOf(proofs), 0, 2))

  // The first is here when it comes again.
  assert.deepEqual(runs, [1, 0, 1, 1])
  assert.equal(reader.apply(early), 'later')
})

test('what a run brought is told once, as one run, when it is committed', async () => {
  const { server, reader } = await pair()
  const heard = listen(reader)
  const proofs = answersFor(
    server,
    reader,
    Array.from({ length: LENGTH }, (_, i) => i),
  )

  reader.applyBlocks(runOf(proofs), 0, LENGTH)
  await reader.commit()

  assert.deepEqual(heard, [`held 0 ${LENGTH}`])
})
