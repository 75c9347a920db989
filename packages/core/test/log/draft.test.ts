/** Drafts: blocks that are meant for a log and are not in it yet. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equal, utf8 } from '../../src/bytes/bytes.ts'
import { json } from '../../src/bytes/encodings.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { atomic } from '../../src/log/atomic.ts'
import type { Draft } from '../../src/log/draft.ts'
import { decoded } from '../../src/log/encoded.ts'
import { logIdentity } from '../../src/log/identity.ts'
import { Log, type LogOptions } from '../../src/log/log.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { openLog, openPair, testKeyPair } from './support.ts'
import { checkTruth } from './truth.ts'

const KEY = logIdentity({ keyPair: testKeyPair() })
const texts = (...list: readonly string[]): Uint8Array[] => list.map(utf8)

function reopen(store: Store, options: LogOptions = {}): Log {
  const log = store.find(KEY.discoveryKey)
  assert.ok(log !== undefined)
  return new Log(Replica.open(store, store.slot(log)), options)
}

async function all(draft: Draft, start = 0): Promise<string[]> {
  const found: string[] = []
  for await (const block of draft.blocks({ start })) found.push(Buffer.from(block).toString())
  return found
}

test('a draft reads through to its log, and becomes part of it all at once', async () => {
  const log = await openLog()
  await log.append(texts('a', 'b'))
  const draft = await log.draft('plan')
  const lengths: number[] = []
  log.on('append', ({ length }) => lengths.push(length))

  assert.deepEqual(await draft.append(texts('c', 'd')), { length: 4 })
  await draft.append(utf8('e'))
  assert.deepEqual(await all(draft), ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await all(draft, 3), ['d', 'e'])
  assert.deepEqual(await draft.get(1), utf8('b'))
  await assert.rejects(draft.get(5), { code: 'NOT_FOUND' })
  assert.deepEqual([log.length, draft.base, lengths], [2, { fork: 0, length: 2 }, []])

  assert.deepEqual(await draft.commit(), { length: 5, byteLength: 5 })
  assert.deepEqual(lengths, [5])
  checkTruth(log.replica, texts('a', 'b', 'c', 'd', 'e'))
  assert.deepEqual([draft.closed, log.drafts()], [true, []])
  await assert.rejects(draft.append(utf8('x')), { code: 'CLOSED' })
})

test('a draft outlives its process, encrypted as its log is, and peers never see it', async () => {
  const encryptionKey = new Uint8Array(32).fill(5)
  const disk = new FakeDisk()
  const log = await openLog({
    encryptionKey,
    store: await openStore({ disk, clock: new ManualClock() }),
  })
  await log.append(texts('public secret'))
  const draft = await log.draft('plan')
  await draft.append(texts('the draft of a secret', 'and more'))
  assert.equal(log.replica.announcedLength, 0)

  const later = disk.killed()
  for (const bytes of later.files().values()) {
    assert.equal(Buffer.from(bytes).includes('secret'), false)
  }
  const again = reopen(await openStore({ disk: later, clock: new ManualClock() }), {
    encryptionKey,
  })
  assert.deepEqual(again.drafts(), ['plan'])
  const found = await again.draft('plan')
  assert.deepEqual(await all(found), ['public secret', 'the draft of a secret', 'and more'])
  await found.commit()

  assert.deepEqual(await again.get(1), utf8('the draft of a secret'))
  const stored = again.session({ cipher: 'none' }).peek(1)
  assert.ok(stored !== undefined && !equal(stored.subarray(8), utf8('the draft of a secret')))
})

test('a log that has moved takes no draft, and the blocks of the draft stay readable', async () => {
  const log = await openLog()
  await log.append(texts('a', 'b', 'c'))
  const draft = await log.draft('plan')
  await draft.append(utf8('d'))

  await log.append(utf8('other'))
  assert.equal(draft.isCurrent, false)
  await assert.rejects(draft.commit(), { code: 'CONFLICT' })
  assert.deepEqual([log.length, draft.closed], [4, false])

  await log.truncate(1)
  await log.append(texts('x', 'y'))
  assert.equal(log.length, 3)
  await assert.rejects(draft.commit(), { code: 'CONFLICT' })
  assert.deepEqual(await all(draft), ['a', 'b', 'c', 'd'])

  await draft.close()
  const again = await log.draft('plan')
  assert.deepEqual(await again.get(3), utf8('d'))
  await assert.rejects(again.get(2), { code: 'SNAPSHOT_GONE' })
  await again.discard()
  assert.deepEqual((await log.draft('plan')).base, { fork: 1, length: 3 })
})

test('a draft is open once, under its name, and closed with its handle', async () => {
  const log = await openLog()
  const one = await log.draft('one')
  const [two] = await Promise.all([
    log.draft('two'),
    assert.rejects(log.draft('one'), { code: 'CONFLICT' }),
  ])
  await one.append(utf8('first'))
  await two.append(utf8('second'))
  assert.deepEqual(log.drafts(), ['one', 'two'])

  await one.discard()
  assert.deepEqual(log.drafts(), ['two'])
  await assert.rejects(log.draft(''), { code: 'BAD_ARGUMENT' })
  await assert.rejects(log.session({ writable: false }).draft('x'), { code: 'NOT_WRITABLE' })
  await log.close()
  assert.equal(two.closed, true)
  assert.deepEqual(await all(await new Log(log.replica).draft('two')), ['second'])
})

test('drafts of several logs are committed together, or none of them', async () => {
  const store = openMemoryStore()
  const corestore = await Corestore.open({ store })
  const a = await corestore.get({ name: 'a' })
  const b = await corestore.get({ name: 'b' })
  const drafts = await Promise.all([a.draft('plan'), b.draft('plan')])
  for (const draft of drafts) await draft.append(utf8('same'))
  const both = (): Promise<void> =>
    atomic((group) => {
      for (const draft of drafts) group.commit(draft)
    })

  await b.append(utf8('in the way'))
  await assert.rejects(both(), { code: 'CONFLICT' })
  assert.deepEqual([a.length, b.length, a.drafts(), b.drafts()], [0, 1, ['plan'], ['plan']])
  assert.deepEqual(await all(drafts[0]), ['same'])
  assert.equal((await corestore.list()).length, 2)

  await b.truncate(0)
  await drafts[1].discard()
  await drafts[0].commit()
  assert.deepEqual([a.length, a.drafts(), store.stats().logs], [1, [], 2])

  await (await a.draft('left')).append(utf8('x'))
  await corestore.delete({ discoveryKey: a.discoveryKey })
  // The record of our own log that was written stays, and nothing else of it.
  assert.deepEqual([(await corestore.list()).length, store.stats().logs], [1, 2])
  await corestore.close()
})

test('a draft of a log that is not here fetches what lies below it, and may be kept by a reader', async () => {
  const { log } = await openPair(texts('1', '2', '3'))
  await log.update()
  const draft = await log.draft('answer')
  await draft.append(utf8('4'))

  assert.deepEqual(await draft.get(1), utf8('2'))
  assert.equal(await decoded(draft, json).get(3), 4)
  await assert.rejects(draft.commit(), { code: 'NOT_WRITABLE' })
  assert.equal(draft.closed, false)
})

test('wherever the process ends while a draft is committed, there is the draft or what it was for', async () => {
  const disk = new FakeDisk()
  const log = await openLog({ store: await openStore({ disk, clock: new ManualClock() }) })
  await log.append(texts('a'))
  const before = disk.ops.length
  const draft = await log.draft('plan')
  await draft.append(texts('b', 'c'))
  await draft.commit()
  const seen = new Set<string>()

  for (let count = before; count <= disk.ops.length; count++) {
    const store = await openStore({ disk: disk.killed(count), clock: new ManualClock() })
    const found = reopen(store)
    const [name] = found.drafts()
    const again = name === undefined ? undefined : await found.draft(name)
    seen.add(`${found.length} ${again?.length ?? '-'}`)
  }

  const rest = [...seen].filter((state) => !['1 -', '1 1', '1 3', '3 -'].includes(state))
  assert.deepEqual(rest, [])
  assert.ok(seen.has('1 3') && seen.has('3 -'))
})

test('a commit that the disk has no room for leaves the draft as it was', async () => {
  const disk = new FakeDisk()
  const log = await openLog({ store: await openStore({ disk, clock: new ManualClock() }) })
  const draft = await log.draft('plan')
  await draft.append(new Uint8Array(5_000))
  disk.faults.roomBytes = 100

  await assert.rejects(draft.commit(), { code: 'STORE_FULL' })
  assert.deepEqual([log.length, draft.length, log.drafts()], [0, 1, ['plan']])
  disk.faults.roomBytes = 1_000_000
  await draft.commit()
  assert.equal(log.length, 1)
})
