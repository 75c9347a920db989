/** What a trie does for who reads and writes it: conditions, versions, watchers, and how it says no. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Code, isCode } from '../../src/base/errors.ts'
import { TRIE_COMPONENTS_MAX, TRIE_KEY_BYTES_MAX } from '../../src/base/limits.ts'
import { fromUtf8, utf8 } from '../../src/bytes/bytes.ts'
import { Trie, type TrieEntry } from '../../src/index/trie/trie.ts'
import { FakeLog } from './fake-log.ts'

const is =
  (code: Code) =>
  (error: unknown): boolean =>
    isCode(error, code)

const text = (entry: TrieEntry | undefined): string | undefined =>
  entry?.value && fromUtf8(entry.value)

async function keys(entries: AsyncIterable<TrieEntry>): Promise<string[]> {
  const list: string[] = []
  for await (const { key } of entries) list.push(key)
  return list.sort()
}

async function filled(...names: string[]): Promise<{ log: FakeLog; trie: Trie }> {
  const log = new FakeLog()
  const trie = Trie.open(log)
  for (const name of names) await trie.put(name, utf8(name))
  return { log, trie }
}

test('the header goes before the first key, in the same append, and says what it was told to', async () => {
  const log = new FakeLog()
  const metadata = new Uint8Array(32).fill(7)
  const trie = Trie.open(log, { header: { metadata, subtype: 'hyperdrive' } })
  assert.equal(await trie.header(), undefined)

  const seq = await trie.put('a', utf8('1'))

  assert.equal(seq, 1)
  assert.equal(log.appends, 1)
  assert.deepEqual(await trie.header(), { metadata, subtype: 'hyperdrive' })
})

test('a log that holds something else is no trie', async () => {
  for (const block of ['', 'text', '\x0a\x09hyperbeee']) {
    const trie = Trie.open(FakeLog.of([utf8(block)]))

    await assert.rejects(trie.get('a'), is('BAD_CONTENT'))
    await assert.rejects(trie.header(), is('BAD_CONTENT'))
  }
})

test('slashes around a key make no other key of it, and its flags and hidden half are kept', async () => {
  const { trie } = await filled()

  await trie.put('/a/b', utf8('seen'), { flags: 3 })
  await trie.put('a/b', utf8('not seen'), { hidden: true })

  const seen = await trie.get('a/b/')
  assert.deepEqual(seen && { ...seen, value: text(seen) }, {
    seq: 1,
    key: 'a/b',
    value: 'seen',
    flags: 3,
    hidden: false,
  })
  assert.equal(text(await trie.get('/a/b', { hidden: true })), 'not seen')
  assert.deepEqual(await keys(trie.entries()), ['a/b'])
})

test('a key without a value is there, and its value is not', async () => {
  const { trie } = await filled()

  await trie.put('a', undefined)

  const entry = await trie.get('a')
  assert.ok(entry)
  assert.equal(entry.value, undefined)
})

test('a condition sees what stands there, and what it refuses is not written', async () => {
  const { log, trie } = await filled('a', 'b/c')
  const seen: (string | undefined)[] = []
  const refuse = (previous: TrieEntry | undefined): boolean => {
    seen.push(previous?.key)
    return false
  }

  assert.equal(await trie.put('a', utf8('2'), { condition: refuse }), undefined)
  assert.equal(await trie.put('b/c/d', utf8('2'), { condition: refuse }), undefined)
  assert.equal(await trie.put('b/c/d', utf8('2'), { condition: refuse, closest: true }), undefined)
  assert.equal(await trie.del('a', { condition: refuse }), undefined)
  assert.equal(await trie.del('b/c/d', { condition: refuse }), undefined)
  assert.equal(await trie.del('b/c/d', { condition: refuse, closest: true }), undefined)

  assert.deepEqual(seen, ['a', undefined, 'b/c', 'a', 'b/c'])
  assert.equal(log.length, 3)
})

test('nobody else writes while a condition thinks', async () => {
  const { trie } = await filled('count')
  const order: number[] = []
  const first = trie.put('a', utf8('1'), {
    condition: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push(1)
      return true
    },
  })

  const second = trie.put('b', utf8('2'), { condition: () => order.push(2) > 0 })

  assert.deepEqual(await Promise.all([first, second]), [2, 3])
  assert.deepEqual(order, [1, 2])
})

test('a batch is one append, tells the block of each operation, and its operations see one another', async () => {
  const { log, trie } = await filled('a')
  const before = log.appends

  const written = await trie.batch([
    { type: 'put', key: 'b', value: utf8('b') },
    { type: 'del', key: 'a' },
    { type: 'del', key: 'nothing' },
    { type: 'put', key: 'b', value: utf8('b again') },
  ])

  assert.deepEqual(written, [2, 3, undefined, 4])
  assert.equal(log.appends, before + 1)
  assert.equal(text(await trie.get('b')), 'b again')
  assert.equal(await trie.get('a'), undefined)
})

test('a batch that empties the trie and fills it again can be listed', async () => {
  const { trie } = await filled('a')

  await trie.batch([
    { type: 'del', key: 'a' },
    { type: 'put', key: 'b', value: utf8('b') },
  ])

  assert.deepEqual(await keys(trie.entries()), ['b'])
  assert.equal(await trie.get('a'), undefined)
  await trie.put('c', utf8('c'))
  assert.deepEqual(await keys(trie.entries()), ['b', 'c'])
})

test('an operation that fails takes the whole batch with it', async () => {
  const { log, trie } = await filled('a')

  await assert.rejects(
    trie.batch([
      { type: 'put', key: 'b', value: utf8('b') },
      { type: 'put', key: '', value: utf8('x') },
    ]),
    is('BAD_ARGUMENT'),
  )

  assert.equal(log.length, 2)
})

test('keys and flags that readers would not read as they were written are refused', async () => {
  const { log, trie } = await filled()
  const deep = new Array(TRIE_COMPONENTS_MAX).fill('d').join('/')
  const long = 'n'.repeat(TRIE_KEY_BYTES_MAX)

  for (const key of ['', '/', '//a', 'a\ud800', `${deep}/d`, `${long}n`]) {
    await assert.rejects(trie.put(key, undefined), is('BAD_ARGUMENT'), key.slice(0, 8))
    await assert.rejects(trie.del(key), is('BAD_ARGUMENT'), key.slice(0, 8))
  }
  for (const flags of [-1, 0.5, 2 ** 23, Number.NaN]) {
    await assert.rejects(trie.put('a', undefined, { flags }), is('BAD_ARGUMENT'))
  }
  assert.equal(log.length, 0)
  for (const key of [deep, long]) {
    await trie.put(key, utf8('there'), { flags: 2 ** 23 - 1 })
    assert.equal(text(await trie.get(key)), 'there')
  }
})

test('a trie is not written where the log or its opener says so', async () => {
  const { log } = await filled('a')
  const readOnly = Trie.open(log, { readOnly: true })
  const reader = Trie.open(FakeLog.reader(log))

  for (const trie of [readOnly, reader]) {
    assert.equal(trie.writable, false)
    await assert.rejects(trie.put('b', undefined), is('NOT_WRITABLE'))
    await assert.rejects(trie.del('a'), is('NOT_WRITABLE'))
    await assert.rejects(trie.batch([]), is('NOT_WRITABLE'))
  }
})

test('a log that somebody else appends to meanwhile is not written over', async () => {
  const { log, trie } = await filled('a')

  const writing = trie.put('b', utf8('b'), {
    condition: async () => {
      await log.append(log.block(1))
      return true
    },
  })

  await assert.rejects(writing, is('CONFLICT'))
})

test('any entry below a prefix will do for a prefix', async () => {
  const { trie } = await filled('a/b/c', 'x')

  assert.equal((await trie.get('a', { prefix: true }))?.key, 'a/b/c')
  assert.equal((await trie.get('a/b', { prefix: true }))?.key, 'a/b/c')
  assert.equal(await trie.get('a'), undefined)
  assert.equal(await trie.get('b', { prefix: true }), undefined)
})

test('a snapshot stays as it is, and an iteration at the version that it began with', async () => {
  const { trie } = await filled('a', 'b')
  const snapshot = trie.snapshot()
  const entries = trie.entries()
  const first = await entries.next()

  await trie.put('c', utf8('c'))

  assert.ok(!first.done)
  assert.equal((await keys(entries)).length, 1)
  assert.deepEqual(await keys(snapshot.entries()), ['a', 'b'])
  assert.deepEqual(await keys(trie.entries()), ['a', 'b', 'c'])
})

test('what was truncated away is gone, never silently something else', async () => {
  const { log, trie } = await filled('a', 'b', 'c')
  const old = trie.snapshot()
  const entries = old.entries()
  await entries.next()

  await log.truncate(2)
  await trie.put('d', utf8('d'))

  await assert.rejects(old.get('a'), is('SNAPSHOT_GONE'))
  await assert.rejects(entries.next(), is('SNAPSHOT_GONE'))
  assert.deepEqual(await keys(trie.entries()), ['a', 'd'])
})

test('a version that is not written yet is waited for', async () => {
  const { trie } = await filled('a')

  const later = trie.checkout(3).get('b')
  await trie.put('b', utf8('b'))

  assert.equal(text(await later), 'b')
  assert.throws(() => trie.checkout(-1), is('BAD_ARGUMENT'))
})

test('history tells of a trie that was emptied, goes on after it, and follows it live', async () => {
  const { trie } = await filled('a')
  await trie.del('a')
  await trie.put('b', utf8('b'))
  const live = trie.history({ live: true })
  const told = [await live.next(), await live.next(), await live.next()]

  const next = live.next()
  await trie.put('c', utf8('c'))

  assert.deepEqual(
    [...told, await next].map(({ value }) => value?.key),
    ['a', '', 'b', 'c'],
  )
  assert.equal((await trie.history({ reverse: true, limit: 1 }).next()).value?.key, 'c')
})

test('a watcher wakes for what is put and deleted below its prefix, and for nothing else', async () => {
  const { trie } = await filled('a/1', 'b/1')
  const stop = new AbortController()
  const steps: string[][] = []
  const watching = (async () => {
    for await (const { current, previous } of trie.watch('a', { signal: stop.signal })) {
      const found: string[] = []
      for await (const { key, left, right } of current.diff(previous, 'a')) {
        found.push(`${left ? '+' : ''}${right ? '-' : ''}${key}`)
      }
      steps.push(found)
    }
  })()
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  await trie.put('b/2', utf8('x'))
  await settle()
  await trie.put('a/2', utf8('x'))
  await settle()
  await trie.put('a/3', utf8('x'), { hidden: true })
  await settle()
  await trie.del('a/2')
  await settle()
  stop.abort()
  await watching

  assert.equal(steps.length, 3)
  assert.deepEqual(steps[0], ['+a/2'])
  assert.deepEqual(steps[1], [])
  assert.ok(steps[2]?.includes('-a/2'))
})

test('closing ends what waits, and what is asked afterwards is refused', async () => {
  const { log, trie } = await filled('a')
  const live = trie.history({ live: true, gte: 2 })
  const waiting = live.next()
  const watching = trie.watch()[Symbol.asyncIterator]().next()
  await new Promise((resolve) => setImmediate(resolve))

  await trie.close()

  await assert.rejects(waiting, is('CLOSED'))
  assert.equal((await watching).done, true)
  await assert.rejects(trie.get('a'), is('CLOSED'))
  await assert.rejects(trie.put('a', undefined), is('CLOSED'))
  assert.equal(log.closed, true)
})

test('bytes that are handed out and taken in are not shared', async () => {
  const { trie } = await filled()
  const value = utf8('value')
  await trie.put('a', value)
  value.fill(0)
  const entry = await trie.get('a')
  entry?.value?.fill(0)

  assert.equal(text(await trie.get('a')), 'value')
})
