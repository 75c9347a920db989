/** What a replica learns, holds, drops and proves. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, hex, utf8 } from '../../src/bytes/bytes.ts'
import { createManifest, encodeManifest } from '../../src/log/manifest.ts'
import {
  answer,
  block,
  blocks,
  fetchBlock,
  listen,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  testKeyPair,
  upgrade,
  write,
} from './support.ts'

// ---- Manifests -------------------------------------------------------------------------------------

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

// ---- Reading and holding ---------------------------------------------------------------------------

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
