/** A trie that hypertrie 5.1.3 wrote is read, and written again, byte for byte. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { decodeBuckets, encodeBuckets } from '../../src/index/trie/buckets.ts'
import { decodeHeader, encodeHeader } from '../../src/index/trie/header.ts'
import { decodeTrieHint, encodeTrieHint, type TrieHint } from '../../src/index/trie/hints.ts'
import { normalized, Path } from '../../src/index/trie/path.ts'
import {
  Trie,
  type TrieEntry,
  type TrieOperation,
  type TrieRange,
  type TrieReader,
} from '../../src/index/trie/trie.ts'
import { vectors } from '../vectors.ts'
import { FakeLog } from './fake-log.ts'

interface Entry {
  readonly seq: number
  readonly key: string
  readonly value: string | null
  readonly flags: number
  readonly hidden: boolean
}

interface Operation {
  readonly op: string
  readonly key: string
  readonly value: string
  readonly hidden?: boolean
  readonly flags?: number
}

interface LogVectors {
  readonly version: number
  readonly metadata: string
  readonly ops: readonly Operation[]
  readonly blocks: readonly { readonly hex: string }[]
  readonly list: readonly Entry[]
  readonly listHidden: readonly Entry[]
  readonly listReverse: readonly string[]
  readonly listPrefixC: readonly string[]
  readonly listPrefixCgt: readonly string[]
  readonly listNonRecursive: readonly string[]
  readonly history: readonly Entry[]
  readonly historyReverse: readonly number[]
  readonly checkout: { readonly version: number; readonly list: readonly [string, number][] }
  readonly diff: {
    readonly against: number
    readonly result: readonly { key: string; left: Entry | null; right: Entry | null }[]
  }
  readonly diffFromEmpty: readonly [string, number | null, number | null][]
  readonly diffHidden: readonly [string, number | null, number | null][]
  readonly get: Readonly<Record<string, Entry | null>>
  readonly closest: Readonly<Record<string, Entry | null>>
}

interface FormatVectors {
  readonly hashes: readonly {
    readonly key: string
    readonly normalized: string
    readonly components: readonly string[]
    readonly hash: string
    readonly path: string
  }[]
  readonly tries: readonly {
    readonly trie: readonly { readonly i: number; readonly slots: readonly (number | null)[] }[]
    readonly encoded: string
  }[]
  readonly emptyKeyResets: readonly {
    readonly put: readonly [string, string]
    readonly block: string
    readonly listAfter: readonly string[]
  }[]
  readonly deletingTheLastKeyWrites: string
  readonly messages: readonly { message: string; value: Record<string, unknown>; encoded: string }[]
}

/** What the vectors' `batch` says in words. */
const BATCH: readonly TrieOperation[] = [
  { type: 'put', key: 'batch/1', value: utf8('b1') },
  { type: 'put', key: 'batch/2', value: utf8('b2') },
  { type: 'del', key: 'batch/1' },
  { type: 'put', key: 'hidden/y', value: utf8('hy'), hidden: true },
]

const log = vectors<LogVectors>('gen2/hypertrie-log')
const format = vectors<FormatVectors>('gen2/hypertrie')

const stored = (): Trie => Trie.open(FakeLog.of(log.blocks.map((block) => fromHex(block.hex))))

/** An entry as the vectors have it. */
function plain(entry: TrieEntry | undefined): Entry | null {
  if (entry === undefined) return null
  return { ...entry, value: entry.value === undefined ? null : hex(entry.value) }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function list(trie: TrieReader, prefix = '', range: TrieRange = {}): Promise<Entry[]> {
  const entries = await all(trie.entries(prefix, range))
  return entries.flatMap((entry) => plain(entry) ?? [])
}

const keys = async (trie: TrieReader, prefix = '', range: TrieRange = {}): Promise<string[]> =>
  (await list(trie, prefix, range)).map(({ key }) => key)

test('the digits of a key are those of the reference', () => {
  for (const { key, normalized: name, components, hash, path } of format.hashes) {
    const ours = new Path(normalized(key), false)

    assert.equal(ours.key, name)
    assert.deepEqual(ours.components, components)
    assert.equal(hex(ours.hash), hash)
    const digits = Array.from({ length: ours.length }, (_, i) => ours.digit(i)).join('')
    assert.equal(digits, path)
  }
})

test('buckets are encoded and decoded as by the reference', () => {
  for (const { trie, encoded } of format.tries) {
    const buckets = new Map(trie.map(({ i, slots }) => [i, slots.map((slot) => slot ?? 0)]))

    assert.equal(hex(encodeBuckets(buckets)), encoded)
    assert.deepEqual(decodeBuckets(fromHex(encoded), 1e12, 100_000), buckets)
  }
})

test('headers and hints are encoded as by the reference, and decoded to what they say', () => {
  for (const { message, value, encoded } of format.messages) {
    const bytes = fromHex(encoded)
    if (message === 'Header') assert.equal(hex(encodeHeader(decodeHeader(bytes))), encoded)
    if (message !== 'Extension') continue
    const hint = decodeTrieHint(bytes)
    assert.ok(hint !== undefined)
    assert.equal(hex(encodeTrieHint(hint)), encoded)
    assert.deepEqual(asVector(hint), value)
  }
})

function asVector(hint: TrieHint): unknown {
  if (hint.type === 'get') return { get: { head: hint.head, key: hint.key } }
  if (hint.type === 'cache') {
    return { cache: { start: hint.start, end: hint.end, blocks: hint.blocks } }
  }
  const { head, key, recursive, reverse, gt, hidden } = hint
  const flags = (recursive ? 1 : 0) + (reverse ? 2 : 0) + (gt ? 4 : 0) + (hidden ? 8 : 0)
  const checkpoint = hint.checkpoint.length > 0 ? `hex:${hex(hint.checkpoint)}` : null
  return { iterator: { head, key, flags, checkpoint } }
}

test('the same operations make the same blocks', async () => {
  const target = new FakeLog()
  const trie = Trie.open(target, {
    header: { metadata: fromHex(log.metadata), subtype: 'fixture' },
  })

  for (const operation of log.ops) {
    const { key, hidden = false, flags = 0 } = operation
    if (operation.op === 'put') await trie.put(key, fromHex(operation.value), { hidden, flags })
    else if (operation.op === 'del') await trie.del(key, { hidden })
    else if (operation.op === 'batch') await trie.batch(BATCH)
    else assert.equal(await trie.put(key, EMPTY, { condition: () => false }), undefined)
  }

  assert.deepEqual(
    target.all().map(hex),
    log.blocks.map((block) => block.hex),
  )
})

test('a log of the reference is listed in its order', async () => {
  const trie = stored()

  assert.equal(trie.version, log.version)
  assert.deepEqual(await list(trie), log.list)
  assert.deepEqual(await list(trie, '', { hidden: true }), log.listHidden)
  assert.deepEqual(await keys(trie, '', { reverse: true }), log.listReverse)
  assert.deepEqual(await keys(trie, 'c'), log.listPrefixC)
  assert.deepEqual(await keys(trie, 'c', { gt: true }), log.listPrefixCgt)
  assert.deepEqual(await keys(trie, '', { recursive: false }), log.listNonRecursive)
})

test('a log of the reference has its history, forward and back', async () => {
  const trie = stored()

  assert.deepEqual((await all(trie.history())).map(plain), log.history)
  const reverse = await all(trie.history({ reverse: true }))
  assert.deepEqual(
    reverse.map(({ seq }) => seq),
    log.historyReverse,
  )
})

test('a log of the reference is read at an older version', async () => {
  const old = stored().checkout(log.checkout.version)

  const found = await list(old)

  assert.deepEqual(
    found.map(({ key, seq }) => [key, seq]),
    log.checkout.list,
  )
})

test('differences come as the reference gives them', async () => {
  const trie = stored()
  const against = await all(trie.diff(log.diff.against))
  const seqs = async (other: number, hidden: boolean): Promise<unknown[]> => {
    const found = await all(trie.diff(other, '', { hidden }))
    return found.map(({ key, left, right }) => [key, left?.seq ?? null, right?.seq ?? null])
  }

  assert.deepEqual(
    against.map(({ key, left, right }) => ({ key, left: plain(left), right: plain(right) })),
    log.diff.result,
  )
  assert.deepEqual(await seqs(0, false), log.diffFromEmpty)
  assert.deepEqual(await seqs(log.diff.against, true), log.diffHidden)
})

test('keys are found, and where there is none the nearest, as by the reference', async () => {
  const trie = stored()

  for (const [key, entry] of Object.entries(log.get)) {
    assert.deepEqual(plain(await trie.get(key)), entry, key)
    assert.deepEqual(plain(trie.getLocal(key)), entry, key)
  }
  for (const [key, entry] of Object.entries(log.closest)) {
    assert.deepEqual(plain(await trie.get(key, { closest: true })), entry, key)
  }
})

test('a block with the empty key hides all before it', async () => {
  const blocks = [encodeHeader({})]

  for (const { block, listAfter } of format.emptyKeyResets) {
    blocks.push(fromHex(block))
    assert.deepEqual(await keys(Trie.open(FakeLog.of(blocks))), listAfter)
  }
})

test('deleting the last key writes the empty key, and the next put begins anew', async () => {
  const target = new FakeLog()
  const trie = Trie.open(target)
  await trie.put('a', utf8('1'))

  await trie.del('a')
  await trie.put('a', EMPTY)

  assert.equal(hex(target.block(2)), format.deletingTheLastKeyWrites)
  assert.deepEqual(await list(trie), [{ seq: 3, key: 'a', value: '', flags: 0, hidden: false }])
  assert.deepEqual(await keys(trie.checkout(3)), [])
})
