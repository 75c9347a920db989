/** A bee whose blocks are elsewhere: what it asks for, what it waits for, and how that ends. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import { DatError, isCode } from '../../src/base/errors.ts'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { Bee, type BeeEntry } from '../../src/index/bee.ts'
import { FakeLog } from './fake-log.ts'

const name = (i: number): string => `k${String(i).padStart(4, '0')}`

async function author(keys: number): Promise<{ log: FakeLog; bee: Bee }> {
  const log = new FakeLog()
  const bee = Bee.open(log)
  const batch = bee.batch()
  for (let i = 0; i < keys; i++) await batch.put(utf8(name(i)), utf8(`v${i}`))
  await batch.flush()
  return { log, bee }
}

async function keys(entries: AsyncIterable<BeeEntry>): Promise<string[]> {
  const list: string[] = []
  for await (const { key } of entries) list.push(fromUtf8(key))
  return list
}

test('a bee that was never synced waits for its author before it says that a key is not there', async () => {
  const { log } = await author(20)
  const bee = Bee.open(FakeLog.reader(log, { synced: false }))

  const there = await bee.get(utf8(name(7)))
  const absent = await bee.get(utf8('nope'))

  assert.equal(fromUtf8(there?.value ?? utf8('')), 'v7')
  assert.equal(absent, undefined)
})

test('a bee that was never synced fails when nobody can be asked', async () => {
  const { log } = await author(1)
  const reader = FakeLog.reader(log, { synced: false })
  reader.update = () => Promise.reject(new DatError('NO_PEERS', 'Nobody is there.'))
  const bee = Bee.open(reader)

  await assert.rejects(bee.get(utf8('k')), (error) => isCode(error, 'NO_PEERS'))
  await assert.rejects(keys(bee.entries()), (error) => isCode(error, 'NO_PEERS'))
  await assert.rejects(bee.header(), (error) => isCode(error, 'NO_PEERS'))
  assert.throws(
    () => bee.getLocal(utf8('k')),
    (error) => isCode(error, 'NOT_AVAILABLE'),
  )
})

test('peers that have nothing are no proof that a bee is empty', async () => {
  const author = new FakeLog()
  const bee = Bee.open(FakeLog.reader(author, { synced: false }))
  const timeout = (error: unknown): boolean => isCode(error, 'TIMEOUT')

  await assert.rejects(bee.get(utf8('k'), { timeoutMs: 1 }), timeout)
  await assert.rejects(keys(bee.entries({}, { timeoutMs: 1 })), timeout)
})

test('a bee of our own that is empty is empty', async () => {
  const bee = Bee.open(new FakeLog())

  assert.equal(await bee.get(utf8('k')), undefined)
  assert.equal(bee.getLocal(utf8('k')), undefined)
  assert.deepEqual(await keys(bee.entries()), [])
  assert.equal(await bee.header(), undefined)
})

test('a range asks for what it will want next together with what it lacks', async () => {
  const { log } = await author(500)
  const reader = FakeLog.reader(log)

  const listed = await keys(Bee.open(reader).entries())

  assert.equal(listed.length, 500)
  assert.ok(
    reader.downloaded.length > 3 * reader.fetched.length,
    `waited ${reader.fetched.length} times`,
  )
})

test('a limited range does not ask for more than it can need', async () => {
  const { log } = await author(500)
  const reader = FakeLog.reader(log)

  await Bee.open(reader).first({ gte: utf8(name(250)) })

  assert.ok(reader.downloaded.length < 20, `asked for ${reader.downloaded.length}`)
})

test('waiting for a block ends with the error that the log gives', async () => {
  const { log } = await author(50)
  const bee = Bee.open(FakeLog.reader(log))

  await assert.rejects(bee.get(utf8('k'), { timeoutMs: 1 }), (error) => isCode(error, 'TIMEOUT'))
})

test('an aborted iteration ends with ABORTED', async () => {
  const { bee } = await author(50)
  const abort = new AbortController()
  const listed: string[] = []

  await assert.rejects(
    async () => {
      for await (const { key } of bee.entries({}, { signal: abort.signal })) {
        listed.push(fromUtf8(key))
        if (listed.length === 3) abort.abort()
      }
    },
    (error) => isCode(error, 'ABORTED'),
  )
  assert.equal(listed.length, 3)
})

test('what was truncated away is gone for those who read it, and new for those who come', async () => {
  const { log, bee } = await author(30)
  const snapshot = bee.snapshot()
  const walking = bee.entries()
  await walking.next()

  await log.truncate(11)
  const gone = (error: unknown): boolean => isCode(error, 'SNAPSHOT_GONE')

  await assert.rejects(walking.next(), gone)
  await assert.rejects(snapshot.get(utf8(name(1))), gone)
  await bee.put(utf8('new'), undefined).catch(() => undefined)
  assert.equal(await bee.checkout(1).get(utf8('new')), undefined)
})

test('after a truncation the bee reads and writes the history that is left', async () => {
  const log = new FakeLog()
  const bee = Bee.open(log)
  for (let i = 0; i < 30; i++) await bee.put(utf8(name(i)), utf8('old'))

  await log.truncate(21)
  await bee.put(utf8(name(25)), utf8('new'))

  assert.deepEqual(await keys(bee.entries()), [...Array(20).keys(), 25].map(name))
  assert.equal(fromUtf8((await bee.get(utf8(name(25))))?.value ?? utf8('')), 'new')
})

/** A clock that moves by one millisecond per look, and counts the turns that were asked for. */
function lookedAt(): Clock & { readonly turns: number } {
  let nowMs = 0
  let turns = 0
  return {
    get turns() {
      return turns
    },
    now: () => (nowMs += 1),
    after: () => ({ cancel: () => undefined }),
    soon: (task) => {
      turns++
      setImmediate(task)
    },
  }
}

test('long walks give the event loop its turns, and wait for none but those', async () => {
  const clock = lookedAt()
  const { log } = await author(2_000)

  await keys(Bee.open(log, { clock }).entries())

  // A slice is 4 ms, and the clock is looked at once in 32 entries, and once at the beginning of a slice.
  const looks = 2_000 / 32
  assert.ok(clock.turns >= looks / 5 - 1 && clock.turns <= looks / 4, `${clock.turns} turns`)
})

test('calls of next that overlap are answered in order, and wait for no turns of their own', async () => {
  const clock = lookedAt()
  const { log } = await author(300)
  const walk = Bee.open(log, { clock }).entries()[Symbol.asyncIterator]()

  const results = await Promise.all(Array.from({ length: 300 }, () => walk.next()))

  assert.deepEqual(
    results.map(({ value }) => fromUtf8(value?.key ?? utf8(''))),
    [...Array(300).keys()].map(name),
  )
  assert.ok(clock.turns <= 300 / 32, `${clock.turns} turns`)
})

test('a batch gives the event loop its turns, and waits for none but those', async () => {
  const clock = lookedAt()
  const batch = Bee.open(new FakeLog(), { clock }).batch()

  const puts = [...Array(2_000).keys()].map((i) => batch.put(utf8(name(i)), undefined))
  await Promise.all(puts)

  assert.ok(clock.turns >= 10 && clock.turns <= 2_000 / 32, `${clock.turns} turns`)
})

test('history with live goes on as the bee grows, until the signal', async () => {
  const log = new FakeLog()
  const bee = Bee.open(log)
  await bee.put(utf8('a'), undefined)
  const abort = new AbortController()
  const told: string[] = []

  const reading = (async () => {
    for await (const { key, type } of bee.history({ live: true }, { signal: abort.signal })) {
      told.push(`${type} ${fromUtf8(key)}`)
      if (told.length === 1) void bee.put(utf8('b'), undefined)
      if (told.length === 2) void bee.del(utf8('a'))
      if (told.length === 3) queueMicrotask(() => abort.abort())
    }
  })()

  await assert.rejects(reading, (error) => isCode(error, 'ABORTED'))
  assert.deepEqual(told, ['put a', 'put b', 'del a'])
})

test('a watcher steps when its range changed, and only then', async () => {
  const bee = Bee.open(new FakeLog())
  const abort = new AbortController()
  const steps: [number, number][] = []
  const watching = (async () => {
    const range = { gte: utf8('m') }
    for await (const { current, previous } of bee.watch(range, { signal: abort.signal })) {
      steps.push([previous.version, current.version])
      if (steps.length === 2) abort.abort()
    }
  })()

  await bee.put(utf8('a'), undefined)
  await bee.put(utf8('n'), undefined)
  await new Promise((resolve) => setImmediate(resolve))
  await bee.put(utf8('b'), undefined)
  await new Promise((resolve) => setImmediate(resolve))
  await bee.put(utf8('o'), undefined)
  await watching

  assert.equal(steps.length, 2)
  assert.equal(steps[1]?.[1], 5)
})

test('a closed bee says so, and lets nobody wait', async () => {
  const log = new FakeLog()
  const bee = Bee.open(log)
  await bee.put(utf8('a'), undefined)
  const watching = (async () => {
    for await (const _ of bee.watch()) assert.fail('nothing changed')
  })()

  await bee.close()
  await watching

  assert.equal(log.closed, true)
  await assert.rejects(bee.get(utf8('a')), (error) => isCode(error, 'CLOSED'))
  await assert.rejects(bee.put(utf8('a'), undefined), (error) => isCode(error, 'CLOSED'))
})

test('a watcher ends when the log is closed under it', async () => {
  const log = new FakeLog()
  const bee = Bee.open(log)
  const watching = (async () => {
    for await (const _ of bee.watch()) assert.fail('nothing changed')
  })()
  await Promise.resolve()

  await log.close()

  await watching
})
