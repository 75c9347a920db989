/** Several handles on one log, each with its own ways. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equal, utf8 } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { Log } from '../../src/log/log.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { ManualClock } from '../fakes/clock.ts'
import { FakeRemote, openLog, openReader, openWriter, testKeyPair, write } from './support.ts'

const key = new Uint8Array(32).fill(7)

test('a session reads and writes the same log, and is closed by itself', async () => {
  const log = await openLog()
  const session = log.session()

  await session.append(utf8('one'))
  await log.append(utf8('two'))
  assert.deepEqual(await session.get(1), utf8('two'))

  await log.close()
  assert.deepEqual(await session.get(0), utf8('one'))
  assert.equal((await session.append(utf8('three'))).length, 3)
  await session.close()
  await assert.rejects(session.get(0), { code: 'CLOSED' })
  assert.throws(() => session.session(), { code: 'CLOSED' })
})

test('a session may less than its parent, and never more', async () => {
  const log = await openLog()
  const reading = log.session({ writable: false })

  assert.ok(log.session().writable)
  assert.equal(reading.writable, false)
  assert.equal(reading.session({ writable: true }).writable, false)
  await assert.rejects(reading.append(utf8('no')), { code: 'NOT_WRITABLE' })
})

test('a session takes over the encryption, unless it brings its own or wants stored bytes', async () => {
  const log = await openLog({ encryptionKey: key })
  await log.append(utf8('secret'))
  const raw = log.session({ cipher: 'none' })
  const other = log.session({ encryptionKey: new Uint8Array(32) })

  assert.deepEqual(await log.session().get(0), utf8('secret'))
  const stored = await raw.get(0)
  assert.equal(stored.length, 8 + 6)
  assert.ok(!equal(stored.subarray(8), utf8('secret')))
  assert.ok(!equal(await other.get(0), utf8('secret')))
  assert.deepEqual(await other.session({ encryptionKey: key }).get(0), utf8('secret'))
  assert.equal(raw.session().paddingBytes, 0)
  assert.equal(log.byteLength, 6)
})

test('the longest wait of a session holds where a call says nothing', async () => {
  const server = await openWriter()
  await write(server, [utf8('x')])
  const replica = await openReader(server)
  const remote = new FakeRemote(replica, server)
  replica.remote = remote
  const log = new Log(replica, { timeoutMs: 1_000 })

  await log.session().update()
  await log.session({ timeoutMs: 5 }).update()
  await log.session({ timeoutMs: 5 }).update({ timeoutMs: 9 })

  assert.deepEqual(
    remote.waits.map((wait) => wait.timeoutMs),
    [1_000, 5, 9],
  )
})

test('the view of a store that made a handle closes its sessions too, and the log stays open for them', async () => {
  const clock = new ManualClock()
  const corestore = await Corestore.open({ store: openMemoryStore(), clock })
  const view = corestore.namespace('a')
  const log = await view.get({ name: 'x' })
  const session = log.session()

  await log.close()
  await clock.advance(60_000)
  await session.append(utf8('still here'))
  assert.equal(session.closed, false)

  await view.close()
  assert.equal(session.closed, true)
  await corestore.close()
})

test("a key that is its signer's public key makes a log without a manifest", async () => {
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const keyPair = testKeyPair(3)

  const log = await corestore.get({ key: keyPair.publicKey, keyPair }, { encryptionKey: key })
  await log.append(utf8('as in hypercore 10'))

  assert.deepEqual(log.key, keyPair.publicKey)
  assert.deepEqual([log.manifest, log.replica.compat, log.writable], [undefined, true, true])
  const other = corestore.get({ key: testKeyPair(4).publicKey, keyPair })
  await assert.rejects(other, { code: 'BAD_ARGUMENT' })
  await log.flush()
  assert.equal(log.replica.slot.head.signature?.length, 64)
  await corestore.close()
})
