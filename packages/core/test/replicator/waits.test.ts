/** Every wait ends: with what was asked, or with the error that says why not; and leaves nothing behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REQUESTS_QUEUED_MAX } from '../../src/base/limits.ts'
import { Log } from '../../src/log/log.ts'
import { openReader } from '../log/support.ts'
import { join, joinScripted } from '../sim/pipe.ts'
import { append, block, codeOf, Scene } from './fixtures.ts'

test('a block that nobody can be asked for ends with NO_PEERS when the time is over', async () => {
  const scene = new Scene()
  const reader = await scene.reader(await scene.writer(3))

  const wait = codeOf(reader.replicator.block(1, { timeoutMs: 500 }))
  await scene.pass(400)
  const waiting = reader.replicator.audit().waiting
  await scene.pass(200)

  assert.equal(waiting, 1)
  assert.equal(await wait, 'NO_PEERS')
  assert.equal(reader.replicator.audit().waiting, 0)
})

test('a block that every peer lacks ends with NOT_AVAILABLE', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  writer.replica.clear(4, 5)
  await writer.replica.commit()
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)

  const code = codeOf(reader.replicator.block(4, { timeoutMs: 1_000 }))
  await scene.pass(2_000)

  assert.equal(await code, 'NOT_AVAILABLE')
})

test('a block that a peer claims and does not deliver ends with TIMEOUT', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, {
    tamperA: (m) => (m.type === 'data' && m.proof.value !== undefined ? undefined : m),
  })

  const code = codeOf(reader.replicator.block(4, { timeoutMs: 1_000 }))
  await scene.pass(2_000)

  assert.equal(await code, 'TIMEOUT')
})

test('an aborted wait ends at once, and the request is cancelled', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator, { delayMs: [50, 50] })
  await scene.until(reader.replicator.update({}))
  const abort = new AbortController()
  const code = codeOf(reader.replicator.block(4, { signal: abort.signal }))
  await scene.pass(10)

  abort.abort()
  await scene.pass(0)

  assert.equal(await code, 'ABORTED')
  const id = joint.sent.flatMap((m) =>
    m.type === 'request' && m.request.block === 4 ? [m.request.id] : [],
  )
  const cancelled = joint.sent.flatMap((m) => (m.type === 'cancel' ? [m.id] : []))
  assert.deepEqual(cancelled, id)
  assert.equal(reader.replicator.audit().requests, 0)
})

test('a signal that has fired before is heard too', async () => {
  const scene = new Scene()
  const reader = await scene.reader(await scene.writer(1))

  const code = codeOf(reader.replicator.block(0, { signal: AbortSignal.abort() }))

  assert.equal(await code, 'ABORTED')
  assert.equal(reader.replicator.audit().waiting, 0)
})

test('two who wait for the same block share one request; one may leave', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator)
  const abort = new AbortController()

  const left = codeOf(reader.replicator.block(4, { signal: abort.signal }))
  const stayed = reader.replicator.block(4, {})
  abort.abort()
  await scene.until(stayed)

  assert.equal(await left, 'ABORTED')
  const asked = joint.sent.filter((m) => m.type === 'request' && m.request.block === 4)
  assert.equal(asked.length, 1)
})

test('closing the log ends all waits with CLOSED', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [50, 50] })
  await scene.until(reader.replicator.update({}))
  const waits = [
    reader.replicator.block(4, {}),
    reader.replicator.update({}),
    reader.replicator.range({ start: 0, end: 10 }).done(),
  ].map(codeOf)

  reader.replicator.close()

  assert.deepEqual(await Promise.all(waits), ['CLOSED', 'CLOSED', 'CLOSED'])
  assert.equal(await codeOf(reader.replicator.block(5, {})), 'CLOSED')
  assert.equal(reader.replica.remote, undefined)
})

test('an update says whether the log grew, when every peer of the moment was heard', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })

  assert.equal(await scene.until(reader.replicator.update({})), true)
  assert.equal(reader.replica.length, 2)
  assert.equal(await scene.until(reader.replicator.update({})), false)
})

test('an update waits for a look-up that is under way', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2)
  const reader = await scene.reader(writer)
  const found = reader.replicator.findingPeers()
  const update = reader.replicator.update({})

  await scene.pass(5_000)
  join(scene.world, writer.replicator, reader.replicator)
  found()

  assert.equal(await scene.until(update), true)
})

test('after a look-up that found nobody an update fails at once with NO_PEERS', async () => {
  const scene = new Scene()
  const reader = await scene.reader(await scene.writer(2))
  const found = reader.replicator.findingPeers()
  const during = codeOf(reader.replicator.update({}))

  found()
  await scene.pass(0)

  assert.equal(await during, 'NO_PEERS')
  assert.equal(await codeOf(reader.replicator.update({})), 'NO_PEERS')
})

test('a peer that never says where it is holds an update up for a few seconds at most', async () => {
  const scene = new Scene()
  const reader = await scene.reader(await scene.writer(2))
  joinScripted(scene.world, reader.replicator, () => ({}))

  const update = reader.replicator.update({})
  const grew = await scene.until(update)

  assert.equal(grew, false)
  assert.ok(scene.world.now() < 6_000, `${scene.world.now()}`)
})

test('a download waits as long as it goes on, not as long as it takes', async () => {
  const scene = new Scene()
  const writer = await scene.writer(400)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [400, 400], budgetBytes: 500 })

  const done = reader.replicator.range({ start: 0, end: 400 }).done({ timeoutMs: 3_000 })
  await scene.until(done)

  assert.ok(scene.world.now() > 6_000, `${scene.world.now()}`)
})

test('a download that is cancelled takes back its requests and fetches no more', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1_000)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, { delayMs: [20, 20] })
  const download = reader.replicator.range({ start: 0, end: 1_000 })
  const done = codeOf(download.done())
  await scene.pass(110)

  download.cancel()
  await scene.pass(200)
  const held = reader.replica.slot.heldBlocks
  await scene.pass(1_000)

  assert.equal(await done, 'ABORTED')
  assert.ok(held < 1_000, `${held}`)
  assert.equal(reader.replica.slot.heldBlocks, held)
  assert.equal(reader.replicator.audit().requests, 0)
})

test('a download that is complete already is done at once', async () => {
  const scene = new Scene()
  const writer = await scene.writer(5)

  await writer.replicator.range({ start: 1, end: 4 }).done()

  assert.equal(writer.replicator.audit().waiting, 0)
})

test('a block that is appended here while somebody awaits it is theirs', async () => {
  const scene = new Scene()
  const writer = await scene.writer(1)
  const wait = writer.replicator.block(1, {})

  await append(writer, [block(1)])

  await scene.until(wait)
})

test('ten thousand blocks can be awaited at the same time', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10_000)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator)

  const waits = Array.from({ length: 10_000 }, (_, i) => reader.replicator.block(i, {}))
  await scene.until(Promise.all(waits))

  assert.equal(reader.replica.slot.contiguousLength, 10_000)
  assert.equal(reader.replicator.audit().waiting, 0)
})

test('many positions are looked for a bounded number at a time', async () => {
  const scene = new Scene()
  const writer = await scene.writer(5_000)
  const reader = await scene.reader(writer)
  const joint = join(scene.world, writer.replicator, reader.replicator, { delayMs: [50, 50] })
  await scene.until(reader.replicator.update({}))

  const waits = Array.from({ length: 3_000 }, (_, i) => reader.replicator.seek(i * 13, 0, {}))
  await scene.pass(20)
  const atOnce = reader.replicator.audit().requests
  await scene.until(Promise.all(waits))

  assert.ok(atOnce <= REQUESTS_QUEUED_MAX, `${atOnce}`)
  assert.equal(joint.sent.filter((m) => m.type === 'refuse').length, 0)
})

test('a window is filled in one turn, in frames of what a remote answers with one', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2_000)
  const reader = await scene.reader(writer)
  const frames: number[] = []
  const joint = join(scene.world, writer.replicator, reader.replicator, {
    onFrame: (frame) => frames.push(frame.filter(({ type }) => type === 'request').length),
  })
  await scene.until(reader.replicator.update({}))
  let [before, mostInTurn] = [joint.sent.length, 0]
  scene.world.onStep = () => {
    const asked = joint.sent.slice(before).filter(({ type }) => type === 'request').length
    mostInTurn = Math.max(mostInTurn, asked)
    before = joint.sent.length
  }

  const waits = Array.from({ length: 2_000 }, (_, i) => reader.replicator.block(i, {}))
  await scene.until(Promise.all(waits))

  assert.equal(Math.max(...frames), 128)
  assert.ok(mostInTurn > 1_000, `${mostInTurn}`)
})

test('whoever waits for a log of two histories is told so', async () => {
  const scene = new Scene()
  const writer = await scene.writer(2)
  const reader = await scene.reader(writer)
  Object.defineProperty(reader.replica, 'frozen', { value: true })

  assert.equal(await codeOf(reader.replicator.block(0, {})), 'FORKED')
})

test('the only peer is looked at when it may be late, and another one takes over soon', async () => {
  const scene = new Scene()
  const writer = await scene.writer(10)
  const reader = await scene.reader(writer)
  join(scene.world, writer.replicator, reader.replicator, {
    tamperA: (m) => (m.type === 'data' && m.proof.value !== undefined ? undefined : m),
  })
  await scene.until(reader.replicator.update({}))
  await scene.pass(1_000)
  let timers = 0
  const after = scene.world.after.bind(scene.world)
  scene.world.after = (delayMs, run) => {
    if (delayMs >= 250) timers++
    return after(delayMs, run)
  }

  const wait = reader.replicator.block(4, { timeoutMs: 0 })
  await scene.pass(1_900)
  assert.equal(timers, 1)
  assert.equal(reader.replicator.audit().requests, 1)

  await scene.pass(1_000)
  join(scene.world, writer.replicator, reader.replicator)
  await scene.until(wait)
  assert.equal(reader.replica.has(4), true)
})

test('a download that has begun ends by a signal for who gave it, and by its end for all who wait', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const reader = await scene.reader(writer)
  const log = new Log(reader.replica, { clock: scene.world })
  const download = log.download({ start: 0, end: 4 })
  const abort = new AbortController()

  const aborted = codeOf(download.done({ signal: abort.signal }))
  const late = codeOf(download.done({ timeoutMs: 100 }))
  const cancelled = [codeOf(download.done()), codeOf(download.done())]
  const closed = codeOf(log.download({ start: 1, end: 4 }).done({ timeoutMs: 0 }))
  abort.abort()
  await scene.pass(1_000)
  const waiting = reader.replicator.audit().waiting
  download.cancel()
  await log.close()

  assert.equal(waiting, 3)
  assert.deepEqual([await aborted, await late], ['ABORTED', 'NO_PEERS'])
  assert.deepEqual(await Promise.all(cancelled), ['ABORTED', 'ABORTED'])
  assert.equal(await closed, 'CLOSED')
  assert.equal(reader.replicator.audit().waiting, 0)
})

test('a download of nothing is done, whether anybody can be asked or not', async () => {
  const scene = new Scene()
  const writer = await scene.writer(3)
  const alone = new Log(await openReader(writer.replica))
  const asking = new Log((await scene.reader(writer)).replica)

  const done = [alone, asking].map((log) => log.download({ start: 5, end: 5 }).done())

  await Promise.all(done)
})
