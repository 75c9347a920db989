/** Hypertrie 5 and ours write the same blocks, and read each other's tries in the same order at every version. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import {
  decodeTrieHint,
  encodeTrieHint,
  TRIE_HINTS_EXTENSION,
} from '@dat-rhino/core/index/trie/hints'
import {
  Trie,
  type TrieDiffRange,
  type TrieEntry,
  type TrieGetOptions,
  type TrieOperation,
  type TrieRange,
} from '@dat-rhino/core/index/trie/trie'
import { plainIdentity } from '@dat-rhino/core/log/identity'
import { Log } from '@dat-rhino/core/log/log'
import { Replica } from '@dat-rhino/core/log/replica'
import { IN_MEMORY, openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { asked } from './asked.ts'
import { randomNumbers } from './blocks.ts'

/** `TRIE_RUNS=200` plays the long version; a failing run says its seed, and `TRIE_SEED` plays it again. */
const RUNS = Number(process.env['TRIE_RUNS'] ?? 12)
const FIRST_SEED = Number(process.env['TRIE_SEED'] ?? 1 + (Date.now() % 1_000_000))
const OPERATIONS = 60
const COMPONENTS = ['a', 'b', 'c', 'é', 'photos', '2020', 'of eight', 'n'.repeat(300), '']

type Plain = [string, number, Uint8Array | null, number, boolean]

type Operation =
  | (TrieOperation & { readonly refuse?: boolean })
  | { readonly type: 'batch'; readonly operations: readonly TrieOperation[] }

type Query =
  | {
      type: 'entries'
      version?: number
      prefix: string
      options: Omit<TrieRange, 'random'>
      seed?: number
    }
  | { type: 'diff'; version?: number; other: number; prefix: string; options: TrieDiffRange }
  | { type: 'get'; version?: number; key: string; options: TrieGetOptions }
  | { type: 'history'; options: { reverse: boolean } }

interface Answer {
  readonly blocks: Uint8Array[]
  readonly answers: unknown[]
}

const plain = (entry: TrieEntry | undefined): Plain | null =>
  entry === undefined
    ? null
    : [entry.key, entry.seq, entry.value ?? null, entry.flags, entry.hidden]

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function ours(trie: Trie, query: Query): Promise<unknown> {
  if (query.type === 'history') return (await all(trie.history(query.options))).map(plain)
  const view = query.version === undefined ? trie : trie.checkout(query.version)
  if (query.type === 'get') return plain(await view.get(query.key, query.options))
  if (query.type === 'diff') {
    const found = await all(view.diff(query.other, query.prefix, query.options))
    return found.map(({ key, left, right }) => [key, plain(left), plain(right)])
  }
  const range =
    query.seed === undefined ? query.options : { ...query.options, random: drawing(query.seed) }
  return (await all(view.entries(query.prefix, range))).map(plain)
}

function drawing(seed: number): () => number {
  const next = randomNumbers(seed)
  return () => next() / 2 ** 32
}

/** Puts, overwrites, deletions and batches over keys that share much of their way. */
function operations(seed: number): Operation[] {
  const next = randomNumbers(seed)
  const component = (): string => COMPONENTS[next() % COMPONENTS.length] ?? ''
  const key = (): string => {
    const depth = 1 + (next() % 4)
    const name = Array.from({ length: depth }, component).join('/')
    // Hypertrie 5 puts keys with more slashes in front where it does not find them.
    return name.replace(/^\/+/, '') || 'root'
  }
  const put = (): TrieOperation => ({
    type: 'put',
    key: (next() % 6 === 0 ? '/' : '') + key(),
    value: next() % 8 === 0 ? undefined : utf8(`value ${next() % 100}`),
    hidden: next() % 5 === 0,
    flags: next() % 7 === 0 ? next() % 3 : 0,
  })
  const del = (): TrieOperation => ({ type: 'del', key: key(), hidden: next() % 5 === 0 })
  const one = (): TrieOperation => (next() % 4 === 0 ? del() : put())
  return Array.from({ length: OPERATIONS }, (): Operation => {
    const kind = next() % 10
    if (kind > 1) return { ...one(), refuse: next() % 12 === 0 }
    // Hypertrie 5 cannot list a batch that deleted the last entry.
    const anchor: TrieOperation = { type: 'put', key: 'anchor', value: utf8('stays') }
    return { type: 'batch', operations: [anchor, ...Array.from({ length: next() % 5 }, one)] }
  })
}

async function write(trie: Trie, all: readonly Operation[]): Promise<void> {
  for (const operation of all) {
    if (operation.type === 'batch') await trie.batch(operation.operations)
    else {
      const { key, hidden = false, refuse } = operation
      const condition = (): boolean => refuse !== true
      if (operation.type === 'del') await trie.del(key, { hidden, condition })
      else await trie.put(key, operation.value, { hidden, flags: operation.flags ?? 0, condition })
    }
  }
}

/** For the child: no value is `null` there. */
function forChild(all: readonly Operation[]): object[] {
  const one = (operation: TrieOperation): object => ({
    ...operation,
    value: operation.type === 'put' ? (operation.value ?? null) : null,
  })
  return all.map((operation) =>
    operation.type === 'batch'
      ? { ...operation, operations: operation.operations.map(one) }
      : one(operation),
  )
}

/** Questions about a trie of so many blocks. */
function questions(length: number, seed: number): Query[] {
  const next = randomNumbers(seed)
  const version = (): number => 1 + (next() % length)
  const queries: Query[] = [{ type: 'history', options: { reverse: false } }]
  for (const prefix of ['', 'a', 'a/b', 'photos', 'none']) {
    for (const hidden of [false, true]) {
      for (const reverse of [false, true]) {
        queries.push({ type: 'entries', prefix, options: { hidden, reverse } })
      }
      queries.push({ type: 'entries', prefix, options: { hidden, recursive: false } })
      queries.push({ type: 'entries', version: version(), prefix, options: { hidden, gt: true } })
      const walk = { type: 'entries', prefix, options: { hidden }, seed: next() } as const
      queries.push(walk)
      const [left, other] = [version(), version()]
      const diff = { type: 'diff', version: left, other, prefix } as const
      queries.push({ ...diff, options: { hidden } })
      queries.push({ ...diff, options: { hidden, skipLeftNull: true } })
      queries.push({ ...diff, options: { hidden, skipRightNull: true } })
    }
    const get = { type: 'get', version: version(), key: prefix } as const
    queries.push({ ...get, options: {} }, { ...get, options: { hidden: true } })
    queries.push({ ...get, options: { prefix: true } })
  }
  return queries
}

/** An empty trie of ours, in a log of generation 2. */
async function openTrie(seed: number): Promise<Trie> {
  const store = await openStorage(IN_MEMORY)
  const identity = plainIdentity(2, { keyPair: keyPair(new Uint8Array(32).fill(seed)) })
  const replica = await Replica.open(store, await store.create(identity), {})
  return Trie.open(new Log(replica))
}

async function blocksOf(trie: Trie): Promise<Uint8Array[]> {
  return Promise.all(Array.from({ length: trie.log.length }, (_, i) => trie.log.get(i)))
}

test('the same operations make the same blocks, and every question has the same answer', async (t) => {
  const ask = asked(t, 'gen2/tries.mjs')
  t.diagnostic(`TRIE_SEED=${FIRST_SEED}`)
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const todo = operations(seed)
    const trie = await openTrie(seed)
    await write(trie, todo)
    const asking = questions(trie.version, seed)

    const { blocks, answers } = await ask<Answer>({ operations: forChild(todo), queries: asking })

    const written = await blocksOf(trie)
    assert.deepEqual(written.map(hex), blocks.map(hex), `seed ${seed}`)
    for (let i = 0; i < asking.length; i++) {
      const query = asking[i]
      if (query === undefined) continue
      const found = await ours(trie, query)
      assert.deepEqual(
        untilEmpty(query, found),
        answers[i],
        `seed ${seed} ${JSON.stringify(query)}`,
      )
    }
  }
})

/** Hypertrie's history ends where the trie was emptied once; ours tells of that, and goes on. */
function untilEmpty(query: Query, found: unknown): unknown {
  if (query.type !== 'history' || !Array.isArray(found)) return found
  const end = found.findIndex(([key]) => key === '')
  return end === -1 ? found : found.slice(0, end)
}

test('what ours wrote is read by hypertrie 5 as by us', async (t) => {
  const ask = asked(t, 'gen2/tries.mjs')
  const trie = await openTrie(1)
  for (let i = 0; i < 300; i++) {
    await trie.put(`folder ${i % 7}/file ${i % 41}`, utf8(`${i}`), { hidden: i % 9 === 0 })
    if (i % 5 === 0) await trie.del(`folder ${(i + 3) % 7}/file ${(i + 10) % 41}`)
  }
  const asking = questions(trie.version, 5)

  const { answers } = await ask<Answer>({ blocks: await blocksOf(trie), queries: asking })

  for (let i = 0; i < asking.length; i++) {
    const query = asking[i]
    if (query !== undefined) assert.deepEqual(await ours(trie, query), answers[i])
  }
})

test('hypertrie 5 answers our hints and takes our answers, and asks as we do', async (t) => {
  const ask = asked(t, 'gen2/tries.mjs')
  const trie = await openTrie(2)
  for (let i = 0; i < 500; i++) await trie.put(`folder ${i % 7}/file ${i}`, utf8(`${i}`))
  const head = trie.version - 1
  const key = 'folder 3/file 241'
  const walk = { recursive: true, reverse: false, gt: false, hidden: false }
  const checkpoint = new Uint8Array(0)
  const questions = [
    encodeTrieHint({ type: 'get', head, key }),
    encodeTrieHint({ type: 'iterator', head, key: 'folder 2', ...walk, checkpoint }),
  ]
  const answer = encodeTrieHint({ type: 'cache', start: 3, end: 12, blocks: [3, 11] })

  const found = await ask<{ sent: Uint8Array[]; wanted: unknown[]; broadcast: Uint8Array[] }>({
    blocks: await blocksOf(trie),
    extension: { messages: [...questions, answer], get: { version: head + 1, key } },
  })

  const named = found.sent.flatMap((message) => {
    const hint = decodeTrieHint(message)
    return hint?.type === 'cache' ? [hint.blocks] : []
  })
  const [way = [], ...folder] = named
  assert.equal(way[0], head)
  assert.ok(way.includes(242))
  const below = (await all(trie.entries('folder 2'))).map(({ seq }) => seq)
  const touched = new Set(folder.flat())
  assert.ok(below.every((seq) => touched.has(seq)))
  assert.deepEqual(found.wanted, [{ start: 3, end: 12, blocks: [3, 11] }])
  assert.deepEqual(found.broadcast.map(hex), [hex(encodeTrieHint({ type: 'get', head, key }))])
  assert.equal(TRIE_HINTS_EXTENSION, 'hypertrie')
})
