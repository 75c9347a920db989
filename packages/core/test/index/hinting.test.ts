/** Hints between bees: round trips saved, questions answered, and liars that change nothing. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BEE_HINT_BLOCKS_MAX } from '../../src/base/limits.ts'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { Bee } from '../../src/index/bee.ts'
import { decodeHint, encodeHint, HINTS_EXTENSION } from '../../src/index/hints.ts'
import { Traced } from '../../src/index/traced.ts'
import type { Log } from '../../src/log/log.ts'
import { connect, openStore } from '../corestore/fixtures.ts'
import { World } from '../sim/world.ts'
import { FakeLog } from './fake-log.ts'

const DELAY_MS = 100
const ROUND_TRIP_MS = 2 * DELAY_MS
/** Keys of the bee: six levels, the way the tree grows. */
const KEYS = 20_000

const name = (i: number): Uint8Array => utf8(`key ${String(i).padStart(6, '0')}`)

interface Scene {
  readonly world: World
  readonly a: Corestore
  readonly author: Bee
  readonly log: Log
  /** A log of another store, connected, that holds nothing, and knows the length if it was synced. */
  readonly reader: Log
}

async function scene(keys = KEYS, isSynced = true): Promise<Scene> {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'bee' })
  const author = Bee.open(log, { clock: world })
  const batch = author.batch()
  for (let i = 0; i < keys; i++) await batch.put(name((i * 7_919) % keys), utf8(`value ${i}`))
  await batch.flush()
  const reader = await b.get({ key: log.key })
  connect(a, b, world, { delayMs: DELAY_MS })
  if (!isSynced) return { world, a, author, log, reader }
  await until(world, reader.update())
  await world.run(10 * ROUND_TRIP_MS)
  return { world, a, author, log, reader }
}

/** What comes of a promise, and after how long. */
async function until<T>(world: World, promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = world.now()
  let tookMs = -1
  const over = (): void => {
    tookMs = world.now() - began
  }
  promise.then(over, over)
  await world.run(60_000, () => tookMs >= 0)
  return { value: await promise, tookMs }
}

/** Blocks that a log holds. */
const held = (log: Log): number => log.info().heldBlocks

test('a key of a bee that is elsewhere takes two round trips, at whatever depth', async () => {
  const { world, reader } = await scene()
  const bee = Bee.open(reader, { clock: world })

  const { value, tookMs } = await until(world, bee.get(name(12_345)))

  assert.equal(fromUtf8(value?.key ?? utf8('')), 'key 012345')
  assert.ok(tookMs < 2.5 * ROUND_TRIP_MS, `${tookMs} ms`)
})

test('the first keys of a range take three round trips, at whatever depth', async () => {
  const { world, reader } = await scene()
  const bee = Bee.open(reader, { clock: world })
  const keys: string[] = []

  const read = async (): Promise<void> => {
    for await (const { key } of bee.entries({ gte: name(12_345), limit: 20 })) {
      keys.push(fromUtf8(key))
    }
  }
  const { tookMs } = await until(world, read())

  assert.deepEqual([keys.length, keys[0], keys[19]], [20, 'key 012345', 'key 012364'])
  assert.ok(tookMs < 3.5 * ROUND_TRIP_MS, `${tookMs} ms`)
})

test('a bee that was never synced asks as soon as its length is known', async () => {
  const first = async (bee: Bee): Promise<void> => {
    for await (const { key } of bee.entries({ gte: name(12_345), limit: 1 })) {
      assert.equal(fromUtf8(key), 'key 012345')
    }
  }
  for (const read of [(bee: Bee): Promise<unknown> => bee.get(name(12_345)), first]) {
    const tookMs: number[] = []
    for (const answers of [true, false]) {
      const { world, author, reader } = await scene(KEYS, false)
      if (!answers) await author.close()
      const bee = Bee.open(reader, { clock: world })
      tookMs.push((await until(world, read(bee))).tookMs)
    }
    const [hinted = 0, alone = 0] = tookMs
    assert.ok(alone - hinted >= 1.5 * ROUND_TRIP_MS, `${hinted} ms, and ${alone} ms without hints`)
  }
})

test('without anybody who answers it takes one round trip for each level and search', async () => {
  const { world, a, author, reader, log } = await scene()
  await a.get({ key: log.key })
  await author.close()
  const bee = Bee.open(reader, { clock: world })

  const { value, tookMs } = await until(world, bee.get(name(12_345)))

  assert.equal(fromUtf8(value?.key ?? utf8('')), 'key 012345')
  assert.ok(tookMs > 4 * ROUND_TRIP_MS, `${tookMs} ms`)
})

test('who walks a range is told the blocks of it, from where it has got to', async () => {
  const { world, log, reader } = await scene(1_000)
  const told: number[] = []
  const questions = reader.extension(HINTS_EXTENSION, {
    onMessage(message) {
      const hint = decodeHint(message)
      if (hint?.type === 'cache') told.push(...hint.blocks)
    },
  })
  const ask = async (checkpoint: number[]): Promise<Set<number>> => {
    told.length = 0
    const bounds = { gt: undefined, gte: undefined, lt: name(900), lte: undefined }
    const of = { version: log.length, limit: 0, reverse: false, checkpoint }
    questions.broadcast(encodeHint({ type: 'iterator', ...bounds, ...of }))
    await world.run(10 * ROUND_TRIP_MS)
    return new Set(told)
  }

  const all = await ask([])
  // In the root, behind its first key.
  const rest = await ask([log.length - 1, 0, 2])

  assert.ok(all.size >= 900 && all.size < 1_000, `${all.size}`)
  assert.ok(rest.size > 100 && rest.size < all.size, `${rest.size}`)
})

test('a liar changes nothing that is read, and wastes no more than a hint may name', async () => {
  const { world, a, author, log, reader } = await scene()
  const again = await a.get({ key: log.key })
  await author.close()
  const lies = Array.from({ length: BEE_HINT_BLOCKS_MAX }, (_, i) => 5_000 + i)
  const liar = again.extension(HINTS_EXTENSION, {
    onMessage(_, peer) {
      liar.send(Uint8Array.of(10, 200, 1, 1), peer)
      const far = [log.length, 2 ** 40, 2 ** 52]
      const hint = { type: 'cache', start: 0, end: 1 } as const
      liar.send(encodeHint({ ...hint, blocks: far }), peer)
      for (let i = 0; i < 4; i++) {
        const blocks = lies.map((seq) => seq + i * BEE_HINT_BLOCKS_MAX)
        liar.send(encodeHint({ ...hint, blocks }), peer)
      }
    },
  })
  const bee = Bee.open(reader, { clock: world })

  const there = await until(world, bee.get(name(4_321)))
  const absent = await until(world, bee.get(utf8('key 00432x')))
  await world.run(60_000)

  assert.equal(fromUtf8(there.value?.key ?? utf8('')), 'key 004321')
  assert.equal(absent.value, undefined)
  assert.ok(held(reader) < 2 * BEE_HINT_BLOCKS_MAX + 200, `${held(reader)}`)
})

test('a hint that nobody asked for starts nothing', async () => {
  const { world, a, author, log, reader } = await scene(1_000)
  const again = await a.get({ key: log.key })
  await author.close()
  const speaker = again.extension(HINTS_EXTENSION, { onMessage: () => {} })
  Bee.open(reader, { clock: world })
  const before = held(reader)

  speaker.broadcast(encodeHint({ type: 'cache', start: 1, end: 4, blocks: [1, 2, 3] }))
  await world.run(10_000)

  assert.equal(held(reader), before)
})

test('what was seen is told in order, at most so much of it, and 128 blocks a message', () => {
  const traced = new Traced(new FakeLog())
  for (let seq = 300; seq > 0; seq--) traced.seen.add(seq)

  const hints = [...traced.hints(200)]

  assert.deepEqual(
    hints.map(({ start, end, blocks }) => [start, end, blocks.length]),
    [
      [173, 301, 128],
      [101, 173, 72],
    ],
  )
  assert.deepEqual(hints[0]?.blocks.slice(0, 3), [173, 174, 175])
})
