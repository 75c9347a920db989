/** Truncations, readers that follow them, and histories that contradict each other. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Reorg } from '../../src/log/reorg.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { pattern } from '../tree/model.ts'
import {
  answer,
  fetchBlock,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'

const blocks = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => pattern(from + i, 9))

/** Asks as a replicator would, until the histories' last common block is known. */
function follow(reader: Replica, server: Replica): Reorg {
  const fork = server.fork
  const head = proofOf(server, { fork, upgradeLength: server.length, manifest: true })
  const reorg = reader.verifyReorg(head)
  for (let rounds = 0; !reorg.done; rounds++) {
    assert.ok(rounds < 64)
    const block = reorg.start + (rounds % (reorg.end - reorg.start))
    reorg.add(proofOf(server, { fork, hash: 2 * block, nodes: reorg.nodes }))
  }
  return reorg
}

test('truncating begins a higher fork, and what comes after stands on it', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 8))
  const events: unknown[] = []
  server.events.on('truncate', (event) => events.push(event))

  server.truncate(5)
  assert.equal(server.length, 5)
  assert.equal(server.fork, 1)
  assert.equal(server.announcedLength, 0, 'nothing may be shown until the new head is signed')
  server.append(blocks(100, 2))
  await server.sealed()

  assert.deepEqual([server.announcedLength, server.announcedFork], [7, 1])
  assert.deepEqual(events, [{ length: 5, byteLength: 45, fork: 1 }])
  const reader = await openReader(server)
  assert.equal(answer(server, { fork: 0, upgradeLength: 7 }), 'unavailable')
  follow(reader, server).apply()
  assert.equal(reader.length, 7)
  await fetchBlock(reader, server, 6)
  assert.deepEqual(reader.read(6), pattern(101, 9))
})

test('a truncation that could not be written leaves the old history, shown as before', async () => {
  const store = openMemoryStore()
  const server = await openWriter({ store })
  await write(server, blocks(0, 8))
  const { commit } = store
  const mark = store.mark()
  store.commit = () => {
    store.rewind(mark)
    return Promise.reject(new Error('full'))
  }

  server.truncate(5)
  assert.equal(server.announcedLength, 0)
  await assert.rejects(server.commit(), /full/)
  store.commit = commit

  assert.deepEqual([server.length, server.fork], [8, 0])
  assert.deepEqual([server.announcedLength, server.announcedFork], [8, 0])
  const reader = await openReader(server)
  await upgrade(reader, server)
  assert.equal(reader.length, 8)
})

test('a truncation to a wrong length or fork is refused', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 4))

  for (const length of [-1, 5, 1.5]) {
    assert.throws(() => server.truncate(length), { code: 'BAD_ARGUMENT' })
  }
  assert.throws(() => server.truncate(2, { fork: 0 }), { code: 'BAD_ARGUMENT' })
  server.truncate(0, { fork: 7 })
  await server.sealed()
  assert.deepEqual([server.length, server.fork, server.announcedFork], [0, 7, 7])
  assert.equal(server.slot.head.signature?.length, 68)
})

test('a reader follows a fork to exactly the last common block, and keeps what is below', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 32))
  const reader = await openReader(server)
  await upgrade(reader, server)
  for (const i of [3, 20, 21, 30]) await fetchBlock(reader, server, i)
  // Its own leaf at 20 lets the reader see that the histories part behind it.
  server.truncate(21)
  await write(server, blocks(200, 20))
  const heard: string[] = []
  for (const name of ['append', 'truncate', 'held'] as const) {
    reader.events.on(name, ({ length }) => heard.push(`${name} ${length}`))
  }

  const reorg = follow(reader, server)
  assert.equal(reorg.ancestors, 21)
  assert.equal(reader.length, 32, 'nothing has changed yet')
  assert.ok(reorg.apply())
  await reader.commit()

  assert.deepEqual(heard, ['truncate 21'])
  assert.deepEqual([reader.length, reader.fork, reader.announcedLength], [41, 1, 41])
  assert.deepEqual(
    [3, 20, 21, 30].map((i) => reader.has(i)),
    [true, true, false, false],
  )
  for (const i of [0, 20, 21, 31, 40]) {
    await fetchBlock(reader, server, i)
    assert.deepEqual(reader.read(i), server.read(i))
  }
})

test('a plain truncation is followed by its head alone', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 16))
  const reader = await openReader(server)
  await upgrade(reader, server)
  for (let i = 0; i < 16; i++) await fetchBlock(reader, server, i)
  server.truncate(11)
  await server.sealed()

  const reorg = reader.verifyReorg(proofOf(server, { fork: 1, upgradeLength: 11 }))

  assert.ok(reorg.done)
  assert.equal(reorg.ancestors, 11)
  assert.ok(reorg.apply())
  assert.deepEqual([reader.length, reader.slot.heldBlocks], [11, 11])
})

test('a fork that is not higher, not signed or not proved is not followed', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 8))
  const reader = await openReader(server)
  await upgrade(reader, server)
  const same = proofOf(server, { upgradeLength: 8 })
  assert.throws(() => reader.verifyReorg(same), { code: 'BAD_PROOF' })
  same.fork = 1
  assert.throws(() => reader.verifyReorg(same), { code: 'BAD_SIGNATURE' })

  server.truncate(3)
  await write(server, blocks(50, 5))
  const reorg = reader.verifyReorg(proofOf(server, { fork: 1, upgradeLength: 8 }))
  assert.equal(reorg.done, false)
  const wrong = proofOf(server, { fork: 1, hash: 0, nodes: 3 })
  wrong.nodes.hashes[40] = (wrong.nodes.hashes[40] ?? 0) ^ 1
  assert.throws(() => reorg.add(wrong), { code: 'BAD_PROOF' })
  assert.equal(reorg.apply(), false)
  assert.equal(reader.fork, 0)
})

test('two reorganisations do not both apply', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 8))
  const reader = await openReader(server)
  await upgrade(reader, server)
  server.truncate(4)
  await server.sealed()
  const first = follow(reader, server)
  const second = follow(reader, server)

  assert.ok(first.apply())

  assert.equal(second.apply(), false)
})

test('any reader follows any fork to the truth, and loses no more than he must', async () => {
  const plan = fc.record({
    length: fc.integer({ min: 1, max: 40 }),
    cut: fc.nat({ max: 40 }),
    more: fc.nat({ max: 40 }),
    held: fc.array(fc.nat({ max: 39 }), { maxLength: 10 }),
  })

  await fc.assert(
    fc.asyncProperty(plan, async ({ length, cut, more, held }) => {
      const server = await openWriter()
      await write(server, blocks(0, length))
      const reader = await openReader(server)
      await upgrade(reader, server)
      for (const i of held) if (i < length) await fetchBlock(reader, server, i)
      const common = Math.min(cut, length)
      server.truncate(common)
      await write(server, blocks(1000, more))
      if (server.length === 0) return

      const reorg = follow(reader, server)
      assert.ok(reorg.apply())
      await reader.commit()

      assert.ok(reorg.ancestors <= common)
      // Where the reader holds the blocks around the cut, he can see it.
      if (held.includes(common - 1) || common === length) assert.equal(reorg.ancestors, common)
      assert.deepEqual([reader.length, reader.fork], [server.length, 1])
      for (let i = 0; i < server.length; i++) {
        await fetchBlock(reader, server, i)
        assert.deepEqual(reader.read(i), server.read(i))
      }
    }),
    { numRuns: 60 },
  )
})

// ---- Conflicts -----------------------------------------------------------------------------------

/** Two stores that write under one key. */
async function twins(): Promise<[Replica, Replica]> {
  const identity = { keyPair: testKeyPair(1) }
  return [await openReplica(identity), await openReplica(identity)]
}

test('two signed histories of one length are a conflict, which freezes the log for good', async () => {
  const [one, two] = await twins()
  await write(one, blocks(0, 6))
  await write(two, [...blocks(0, 4), ...blocks(77, 2)])
  const store = openMemoryStore()
  const reader = await openReader(one, { store })
  await upgrade(reader, one)
  let conflicts = 0
  reader.events.on('conflict', () => conflicts++)

  const proof = proofOf(two, { upgradeLength: 6 })
  assert.equal(reader.checkConflict(proofOf(one, { upgradeLength: 6 })), 'same')
  assert.equal(reader.frozen, false)
  assert.equal(reader.checkConflict(proof), 'conflict')
  await reader.commit()

  assert.equal(conflicts, 1)
  assert.equal(answer(reader, { upgradeLength: 6 }), 'unavailable')
  assert.equal(reader.apply(proofOf(one, { block: 1, nodes: 2 })), 'stale')
  assert.ok(Replica.open(store, reader.slot).frozen, 'also after a restart')
})

test('a writer who learns of a second history of his own stops writing', async () => {
  const [one, two] = await twins()
  await write(one, blocks(0, 6))
  await write(two, blocks(77, 3))

  assert.equal(one.checkConflict(proofOf(two, { upgradeLength: 3 })), 'conflict')

  assert.equal(one.writable, false)
  assert.throws(() => one.append(blocks(0, 1)), { code: 'FORKED' })
})

test('an unproved or foreign head is no conflict', async () => {
  const [one, two] = await twins()
  await write(one, blocks(0, 6))
  await write(two, blocks(77, 6))
  const forged = proofOf(two, { upgradeLength: 6 })
  forged.upgradeNodes.hashes[0] = (forged.upgradeNodes.hashes[0] ?? 0) ^ 1
  assert.throws(() => one.checkConflict(forged), { code: 'BAD_SIGNATURE' })

  two.truncate(0)
  await write(two, blocks(77, 6))
  assert.equal(one.checkConflict(proofOf(two, { fork: 1, upgradeLength: 6 })), 'unproven')
  const longer = await openWriter()
  await write(longer, blocks(0, 9))
  assert.equal(one.checkConflict(proofOf(longer, { upgradeLength: 9 })), 'unproven')
  assert.equal(one.frozen, false)
})

test('a shorter head whose roots a sparse reader lacks proves nothing either way', async () => {
  const [one, two] = await twins()
  await write(one, blocks(0, 16))
  await write(two, blocks(0, 6))
  const reader = await openReader(one)
  await upgrade(reader, one)

  assert.equal(reader.checkConflict(proofOf(two, { upgradeLength: 6 })), 'unproven')
  await fetchBlock(reader, one, 0)
  await fetchBlock(reader, one, 5)
  assert.equal(reader.checkConflict(proofOf(two, { upgradeLength: 6 })), 'same')
})
