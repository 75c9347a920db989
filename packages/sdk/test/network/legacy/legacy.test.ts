/** The older networks as one store meets them: ports, what is looked for, and what is told. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { LEGACY_PORT, Legacy } from '../../../src/network/legacy/legacy.ts'
import { type LegacyOptions, legacyAddress } from '../../../src/network/legacy/options.ts'
import { listenBytes } from '../../../src/platform/node/duplex-bytes.ts'
import './wire-hub.ts'

async function node(t: TestContext, options: LegacyOptions) {
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const problems: string[] = []
  const legacy = new Legacy(options, {
    corestore,
    clock: systemClock,
    host: '127.0.0.1',
    onPeer: () => {},
    onEnd: () => {},
    onProblem: ({ code }) => problems.push(code),
  })
  // The machine's clock keeps no process alive.
  const alive = setInterval(() => {}, 1_000)
  t.after(async () => {
    clearInterval(alive)
    legacy.close()
    await corestore.close()
  })
  return { corestore, legacy, problems }
}

const alone = (): boolean => false

test('no port is opened before the first log is looked for, and none unless it is asked for', async (t) => {
  const { legacy } = await node(t, { port: 0 })
  assert.equal(legacy.port, 0)

  await legacy.join(new Uint8Array(32), alone).looked
  assert.ok(legacy.port > 0)

  const { legacy: quiet } = await node(t, {})
  await quiet.join(new Uint8Array(32), alone).looked
  assert.equal(quiet.port, 0)
})

test('where the usual port is taken any other will do; one that was named has to be free', async (t) => {
  // Whoever has it, we or another program of this machine.
  const usual = await listenBytes({ port: LEGACY_PORT, onBytes: () => {} }).catch(() => undefined)
  t.after(() => usual?.close())

  const { legacy, problems } = await node(t, { announce: true })
  await legacy.join(new Uint8Array(32), alone).looked
  assert.ok(legacy.port > 0 && legacy.port !== LEGACY_PORT)
  assert.deepEqual(problems, [])

  const named = await node(t, { port: legacy.port })
  await named.legacy.join(new Uint8Array(32), alone).looked
  assert.equal(named.legacy.port, 0)
  assert.deepEqual(named.problems, ['IO'])
})

test('a log that is known to be of today is looked for nowhere, and one that is not known to be is', async (t) => {
  let dialled = 0
  const listener = await listenBytes({
    onBytes: (bytes) => {
      dialled++
      bytes.close()
    },
  })
  t.after(() => listener.close())
  const { corestore, legacy } = await node(t, { peers: [`127.0.0.1:${listener.port}`] })
  const today = await corestore.get({ name: 'today' })
  const old = await corestore.get({ key: keyPair().publicKey, generation: 1 })

  await legacy.join(today.discoveryKey, alone).looked
  assert.equal(dialled, 0)

  await legacy.join(old.discoveryKey, alone).looked
  assert.ok(dialled > 0)
})

test('addresses are read as they are written, and refused otherwise', async (t) => {
  assert.deepEqual(legacyAddress('example.org:3282'), { host: 'example.org', port: 3_282 })
  assert.deepEqual(legacyAddress('[::1]:1'), { host: '::1', port: 1 })
  assert.deepEqual(legacyAddress({ host: '10.0.0.1', port: 65_535 }), {
    host: '10.0.0.1',
    port: 65_535,
  })
  for (const text of ['', ':1', 'a', 'a:0', 'a:65536', '::1:1', 'a b:1', 'a:1x']) {
    assert.throws(() => legacyAddress(text), { code: 'BAD_ARGUMENT' }, text)
  }
  await assert.rejects(node(t, { dht: { bootstrap: ['nowhere'] } }), { code: 'BAD_ARGUMENT' })
})
