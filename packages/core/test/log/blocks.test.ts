/** Walks over the blocks of a log. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copy, utf8 } from '../../src/bytes/bytes.ts'
import { pattern } from '../tree/model.ts'
import { openLog, openPair } from './support.ts'

const block = (i: number): Uint8Array => pattern(i, 1 + ((37 * i + 11) % 23))
const blocks = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => block(i))

const forever = (): { promise: Promise<void>; release: () => void } => {
  let release = (): void => {}
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

async function collect(walk: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const bytes of walk) all.push(bytes)
  return all
}

test('a walk gives all blocks of its range in order', async () => {
  const log = await openLog()
  await log.append(blocks(300))

  assert.deepEqual(await collect(log.blocks()), blocks(300))
  assert.deepEqual(await collect(log.blocks({ start: 298 })), blocks(300).slice(298))
  assert.deepEqual(await collect(log.blocks({ start: 5, end: 7 })), blocks(300).slice(5, 7))
  assert.deepEqual(await collect(log.blocks({ start: 7, end: 7 })), [])
  const twice = log.blocks({ end: 2 })
  assert.deepEqual(await collect(twice), await collect(twice))
})

test('a walk asks for a window of what is missing, and lets go of it when it ends early', async () => {
  const { log, remote } = await openPair(blocks(300))
  await log.update()

  let count = 0
  for await (const bytes of log.blocks()) {
    assert.deepEqual(bytes, block(count))
    if (++count === 140) break
  }

  assert.deepEqual(
    remote.asked.filter((a) => a.startsWith('range')),
    ['range 0 128', 'range 128 256'],
  )
  assert.equal(remote.cancelled, 2)
})

test('a live walk waits for what is appended, and ends with its signal', async () => {
  const log = await openLog()
  await log.append(block(0))
  const controller = new AbortController()
  const got: Uint8Array[] = []
  const walk = (async () => {
    for await (const bytes of log.blocks({ live: true, signal: controller.signal })) got.push(bytes)
  })()

  await log.append([block(1), block(2)])
  while (got.length < 3) await Promise.resolve()
  controller.abort()

  await assert.rejects(walk, { code: 'ABORTED' })
  assert.deepEqual(got, blocks(3))
})

test('a walk that fails lets go of what it asked for', async () => {
  const { log, remote } = await openPair(blocks(9))
  await log.update()
  const controller = new AbortController()
  const walk = log.blocks({ signal: controller.signal })[Symbol.asyncIterator]()
  await walk.next()
  remote.gate = forever().promise
  const next = walk.next()

  controller.abort()

  await assert.rejects(next, { code: 'ABORTED' })
  assert.equal(remote.cancelled, 1)
  assert.equal((await walk.next()).done, true)
})

test('a walk never crosses into another history', async () => {
  const log = await openLog()
  await log.append(blocks(10))
  const walk = log.blocks({ end: 10 })[Symbol.asyncIterator]()
  const early = log.blocks({ end: 6 })[Symbol.asyncIterator]()
  for (let i = 0; i < 5; i++) await walk.next()
  await early.next()

  await log.truncate(4)
  await log.append([utf8('x'), utf8('y')])

  await assert.rejects(walk.next(), { code: 'SNAPSHOT_GONE' })
  assert.deepEqual(await walk.next(), { done: true, value: undefined })
  assert.deepEqual((await early.next()).value, block(1), 'what it had read is still there')
})

test('a walk over an encrypted log gives texts, and over cold blocks warms them first', async () => {
  const log = await openLog({ encryptionKey: new Uint8Array(32) })
  await log.append(blocks(3))
  const { slot } = log.replica
  const warmed: [number, number][] = []
  let isCold = true
  slot.isCold = () => isCold
  slot.warm = async (start, end) => {
    isCold = false
    warmed.push([start, end])
  }

  assert.deepEqual(await collect(log.blocks()), blocks(3))
  assert.deepEqual(warmed, [[0, 3]])
  isCold = true
  assert.deepEqual(await log.get(1), copy(block(1)))
  assert.deepEqual(warmed[1], [1, 2])
})

test('of blocks that a walk has warmed it does not ask one by one whether they are cold', async () => {
  const log = await openLog()
  await log.append(blocks(300))
  const { slot } = log.replica
  const asked: [number, number][] = []
  slot.isCold = (start, end) => {
    asked.push([start, end])
    return true
  }
  const warmed: [number, number][] = []
  slot.warm = async (start, end) => {
    warmed.push([start, end])
  }

  assert.deepEqual(await collect(log.blocks()), blocks(300))
  assert.deepEqual(asked, warmed)
  assert.ok(warmed.length < 10)
  assert.deepEqual([warmed[0]?.[0], warmed.at(-1)?.[1]], [0, 300])
})
