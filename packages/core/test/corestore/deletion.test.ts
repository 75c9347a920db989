/** Deleting and clearing: what goes, what stays, what peers are told, and what a crash in between leaves. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isCode } from '../../src/base/errors.ts'
import { CLEAR_SLICE_BLOCKS } from '../../src/base/limits.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { childNamespace } from '../../src/crypto/derive.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore as openDiskStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { World } from '../sim/world.ts'
import { bytes, connect, numbered, openStore, text } from './fixtures.ts'

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const LONG = 2 * CLEAR_SLICE_BLOCKS + 100

/** The greatest number of blocks that a log of `store` loses between two turns of the event loop. */
async function widestSlice(
  store: Store,
  log: number,
  work: () => Promise<unknown>,
): Promise<number> {
  const held = (): number =>
    store.find(store.slot(log).identity.discoveryKey) === undefined ? 0 : store.slot(log).heldBlocks
  let widest = 0
  let last = held()
  let isRunning = true
  const look = (): void => {
    try {
      widest = Math.max(widest, last - held())
      last = held()
    } catch {
      last = 0
    }
    if (isRunning) setImmediate(look)
  }
  setImmediate(look)
  await work()
  isRunning = false
  return widest
}

test('a long range is cleared in slices between which others have their turn', async () => {
  const corestore = await openStore()
  const log = await corestore.get({ name: 'long' })
  await log.append(numbered(0, LONG))
  const runs: number[][] = []
  log.on('clear', ({ start, length }) => runs.push([start, length]))

  const widest = await widestSlice(corestore.store, log.replica.slot.log, () => log.clear(1, LONG))

  assert.equal(widest, CLEAR_SLICE_BLOCKS)
  assert.deepEqual(runs, [
    [1, CLEAR_SLICE_BLOCKS],
    [CLEAR_SLICE_BLOCKS + 1, CLEAR_SLICE_BLOCKS],
    [2 * CLEAR_SLICE_BLOCKS + 1, 99],
  ])
  assert.deepEqual([log.has(0), log.info().heldBlocks], [true, 1])
  await corestore.close()
})

test('what is cleared is told as one run where it fits a slice, and a wrong range is refused', async () => {
  const corestore = await openStore()
  const log = await corestore.get({ name: 'short' })
  await log.append(numbered(0, CLEAR_SLICE_BLOCKS + 1))
  const runs: number[][] = []
  log.on('clear', ({ start, length }) => runs.push([start, length]))

  await log.clear(0, CLEAR_SLICE_BLOCKS)

  assert.deepEqual(runs, [[0, CLEAR_SLICE_BLOCKS]])
  for (const [start, end] of [
    [-1, 9_000],
    [1.5, 9_000],
    [5, 3],
    [0, Number.POSITIVE_INFINITY],
  ]) {
    await assert.rejects(log.clear(start ?? 0, end), { code: 'BAD_ARGUMENT' })
  }
  await corestore.close()
})

test('peers are told of what is cleared, get what remains, and fetch what was cleared from others', async () => {
  const world = new World(1)
  const [a, b, c] = await Promise.all([1, 2, 3].map((n) => openStore(n, world)))
  assert.ok(a !== undefined && b !== undefined && c !== undefined)
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 50))
  const reader = await b.get({ key: log.key })
  connect(a, b, world, { keys: [key(1), key(2)] })
  reader.download({ start: 0, end: 50 })
  await world.run(1_000)
  assert.equal(log.copies()[0]?.ranges[0]?.end, 50)

  // Odd at its start and its end: the neighbours' proofs need hashes of what goes.
  await reader.clear(7, 20)
  await world.run(1_000)

  assert.deepEqual(
    log.copies()[0]?.ranges.map(({ start, end }) => [start, end]),
    [
      [0, 7],
      [20, 50],
    ],
  )
  const third = await c.get({ key: log.key })
  connect(b, c, world, { keys: [key(2), key(3)] })
  for (const i of [6, 20, 49]) {
    const got = third.get(i)
    await world.run(1_000)
    assert.equal(text(await got), `block ${i}`)
  }
  const again = reader.get(9)
  await world.run(1_000)
  assert.equal(text(await again), 'block 9')
})

test('a deleted log is gone from the list and for peers, who are told; it syncs again when it is wanted again', async () => {
  const world = new World(2)
  const [a, b] = await Promise.all([1, 2].map((n) => openStore(n, world)))
  assert.ok(a !== undefined && b !== undefined)
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 30))
  const reader = await b.get({ key: log.key })
  const other = await b.get({ name: 'other' })
  connect(a, b, world, { keys: [key(1), key(2)] })
  reader.download({ start: 0, end: 30 })
  await world.run(1_000)
  assert.equal(log.copies().length, 1)

  await Promise.all([b.delete({ key: log.key }), world.run(1_000)])

  assert.equal(reader.closed, true)
  assert.equal(other.closed, false)
  assert.deepEqual(
    (await b.list()).map((record) => record.alias?.name),
    ['other'],
  )
  assert.deepEqual(
    log.copies().flatMap(({ ranges }) => ranges),
    [],
  )
  assert.equal(b.store.find(log.discoveryKey), undefined)
  const anew = await b.get({ key: log.key })
  const block = anew.get(29)
  await world.run(3_000)
  assert.equal(text(await block), 'block 29')
})

test('whoever asks for a log while it is deleted gets a new one, and two who delete share the work', async () => {
  const store = await openStore()
  const log = await store.get({ key: key(9) })

  const both = [store.delete(key(9)), store.delete({ key: key(9) })]
  const anew = await store.get({ key: key(9) })
  await Promise.all(both)

  assert.equal(log.closed, true)
  assert.equal(anew.closed, false)
  await assert.rejects(store.delete(key(8)), (error) => isCode(error, 'NOT_FOUND'))
  await store.close()
})

test('a log of our own that is made again after its deletion replaces the old history at peers', async () => {
  const world = new World(3)
  const [a, b] = await Promise.all([1, 2].map((n) => openStore(n, world)))
  assert.ok(a !== undefined && b !== undefined)
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 10))
  const reader = await b.get({ key: log.key })
  connect(a, b, world, { keys: [key(1), key(2)] })
  reader.download({ start: 0, end: 10 })
  await world.run(1_000)

  await Promise.all([a.delete({ name: 'log' }), world.run(1_000)])
  await assert.rejects(a.delete({ name: 'log' }), { code: 'NOT_FOUND' })
  await assert.rejects(a.get({ name: 'log' }, { createIfMissing: false }), { code: 'NOT_FOUND' })
  assert.deepEqual(await a.list(), [])
  const anew = await a.get({ name: 'log' })
  assert.deepEqual([anew.length, anew.fork, anew.writable], [0, 1, true])
  await anew.append(bytes('new'))
  await world.run(5_000)

  assert.deepEqual(anew.key, log.key)
  assert.deepEqual([reader.length, reader.fork, reader.info().frozen], [1, 1, false])
})

/** A store with a log that is worth deleting, deleted; and the disk as it was at some moment of that. */
async function deletion(at: (disk: FakeDisk, from: number) => FakeDisk): Promise<FakeDisk> {
  const disk = new FakeDisk()
  const corestore = await Corestore.open({ store: await openDiskStore({ disk, crc32 }) })
  const own = await corestore.get({ name: 'own' })
  await own.append(numbered(0, CLEAR_SLICE_BLOCKS + 10))
  await (await corestore.get({ name: 'stays' })).append(bytes('here'))
  await (await own.draft('plan')).append(bytes('x'))
  await corestore.flush()
  const from = disk.ops.length
  await corestore.delete({ name: 'own' })
  const found = at(disk, from)
  await corestore.close()
  return found
}

async function outcome(disk: FakeDisk): Promise<'there' | 'gone'> {
  const store = await openDiskStore({ disk, crc32 })
  assert.equal(store.whyReadOnly, undefined)
  const corestore = await Corestore.open({ store })
  await corestore.gc()
  const names = (await corestore.list()).map(({ alias }) => alias?.name)
  assert.ok(names.includes('stays'))
  const own = await corestore.get({ name: 'own' })
  const isThere = names.includes('own')
  if (isThere) {
    assert.equal(text(own.peek(CLEAR_SLICE_BLOCKS)), `block ${CLEAR_SLICE_BLOCKS}`)
    assert.equal(own.info().heldBlocks, CLEAR_SLICE_BLOCKS + 10)
  } else assert.deepEqual([own.length, own.fork, own.drafts()], [0, 1, []])
  await corestore.close()
  return isThere ? 'there' : 'gone'
}

test('wherever the process ends while a log is deleted, it is all there or gone after the next opening', async () => {
  const outcomes = new Set<string>()
  for (let ops = 0; ops < 40; ops += 3) {
    const image = await deletion((disk, from) => disk.killed(from + ops))
    outcomes.add(await outcome(image))
  }
  assert.deepEqual([...outcomes].sort(), ['gone', 'there'])
})

test('wherever the power goes while a log is deleted, it is all there or gone after the next opening', async () => {
  const outcomes = new Set<string>()
  for (let ops = 0; ops < 40; ops += 2) {
    let seed = ops
    const chance = (): boolean => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed > 2 ** 31
    }
    const image = await deletion((disk, from) => {
      return disk.powerCut(Math.min(from + ops, disk.ops.length), chance)
    })
    outcomes.add(await outcome(image))
  }
  assert.deepEqual([...outcomes].sort(), ['gone', 'there'])
})

test('gc ends what was cut short, drops drafts without a log, and says what it gave back', async () => {
  const store = openMemoryStore()
  const corestore = await Corestore.open({ store })
  const log = await corestore.get({ name: 'log' })
  await (await log.draft('kept')).append(bytes('x'))
  const gone = await corestore.get({ key: key(4) })
  const namespace = childNamespace(gone.key, 'dat-rhino/draft')
  const orphan = await corestore.get({ name: 'orphan', namespace })
  orphan.replica.slot.stageUserData('dat-rhino/draft', new Uint8Array(16))
  await store.commit()
  await orphan.close()

  const report = await corestore.gc()

  assert.equal(report.drafts, 1)
  assert.equal(store.find(orphan.discoveryKey), undefined)
  assert.deepEqual(log.drafts(), ['kept'])
  assert.deepEqual(await corestore.gc(), { bytes: 0, drafts: 0, deletions: 0 })
})

test('the list tells what each log holds and when it was used, also after a restart', async () => {
  const disk = new FakeDisk()
  let now = Date.UTC(2019, 5, 1, 10, 30)
  const open = async (): Promise<Corestore> =>
    Corestore.open({
      store: await openDiskStore({ disk, crc32 }),
      wallNow: () => now,
      clock: new ManualClock(),
    })
  const first = await open()
  const log = await first.get({ name: 'a' })
  await log.append([bytes('12345'), bytes('678')])
  await log.clear(0)
  await first.get({ name: 'b' })
  await first.close()
  now += 5 * 3_600_000
  const second = await open()
  await second.get({ name: 'b' })
  await second.close()

  const third = await open()
  const [a, b] = await third.list(third.namespaceKey)

  assert.deepEqual([a?.length, a?.heldBlocks, a?.heldBytes, a?.isOwn], [2, 1, 3, true])
  assert.equal(new Date(a?.usedMs ?? 0).toISOString(), '2019-06-01T10:00:00.000Z')
  assert.equal(new Date(b?.usedMs ?? 0).toISOString(), '2019-06-01T15:00:00.000Z')
  await third.close()
})

test('noting that a log is used writes nothing, and closing within the same hour neither', async () => {
  const disk = new FakeDisk()
  const open = async (): Promise<Corestore> =>
    Corestore.open({ store: await openDiskStore({ disk, crc32 }), wallNow: () => 1e12 })
  const first = await open()
  await (await first.get({ name: 'a' })).append(bytes('x'))
  await first.close()
  const second = await open()
  const before = disk.ops.filter(({ kind }) => kind === 'write').length

  const log = await second.get({ name: 'a' })
  await log.close()
  await second.close()

  assert.equal(disk.ops.filter(({ kind }) => kind === 'write').length, before)
})

test('a store with very many logs is listed without a slot, a page or a read from the disk', async () => {
  const disk = new FakeDisk()
  const first = await openDiskStore({ disk, crc32 })
  const corestore = await Corestore.open({ store: first })
  for (let i = 0; i < 300; i++) await (await corestore.get({ name: `${i}` })).append(bytes('x'))
  await corestore.close()
  const store = await openDiskStore({ disk, crc32 })
  const again = await Corestore.open({ store })
  const { slot } = store
  let slots = 0
  store.slot = (log) => {
    slots++
    return slot.call(store, log)
  }
  const reads = disk.reads

  const records = await again.list()

  assert.deepEqual([records.length, slots, disk.reads - reads], [300, 0, 0])
  assert.ok(records.every(({ length, heldBytes }) => length === 1 && heldBytes === 1))
  await again.close()
})

test('the primary key moves to an empty store, and is refused where another is', async () => {
  const a = await Corestore.open({ store: await openDiskStore({ disk: new FakeDisk(), crc32 }) })
  const log = await a.get({ name: 'mine' })
  const primaryKey = a.exportPrimaryKey()
  await a.close()
  const disk = new FakeDisk()

  const b = await Corestore.open({ store: await openDiskStore({ disk, crc32, primaryKey }) })
  assert.deepEqual((await b.get({ name: 'mine' })).key, log.key)
  await b.close()

  const same = await openDiskStore({ disk, crc32, primaryKey })
  await same.close()
  for (const readOnly of [false, true]) {
    const other = openDiskStore({ disk, crc32, primaryKey: key(3), readOnly })
    await assert.rejects(other, { code: 'CONFLICT' })
  }
  await assert.rejects(openDiskStore({ disk, crc32, primaryKey: new Uint8Array(31) }), {
    code: 'BAD_ARGUMENT',
  })
})
