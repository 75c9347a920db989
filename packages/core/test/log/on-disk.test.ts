/** Logs on the on-disk engine, over a disk that forgets what was not synced. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hex } from '../../src/bytes/bytes.ts'
import { logIdentity } from '../../src/log/identity.ts'
import { Log } from '../../src/log/log.ts'
import { Replica } from '../../src/log/replica.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { pattern } from '../tree/model.ts'
import {
  block,
  blocks,
  fetchBlock,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'
import { checkTruth } from './truth.ts'

const KEY = logIdentity({ keyPair: testKeyPair() })

const storeOn = (disk: FakeDisk): Promise<Store> => openStore({ disk, clock: new ManualClock() })

/** The log of key pair 1, in a store that has it. */
function reopen(store: Store): Replica {
  const log = store.find(KEY.discoveryKey)
  assert.ok(log !== undefined)
  return Replica.open(store, store.slot(log))
}

test('a log is as it was after closing its store, and after the death of its process', async () => {
  const disk = new FakeDisk()
  const store = await storeOn(disk)
  const replica = await openWriter({ store })
  replica.append(blocks(0, 70))
  await replica.commit()

  // Killed: the head was not signed yet, and nothing may be shown before it is.
  const killed = reopen(await storeOn(disk.killed()))
  checkTruth(killed, blocks(0, 70))
  assert.deepEqual([killed.length, killed.announcedLength], [70, 0])
  await killed.sealed()
  assert.equal(killed.announcedLength, 70)

  await replica.close()
  await store.close()
  const closed = reopen(await storeOn(disk.killed()))
  checkTruth(closed, blocks(0, 70))
  assert.equal(closed.announcedLength, 70)
})

test('a store that is open for reading signs the head it shows in memory, and writes nothing', async () => {
  const disk = new FakeDisk()
  const replica = await openWriter({ store: await storeOn(disk) })
  replica.append(blocks(0, 3))
  await replica.commit()

  const store = await openStore({ disk: disk.killed().reader(), clock: new ManualClock() })
  const reading = reopen(store)
  await reading.sealed()

  assert.equal(reading.writable, false)
  assert.throws(() => reading.append([block(3)]), { code: 'NOT_WRITABLE' })
  const reader = await openReader(reading)
  await upgrade(reader, reading)
  assert.equal(reader.length, 3)
})

test('a full disk fails the append, tells why, changes nothing, and writing goes on when there is room', async () => {
  const disk = new FakeDisk()
  const replica = await openWriter({ store: await storeOn(disk) })
  await write(replica, blocks(0, 5))
  disk.faults.roomBytes = 50

  replica.append([pattern(1, 5000)])
  await assert.rejects(replica.commit(), { code: 'STORE_FULL' })
  assert.equal(replica.length, 5)
  checkTruth(replica, blocks(0, 5))

  disk.faults.roomBytes = Number.POSITIVE_INFINITY
  await write(replica, blocks(5, 9))
  checkTruth(replica, blocks(0, 9))
  const reader = await openReader(replica)
  await upgrade(reader, replica)
  assert.equal(reader.length, 9)
})

test('blocks on a slow disk are brought into memory first, the very first one too', async () => {
  const disk = new FakeDisk()
  const writer = await openWriter({ store: await storeOn(disk) })
  // Far apart, so that none is read with another.
  const stored = Array.from({ length: 200 }, (_, i) => pattern(i, 1_000))
  await write(writer, stored)
  const slow = disk.killed()
  const clock = new ManualClock()
  slow.countRead = () => clock.pass(5)
  const log = new Log(reopen(await openStore({ disk: slow, clock })))
  await log.get(100)
  // One slow read tells nothing yet.
  await log.get(199)
  assert.ok(log.replica.slot.isCold(0, 1), 'the disk was found to be slow')

  assert.deepEqual(await log.get(0), stored[0])

  assert.ok(slow.laterReads > 0)
  let count = 0
  for await (const bytes of log.blocks()) assert.deepEqual(bytes, stored[count++])
  assert.equal(count, 200)
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append'), n: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal'), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate'), n: fc.nat({ max: 30 }) }) },
)

interface Shown {
  fork: number
  length: number
  ops: number
}

test('after any power cut a writer stands by every head that it has shown', async () => {
  const cut = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), seed: fc.nat() })

  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 14 }),
      cut,
      async (steps, { at, seed }) => {
        const disk = new FakeDisk()
        const replica = await openWriter({ store: await storeOn(disk) })
        const created = disk.ops.length
        const histories = new Map<number, Uint8Array[]>([[0, []]])
        const shown: Shown[] = []
        replica.events.on('announced', ({ fork, length }) => {
          shown.push({ fork, length, ops: disk.ops.length })
        })
        let count = 0
        for (const { kind, n } of steps) {
          const history = histories.get(replica.fork) ?? []
          if (kind === 'append') {
            const more = blocks(count, count + n)
            count += n
            histories.set(replica.fork, [...history, ...more])
            replica.append(more)
            await replica.commit()
          } else if (kind === 'seal') {
            await replica.sealed()
          } else {
            const length = Math.min(n, replica.length)
            replica.truncate(length)
            histories.set(replica.fork, history.slice(0, length))
            await replica.commit()
          }
        }

        const ops = created + Math.floor(at * (disk.ops.length - created))
        let state = seed
        const after = disk.powerCut(ops, () => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0
          return state % 3 > 0
        })
        const again = reopen(await storeOn(after))

        const history = histories.get(again.fork)
        assert.ok(history, `fork ${again.fork}`)
        checkTruth(again, history)
        const last = shown.filter((s) => s.ops <= ops).at(-1)
        if (last !== undefined) {
          assert.ok(again.fork >= last.fork)
          if (again.fork === last.fork) assert.ok(again.length >= last.length)
        }
        await again.sealed()
        assert.deepEqual([again.announcedFork, again.announcedLength], [again.fork, again.length])
      },
    ),
    { numRuns: 120 },
  )
})

test('a sparse reader that is killed between any two answers goes on with what it had', async () => {
  const server = await openReplica({ keyPair: testKeyPair() })
  await write(server, blocks(0, 60))
  let disk = new FakeDisk()
  await openReader(server, { store: await storeOn(disk) })
  const order = Array.from({ length: 60 }, (_, i) => (i * 23 + 7) % 60)

  for (const [n, index] of order.entries()) {
    disk = disk.killed()
    const reader = reopen(await storeOn(disk))
    if (n === 0) await upgrade(reader, server)
    assert.equal(reader.slot.heldBlocks, n)
    await fetchBlock(reader, server, index)
  }

  const whole = reopen(await storeOn(disk.killed()))
  checkTruth(whole, blocks(0, 60))
  assert.equal(whole.slot.contiguousLength, 60)
  assert.deepEqual(whole.manifest, server.manifest)
  const third = await openReader(whole)
  await upgrade(third, whole)
  third.apply(proofOf(whole, { block: 59, nodes: third.missingNodes(118) }))
  assert.equal(hex(third.read(59) ?? new Uint8Array(0)), hex(block(59)))
})
