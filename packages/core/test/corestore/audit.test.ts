/** Auditing a whole store: every log once, what is wrong with which, and nobody is disturbed. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { connect, numbered, openStore } from './fixtures.ts'

async function filled(count: number): Promise<Corestore> {
  const corestore = await openStore()
  for (let i = 0; i < count; i++) {
    const log = await corestore.get({ name: `log ${i}` })
    await log.append(numbered(0, 10 + i))
    await log.close()
  }
  return corestore
}

test('each stored log is told once, in order, with its name and what was looked at', async () => {
  const corestore = await filled(5)
  const progress: string[] = []

  const audits = []
  for await (const audit of corestore.audit({
    onProgress: ({ logsDone, logCount, blocks, heldBlocks }) => {
      if (blocks === heldBlocks) progress.push(`${logsDone}/${logCount}`)
    },
  })) {
    audits.push(audit)
  }

  assert.deepEqual(
    audits.map(({ discoveryKey }) => hex(discoveryKey)),
    (await corestore.list()).map(({ discoveryKey }) => hex(discoveryKey)),
  )
  const found = audits.map(({ alias, report }) => [
    alias?.name,
    report?.blocks,
    report?.findingCount,
  ])
  assert.deepEqual(
    found.sort(),
    [0, 1, 2, 3, 4].map((i) => [`log ${i}`, 10 + i, 0]),
  )
  assert.deepEqual([...new Set(progress)], ['0/5', '1/5', '2/5', '3/5', '4/5'])
  await corestore.close()
})

test('damage is told of the log that it is in, and repaired if it can be', async () => {
  const store = openMemoryStore()
  const corestore = await Corestore.open({ store })
  for (const name of ['good', 'bad']) await (await corestore.get({ name })).append(numbered(0, 8))
  const bad = await corestore.get({ name: 'bad' })
  await bad.flush()
  // A leaf's parent that is not what its children hash to.
  bad.replica.slot.putNode(1, 16, new Uint8Array(32).fill(9), 0)
  await store.commit()

  const before: unknown[] = []
  for await (const { alias, report } of corestore.audit()) {
    before.push([alias?.name, (report?.findingCount ?? 0) > 0])
  }
  for await (const _ of corestore.audit({ repair: true }));
  const after: unknown[] = []
  for await (const { report } of corestore.audit()) after.push(report?.findingCount)

  assert.deepEqual(before.sort(), [
    ['bad', true],
    ['good', false],
  ])
  assert.deepEqual(after, [0, 0])
  await corestore.close()
})

test('peers are not told of logs that are only audited, and those are closed again', async () => {
  const corestore = await filled(3)
  const other = await openStore(2)
  const [ours] = connect(corestore, other)
  const closed: string[] = []
  corestore.events.on('log-close', ({ key }) => closed.push(hex(key)))
  const held = await corestore.get({ name: 'log 0' })

  for await (const { report } of corestore.audit()) assert.equal(report?.findingCount, 0)

  assert.equal(ours.logCount, 0)
  assert.deepEqual([closed.length, closed.includes(hex(held.key))], [2, false])
  assert.equal(held.closed, false)
  await Promise.all([corestore.close(), other.close()])
})

test('an audit ends with its signal, with the store, and with whoever reads it', async () => {
  const corestore = await filled(4)
  const abort = new AbortController()
  let count = 0

  await assert.rejects(
    async () => {
      for await (const _ of corestore.audit({ signal: abort.signal }))
        if (++count === 2) abort.abort()
    },
    (error) => isCode(error, 'ABORTED'),
  )
  for await (const _ of corestore.audit()) break
  const reading = corestore.audit()[Symbol.asyncIterator]()
  await reading.next()
  await corestore.close()

  assert.equal(count, 2)
  await assert.rejects(reading.next(), (error) => isCode(error, 'CLOSED'))
})

test('a log that is deleted meanwhile is passed over, and one that can not be opened is told', async () => {
  const corestore = await filled(3)
  const [, second, third] = await corestore.list()
  assert.ok(second && third)
  const { store } = corestore
  const slot = store.slot.bind(store)
  const lost = store.find(third.discoveryKey)
  const told: (string | undefined)[] = []
  for await (const _ of corestore.audit());

  for await (const { alias, error } of corestore.audit()) {
    told.push(error?.message ?? alias?.name)
    if (told.length > 1) continue
    await corestore.delete(second.key)
    store.slot = (log) => {
      if (log === lost) throw new Error('unreadable')
      return slot(log)
    }
  }
  store.slot = slot

  assert.equal(told.length, 2)
  assert.equal(told[1], 'unreadable')
  await corestore.close()
})
