import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, hex, utf8 } from '../../src/bytes/bytes.ts'
import { writeU64LE } from '../../src/bytes/integers.ts'
import { gen3, signPart } from '../../src/log/gen3.ts'
import { logIdentity } from '../../src/log/identity.ts'
import { createManifest, encodeManifest } from '../../src/log/manifest.ts'
import { encodeMulti } from '../../src/log/multisig.ts'
import { Replica, type ReplicaEvents } from '../../src/log/replica.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { NodeSet } from '../../src/tree/nodes.ts'
import { pattern, TreeModel } from '../tree/model.ts'
import {
  answer,
  fetchBlock,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'

const block = (i: number): Uint8Array => pattern(i, (37 * i + 11) % 61)
const blocks = (start: number, end: number): Uint8Array[] =>
  Array.from({ length: end - start }, (_, i) => block(start + i))

/** Everything that a replica tells, as text. */
function listen(replica: Replica): string[] {
  const heard: string[] = []
  const names: (keyof ReplicaEvents)[] = [
    'append',
    'truncate',
    'manifest',
    'clear',
    'held',
    'announced',
    'conflict',
    'closed',
  ]
  for (const name of names) {
    replica.events.on(name, (event) => {
      heard.push([name, ...Object.values(event)].join(' '))
    })
  }
  return heard
}

// ---- Appending -----------------------------------------------------------------------------------

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

const isSigned = (replica: Replica): boolean => replica.slot.head.signature !== undefined

// ---- Signing and announcing ----------------------------------------------------------------------

test('a head is signed when somebody can see it, and shown when it is signed and synced', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const replica = await openWriter({ store })
  const heard = listen(replica)

  replica.append([block(0)])
  await replica.commit()
  assert.ok(!isSigned(replica))
  assert.equal(replica.announcedLength, 0)
  assert.equal(answer(replica, { block: 0 }), 'unavailable')
  assert.equal(answer(replica, { upgradeLength: 1 }), 'invalid')

  await replica.sealed()
  assert.ok(isSigned(replica))
  assert.equal(replica.announcedLength, 1)
  assert.equal(heard.filter((h) => h === 'announced 1 0').length, 1)
  assert.ok(typeof answer(replica, { upgradeLength: 1, block: 0 }) !== 'string')
})

test('with an eager signature each append is signed, and shown by the sync that comes anyway', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const replica = await openWriter({ store, eagerSignature: true })

  replica.append([block(0)])
  assert.equal(replica.slot.head.signature?.length, 68)
  await replica.commit()
  assert.equal(replica.announcedLength, 0)
  replica.append([block(1)])
  await replica.commit()
  replica.append([block(2)])
  assert.equal(replica.announcedLength, 0)
  await store.sync()

  assert.equal(replica.announcedLength, 2, 'the newest that is synced, not the newest')
  const reader = await openReader(replica)
  await upgrade(reader, replica)
  assert.equal(reader.length, 2)
})

test('without the secret key in the store every append is signed at once', async () => {
  const keyPair = testKeyPair(1)
  const { manifest, key } = logIdentity({ keyPair })
  assert.ok(manifest)
  const replica = await openReplica({ manifest, key }, { keyPair })

  replica.append([block(0)])

  assert.equal(replica.slot.head.signature?.length, 68)
})

test('a reader shows a head and blocks only when they are synced here', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 4))
  const store = openMemoryStore({ syncByHand: true })
  const reader = await openReader(server, { store })

  await upgrade(reader, server)
  await fetchBlock(reader, server, 2)
  assert.equal(reader.length, 4)
  assert.equal(reader.announcedLength, 0)
  assert.ok(reader.has(2) && !reader.isDurable(2))
  await store.sync()

  assert.equal(reader.announcedLength, 4)
  assert.ok(reader.isDurable(2) && !reader.isDurable(1))
  assert.ok(typeof answer(reader, { block: 2, nodes: 2 }) !== 'string')
  assert.equal(answer(reader, { block: 1, nodes: 2 }), 'unavailable')
})

test('an unsigned head that a crash left behind is signed when the log is opened again', async () => {
  const store = openMemoryStore()
  const replica = await openWriter({ store })
  replica.append(blocks(0, 2))
  await replica.commit()

  const again = Replica.open(store, replica.slot)
  assert.equal(again.announcedLength, 0)
  await again.sealed()

  assert.equal(again.announcedLength, 2)
  const reader = await openReader(again)
  await upgrade(reader, again)
  assert.equal(reader.length, 2)
})

test('closing signs what was appended', async () => {
  const replica = await openWriter()
  const heard = listen(replica)
  replica.append([block(0)])

  await replica.close()

  assert.equal(replica.slot.head.signature?.length, 68)
  assert.equal(heard.at(-1), 'closed ')
  assert.throws(() => replica.append([block(1)]), { code: 'CLOSED' })
})

test('while appends go on without end a head is shown all the same', async () => {
  const replica = await openWriter()
  replica.append([block(0)])
  let isSealed = false
  const sealed = replica.sealed().then(() => {
    isSealed = true
  })

  for (let i = 1; i < 500 && !isSealed; i++) {
    replica.append([block(i)])
    await replica.commit()
  }

  await sealed
  assert.ok(replica.announcedLength >= 1 && replica.length < 500)
})

// ---- Several signers -----------------------------------------------------------------------------

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

// ---- Manifests -----------------------------------------------------------------------------------

test('a manifest is learnt alone, once, and only the one that the key was made of', async () => {
  const server = await openWriter()
  const reader = await openReader(server)
  const heard = listen(reader)
  const alone = proofOf(server, { manifest: true })
  const wrong = proofOf(server, { manifest: true })
  wrong.manifest = encodeManifest(createManifest({ signers: [testKeyPair(2)] }))

  assert.throws(() => reader.apply(wrong), { code: 'BAD_SIGNATURE' })
  wrong.manifest = Uint8Array.of(9)
  assert.throws(() => reader.apply(wrong), { code: 'BAD_SIGNATURE' })
  assert.equal(reader.manifest, undefined)
  assert.equal(reader.apply(alone), 'applied')
  assert.equal(reader.apply(alone), 'stale')
  await reader.commit()

  assert.deepEqual(reader.manifest, server.manifest)
  assert.deepEqual(heard, ['manifest'])
})

test('a compat log has no manifest to send, and needs none', async () => {
  const keyPair = testKeyPair(1)
  const server = await openReplica({ key: keyPair.publicKey, keyPair })
  await write(server, blocks(0, 2))
  assert.equal(server.slot.head.signature?.length, 64)

  const proof = proofOf(server, { upgradeLength: 2, manifest: true })
  assert.equal(proof.manifest, undefined)
  const reader = await openReader(server)
  await upgrade(reader, server)

  assert.equal(reader.length, 2)
  assert.ok(reader.compat)
})

test('a request that is refused is answered with the manifest if that is asked for', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 2))

  assert.equal(answer(server, { block: 9 }), 'unavailable')
  const proof = answer(server, { block: 9, manifest: true })

  assert.ok(typeof proof !== 'string')
  assert.ok(proof.manifest)
  assert.equal(proof.claim, 0)
})

// ---- Reading and holding -------------------------------------------------------------------------

test('clearing drops blocks and never a node by which what remains is proved', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 13))
  const heard = listen(server)

  server.clear(5, 9)
  server.clear(3, 4)
  await server.commit()

  assert.deepEqual(heard, ['clear 5 4', 'clear 3 1'])
  assert.equal(server.slot.heldBlocks, 8)
  const reader = await openReader(server)
  await upgrade(reader, server)
  for (const i of [0, 1, 2, 4, 9, 10, 11, 12]) {
    await fetchBlock(reader, server, i)
    assert.deepEqual(reader.read(i), block(i))
  }
  for (const i of [3, 5, 8]) assert.equal(answer(server, { block: i, nodes: 3 }), 'unavailable')
})

test('a cleared block is fetched again with its hash alone', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 8))
  const reader = await openReader(server)
  await upgrade(reader, server)
  await fetchBlock(reader, server, 5)
  reader.clear(5, 6)

  assert.equal(reader.missingNodes(10), 0)
  reader.apply(proofOf(server, { block: 5 }))

  assert.deepEqual(reader.read(5), block(5))
})

test('the nodes to ask for lead to the nearest stored ancestor, or to one that is on its way', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 13))
  const reader = await openReader(server)
  await upgrade(reader, server)

  assert.equal(reader.missingNodes(0), 3)
  assert.equal(reader.missingNodes(16), 2)
  assert.equal(reader.missingNodes(24), 0)
  assert.equal(reader.missingNodes(7), 0)
  assert.equal(reader.missingNodes(26), 0, 'beyond the length')
  assert.equal(
    reader.missingNodes(0, (node) => node === 1),
    1,
  )
  await fetchBlock(reader, server, 2)
  assert.equal(reader.missingNodes(0), 1)
  assert.equal(reader.missingNodes(10), 2)
})

test('byte offsets and seeks work on what is here, and say what is not', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 13))
  const reader = await openReader(server)
  await upgrade(reader, server)

  assert.equal(reader.byteOffset(13), server.byteLength)
  assert.equal(reader.byteOffset(3), undefined)
  assert.deepEqual(reader.seekLocal(1, 0), { kind: 'range', start: 0, end: 8 })
  await fetchBlock(reader, server, 3)
  assert.equal(
    reader.byteOffset(3),
    blocks(0, 3).reduce((sum, b) => sum + b.length, 0),
  )
  assert.equal(reader.blockBytes(3), block(3).length)
  assert.equal(reader.blockBytes(0), undefined)
})

test('an upgrade is proved from a length whose roots are here', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 13))
  const reader = await openReader(server)
  await upgrade(reader, server)

  assert.ok(server.canProveUpgradeFrom(6) && server.canProveUpgradeFrom(0))
  assert.ok(!server.canProveUpgradeFrom(13) && !server.canProveUpgradeFrom(14))
  assert.ok(reader.canProveUpgradeFrom(8) && !reader.canProveUpgradeFrom(6))
})

test('a block that is held already changes nothing when it comes again', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 4))
  const reader = await openReader(server)
  await upgrade(reader, server)
  await fetchBlock(reader, server, 1)
  const address = reader.slot.addressOf(1)
  const heard = listen(reader)

  assert.equal(reader.apply(proofOf(server, { block: 1, nodes: 2 })), 'applied')
  await reader.commit()

  assert.equal(reader.slot.addressOf(1), address)
  assert.deepEqual(heard, [])
})

test('answers that come in any order and overlap are all taken', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 8))
  const reader = await openReader(server)
  await upgrade(reader, server)
  // Planned together: block 0 leads to the root, 1 and 3 count on what 0 brings.
  const zero = proofOf(server, { block: 0, nodes: 3 })
  const one = proofOf(server, { block: 1, nodes: 0 })
  const three = proofOf(server, { block: 3, nodes: 1 })
  const again = proofOf(server, { block: 1, nodes: 3 })

  assert.equal(reader.apply(three), 'later')
  assert.equal(reader.apply(one), 'later')
  assert.equal(reader.apply(zero), 'applied')
  assert.equal(reader.apply(one), 'applied')
  assert.equal(reader.apply(again), 'applied')
  assert.equal(reader.apply(three), 'applied')
  assert.deepEqual(
    [0, 1, 3].map((i) => hex(reader.read(i) ?? EMPTY)),
    [0, 1, 3].map((i) => hex(block(i))),
  )
})

test('an upgrade that was asked from a length left since does no harm', async () => {
  const server = await openWriter()
  await write(server, blocks(0, 5))
  const reader = await openReader(server)
  const toFive = proofOf(server, { upgradeLength: 5, manifest: true })
  await write(server, blocks(5, 9))
  await upgrade(reader, server)
  const fromNine = reader.slot.head

  assert.equal(reader.apply(toFive), 'stale')
  assert.deepEqual(reader.slot.head, fromNine)
  await write(server, blocks(9, 12))
  await upgrade(reader, server)
  assert.equal(reader.length, 12)
})

test('the user data of a log is its own, and lasts', async () => {
  const replica = await openWriter()
  replica.setUserData('note', utf8('x'))
  await replica.commit()

  assert.deepEqual(replica.slot.userData('note'), utf8('x'))
  replica.setUserData('note', undefined)
  assert.equal(replica.slot.userData('note'), undefined)
})
