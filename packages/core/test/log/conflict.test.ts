/** Evidence that an owner signed two histories: made when they are met, kept, and checked by anybody. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { EVIDENCE_BYTES_MAX } from '../../src/base/limits.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { encodeConflict, forkedError, verifyConflict } from '../../src/log/conflict.ts'
import { gen3 } from '../../src/log/gen3.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import { NodeSet } from '../../src/tree/nodes.ts'
import { numbered } from '../corestore/fixtures.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { fetchBlock, openReader, openWriter, proofOf, upgrade, write } from './support.ts'

/** Two writers of one key who share the first `shared` blocks of `one` and `two`, and nothing above. */
async function twins(shared: number, one: number, two: number): Promise<[Replica, Replica]> {
  const writers = [await openWriter(), await openWriter()] as const
  const other = numbered(1_000, 1_000 + two - shared)
  await write(writers[0], numbered(0, one))
  await write(writers[1], [...numbered(0, shared), ...other])
  return [writers[0], writers[1]]
}

const evidenceOf = ({ conflict }: Replica): Uint8Array => {
  assert.ok(conflict)
  return conflict
}

test('whoever meets two signed histories of one fork keeps what proves it to anybody', async () => {
  const [one, two] = await twins(3, 6, 9)
  const told: unknown[] = []
  one.events.on('conflict', (event) => told.push(event))

  assert.equal(one.checkConflict(proofOf(two, { upgradeLength: 6 })), 'conflict')
  await one.commit()

  const facts = verifyConflict(evidenceOf(one), one.key)
  assert.deepEqual([facts.fork, facts.lengths, facts.key], [0, [6, 9], one.key])
  assert.ok(facts.start <= 3 && facts.end > 3)
  assert.deepEqual(told, [{ length: 6, fork: 0 }])
  const { conflict } = Replica.open(one.store, one.slot)
  assert.deepEqual(conflict, evidenceOf(one), 'also after a restart')
})

test('evidence outlives the death of the process, and keeps that log alone from being written', async () => {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const store = await openStore({ disk, clock })
  const one = await openWriter({ store })
  const [, two] = await twins(1, 4, 4)
  await write(one, numbered(0, 4))
  assert.equal(one.checkConflict(proofOf(two, { upgradeLength: 4 })), 'conflict')
  await one.commit()
  const evidence = evidenceOf(one)

  const corestore = await Corestore.open({
    store: await openStore({ disk: disk.killed(), clock }),
  })
  const log = await corestore.get({ key: one.key })
  const other = await corestore.get({ name: 'other' })
  await other.append(numbered(0, 1))

  assert.deepEqual(log.conflict, evidence)
  assert.deepEqual([log.info().frozen, log.length], [true, 4])
  await assert.rejects(log.append(numbered(4, 5)), (error) => isCode(error, 'FORKED'))
  await corestore.close()
})

test('a reader who holds parts finds the same proof, whatever the lengths and the place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(39), { maxLength: 3 }),
      async (shared, more, others, held) => {
        const [one, two] = await twins(shared, shared + more, shared + others)
        const reader = await openReader(one)
        await upgrade(reader, one)
        for (const block of held) if (block < one.length) await fetchBlock(reader, one, block)

        const upgradeLength = Math.min(one.length, two.length)
        const found = reader.checkConflict(proofOf(two, { upgradeLength }))

        // Of a shorter head the reader may lack every node: then it can't be told, and nothing is frozen.
        assert.equal(reader.frozen, found === 'conflict')
        if (upgradeLength === one.length) assert.equal(found, 'conflict')
        if (found !== 'conflict') return
        const { start, end, lengths } = verifyConflict(evidenceOf(reader), one.key)
        assert.deepEqual(lengths, [one.length, two.length])
        assert.ok(end > shared && start < Math.min(one.length, two.length))
      },
    ),
    { numRuns: 60 },
  )
})

test('evidence is taken over by those who have it from others, and by each of them once', async () => {
  const [one, two] = await twins(2, 4, 4)
  one.checkConflict(proofOf(two, { upgradeLength: 4 }))
  const evidence = evidenceOf(one)
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const log = await corestore.get({ key: one.key })
  const events: unknown[] = []
  log.on('conflict', (event) => events.push(event))

  assert.equal(log.conflict, undefined)
  assert.equal(await log.acceptConflict(evidence), true)
  assert.equal(await log.acceptConflict(evidence), false)

  assert.equal(events.length, 1)
  assert.deepEqual(log.conflict, evidence)
  const { frozen, writable, conflict } = log.info()
  assert.deepEqual([frozen, writable, conflict], [true, false, verifyConflict(evidence, log.key)])
  await assert.rejects(log.append(numbered(0, 1)), (error) => isCode(error, 'FORKED'))
  const other = await corestore.get({ name: 'another' })
  await other.append(numbered(0, 1))
  await corestore.close()
})

test('a log that has left the fork for a higher one is not frozen by what happened there', async () => {
  const [one, two] = await twins(2, 4, 4)
  const reader = await openReader(one)
  await upgrade(reader, one)
  reader.checkConflict(proofOf(two, { upgradeLength: 4 }))
  two.truncate(0)

  assert.equal(two.acceptConflict(evidenceOf(reader)), false)

  assert.equal(two.frozen, false)
})

test('the error says on which fork, of which lengths, and where', async () => {
  const [one, two] = await twins(0, 2, 3)
  one.checkConflict(proofOf(two, { upgradeLength: 2 }))

  const { facts } = forkedError(one.conflict, one.key)

  assert.deepEqual(facts, { fork: 0, length: 2, otherLength: 3, start: 0, end: 2 })
})

test('what does not prove two histories is refused: another key, one history, changed bytes', async () => {
  const [one, two] = await twins(2, 4, 7)
  one.checkConflict(proofOf(two, { upgradeLength: 4 }))
  const evidence = evidenceOf(one)
  const isRefused = (error: unknown): boolean =>
    ['BAD_FRAME', 'BAD_SIGNATURE', 'BAD_PROOF', 'OVER_LIMIT'].some((code) =>
      isCode(error, code as never),
    )

  assert.throws(() => verifyConflict(evidence, new Uint8Array(32)), isRefused)
  assert.throws(
    () => verifyConflict(evidence, new Uint8Array(31)),
    (error) => isCode(error, 'BAD_ARGUMENT'),
  )
  const facts = verifyConflict(evidence, one.key)
  let refused = 0
  for (let at = 0; at < evidence.length; at++) {
    const changed = Uint8Array.from(evidence)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => verifyConflict(evidence.subarray(0, at), one.key), isRefused)
    try {
      // What lies around a signature may be written in more than one way; then nothing else is proved by it.
      assert.deepEqual(verifyConflict(changed, one.key), facts)
    } catch (error) {
      assert.ok(isRefused(error), `byte ${at}`)
      refused++
    }
  }
  assert.ok(refused > evidence.length - 10)
  const padded = new Uint8Array(EVIDENCE_BYTES_MAX)
  padded.set(evidence)
  verifyConflict(padded, one.key)
  const long = new Uint8Array(EVIDENCE_BYTES_MAX + 1)
  long.set(evidence)
  assert.throws(
    () => verifyConflict(long, one.key),
    (error) => isCode(error, 'OVER_LIMIT'),
  )
})

test('two heads of one history are no conflict, however they are put', async () => {
  const server = await openWriter()
  const heads: { nodes: NodeSet; signature: Uint8Array | undefined }[] = []
  for (const [from, to] of [
    [0, 5],
    [5, 8],
  ] as const) {
    await write(server, numbered(from, to))
    const { upgradeNodes, signature } = proofOf(server, { upgradeLength: to })
    const nodes = new NodeSet()
    nodes.pushAll(upgradeNodes)
    heads.push({ nodes, signature: signature && Uint8Array.from(signature) })
  }
  const [first, second] = heads
  assert.ok(first && second)
  const { manifest } = server.slot.identity

  const bytes = encodeConflict(gen3, 0, manifest, [first, second])
  const same = encodeConflict(gen3, 0, manifest, [second, second])

  for (const evidence of [bytes, same]) {
    assert.throws(
      () => verifyConflict(evidence, server.key),
      (error) => isCode(error, 'BAD_PROOF'),
    )
  }
})
