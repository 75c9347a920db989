/** Whatever an author signs as a trie: reading it ends, costs no more than its blocks, and says what is wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../src/base/clock.ts'
import { isCode } from '../../src/base/errors.ts'
import {
  TRIE_ANSWERS_MAX,
  TRIE_BUCKETS_BYTES_MAX,
  TRIE_CHECKPOINT_BYTES_MAX,
  TRIE_COMPONENTS_MAX,
  TRIE_HINT_BLOCKS_MAX,
  TRIE_KEY_BYTES_MAX,
} from '../../src/base/limits.ts'
import { EMPTY, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { binary } from '../../src/bytes/encodings.ts'
import { writeBytesField, writeStringField, writeVarintField } from '../../src/bytes/protobuf.ts'
import type { LogReader } from '../../src/index/source.ts'
import { type Buckets, decodeBuckets } from '../../src/index/trie/buckets.ts'
import { encodeHeader } from '../../src/index/trie/header.ts'
import { decodeTrieHint, encodeTrieHint } from '../../src/index/trie/hints.ts'
import { decodeNode, encodeNode } from '../../src/index/trie/node.ts'
import { Path } from '../../src/index/trie/path.ts'
import { Trie, type TrieReader } from '../../src/index/trie/trie.ts'
import type { ExtensionHandler, ExtensionPeer } from '../../src/log/extensions.ts'
import { FakeLog } from './fake-log.ts'

const isDamage = (error: unknown): boolean => isCode(error, 'BAD_CONTENT')

/** A node as an author may sign it; `slots` are the buckets by position. */
function node(seq: number, key: string, slots: Record<number, number[]>): Uint8Array {
  const buckets: Buckets = new Map(Object.entries(slots).map(([i, bucket]) => [Number(i), bucket]))
  const path = new Path(key, false)
  return encodeNode({ seq, cost: 0, path, value: EMPTY, flags: 0, buckets, isVoid: false })
}

const trieOf = (...blocks: Uint8Array[]): Trie =>
  Trie.open(FakeLog.of([encodeHeader({}), ...blocks]))

async function count(items: AsyncIterable<unknown>): Promise<number> {
  let number = 0
  for await (const _ of items) number++
  return number
}

/** A bucket with one slot used. */
const slot = (digit: number, seq: number): number[] => [...new Array(digit).fill(0), seq]

/** Digit of a key at a position. */
const digit = (key: string, i: number): number => new Path(key, false).digit(i)

test('a node that refers to itself, to a later one or to the header is damage', async () => {
  const d = digit('a', 1)
  for (const seq of [2, 3, 1_000]) {
    const trie = trieOf(node(1, 'a', {}), node(2, 'b', { 1: slot(d, seq) }))

    await assert.rejects(trie.get('a'), isDamage, `block ${seq}`)
    await assert.rejects(count(trie.entries()), isDamage)
    await assert.rejects(count(trie.diff(0)), isDamage)
  }
})

test('a node that leads to one that lies elsewhere is damage, wherever it is met', async () => {
  const d = digit('a', 1)
  const other = (d + 1) % 4 === digit('b', 1) ? (d + 2) % 4 : (d + 1) % 4
  const wrongDigit = trieOf(node(1, 'a', {}), node(2, 'b', { 1: slot(other, 1) }))
  const ownDigit = trieOf(node(1, 'b', {}), node(2, 'b', { 1: slot(digit('b', 1), 1) }))
  const tooHigh = trieOf(node(1, 'a', {}), node(2, 'b', { 1: slot(d + 5, 1) }))

  await assert.rejects(count(wrongDigit.entries()), isDamage)
  await assert.rejects(count(wrongDigit.diff(0)), isDamage)
  await assert.rejects(count(ownDigit.entries()), isDamage)
  await assert.rejects(count(tooHigh.entries()), isDamage)
})

test('a place that is led to twice is damage, so that no walk doubles at each step', async () => {
  // Both slots of the terminator lead to the one block of another name.
  const parts = 40
  const long = (i: number): string => new Array(parts).fill(`${i}`).join('/')
  const twice = (to: number, key: string): Record<number, number[]> => {
    const d = digit(key, 32)
    return { 32: [...slot(d, to), 0, 0, 0, 0, to] }
  }
  const trie = trieOf(node(1, long(1), {}), node(2, long(2), twice(1, long(1))))

  await assert.rejects(count(trie.entries()), isDamage)
})

test('an empty key in the middle of a trie is nothing, wherever it is met', async () => {
  const trie = trieOf(node(1, '', {}), node(2, 'b', { 1: slot(4, 1) }))

  assert.equal(await count(trie.entries()), 1)
  assert.equal(await count(trie.diff(0)), 1)
  assert.equal(await count(trie.entries('', { gt: true })), 1)
  assert.equal(await trie.get('a'), undefined)
})

test('keys and buckets as long as they may be are read, longer ones are damage', () => {
  const block = (key: string, buckets = Uint8Array.of(0)): Uint8Array => {
    const writer = new Writer()
    writeStringField(writer, 1, key)
    writeBytesField(writer, 3, buckets)
    writeVarintField(writer, 5, 0)
    return writer.take()
  }
  const long = 'n'.repeat(TRIE_KEY_BYTES_MAX)
  const deep = new Array(TRIE_COMPONENTS_MAX).fill('d').join('/')

  for (const key of [long, deep]) {
    assert.equal(decodeNode(1, block(key)).path.key, key)
    const more = key === long ? `${key}n` : `${key}/d`
    assert.throws(() => decodeNode(1, block(more)), isDamage)
  }
  // Each position takes three bytes, or four from 128 on.
  const full = new Writer()
  full.varint(1)
  for (let i = 0; full.at + 6 <= TRIE_BUCKETS_BYTES_MAX; i++) {
    full.varint(i)
    full.varint(1)
    full.varint(1)
  }
  const bytes = full.take()
  assert.ok(decodeBuckets(bytes, 2, 70_000).size > 10_000)
  const tooLong = new Uint8Array(TRIE_BUCKETS_BYTES_MAX + 1)
  assert.throws(
    () => decodeBuckets(tooLong, 2, 70_000),
    (error) => isCode(error, 'BAD_FRAME'),
  )
  assert.throws(() => decodeNode(1, Uint8Array.of(0x12, 0)), isDamage)
})

test('positions out of order or beyond the path, and masks of more than 32 slots, are damage', () => {
  const broken = (...numbers: number[]): void => {
    const writer = new Writer()
    for (const number of numbers) writer.varint(number)
    assert.throws(
      () => decodeBuckets(writer.take(), 9, 34),
      (error) => isCode(error, 'BAD_FRAME'),
      numbers.join(' '),
    )
  }

  broken(3, 2, 1, 1, 1, 1, 1)
  broken(3, 1, 1, 1, 1, 1, 1)
  broken(35, 34, 1, 1)
  broken(3, 1, 2 ** 32, 1)
  broken(3, 1, 1, 0)
  broken(3, 1, 3, 1)
})

test('any bytes are a node or damage, a hint or no hint', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, (block) => {
      try {
        decodeNode(5, block)
      } catch (error) {
        assert.ok(isDamage(error), String(error))
      }
      try {
        decodeTrieHint(block)
      } catch (error) {
        assert.ok(isCode(error, 'BAD_FRAME'), String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a hint names as many blocks as an answer has, and no more', () => {
  const blocks = Array.from({ length: TRIE_HINT_BLOCKS_MAX }, (_, i) => i)
  const cache = { type: 'cache', start: 0, end: 1 } as const

  assert.deepEqual(decodeTrieHint(encodeTrieHint({ ...cache, blocks })), { ...cache, blocks })
  assert.throws(
    () => decodeTrieHint(encodeTrieHint({ ...cache, blocks: [...blocks, 1] })),
    (error) => isCode(error, 'BAD_FRAME'),
  )
})

test('keys and checkpoints of hints are as long as they may be, and no longer', () => {
  const walk = { recursive: true, reverse: false, gt: false, hidden: false }
  const question = { type: 'iterator', head: 1, key: '', ...walk, checkpoint: EMPTY } as const
  const key = 'k'.repeat(TRIE_KEY_BYTES_MAX)
  const checkpoint = new Uint8Array(TRIE_CHECKPOINT_BYTES_MAX)

  for (const most of [
    { ...question, key },
    { ...question, checkpoint },
  ]) {
    assert.deepEqual(decodeTrieHint(encodeTrieHint(most)), most)
  }
  const more = new Uint8Array(TRIE_CHECKPOINT_BYTES_MAX + 1)
  for (const much of [
    { ...question, key: `${key}k` },
    { ...question, checkpoint: more },
  ]) {
    assert.throws(
      () => decodeTrieHint(encodeTrieHint(much)),
      (error) => isCode(error, 'BAD_FRAME'),
    )
  }
})

test('so many questions are worked at as may be, others are dropped, and room comes back', async () => {
  const log: FakeLog & Pick<LogReader, 'extension'> = new FakeLog()
  await Trie.open(log).batch(
    Array.from({ length: 200 }, (_, i) => ({ type: 'put', key: `${i}`, value: undefined })),
  )
  let hear: ExtensionHandler<Uint8Array>['onMessage'] = () => {}
  const answered = new Set<ExtensionPeer>()
  log.extension = (name, handler) => {
    hear = handler.onMessage
    const send = (_: Uint8Array, peer: ExtensionPeer): boolean => answered.add(peer).size > 0
    return { name, send, broadcast: () => 0, close() {} }
  }
  // Each look finds that the slice is over; whoever waits for its turn waits here.
  const turns: (() => void)[] = []
  let now = 0
  const clock = {
    ...systemClock,
    now: () => (now += 100),
    soon: (turn: () => void) => turns.push(turn),
  }
  Trie.open(log, { clock })
  const walk = { recursive: true, reverse: false, gt: false, hidden: false }
  const question = encodeTrieHint({
    type: 'iterator',
    head: 200,
    key: '',
    ...walk,
    checkpoint: EMPTY,
  })
  const peer = (): ExtensionPeer => ({
    remotePublicKey: EMPTY,
    key: EMPTY,
    bareMessage: binary,
    closed: false,
    post: () => true,
  })

  const asking = Array.from({ length: TRIE_ANSWERS_MAX + 5 }, () => hear(question, peer()))
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(asking)
  assert.equal(answered.size, TRIE_ANSWERS_MAX)

  const later = hear(question, peer())
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await later

  assert.equal(answered.size, TRIE_ANSWERS_MAX + 1)
})

test('a trie with bytes changed anywhere is read to its end or to the damage, at the cost of its blocks', async () => {
  const log = new FakeLog()
  const trie = Trie.open(log)
  for (let i = 0; i < 60; i++) await trie.put(`${i % 4}/${i % 7}/${i}`, utf8(`${i}`))
  const blocks = log.all()
  const change = fc.record({
    block: fc.integer({ min: 1, max: 60 }),
    at: fc.nat(),
    to: fc.nat(255),
  })
  const read = async (reader: TrieReader): Promise<void> => {
    for (const walk of [reader.entries(), reader.diff(30), reader.entries('1', { gt: true })]) {
      assert.ok((await count(walk)) <= 2 * blocks.length)
    }
    await reader.get('1/3/17')
  }

  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
      const changed = blocks.map((block) => Uint8Array.from(block))
      for (const { block, at, to } of changes) {
        const bytes = changed[block]
        if (bytes !== undefined) bytes[at % bytes.length] = to
      }
      try {
        await read(Trie.open(FakeLog.of(changed)))
      } catch (error) {
        assert.ok(isDamage(error), String(error))
      }
    }),
    { numRuns: 300 },
  )
})
