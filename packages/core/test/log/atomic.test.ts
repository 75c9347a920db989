/** Groups of changes: all of them last, or none was ever there. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../src/bytes/bytes.ts'
import { atomic } from '../../src/log/atomic.ts'
import { logIdentity } from '../../src/log/identity.ts'
import { Log } from '../../src/log/log.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { pattern } from '../tree/model.ts'
import { openReader, openReplica, testKeyPair, upgrade } from './support.ts'
import { checkTruth } from './truth.ts'

const block = (i: number): Uint8Array => pattern(i, 1 + (i % 9))
const blocks = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => block(i))

/** Logs of key pairs 1 to `count` in one store. */
function openLogs(store: Store, count: number): Promise<Log[]> {
  const numbers = Array.from({ length: count }, (_, i) => i + 1)
  return Promise.all(
    numbers.map(async (n) => new Log(await openReplica({ keyPair: testKeyPair(n) }, { store }))),
  )
}

function reopen(store: Store, n: number): Replica {
  const log = store.find(logIdentity({ keyPair: testKeyPair(n) }).discoveryKey)
  assert.ok(log !== undefined)
  return Replica.open(store, store.slot(log))
}

test('a group changes several logs in one commit, in the order in which it was taken down', async () => {
  const store = openMemoryStore()
  const [a, b] = await openLogs(store, 2)
  assert.ok(a !== undefined && b !== undefined)
  await a.append(blocks(3))
  const news: string[] = []
  a.on('truncate', ({ length, fork }) => news.push(`a truncate ${length} ${fork}`))
  b.on('append', ({ length }) => news.push(`b append ${length}`))
  const mine = utf8('mine')

  const result = await atomic(async (group) => {
    group.append(b, mine)
    mine.fill(0)
    group.truncate(a, 1)
    group.append(a, blocks(2))
    group.clear(b, 0)
    group.setUserData(b, 'name', utf8('value'))
    await Promise.resolve()
    assert.deepEqual([a.length, b.length], [3, 0])
    return 'done'
  })

  assert.equal(result, 'done')
  assert.deepEqual([a.length, a.fork, b.length], [3, 1, 1])
  assert.deepEqual(a.peek(1), block(0))
  assert.deepEqual([b.has(0), b.userData('name')], [false, utf8('value')])
  assert.deepEqual(news.sort(), ['a truncate 1 1', 'b append 1'])
})

test('when one change is refused none was made or told, and what was staged before stays', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const [a, b] = await openLogs(store, 2)
  assert.ok(a !== undefined && b !== undefined)
  await a.append(blocks(4))
  await a.flush()
  const reading = b.session({ writable: false })
  const view = a.snapshot()
  const news: string[] = []
  for (const event of ['append', 'truncate', 'clear', 'held'] as const) {
    a.on(event, () => news.push(event))
  }
  const earlier = a.append(block(9))

  const failing = atomic((group) => {
    group.truncate(a, 2)
    group.append(a, blocks(5))
    group.clear(a, 0)
    group.append(reading, block(0))
  })

  await assert.rejects(failing, { code: 'NOT_WRITABLE' })
  await earlier
  assert.deepEqual([a.length, a.fork, b.length], [5, 0, 0])
  assert.deepEqual([view.intactLength, a.has(0, 5)], [4, true])
  assert.deepEqual(news.sort(), ['append', 'held'])
  checkTruth(a.replica, [...blocks(4), block(9)])
  assert.equal(a.replica.announcedLength, 4)
  await a.append(block(10))
  await a.flush()
  assert.equal(a.replica.announcedLength, 6)
  const reader = await openReader(a)
  await upgrade(reader, a.replica)
  assert.equal(reader.length, 6)
})

test('a function that throws has changed nothing, and its group is over', async () => {
  const [a] = await openLogs(openMemoryStore(), 1)
  assert.ok(a !== undefined)
  let late = (): void => {}

  const failing = atomic((group) => {
    group.append(a, block(0))
    late = () => group.append(a, block(1))
    throw new Error('thought better of it')
  })

  await assert.rejects(failing, /thought better/)
  assert.equal(a.length, 0)
  assert.throws(late, { code: 'CLOSED' })
})

test('what a group expects is looked at when it is made', async () => {
  const [a, b] = await openLogs(openMemoryStore(), 2)
  assert.ok(a !== undefined && b !== undefined)
  const add = (whileWaiting: () => Promise<unknown>): Promise<void> =>
    atomic(async (group) => {
      group.expect(a, { length: a.length })
      group.append(b, block(0))
      await whileWaiting()
    })

  await add(() => Promise.resolve())
  assert.equal(b.length, 1)
  await assert.rejects(
    add(() => a.append(block(0))),
    { code: 'CONFLICT' },
  )
  await assert.rejects(
    add(async () => {
      await a.truncate(0)
      await a.append(block(0))
    }),
    { code: 'CONFLICT' },
  )
  assert.equal(b.length, 1)
})

test('logs of two stores, and closed ones, make no group', async () => {
  const [a] = await openLogs(openMemoryStore(), 1)
  const [b] = await openLogs(openMemoryStore(), 1)
  assert.ok(a !== undefined && b !== undefined)
  const both = (): Promise<void> =>
    atomic((group) => {
      group.append(a, block(0))
      group.append(b, block(0))
    })

  await assert.rejects(both(), { code: 'BAD_ARGUMENT' })
  await b.close()
  await assert.rejects(
    atomic((group) => group.clear(b, 0)),
    { code: 'CLOSED' },
  )
  await assert.rejects(
    atomic((group) => group.setUserData(a, 'dat-rhino/x', block(0))),
    { code: 'BAD_ARGUMENT' },
  )
  assert.equal(a.length, 0)
  await atomic(() => {})
})

test('a group is there as a whole or not at all, wherever the process or the power ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400 }), fc.nat(), async (size, seed) => {
      const disk = new FakeDisk()
      const store = await openStore({ disk, clock: new ManualClock() })
      const [a, b] = await openLogs(store, 2)
      assert.ok(a !== undefined && b !== undefined)
      await a.append(block(0))
      await store.sync()
      const before = disk.ops.length

      await atomic((group) => {
        group.append(a, new Uint8Array(size))
        group.append(b, [new Uint8Array(size), block(1)])
      })

      for (let count = before; count <= disk.ops.length; count++) {
        let x = seed + count + 1
        const chance = (): boolean => {
          x = Math.imul(x, 1664525) + 1013904223
          return x > 0
        }
        for (const ended of [disk.killed(count), disk.powerCut(count, chance)]) {
          const again = await openStore({ disk: ended, clock: new ManualClock() })
          const lengths = [reopen(again, 1).length, reopen(again, 2).length]
          assert.ok(`${lengths}` === '1,0' || `${lengths}` === '2,2', `${lengths}`)
        }
      }
      assert.deepEqual([reopen(store, 1).length, reopen(store, 2).length], [2, 2])
    }),
    { numRuns: 20 },
  )
})
