/** What is left of a store after its process died or the power went, at every point of a history. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openStore } from '../../src/store/open.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { appendAndCommit, bytesOf, identityOf } from './helpers.ts'
import {
  HEAVY_STORY,
  type History,
  LARGER,
  play,
  reopen,
  SMALL,
  STORY,
  showsOneOf,
} from './history.ts'
import { steps } from './steps.ts'

/** A generator of coin flips from a seed. */
function coin(seed: number, heads: number): () => boolean {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 < heads
  }
}

/** The newest moment that was acknowledged before operation `count`. */
function acknowledgedBy({ moments }: History, count: number): number {
  return moments.findLastIndex(({ ops }) => ops <= count)
}

/** The store is whole, shows one of the moments, and goes on. */
async function checkLeft(
  disk: FakeDisk,
  { moments }: History,
  from: number,
  to: number,
  what: string,
): Promise<void> {
  const store = await reopen(disk)
  assert.equal(store.whyReadOnly, undefined, what)
  showsOneOf(store, moments, from, to, what)
  await store.close()
}

test('a process that dies at any byte of any write leaves what was acknowledged, or one commit more', async () => {
  const history = await play(STORY)
  const { ops } = history.disk

  for (let count = 0; count <= ops.length; count++) {
    const last = ops[count - 1]
    const acknowledged = acknowledgedBy(history, count)
    // Every byte where a record begins, then every fifth: what is behind is all under one checksum.
    const lengths = last?.kind === 'write' ? [...last.bytes.keys()] : []
    const cuts = lengths.filter((bytes) => bytes < 64 || bytes % 5 === 0)
    for (const bytes of [...cuts, Number.POSITIVE_INFINITY]) {
      const what = `killed behind operation ${count}, ${bytes} bytes`
      const known =
        bytes === Number.POSITIVE_INFINITY ? acknowledged : acknowledgedBy(history, count - 1)
      await checkLeft(
        history.disk.killed(count, bytes),
        history,
        Math.max(known, 0),
        known + 1,
        what,
      )
    }
  }
})

test('a power cut leaves a true earlier state with everything that was synced', async () => {
  const histories = [
    await play(STORY),
    await play(STORY, { syncsEach: true }),
    await play(HEAVY_STORY, { sizes: LARGER }),
    await play(HEAVY_STORY, { sizes: LARGER, syncsEach: true }),
  ]
  for (const history of histories) {
    const { length } = history.disk.ops
    for (let count = 0; count <= length; count++) {
      const from = history.syncedBy(count)
      const to = Math.max(from, acknowledgedBy(history, count)) + 1
      for (const [seed, heads] of [
        [1, 0],
        [2, 1],
        [count + 3, 0.5],
        [count + 4, 0.9],
        [count + 5, 0.2],
      ] as const) {
        const disk = history.disk.powerCut(count, coin(seed, heads))
        const what = `power cut behind operation ${count}, seed ${seed}, ${heads}`
        await checkLeft(disk, history, Math.max(from, 0), to, what)
      }
    }
  }
})

test('a power cut at any place of any history leaves a true earlier state', async () => {
  const sizes = fc.constantFrom(SMALL, LARGER, {
    ...SMALL,
    segmentBytes: 700,
    checkpointBytes: 900,
  })
  const cuts = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(0, 0.2, 0.5, 0.9)), {
    minLength: 10,
    maxLength: 10,
  })
  const property = fc.asyncProperty(
    steps({ lasting: false }),
    cuts,
    sizes,
    fc.boolean(),
    async (list, places, chosen, syncsEach) => {
      const history = await play(
        list.filter((step) => step.do !== 'rewind'),
        { sizes: chosen, syncsEach },
      )
      for (const [place, seed, heads] of places) {
        const count = place % (history.disk.ops.length + 1)
        const from = Math.max(history.syncedBy(count), 0)
        const to = Math.max(from, acknowledgedBy(history, count)) + 1
        const disk = history.disk.powerCut(count, coin(seed, heads))
        await checkLeft(disk, history, from, to, `behind operation ${count}, ${seed}, ${heads}`)
      }
    },
  )
  await fc.assert(property, { numRuns: 60 })
})

test('in mode strict, a power cut leaves every acknowledged commit', async () => {
  const history = await play(STORY, { durability: 'strict' })

  for (let count = 0; count <= history.disk.ops.length; count++) {
    const acknowledged = acknowledgedBy(history, count)
    for (const heads of [0, 0.5]) {
      const disk = history.disk.powerCut(count, coin(count, heads))
      const what = `power cut behind operation ${count}, ${heads}`
      await checkLeft(disk, history, Math.max(acknowledged, 0), acknowledged + 1, what)
    }
  }
})

test('a store that survived a power cut survives the next one', async () => {
  const history = await play(STORY)
  for (let count = 10; count < history.disk.ops.length; count += 7) {
    const disk = history.disk.powerCut(count, coin(count, 0.5))
    const store = await reopen(disk)
    const slot = await store.create(identityOf(77, { publicKey: bytesOf(32, 1) }))
    await appendAndCommit(store, slot, bytesOf(30, 1), bytesOf(30, 2))
    await store.sync()
    const synced = disk.ops.length
    await appendAndCommit(store, slot, bytesOf(30, 3))

    const again = await reopen(disk.powerCut(synced, coin(count, 0.3)))

    const log = again.find(identityOf(77).discoveryKey)
    assert.equal(again.whyReadOnly, undefined)
    assert.equal(again.slot(log ?? -1).head.length, 2, `cut at ${count}`)
    assert.deepEqual(again.slot(log ?? -1).read(1), bytesOf(30, 2))
    await again.close()
    await store.close()
  }
})

test('keys are on the disk before the call that makes them returns, in every mode', async () => {
  for (const durability of ['group', 'strict', 'none'] as const) {
    const history = await play([], { durability })
    const { disk } = history
    const store = await reopen(disk.killed())
    const { primaryKey } = store
    await store.close()

    const cut = await reopen(disk.powerCut(disk.ops.length, coin(1, 0)))

    assert.deepEqual(cut.primaryKey, primaryKey, durability)
    await cut.close()
  }
})

test('a secret key and its log are on the disk when create returns, in every mode', async () => {
  const identity = identityOf(5, { publicKey: bytesOf(32, 1), secretKey: bytesOf(64, 2) })
  for (const durability of ['group', 'strict', 'none'] as const) {
    const disk = new FakeDisk()
    const store = await openStore({ disk, durability })
    await store.create(identity)

    const cut = await reopen(disk.powerCut(disk.ops.length, coin(1, 0)))

    assert.deepEqual(cut.slot(cut.find(identity.discoveryKey) ?? -1).identity, identity, durability)
    await cut.close()
    await store.close()
  }
})
