/** Rates and priorities: how much passes in which time, who waits for whom, and what statistics tell. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { Policy } from '../../src/corestore/policy.ts'
import type { Log } from '../../src/log/log.ts'
import { World } from '../sim/world.ts'
import { connect, openStore } from './fixtures.ts'

const [KEY_A, KEY_B, KEY_C] = [11, 22, 33].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const BLOCK_BYTES = 1_000
const RATE = 20_000
/** A quarter of a second of the rate. */
const BURST = RATE / 4
/** A block as it is counted. */
const COUNTED = BLOCK_BYTES + 64

async function written(store: Corestore, name: string, count = 200): Promise<Log> {
  const log = await store.get({ name })
  await log.append(Array.from({ length: count }, (_, i) => new Uint8Array(BLOCK_BYTES).fill(i)))
  return log
}

interface Reader {
  readonly store: Corestore
  readonly log: Log
  /** When each block came, in simulated milliseconds. */
  readonly times: number[]
}

/** A reader of `log`, connected to `a`, that downloads all of it. */
async function reader(world: World, a: Corestore, log: Log, key = KEY_B): Promise<Reader> {
  const store = await openStore(key[0], world)
  const copy = await store.get({ key: log.key })
  connect(a, store, world, { keys: [KEY_A, key] })
  await world.run(100)
  const times: number[] = []
  copy.on('held', ({ length }) => {
    for (let i = 0; i < length; i++) times.push(world.now())
  })
  copy.download({ start: 0, end: log.length })
  return { store, log: copy, times }
}

/** No more blocks in any time than the rate, its burst and one piece allow. */
function assertBounded(times: readonly number[], rate = RATE, burst = BURST): void {
  for (let from = 0; from < times.length; from += 5) {
    for (let to = from; to < times.length; to += 5) {
      const ms = (times[to] ?? 0) - (times[from] ?? 0)
      const bytes = (to - from) * COUNTED
      const allowed = (rate * ms) / 1_000 + burst + COUNTED
      assert.ok(bytes <= allowed, `${bytes} bytes in ${ms} ms, allowed ${allowed}`)
    }
  }
}

/** All that the rate allows did come. */
function assertUsed(times: readonly number[], inMs: number, rate = RATE): void {
  const expected = (rate * inMs) / 1_000 / COUNTED
  assert.ok(times.length >= expected * 0.95 - 2, `${times.length} of ${expected}`)
}

test('an upload rate holds over any time, and all of it is used', async () => {
  const policies = (key: Uint8Array): Policy[] => [
    { uploadRate: RATE },
    { peers: [{ remotePublicKey: KEY_B, uploadRate: RATE }] },
    { logs: [{ key, uploadRate: RATE }] },
    { uploadRate: 10 * RATE, peers: [{ remotePublicKey: KEY_B, uploadRate: RATE }] },
  ]
  for (let i = 0; i < 4; i++) {
    const world = new World(1)
    const a = await openStore(1, world)
    const log = await written(a, 'log')
    a.setPolicy(policies(log.key)[i] ?? {})

    const b = await reader(world, a, log)
    await world.run(5_000)

    assertBounded(b.times)
    assertUsed(b.times, 5_000)
    await world.run(10_000)
    assert.equal(b.log.contiguousLength, 200)
  }
})

test('a download rate holds over any time, and all of it is used', async () => {
  const policies = (key: Uint8Array): Policy[] => [
    { downloadRate: RATE },
    { peers: [{ remotePublicKey: KEY_A, downloadRate: RATE }] },
    { logs: [{ key, downloadRate: RATE }] },
  ]
  for (let i = 0; i < 3; i++) {
    const world = new World(1)
    const [a, store] = [await openStore(1, world), await openStore(2, world)]
    const log = await written(a, 'log')
    store.setPolicy(policies(log.key)[i] ?? {})
    const copy = await store.get({ key: log.key })
    connect(a, store, world)
    await world.run(100)
    const times: number[] = []
    copy.on('held', ({ length }) => {
      for (let n = 0; n < length; n++) times.push(world.now())
    })

    copy.download({ start: 0, end: 200 })
    await world.run(5_000)

    assertBounded(times)
    assertUsed(times, 5_000)
    await world.run(10_000)
    assert.equal(copy.contiguousLength, 200)
  }
})

test('blocks that are waited for count against the rate, and come', async () => {
  const world = new World(1)
  const [a, store] = [await openStore(1, world), await openStore(2, world)]
  const log = await written(a, 'log')
  store.setPolicy({ downloadRate: RATE })
  const copy = await store.get({ key: log.key })
  connect(a, store, world)
  await world.run(100)
  const times: number[] = []

  for (let i = 0; i < 100; i++) {
    void copy.get(i, { timeoutMs: 0 }).then(() => times.push(world.now()))
  }
  await world.run(10_000)

  assert.equal(times.length, 100)
  assertBounded(times)
})

test('a peer that is limited does not delay another', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log')
  a.setPolicy({ peers: [{ remotePublicKey: KEY_B, uploadRate: RATE }] })
  const limited = await reader(world, a, log)
  await world.run(500)

  const free = await reader(world, a, log, KEY_C)
  await world.run(200)

  assert.equal(free.log.contiguousLength, 200)
  assert.ok(limited.times.length < 30, `${limited.times.length}`)
})

test('a peer that is limited does not hold the turn of others in a lane that they share', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log')
  a.setPolicy({ uploadRate: RATE, peers: [{ remotePublicKey: KEY_B, uploadRate: 2_000 }] })

  const limited = await reader(world, a, log)
  const free = await reader(world, a, log, KEY_C)
  await world.run(5_000)

  assertBounded(limited.times, 2_000, 4_096)
  assert.ok(limited.times.length > 5, `${limited.times.length}`)
  assertUsed([...limited.times, ...free.times], 5_000)
})

test('two who share a rate get half of it each', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log')
  a.setPolicy({ uploadRate: RATE })

  const b = await reader(world, a, log)
  const c = await reader(world, a, log, KEY_C)
  await world.run(6_000)

  const difference = Math.abs(b.times.length - c.times.length)
  assert.ok(difference <= 12, `${b.times.length} and ${c.times.length}`)
  assertBounded([...b.times, ...c.times].sort((x, y) => x - y))
})

test('of two who share a rate the one with the higher priority is served first', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log', 60)
  a.setPolicy({ uploadRate: RATE, peers: [{ remotePublicKey: KEY_C, priority: 1 }] })

  const later = await reader(world, a, log)
  await world.run(200)
  const first = await reader(world, a, log, KEY_C)
  await world.run(20_000)

  const doneAt = first.times.at(-1) ?? Number.POSITIVE_INFINITY
  const meanwhile = later.times.filter((at) => at < doneAt).length
  assert.deepEqual([first.times.length, later.times.length], [60, 60])
  assert.ok(meanwhile < 20, `${meanwhile}`)
})

test('a log with a higher priority is asked for first, and served first', async () => {
  for (const side of ['asks', 'serves'] as const) {
    const world = new World(1)
    const [a, store] = [await openStore(1, world), await openStore(2, world)]
    const [plain, urgent] = [await written(a, 'plain', 60), await written(a, 'urgent', 60)]
    const logs = [{ key: urgent.key, priority: 5 }]
    if (side === 'asks') store.setPolicy({ downloadRate: RATE, logs })
    else a.setPolicy({ uploadRate: RATE, logs })
    connect(a, store, world)
    const copies = [await store.get({ key: plain.key }), await store.get({ key: urgent.key })]
    await world.run(100)

    const ends = copies.map(() => 0)
    copies.forEach((copy, i) => {
      void copy
        .download({ start: 0, end: 60 })
        .done()
        .then(() => {
          ends[i] = world.now()
        })
    })
    await world.run(20_000)

    const [plainEnd = 0, urgentEnd = 0] = ends
    assert.ok(urgentEnd > 0 && urgentEnd < plainEnd * 0.7, `${side} ${urgentEnd} ${plainEnd}`)
  }
})

test('a rate changes while it goes on, and those who wait notice', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log')
  a.setPolicy({ uploadRate: 100 })
  const b = await reader(world, a, log)
  await world.run(5_000)
  const before = b.times.length

  a.setPolicy({ uploadRate: RATE })
  await world.run(2_000)
  const during = b.times.slice(before)
  a.setPolicy({})
  await world.run(500)

  assert.ok(before < 10, `${before}`)
  assertUsed(during, 2_000)
  assertBounded(during)
  assert.equal(b.log.contiguousLength, 200)
})

test('statistics tell what passed, how fast, and what the limits are', async () => {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await written(a, 'log')
  a.setPolicy({
    uploadRate: RATE,
    logs: [{ key: log.key }],
    peers: [{ remotePublicKey: KEY_B, uploadRate: 2 * RATE }],
  })
  const b = await reader(world, a, log)
  await world.run(5_000)

  const { up, down, peers, logs } = a.traffic

  const served = b.times.length * COUNTED
  assert.ok(up.bytes >= served && up.bytes < served + 3_000, `${up.bytes} of ${served}`)
  assert.ok(Math.abs(up.bytesPerSecond - RATE) < RATE * 0.3, `${up.bytesPerSecond}`)
  assert.deepEqual([up.limit, down.limit, down.bytes], [RATE, Number.POSITIVE_INFINITY, 0])
  assert.deepEqual(
    peers.map((peer) => [peer.remotePublicKey, peer.up.bytes, peer.up.limit, peer.offences]),
    [[KEY_B, up.bytes, 2 * RATE, 0]],
  )
  assert.deepEqual(
    logs.map(({ key, up: flow }) => [key, flow.bytes]),
    [[log.key, up.bytes]],
  )
  assert.ok(b.store.traffic.down.bytes >= served)
})
