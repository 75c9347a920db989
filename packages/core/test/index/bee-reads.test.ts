/** Reading a bee gives what hyperbee gives, from as few blocks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { fromHex, fromUtf8, hex, utf8 } from '../../src/bytes/bytes.ts'
import { json } from '../../src/bytes/encodings.ts'
import { Bee, type BeeEntry, type BeeRange, type HistoryRange } from '../../src/index/bee.ts'
import { decodeHint } from '../../src/index/hints.ts'
import { FakeLog } from './fake-log.ts'
import { type Op, run } from './vector-ops.ts'
import { vectors } from './vectors.ts'

interface Found {
  readonly seq: number
  readonly value: string
}
type TextRange = { [K in 'gt' | 'gte' | 'lt' | 'lte']?: string }
type Side = [number, string] | null

interface Reads {
  readonly ops: readonly Op[]
  readonly blocks: readonly string[]
  readonly version: number
  readonly get: readonly { key: string; result: Found | null; blocksRead: number[] }[]
  readonly range: readonly { range: TextRange; options: BeeRange; seqs: number[] }[]
  readonly peek: readonly { range: TextRange; first: string | null; last: string | null }[]
  readonly history: readonly {
    options: HistoryRange & { since?: number; end?: number }
    result: readonly (readonly [string, number, string, string | null])[]
  }[]
  readonly diff: readonly {
    leftVersion: number
    rightVersion: number
    range: TextRange
    result: readonly (readonly [Side, Side])[]
  }[]
  readonly getBySeq: readonly { seq: number; key: string; value: string | null }[]
  readonly checkoutGet: readonly {
    version: number
    key: string
    result: Found | { error: string } | null
  }[]
}

const expected = vectors<Reads>('hyperbee-reads')

/** The vector's bee. */
function open(): { log: FakeLog; bee: Bee } {
  const log = FakeLog.of(expected.blocks.map(fromHex))
  return { log, bee: Bee.open(log) }
}

/** The same bee, with all blocks elsewhere. */
function openSparse(): { log: FakeLog; bee: Bee } {
  const log = FakeLog.reader(open().log)
  return { log, bee: Bee.open(log) }
}

function encodeRange(range: TextRange): BeeRange {
  return Object.fromEntries(Object.entries(range).map(([bound, text]) => [bound, utf8(text)]))
}

const found = (entry: BeeEntry | undefined): Found | null =>
  entry === undefined ? null : { seq: entry.seq, value: text(entry.value) ?? '' }
const text = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : fromUtf8(bytes)
const keyOf = (entry: BeeEntry | undefined): string | null => text(entry?.key)
const side = (entry: BeeEntry | undefined): Side =>
  entry === undefined ? null : [entry.seq, fromUtf8(entry.key)]

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

test('the operations of the vector give its blocks', async () => {
  const log = new FakeLog()
  await run(Bee.open(log), expected.ops)

  assert.deepEqual(log.all().map(hex), expected.blocks)
})

test('get finds the entry, or knows that there is none', async () => {
  const { bee } = open()

  for (const { key, result } of expected.get) {
    const entry = await bee.get(utf8(key))

    assert.deepEqual(found(entry), result && { seq: result.seq, value: result.value }, key)
    assert.deepEqual(found(bee.getLocal(utf8(key))), found(entry))
  }
})

test('get reads the nodes that hyperbee reads', async () => {
  // The vector was taken with all keys in memory, so it lists nodes and the value; ours also fetches keys.
  for (const { key, blocksRead } of expected.get) {
    const { log, bee } = openSparse()

    await bee.get(utf8(key))

    assert.deepEqual(
      log.fetched.filter((seq) => blocksRead.includes(seq)),
      blocksRead,
      key,
    )
  }
})

test('get fetches exactly the blocks that hyperbee answers a hint with, and the header', async () => {
  const capture = vectors<{ liveCapture: { get: [string, string, string][] } }>('hyperbee-messages')
  const answer = decodeHint(fromHex(capture.liveCapture.get[1]?.[2] ?? ''))
  const author = new FakeLog()
  const batch = Bee.open(author).batch()
  for (let i = 0; i < 400; i++) await batch.put(utf8(String(i).padStart(3, '0')), utf8('x'))
  await batch.flush()
  const log = FakeLog.reader(author)

  await Bee.open(log).get(utf8('123'))

  assert.equal(answer?.type, 'cache')
  assert.deepEqual(log.fetched.slice(1), answer?.type === 'cache' && answer.blocks)
  assert.equal(log.fetched[0], 0)
})

test('ranges list the same entries in the same order, local or not', async () => {
  for (const { range, options, seqs } of expected.range) {
    for (const { bee } of [open(), openSparse()]) {
      const entries = await collect(bee.entries({ ...encodeRange(range), ...options }))

      assert.deepEqual(
        entries.map((e) => e.seq),
        seqs,
        JSON.stringify([range, options]),
      )
    }
  }
})

test('first gives the outermost entries of a range', async () => {
  const { bee } = open()

  for (const { range, first, last } of expected.peek) {
    const encoded = encodeRange(range)

    assert.equal(keyOf(await bee.first(encoded)), first, JSON.stringify(range))
    assert.equal(keyOf(await bee.first({ ...encoded, reverse: true })), last)
  }
})

test('history tells the operations, with bounds that may count from the end', async () => {
  for (const { options, result } of expected.history) {
    for (const { bee } of [open(), openSparse()]) {
      const { since, end, ...range } = options
      const gte = since ?? range.gte
      const lt = end ?? range.lt

      const history = await collect(bee.history({ ...range, gte, lt }))

      const told = history.map((h) => [h.type, h.seq, keyOf(h), text(h.value)])
      assert.deepEqual(told, result, JSON.stringify(options))
    }
  }
})

test('history tells one operation by its number', async () => {
  const { bee } = open()

  for (const { seq, key, value } of expected.getBySeq) {
    const [entry] = await collect(bee.history({ gte: seq, limit: 1 }))

    assert.deepEqual([entry?.seq, keyOf(entry), text(entry?.value)], [seq, key, value])
  }
})

test('diff gives what is not the same block on both sides', async () => {
  for (const { leftVersion, rightVersion, range, result } of expected.diff) {
    for (const { bee } of [open(), openSparse()]) {
      const left = bee.checkout(leftVersion)

      const differences = await collect(left.diff(rightVersion, encodeRange(range)))

      const told = differences.map((d) => [side(d.left), side(d.right)])
      assert.deepEqual(told, result, `${leftVersion} ${rightVersion} ${JSON.stringify(range)}`)
    }
  }
})

test('diff of neighbouring versions reads a path, not the tree', async () => {
  const { log, bee } = openSparse()

  await collect(bee.diff(bee.version - 1))

  assert.ok(log.fetched.length < 20, `${log.fetched.length} blocks were fetched`)
})

test('a checkout reads the bee as it was', async () => {
  const { bee } = open()

  for (const { version, key, result } of expected.checkoutGet) {
    if (result !== null && 'error' in result) continue
    const entry = await bee.checkout(version).get(utf8(key))

    assert.deepEqual(found(entry), result, `${version} ${key}`)
  }
})

test('a checkout of a version to come waits for it', async () => {
  const { bee } = open()
  const later = bee.checkout(bee.version + 1)

  assert.throws(
    () => later.getLocal(utf8('new')),
    (error) => isCode(error, 'NOT_AVAILABLE'),
  )
  const waiting = later.get(utf8('new'))
  await bee.put(utf8('new'), utf8('here'))

  assert.equal(text((await waiting)?.value), 'here')
})

test('a snapshot stays as it is while the bee goes on', async () => {
  const { bee } = open()
  const snapshot = bee.snapshot()

  await bee.del(utf8('001'))

  assert.equal(await bee.get(utf8('001')), undefined)
  assert.equal(text((await snapshot.get(utf8('001')))?.value), 'w0')
  assert.equal(snapshot.version, 127)
})

// ---- Subs ------------------------------------------------------------------------------------

interface Subs {
  readonly allRootKeys: readonly { key: string; value: string }[]
  readonly listA: string[]
  readonly listAB: string[]
  readonly listC: string[]
  readonly listCD: string[]
  readonly listJ: readonly { seq: number; key: string; value: unknown }[]
  readonly getAEmpty: string
  readonly getANul: string
  readonly listAWithGte: string[]
  readonly listAReverse: string[]
  readonly blocks: string[]
}

const subs = vectors<Subs>('hyperbee-subs')

async function writeSubs(): Promise<{ log: FakeLog; root: Bee; a: Bee; c: Bee; j: Bee }> {
  const log = new FakeLog()
  const root = Bee.open(log)
  const a = root.sub(utf8('a'))
  const c = root.sub(utf8('c'), { separator: utf8(':') })
  const j = root.sub(utf8('j'))
  await root.put(utf8('top'), utf8('0'))
  await a.put(utf8('k'), utf8('1'))
  await a.sub(utf8('b')).put(utf8('k'), utf8('2'))
  await c.put(utf8('k'), utf8('3'))
  await c.sub(utf8('d')).put(utf8('k'), utf8('4'))
  await j.put(utf8('k'), json.encode({ x: 1, y: [null, true] }))
  await a.put(utf8(''), utf8('empty'))
  await a.put(fromHex('00'), utf8('nul'))
  await a.put(fromHex('ff'), utf8('ff'))
  await root.put(fromHex('6101'), utf8('bumped'))
  return { log, root, a, c, j }
}

const keys = async (entries: AsyncIterable<BeeEntry>): Promise<string[]> =>
  (await collect(entries)).map((entry) => hex(entry.key))

test('subs write the same blocks as those of hyperbee', async () => {
  const { log, root } = await writeSubs()

  assert.deepEqual(log.all().map(hex), subs.blocks)
  const all = await collect(root.entries())
  const told = all.map((e) => ({ key: hex(e.key), value: hex(e.value ?? utf8('')) }))
  assert.deepEqual(told, subs.allRootKeys)
})

test('a sub lists its own keys, those of its subs, and nobody else', async () => {
  const { a, c, j } = await writeSubs()

  // Hyperbee's own subs hide the empty key and the key 00 unless they are asked for; ours don't.
  assert.deepEqual(await keys(a.entries()), subs.listAWithGte)
  assert.deepEqual(await keys(a.entries({ gt: fromHex('00') })), subs.listA)
  assert.deepEqual(await keys(a.entries({ gt: fromHex('00'), reverse: true })), subs.listAReverse)
  assert.deepEqual(await keys(a.sub(utf8('b')).entries()), subs.listAB)
  assert.deepEqual(await keys(c.entries()), subs.listC)
  assert.deepEqual(await keys(c.sub(utf8('d')).entries()), subs.listCD)
  assert.equal(hex((await a.get(utf8('')))?.value ?? utf8('')), subs.getAEmpty)
  assert.equal(hex((await a.get(fromHex('00')))?.value ?? utf8('')), subs.getANul)
  const [entry] = await collect(j.entries())
  const value = json.decode(entry?.value ?? utf8(''))
  assert.deepEqual([{ seq: entry?.seq, key: text(entry?.key), value }], subs.listJ)
})

test('a sub tells its own history and differences only', async () => {
  const { root, a } = await writeSubs()

  const history = await collect(a.history())
  const differences = await collect(a.diff(1))
  await root.sub(utf8('a')).put(utf8('k'), utf8('5'))
  const later = await collect(a.diff(root.version - 1))

  assert.deepEqual(
    history.map((h) => hex(h.key)),
    ['6b', '62006b', '', '00', 'ff'],
  )
  assert.deepEqual(
    differences.map((d) => hex(d.left?.key ?? utf8('?'))),
    subs.listAWithGte,
  )
  assert.deepEqual(
    later.map((d) => [text(d.left?.value), text(d.right?.value)]),
    [['5', '1']],
  )
})
