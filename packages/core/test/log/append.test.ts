/** Appending: batches, commits that are shared or fail, and who may write. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeU64LE } from '../../src/bytes/integers.ts'
import { gen3, signPart } from '../../src/log/gen3.ts'
import { logIdentity } from '../../src/log/identity.ts'
import { createManifest, encodeManifest } from '../../src/log/manifest.ts'
import { encodeMulti } from '../../src/log/multisig.ts'
import { Replica } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { NodeSet } from '../../src/tree/nodes.ts'
import { TreeModel } from '../tree/model.ts'
import {
  block,
  blocks,
  listen,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'

// ---- Appending -------------------------------------------------------------------------------------

test('an append is seen at once, and told about when it has lasted', async () => {
  const replica = await openWriter()
  const heard = listen(replica)

  replica.append(blocks(0, 3))
  assert.equal(replica.length, 3)
  assert.deepEqual(replica.read(2), block(2))
  assert.deepEqual(heard, [])
  await replica.commit()

  assert.deepEqual(heard, ['held 0 3', `append 3 ${replica.byteLength} 0`])
})

test('a batch that can not be appended whole is not appended at all', async () => {
  const replica = await openWriter()
  await write(replica, blocks(0, 3))
  const before = replica.slot.head
  const tooLarge = new Uint8Array(15 * 1024 * 1024 + 1)

  assert.throws(() => replica.append([block(3), tooLarge]), { code: 'BAD_ARGUMENT' })
  const text: unknown = 'text'
  assert.throws(() => replica.append([block(3), text as Uint8Array]), { code: 'BAD_ARGUMENT' })

  assert.deepEqual(replica.slot.head, before)
  assert.equal(replica.has(3), false)
  await write(replica, blocks(3, 5))
  assert.deepEqual(treeHash(replica), new TreeModel(blocks(0, 5), writeU64LE).rootHash)
})

const treeHash = (replica: Replica): Uint8Array =>
  gen3.hash.root(
    proofOf(replica, { fork: replica.fork, upgradeLength: replica.length }).upgradeNodes,
  )

test('appends of one moment share one record of the store', async () => {
  const store = openMemoryStore()
  let commits = 0
  const commit = store.commit.bind(store)
  const one = await openWriter({ store })
  const two = await openReplica({ keyPair: testKeyPair(2) }, { store })
  store.commit = () => {
    commits++
    return commit()
  }

  const all = []
  for (let i = 0; i < 10; i++) {
    one.append([block(i)])
    all.push(one.commit())
    two.append([block(i)])
    all.push(two.commit())
  }
  await Promise.all(all)

  assert.equal(commits, 1)
  assert.equal(one.length + two.length, 20)
})

test('what is staged while a commit is under way belongs to the next one', async () => {
  const store = openMemoryStore()
  const replica = await openWriter({ store })
  const heard = listen(replica)
  let release = (): void => {}
  const commit = store.commit.bind(store)
  store.commit = () => new Promise((resolve) => (release = () => resolve(commit())))

  replica.append([block(0)])
  const first = replica.commit()
  await Promise.resolve()
  replica.append([block(1)])
  const second = replica.commit()
  assert.notEqual(first, second)
  release()
  await first

  assert.deepEqual(
    heard.filter((h) => h.startsWith('held')),
    ['held 0 1'],
  )
  release()
  await second
  assert.deepEqual(
    heard.filter((h) => h.startsWith('held')),
    ['held 0 1', 'held 1 1'],
  )
})

test('a commit that fails is told to all who wait, and nothing is told as news', async () => {
  const store = openMemoryStore()
  const replica = await openWriter({ store })
  await write(replica, [block(0)])
  const heard = listen(replica)
  const commit = store.commit
  const mark = store.mark()
  store.commit = () => {
    store.rewind(mark)
    return Promise.reject(new Error('full'))
  }

  replica.append([block(1)])
  await assert.rejects(replica.commit(), /full/)
  assert.deepEqual(heard, [])
  assert.equal(replica.length, 1)
  store.commit = commit

  await write(replica, [block(2)])
  assert.deepEqual(treeHash(replica), new TreeModel([block(0), block(2)], writeU64LE).rootHash)
})

test('a commit that fails takes back, and leaves untold, what other logs had staged', async () => {
  const store = openMemoryStore()
  const server = await openWriter()
  await write(server, blocks(0, 2))
  const mark = store.mark()
  const writer = await openReplica({ keyPair: testKeyPair(2) }, { store })
  const reader = await openReader(server, { store })
  const heard = listen(reader)
  const commit = store.commit
  store.commit = () => {
    store.rewind(mark)
    return Promise.reject(new Error('full'))
  }

  reader.apply(proofOf(server, { upgradeLength: 2, block: 0, manifest: true }))
  writer.append([block(0)])
  await assert.rejects(writer.commit(), /full/)
  store.commit = commit
  assert.equal(reader.length, 0)
  await reader.commit()

  assert.deepEqual(heard, [])
  assert.equal(reader.announcedLength, 0)
  await upgrade(reader, server)
  assert.equal(reader.announcedLength, 2)
})

test('only whoever has the secret key appends', async () => {
  const server = await openWriter()
  const reader = await openReader(server)

  assert.equal(reader.writable, false)
  assert.throws(() => reader.append([block(0)]), { code: 'NOT_WRITABLE' })
  assert.throws(() => reader.truncate(0), { code: 'NOT_WRITABLE' })
  const other = await openReplica(logIdentity({ key: server.key }), { keyPair: testKeyPair(2) })
  assert.equal(other.writable, false)
})

test('a log of a name is written with the key pair that derives from it', async () => {
  const primaryKey = new Uint8Array(32).fill(5)
  const store = openMemoryStore({ primaryKey })
  const alias = { namespace: new Uint8Array(32), name: 'main' }
  const { deriveKeyPair } = await import('../../src/crypto/derive.ts')
  const keyPair = deriveKeyPair(primaryKey, alias.namespace, alias.name)
  const slot = await store.create(logIdentity({ keyPair, alias }))
  assert.equal(slot.identity.secretKey, undefined)

  const replica = Replica.open(store, slot)

  assert.ok(replica.writable)
  await write(replica, [block(0)])
  assert.equal(replica.announcedLength, 1)
})

// ---- Several signers -------------------------------------------------------------------------------

test('a log of three signers takes an append only with the signatures of two', async () => {
  const signers = [1, 2, 3].map((n) => testKeyPair(n))
  const manifest = encodeManifest(createManifest({ signers }))
  const replica = await openReplica({ manifest, keyPair: testKeyPair(1) })
  const model = new TreeModel(blocks(0, 2), writeU64LE)
  const roots = new NodeSet()
  for (const root of model.roots) roots.push(root.index, root.size, root.hash, 0)
  const tree = { fork: 0, length: 2, roots, rootHash: model.rootHash }
  const authority = { key: replica.key, manifest }
  const parts = [1, 3].map((n) => ({
    signer: n - 1,
    signature: signPart(authority, tree, testKeyPair(n)),
    patch: 0,
  }))

  assert.equal(replica.writable, false)
  assert.throws(() => replica.append(blocks(0, 2)), { code: 'NOT_WRITABLE' })
  const one = encodeMulti(1, parts.slice(0, 1))
  assert.throws(() => replica.append(blocks(0, 2), { signature: one }), { code: 'BAD_SIGNATURE' })
  assert.equal(replica.length, 0)

  replica.append(blocks(0, 2), { signature: encodeMulti(1, parts) })
  await replica.sealed()
  const reader = await openReader(replica)
  await upgrade(reader, replica)
  assert.equal(reader.length, 2)
})
