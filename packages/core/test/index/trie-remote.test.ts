/** A trie whose blocks are elsewhere: what it fetches, what peers tell it, and liars that change nothing. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError, isCode } from '../../src/base/errors.ts'
import { TRIE_HINT_BLOCKS_MAX } from '../../src/base/limits.ts'
import { EMPTY, fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { binary } from '../../src/bytes/encodings.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { LogReader } from '../../src/index/source.ts'
import { decodeTrieHint, encodeTrieHint, TRIE_HINTS_EXTENSION } from '../../src/index/trie/hints.ts'
import { Trie, type TrieEntry } from '../../src/index/trie/trie.ts'
import type { Log } from '../../src/log/log.ts'
import { connect, openStore } from '../corestore/fixtures.ts'
import { World } from '../sim/world.ts'
import { FakeLog } from './fake-log.ts'

const DELAY_MS = 100
const ROUND_TRIP_MS = 2 * DELAY_MS
const KEYS = 6_000

const name = (i: number): string => `folder ${i % 50}/file ${i}`
const text = (entry: TrieEntry | undefined): string => fromUtf8(entry?.value ?? EMPTY)

async function fill(trie: Trie, keys: number): Promise<void> {
  await trie.batch(
    Array.from({ length: keys }, (_, i) => ({
      type: 'put' as const,
      key: name(i),
      value: utf8(`value ${i}`),
    })),
  )
}

interface Scene {
  readonly world: World
  readonly a: Corestore
  readonly author: Trie
  readonly log: Log
  /** A log of another store, connected, that knows the length and holds nothing. */
  readonly reader: Log
}

async function scene(keys = KEYS): Promise<Scene> {
  const world = new World(1)
  const [a, b] = [await openStore(1, world), await openStore(2, world)]
  const log = await a.get({ name: 'trie' })
  const author = Trie.open(log, { clock: world })
  await fill(author, keys)
  const reader = await b.get({ key: log.key })
  connect(a, b, world, { delayMs: DELAY_MS })
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

async function keys(entries: AsyncIterable<TrieEntry>): Promise<string[]> {
  const list: string[] = []
  for await (const { key } of entries) list.push(key)
  return list
}

const held = (log: Log): number => log.info().heldBlocks

test('a trie that was never synced waits for its author before it says that a key is not there', async () => {
  const log = new FakeLog()
  await fill(Trie.open(log), 20)
  const trie = Trie.open(FakeLog.reader(log, { synced: false }))

  assert.equal(text(await trie.get(name(7))), 'value 7')
  assert.equal(await trie.get('nope'), undefined)
})

test('a trie that was never synced fails when nobody can be asked', async () => {
  const reader = FakeLog.reader(new FakeLog(), { synced: false })
  reader.update = () => Promise.reject(new DatError('NO_PEERS', 'Nobody is there.'))
  const trie = Trie.open(reader)
  const isAlone = (error: unknown): boolean => isCode(error, 'NO_PEERS')

  await assert.rejects(trie.get('a'), isAlone)
  await assert.rejects(keys(trie.entries()), isAlone)
  await assert.rejects(keys(trie.history()), isAlone)
  assert.throws(
    () => trie.getLocal('a'),
    (error) => isCode(error, 'NOT_AVAILABLE'),
  )
})

test('peers are asked for the way as soon as it is known how long the log is', async () => {
  const log = new FakeLog()
  await fill(Trie.open(log), 20)
  const asked: string[] = []
  const open = (): Trie => {
    const reader: FakeLog & Pick<LogReader, 'extension'> = FakeLog.reader(log, { synced: false })
    reader.extension = (name) => ({
      name,
      send: () => false,
      broadcast(message) {
        const hint = decodeTrieHint(message)
        if (hint !== undefined && hint.type !== 'cache') asked.push(`${hint.type} ${hint.head}`)
        return 1
      },
      close() {},
    })
    return Trie.open(reader)
  }

  await open().get(name(7))
  await keys(open().entries('folder 3'))

  assert.deepEqual(asked, ['get 20', 'iterator 20'])
})

test('a key costs the blocks on its way, and once they are here none at all', async () => {
  const log = new FakeLog()
  await fill(Trie.open(log), 1_000)
  const reader = FakeLog.reader(log)
  const trie = Trie.open(reader)

  assert.equal(text(await trie.get(name(123))), 'value 123')
  const first = reader.fetched.length
  assert.equal(text(await trie.get(name(123))), 'value 123')

  assert.ok(first < 14, `${first}`)
  assert.equal(reader.fetched.length, first)
  assert.equal(text(trie.getLocal(name(123))), 'value 123')
})

test('a key of a trie that is elsewhere takes two round trips, however many steps away', async () => {
  const { world, reader } = await scene()
  const trie = Trie.open(reader, { clock: world })

  const { value, tookMs } = await until(world, trie.get(name(4_321)))

  assert.equal(text(value), 'value 4321')
  assert.ok(tookMs < 2.5 * ROUND_TRIP_MS, `${tookMs} ms`)
})

test('without anybody who answers it takes one round trip for each step', async () => {
  const { world, a, author, reader, log } = await scene()
  await a.get({ key: log.key })
  await author.close()
  const trie = Trie.open(reader, { clock: world })

  const { value, tookMs } = await until(world, trie.get(name(4_321)))

  assert.equal(text(value), 'value 4321')
  assert.ok(tookMs > 3 * ROUND_TRIP_MS, `${tookMs} ms`)
})

test('a walk fetches what it walks, and asks again when an answer is used up', async () => {
  const { world, log, reader } = await scene()
  const asked: string[] = []
  log.extension(TRIE_HINTS_EXTENSION, {
    ...binary,
    onMessage(message) {
      const hint = decodeTrieHint(message)
      if (hint?.type === 'iterator') asked.push(hint.checkpoint.length > 0 ? 'go on' : 'begin')
    },
  })
  const trie = Trie.open(reader, { clock: world })

  const below = await until(world, keys(trie.entries('folder 7')))
  const heldThen = held(reader)
  const all = await until(world, keys(trie.entries()))

  assert.equal(below.value.length, KEYS / 50)
  assert.ok(heldThen < 2 * below.value.length, `${heldThen}`)
  assert.ok(below.tookMs < 6 * ROUND_TRIP_MS, `${below.tookMs} ms`)
  assert.equal(all.value.length, KEYS)
  assert.ok(all.tookMs < 30 * ROUND_TRIP_MS, `${all.tookMs} ms`)
  assert.ok(asked.filter((question) => question === 'go on').length >= 2, asked.join(', '))
})

test('who walks is told the blocks that are left from where it has got to', async () => {
  const { world, log, reader } = await scene(500)
  const told: number[] = []
  const questions = reader.extension(TRIE_HINTS_EXTENSION, {
    ...binary,
    onMessage(message) {
      const hint = decodeTrieHint(message)
      if (hint?.type === 'cache') told.push(...hint.blocks)
    },
  })
  const ask = async (checkpoint: Uint8Array): Promise<Set<number>> => {
    told.length = 0
    const how = { recursive: true, reverse: false, gt: false, hidden: false }
    const head = log.length - 1
    questions.broadcast(encodeTrieHint({ type: 'iterator', head, key: '', ...how, checkpoint }))
    await world.run(10 * ROUND_TRIP_MS)
    return new Set(told)
  }

  const all = await ask(EMPTY)
  // One way is left: on from position 34 of the newest block.
  const rest = await ask(Uint8Array.of(34, ...varint(log.length - 1)))
  const nonsense = await ask(Uint8Array.of(34, 0xff))

  assert.equal(all.size, 500)
  assert.ok(rest.size >= 1 && rest.size < 100, `${rest.size}`)
  assert.equal(nonsense.size, 0)
})

const varint = (value: number): number[] => [(value & 0x7f) | 0x80, value >> 7]

test('a liar changes nothing that is read, and wastes no more than a hint may name', async () => {
  const { world, a, author, log, reader } = await scene()
  const again = await a.get({ key: log.key })
  await author.close()
  const lies = Array.from({ length: TRIE_HINT_BLOCKS_MAX }, (_, i) => 100 + i)
  const liar = again.extension(TRIE_HINTS_EXTENSION, {
    ...binary,
    onMessage(_, peer) {
      liar.send(Uint8Array.of(10, 200, 1, 1), peer)
      const hint = { type: 'cache', start: 0, end: 1 } as const
      liar.send(encodeTrieHint({ ...hint, blocks: [log.length, 2 ** 40, 2 ** 52] }), peer)
      for (let i = 0; i < 4; i++) {
        const blocks = lies.map((seq) => seq + i * 1_000)
        liar.send(encodeTrieHint({ ...hint, blocks }), peer)
      }
    },
  })
  const trie = Trie.open(reader, { clock: world })

  const there = await until(world, trie.get(name(4_321)))
  await world.run(60_000)
  const afterOne = held(reader)
  const absent = await until(world, trie.get('folder 3/none'))

  assert.equal(text(there.value), 'value 4321')
  assert.equal(absent.value, undefined)
  assert.ok(afterOne < TRIE_HINT_BLOCKS_MAX + 200, `${afterOne}`)
})

test('a hint that nobody asked for starts nothing', async () => {
  const { world, a, author, log, reader } = await scene(500)
  const again = await a.get({ key: log.key })
  await author.close()
  const speaker = again.extension(TRIE_HINTS_EXTENSION, { ...binary, onMessage: () => {} })
  Trie.open(reader, { clock: world })
  const before = held(reader)

  speaker.broadcast(encodeTrieHint({ type: 'cache', start: 1, end: 4, blocks: [1, 2, 3] }))
  await world.run(10_000)

  assert.equal(held(reader), before)
})
