/** Opening logs: by which name, which log, how often, and what a failure leaves behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { keyPair } from '../../src/crypto/keys.ts'
import { formatKey, formatLink } from '../../src/crypto/links.ts'
import { createManifest, defaultManifest, encodeManifest } from '../../src/log/manifest.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { World } from '../sim/world.ts'
import { vectors } from '../vectors.ts'
import { bytes, openStore, text } from './fixtures.ts'

interface KeyCase {
  readonly primaryKey: string
  readonly namespacePath: readonly (string | { readonly hex: string })[]
  readonly namespace: string
  readonly name: string
  readonly publicKey: string
  readonly secretKey: string
  readonly corestore7: { readonly key: string; readonly discoveryKey: string }
}

test('names and namespaces give the keys that the reference gives', async () => {
  const { cases } = vectors<{ cases: KeyCase[] }>('gen3-upper/corestore-keys')
  for (const one of cases) {
    const store = openMemoryStore({ primaryKey: fromHex(one.primaryKey) })
    const root = await Corestore.open({ store })
    let view = root
    for (const part of one.namespacePath) {
      view = view.namespace(typeof part === 'string' ? part : fromHex(part.hex))
    }

    const log = await view.get({ name: one.name })

    assert.equal(hex(view.namespaceKey), one.namespace)
    assert.equal(hex(view.keyPair(one.name).publicKey), one.publicKey)
    assert.equal(hex(view.keyPair(one.name).secretKey), one.secretKey)
    assert.equal(hex(log.key), one.corestore7.key)
    assert.equal(hex(log.discoveryKey), one.corestore7.discoveryKey)
    assert.equal(log.writable, true)
    await root.close()
  }
  assert.ok(cases.length > 3)
})

test('a log is the same log whichever way it is opened', async () => {
  const store = await openStore()
  const named = await store.get({ name: 'notes' })
  await named.append(bytes('hello'))

  const ways = [
    await store.get({ name: 'notes' }),
    await store.get({ key: named.key }),
    await store.get({ discoveryKey: named.discoveryKey }),
    await store.get({ keyPair: store.keyPair('notes') }),
    await store.get({
      manifest: encodeManifest(defaultManifest(store.keyPair('notes').publicKey)),
      keyPair: store.keyPair('notes'),
    }),
  ]

  for (const log of ways) {
    assert.equal(log.replica, named.replica)
    assert.equal(log.writable, true)
    assert.equal(text(log.peek(0)), 'hello')
  }
  await store.close()
})

test('many who ask for a new log at the same time get the same one', async () => {
  const store = await openStore()

  const logs = await Promise.all(Array.from({ length: 20 }, () => store.get({ name: 'new' })))

  assert.equal(new Set(logs.map((log) => log.replica)).size, 1)
  assert.equal((await store.list()).length, 1)
  await store.close()
})

test('a handle for reading refuses to append, another on the same log does not', async () => {
  const store = await openStore()
  const writer = await store.get({ name: 'a' })
  const reader = await store.get({ name: 'a' }, { writable: false })

  await writer.append(bytes('x'))

  assert.equal(reader.writable, false)
  await assert.rejects(reader.append(bytes('y')), (e) => isCode(e, 'NOT_WRITABLE'))
  await store.close()
})

test('one of several signers opens a log as often as he likes, another one only when it is closed', async () => {
  const store = await openStore()
  const [a, b] = [1, 2].map((i) => keyPair(new Uint8Array(32).fill(i)))
  assert.ok(a !== undefined && b !== undefined)
  const manifest = encodeManifest(createManifest({ signers: [a, b], quorum: 2 }))

  const first = await store.get({ manifest, keyPair: a })
  const again = await store.get({ manifest, keyPair: a })
  const other = store.get({ manifest, keyPair: b })

  assert.deepEqual(again.key, first.key)
  await assert.rejects(other, (e) => isCode(e, 'CONFLICT'))
  await store.close()
})

test('a log that is opened by its key is a log to read, until its secret key is brought', async () => {
  const store = await openStore()
  const pair = keyPair(new Uint8Array(32).fill(3))
  const key = (await (await openStore(2)).get({ keyPair: pair })).key
  const reader = await store.get({ key })
  assert.equal(reader.writable, false)

  await assert.rejects(store.get({ keyPair: pair }), (e) => isCode(e, 'CONFLICT'))
  await reader.close()
  const writer = await store.get({ keyPair: pair })
  await writer.append(bytes('mine'))

  assert.deepEqual(writer.key, key)
  assert.equal(writer.length, 1)
  await store.close()
})

test('what is not stored is not found where nothing may be made, and the store closes cleanly after it', async () => {
  const store = await openStore()
  const unknown = new Uint8Array(32).fill(9)

  await assert.rejects(store.get({ discoveryKey: unknown }), (e) => isCode(e, 'NOT_FOUND'))
  await assert.rejects(store.get({ key: unknown }, { createIfMissing: false }), (e) =>
    isCode(e, 'NOT_FOUND'),
  )
  await assert.rejects(store.get({ key: new Uint8Array(31) }), (e) => isCode(e, 'BAD_ARGUMENT'))

  assert.equal((await store.list()).length, 0)
  await store.close()
})

test('a store that fails to make a log leaves nothing behind', async () => {
  const memory = openMemoryStore()
  const store = await Corestore.open({ store: memory })
  const create = memory.create.bind(memory)
  memory.create = () => Promise.reject(new Error('no room'))
  await assert.rejects(store.get({ name: 'a' }), /no room/)

  memory.create = create
  const log = await store.get({ name: 'a' })

  assert.equal(log.length, 0)
  await store.close()
})

test('logs are listed in order of discovery key, or those of a namespace by name', async () => {
  const store = await openStore()
  const work = store.namespace('work')
  for (const name of ['b', 'a', 'c']) await work.get({ name })
  const other = await store.get({ key: new Uint8Array(32).fill(1) })

  const all = await store.list()
  const named = await store.list(work.namespaceKey)

  const keys = all.map((record) => hex(record.discoveryKey))
  assert.deepEqual(keys, [...keys].sort())
  assert.deepEqual(
    named.map((record) => record.alias?.name),
    ['a', 'b', 'c'],
  )
  const record = all.find((one) => hex(one.key) === hex(other.key))
  assert.deepEqual([record?.isOwn, record?.alias, record?.length], [false, undefined, 0])
  await store.close()
})

test('closing a view closes its handles and no others', async () => {
  const store = await openStore()
  const view = store.namespace('a').session()
  const inside = await view.get({ name: 'x' })
  const outside = await store.get({ key: inside.key })

  await view.close()

  assert.equal(inside.closed, true)
  assert.equal(outside.closed, false)
  await assert.rejects(view.get({ name: 'x' }), (e) => isCode(e, 'CLOSED'))
  await store.close()
  assert.equal(outside.closed, true)
})

test('a log that nobody holds is closed after a while, and opened again when it is needed', async () => {
  const world = new World(1)
  const store = await openStore(1, world)
  const closed: string[] = []
  store.events.on('log-close', ({ key }) => closed.push(hex(key)))
  const log = await store.get({ name: 'a' })
  await log.append(bytes('kept'))
  const { key, replica } = log
  await log.close()

  await world.run(3_000)
  const soon = [...closed]
  await world.run(10_000)
  const again = await store.get({ key })

  assert.deepEqual(soon, [])
  assert.deepEqual(closed, [hex(key)])
  assert.notEqual(again.replica, replica)
  assert.equal(text(again.peek(0)), 'kept')
  assert.equal(again.writable, true)
})

test('a log that is deleted is gone with its data, and is made anew on the next fork', async () => {
  const store = await openStore()
  const log = await store.get({ name: 'a' })
  await log.append(bytes('old'))

  await store.delete({ discoveryKey: log.discoveryKey })
  const fresh = await store.get({ name: 'a' })

  assert.equal(log.closed, true)
  assert.equal(fresh.length, 0)
  assert.equal(fresh.fork, 1)
  await assert.rejects(store.delete(new Uint8Array(32)), (e) => isCode(e, 'NOT_FOUND'))
  await store.close()
})

test('encrypted blocks are read with the key and stored without their text', async () => {
  const store = await openStore()
  const encryptionKey = new Uint8Array(32).fill(4)
  const log = await store.get({ name: 'secret' }, { encryptionKey })
  await log.append(bytes('for your eyes'))

  const plain = await store.get({ key: log.key })

  assert.equal(text(log.peek(0)), 'for your eyes')
  assert.equal(text(plain.peek(0)).includes('eyes'), false)
  await store.close()
})

test('everything that is called after the end says CLOSED', async () => {
  const store = await openStore()
  const log = await store.get({ name: 'a' })
  await store.close()
  await store.close()

  assert.equal(store.closed, true)
  await assert.rejects(store.get({ name: 'a' }), (e) => isCode(e, 'CLOSED'))
  await assert.rejects(log.append(bytes('x')), (e) => isCode(e, 'CLOSED'))
  assert.throws(
    () => store.namespace('x'),
    (e) => isCode(e, 'CLOSED'),
  )
})

test('waits of a handle run on the clock of its store', async () => {
  const world = new World(1)
  const store = await openStore(1, world)
  const log = await store.get({ key: new Uint8Array(32).fill(8) })
  let code = ''
  log.get(0, { timeoutMs: 5_000 }).catch((error: { code: string }) => {
    code = error.code
  })

  await world.run(4_000)
  const early = code
  await world.run(2_000)

  assert.equal(early, '')
  assert.equal(code, 'NO_PEERS')
})

test('a log that cannot write its end does not keep the store from closing', async () => {
  const memory = openMemoryStore()
  const store = await Corestore.open({ store: memory })
  const log = await store.get({ name: 'a' })
  await log.append(bytes('unsigned'))
  const commit = memory.commit.bind(memory)
  memory.commit = () => {
    memory.commit = commit
    memory.rewind(0)
    return Promise.reject(new Error('full'))
  }

  await assert.rejects(store.close(), /full/)

  await assert.rejects(memory.commit(), (e) => isCode(e, 'CLOSED'))
})

test('wherever a key is taken, its text in hex, z-base-32 or a link will do', async () => {
  const store = await openStore()
  const log = await store.get({ name: 'log' })
  await log.append(bytes('x'))
  const { key, discoveryKey } = log
  const peer = keyPair(new Uint8Array(32).fill(3)).publicKey

  for (const text of [hex(key), formatKey(key), formatLink({ key })]) {
    assert.equal((await store.get({ key: text })).length, 1)
  }
  assert.equal((await store.get({ discoveryKey: hex(discoveryKey) })).length, 1)
  assert.deepEqual(store.peers(formatKey(discoveryKey)), [])
  store.findingPeers(hex(discoveryKey))()
  await store.ban(formatKey(peer))
  assert.equal(store.admits(hex(peer)), false)
  await store.unban(hex(peer))
  assert.equal(store.admits(peer), true)
  store.setPolicy({
    offer: [hex(key)],
    logs: [{ key: formatLink({ key }), peers: [hex(peer)] }],
    peers: [{ remotePublicKey: formatKey(peer), upload: false }],
    deny: [hex(peer)],
  })
  assert.equal(store.admits(peer), false)
  await store.delete(formatKey(key))
  assert.deepEqual(await store.list(), [])
  await assert.rejects(store.get({ key: 'photos' }), { code: 'BAD_LINK' })
  await store.close()
})

test('a log that is asked for in two ways at once, or in none, is refused', async () => {
  const store = await openStore()
  const { key, discoveryKey } = await store.get({ name: 'a' })
  const pair = keyPair(new Uint8Array(32).fill(3))
  // What a program without types may pass.
  const wrong: readonly unknown[] = [
    { name: 'b', key },
    { name: 'b', keyPair: pair },
    { discoveryKey, key },
    { discoveryKey, name: 'b' },
    { name: 5 },
    {},
  ]

  for (const selector of wrong as readonly { readonly name: string }[]) {
    await assert.rejects(store.get(selector), { code: 'BAD_ARGUMENT' })
  }
  assert.equal((await store.list()).length, 1)
  await store.close()
})
