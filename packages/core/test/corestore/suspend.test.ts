/** Suspending, staying connected, and closing: what is quiet, what is durable, and what waits for a timer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Corestore } from '../../src/corestore/corestore.ts'
import { STEADY_MS } from '../../src/corestore/dial.ts'
import { openStore as openDiskStore } from '../../src/store/open.ts'
import type { Transport } from '../../src/wire/transport.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { transports } from '../sim/transports.ts'
import { World } from '../sim/world.ts'
import { bytes, connect, numbered, openStore, text } from './fixtures.ts'

/** A clock that counts what is planned and has not come. */
class CountingWorld extends World {
  readonly planned = new Set<object>()

  override after(delayMs: number, task: () => void) {
    const token = {}
    this.planned.add(token)
    const timer = super.after(delayMs, () => {
      this.planned.delete(token)
      task()
    })
    return {
      cancel: () => {
        this.planned.delete(token)
        timer.cancel()
      },
    }
  }
}

test('a suspended store ends its connections, lets nobody in, and comes to rest', async () => {
  const world = new CountingWorld(1)
  const [a, b] = [await openStore(1, world), await openStore(2)]
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 50))
  a.setPolicy({ uploadRate: 100, downloadRate: 100 })
  const reader = await b.get({ key: log.key })
  reader.download({ start: 0, end: 50 })
  const [left] = connect(a, b, world)
  await world.run(5_000)

  await a.suspend()
  await world.run(1_000)
  const [refused] = connect(a, b, world)
  await world.run(600_000)

  assert.deepEqual([left.closed, refused.closed, a.connections.length], [true, true, 0])
  assert.equal(((await refused.ended) as { code?: string } | undefined)?.code, 'CLOSED')
  assert.equal(world.planned.size, 0, 'nothing is planned, and nothing plans itself again')
})

test('after resuming, the next connection goes on where the last one stopped', async () => {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, 2_000))
  const reader = await b.get({ key: log.key })
  connect(a, b, world)
  const download = reader.download({ start: 0, end: 2_000 })
  await world.run(1_000, () => reader.contiguousLength > 100)
  await b.suspend()
  await world.run(1_000)
  const before = reader.contiguousLength
  await log.append(bytes('meanwhile'))

  b.resume()
  connect(a, b, world)
  await world.run(10_000)
  await download.done()

  assert.ok(before < 2_000, `${before}`)
  assert.equal(reader.contiguousLength, 2_000)
  assert.equal(reader.length, 2_001)
})

/** A store on a disk that forgets what was not synced, and a clock that stands still. */
async function onDisk(
  disk = new FakeDisk(),
): Promise<{ disk: FakeDisk; clock: ManualClock; store: Corestore }> {
  const clock = new ManualClock()
  return {
    disk,
    clock,
    store: await Corestore.open({ store: await openDiskStore({ disk, clock }), clock }),
  }
}

test('what was acknowledged before suspending is signed and on the disk, and writing goes on', async () => {
  const { disk, clock, store } = await onDisk()
  const log = await store.get({ name: 'log' })
  await log.append(numbered(0, 3))

  await store.suspend()
  const { store: after } = await onDisk(disk.powerCut(disk.ops.length, () => false))
  await log.append(bytes('more'))

  const kept = await after.get({ name: 'log' })
  assert.deepEqual([kept.length, text(kept.peek(2))], [3, 'block 2'])
  assert.equal(kept.replica.announcedLength, 3)
  assert.deepEqual([log.length, text(log.peek(3))], [4, 'more'])
  assert.equal(clock.now(), 0, 'no time has passed')
})

test('closing waits for no timer: with a clock that stands still it ends, and everything is on the disk', async () => {
  const { disk, clock, store } = await onDisk()
  const other = await openStore(2)
  const log = await store.get({ name: 'log' })
  await log.append(numbered(0, 500))
  const reader = await other.get({ key: log.key })
  store.setPolicy({ uploadRate: 10 })
  const [left] = connect(store, other, clock)
  const download = reader.download({ start: 0, end: 500 })
  const waits = [log.get(1_000, { timeoutMs: 0 }), log.replicated({ copies: 5, timeoutMs: 0 })]
  const ends = waits.map((wait) =>
    wait.then(
      () => 'done',
      (error: { code: string }) => error.code,
    ),
  )
  await log.append(bytes('last'))

  await store.close()

  assert.equal(left.closed, true)
  assert.deepEqual(await Promise.all(ends), ['CLOSED', 'CLOSED'])
  const { store: again } = await onDisk(disk.powerCut(disk.ops.length, () => false))
  const kept = await again.get({ name: 'log' })
  assert.deepEqual([kept.length, kept.replica.announcedLength], [501, 501])
  assert.equal(text(kept.peek(500)), 'last')
  download.cancel()
})

test('a ban that has resolved survives a power cut, and so does its end', async () => {
  const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const { disk, store } = await onDisk()
  await Promise.all([store.ban(first), store.ban(second)])
  const { disk: later, store: after } = await onDisk(disk.powerCut(disk.ops.length, () => false))
  const banned = after.banned.length
  await after.unban(first)

  const { store: last } = await onDisk(later.powerCut(later.ops.length, () => false))

  assert.equal(banned, 2)
  assert.deepEqual(last.banned, [second])
  assert.deepEqual([last.admits(first), last.admits(second)], [true, false])
  assert.deepEqual(await last.list(), [])
})

// ---- Staying connected ---------------------------------------------------------------------------

/** A store in simulated time and an address that is there or not. */
async function address(isThere: () => boolean) {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const attempts: number[] = []
  const dial = async (): Promise<Transport> => {
    attempts.push(Math.round(world.now() / 100) / 10)
    if (!isThere()) throw new Error('nobody is there')
    const [left, right] = transports(world)
    b.connect(right)
    return left
  }
  return { world, a, b, attempts, dial }
}

/** Seconds between attempts. */
const gaps = (attempts: readonly number[]): number[] =>
  attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0))

test('an address where nobody is is tried ever less often, and at last every ten minutes', async () => {
  const { world, a, attempts, dial } = await address(() => false)

  const kept = a.keepConnected(dial)
  await world.run(4 * 3_600_000)

  const least = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
  gaps(attempts)
    .slice(0, least.length)
    .forEach((gap, i) => {
      const from = least[i] ?? 0
      assert.ok(gap >= from - 0.11 && gap <= from * 1.25 + 0.11, `${gap} after ${from}`)
    })
  assert.ok(attempts.length < 40, `${attempts.length}`)
  assert.equal(kept.error?.message, 'nobody is there')
})

test('a connection that ended is made again, soon if it had lasted', async () => {
  const { world, a, b, attempts, dial } = await address(() => true)
  const log = await b.get({ name: 'log' })
  await log.append(numbered(0, 3))
  const reader = await a.get({ key: log.key })
  const kept = a.keepConnected(dial)
  for (let i = 0; i < 5; i++) {
    await world.run(STEADY_MS + 3_000)
    b.connections[0]?.close()
  }
  await world.run(5_000)
  const steady = gaps(attempts).map((gap) => gap - STEADY_MS / 1_000 - 3)
  const before = attempts.length
  for (let i = 0; i < 5; i++) {
    await world.run(100)
    b.connections[0]?.close()
    await world.run(60_000, () => b.connections.length > 0)
  }
  const shaky = gaps(attempts.slice(before - 1)).slice(-2)

  assert.ok(
    steady.every((gap) => gap < 1.4),
    `${steady}`,
  )
  assert.ok(
    shaky.every((gap) => gap > 3.5),
    `${shaky}`,
  )
  assert.equal(kept.connection?.closed, false)
  assert.equal(reader.length, 3)
})

test('while the store is suspended nothing is dialled, and it is when it resumes', async () => {
  const { world, a, attempts, dial } = await address(() => true)
  const kept = a.keepConnected(dial)
  await world.run(20_000)

  await a.suspend()
  await world.run(3_600_000)
  const during = [attempts.length, kept.connection]
  a.resume()
  await world.run(50)

  assert.deepEqual(during, [1, undefined])
  assert.deepEqual([attempts.length, kept.connection?.closed], [2, false])
})

test('closing the dial, or the store, ends it', async () => {
  const { world, a, b, attempts, dial } = await address(() => true)
  const kept = a.keepConnected(dial)
  a.keepConnected(dial)
  await world.run(100)
  const before = b.connections.length

  kept.close()
  await world.run(100)
  const one = b.connections.length
  void a.close()
  await world.run(3_600_000)

  assert.deepEqual([before, one, b.connections.length, attempts.length], [2, 1, 0, 2])
})
