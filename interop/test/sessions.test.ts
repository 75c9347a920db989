/**
 * What a log can be beside one signer's: several signers, or none at all. Each goes through stock hypercore 11, and 10
 * where it has that, in both directions.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeyPair, setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import type { Log } from '@dat-rhino/core/log/log'
import { createManifest, encodeManifest } from '@dat-rhino/core/log/manifest'
import { propose, proposeTruncation } from '@dat-rhino/core/log/proposal'
import { prologueOf, staticManifest } from '@dat-rhino/core/log/static'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { fingerprint, randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

const WAIT = { timeoutMs: 30_000 }
setCrypto(sodiumCrypto)
const signer = (n: number): KeyPair => keyPair(new Uint8Array(32).fill(n))
const [anna, bob, cleo] = [signer(1), signer(2), signer(3)]
const signers = [anna, bob, cleo]

async function allOf(log: Log, length: number): Promise<Uint8Array[]> {
  await log.get(length - 1, WAIT)
  const found: Uint8Array[] = []
  for await (const block of log.blocks({ end: length, ...WAIT })) found.push(block)
  return found
}

for (const [version, stockVersion] of [
  [0, 11],
  [1, 11],
  [0, 10],
  [1, 10],
] as const) {
  test(`version ${version}: what two of three signed at other lengths is read by hypercore ${stockVersion}, and from it`, async (t) => {
    const blocks = randomBlocks(23, 0, 300)
    const manifest = createManifest({ version, signers, allowPatch: true })
    const writer = await openNode(t)
    const log = await writer.corestore.get({ manifest: encodeManifest(manifest) })
    const first = propose(log, blocks.slice(0, 7))
    await first.commit([first.sign(anna), first.sign(cleo)])
    const second = propose(log, blocks.slice(7))
    await second.commit([second.sign(bob, 20), second.sign(anna)])
    assert.equal(log.length, 20)

    const stock = await Stock.start(t, stockVersion)
    await stock.do('core', { name: 'log', key: log.key })
    await stock.do('connect', { port: await writer.listen() })
    await stock.do('reach', { name: 'log', length: 20 })
    const theirs = await stock.do('blocks', { name: 'log', start: 0, end: 20 })
    assert.equal(fingerprint(theirs), fingerprint(blocks.slice(0, 20)))

    const reader = await openNode(t)
    const copy = await reader.corestore.get({ key: log.key })
    await reader.connect(await stock.do('listen', {}))
    assert.equal(fingerprint(await allOf(copy, 20)), fingerprint(blocks.slice(0, 20)))
    assert.deepEqual(copy.manifest, log.manifest)

    const cut = proposeTruncation(log, 5)
    await cut.commit([cut.sign(bob), cut.sign(cleo)])
    const third = propose(log, blocks.slice(20))
    await third.commit([third.sign(bob), third.sign(cleo)])
    const rest = [...blocks.slice(0, 5), ...blocks.slice(20)]
    await stock.do('reach', { name: 'log', length: 8, fork: 1 })
    const followed = await stock.do('blocks', { name: 'log', start: 0, end: 8 })
    assert.equal(fingerprint(followed), fingerprint(rest))
  })
}

test('a signature that we put together is taken by a core of hypercore 11, and read from it', async (t) => {
  const blocks = randomBlocks(9, 1, 100, 4)
  const manifest = createManifest({ signers, allowPatch: true })
  const ours = await openNode(t)
  const log = await ours.corestore.get({ manifest: encodeManifest(manifest) })
  const proposal = propose(log, blocks)
  const parts = [proposal.sign(cleo), proposal.sign(anna, 6)]
  const { length, signature } = proposal.assemble(parts)

  const stock = await Stock.start(t)
  const { key } = await stock.do('multisig', {
    name: 'log',
    publicKeys: signers.map(({ publicKey }) => publicKey),
    blocks: blocks.slice(0, length),
    signature,
  })
  await ours.connect(await stock.do('listen', {}))

  assert.deepEqual(new Uint8Array(key), log.key)
  assert.equal(length, 6)
  assert.equal(fingerprint(await allOf(log, 6)), fingerprint(blocks.slice(0, 6)))
})

for (const version of [10, 11] as const) {
  test(`a static log, and one that goes on behind a prologue, are read by hypercore ${version}, and from it`, async (t) => {
    const blocks = randomBlocks(11, 1, 200, 9)
    const fixed = blocks.slice(0, 6)
    const writer = await openNode(t)
    const still = await writer.corestore.get({ manifest: encodeManifest(staticManifest(fixed)) })
    await still.append(fixed)
    const manifest = encodeManifest(
      createManifest({ signers: [anna], prologue: prologueOf(fixed) }),
    )
    const going = await writer.corestore.get({ manifest, keyPair: anna })
    await going.append(fixed)
    await going.append(blocks.slice(6))
    const stock = await Stock.start(t, version)
    const reader = await openNode(t)
    const port = await writer.listen()

    for (const [log, length] of [
      [still, 6],
      [going, 11],
    ] as const) {
      const name = `log ${length}`
      await stock.do('core', { name, key: log.key })
      if (log === still) await stock.do('connect', { port })
      await stock.do('reach', { name, length })
      const theirs = await stock.do('blocks', { name, start: 0, end: length })
      assert.equal(fingerprint(theirs), fingerprint(blocks.slice(0, length)))
    }

    const copies = [still, going].map((log) => reader.corestore.get({ key: log.key }))
    await reader.connect(await stock.do('listen', {}))
    for (const copy of await Promise.all(copies)) {
      const length = copy.discoveryKey[0] === still.discoveryKey[0] ? 6 : 11
      assert.equal(fingerprint(await allOf(copy, length)), fingerprint(blocks.slice(0, length)))
    }
  })
}

test('a manifest of version 2, with what applications put into it, is read by hypercore 11, and from it', async (t) => {
  const blocks = randomBlocks(12, 1, 200, 3)
  const userData = new Uint8Array(40).fill(5)
  const linked = [new Uint8Array(32).fill(8)]
  const manifest = createManifest({ signers: [anna], userData, linked })
  const writer = await openNode(t)
  const log = await writer.corestore.get({ manifest: encodeManifest(manifest), keyPair: anna })
  await log.append(blocks)
  const stock = await Stock.start(t)
  await stock.do('core', { name: 'log', key: log.key })

  await stock.do('connect', { port: await writer.listen() })
  await stock.do('reach', { name: 'log', length: 12 })
  const theirs = await stock.do('blocks', { name: 'log', start: 0, end: 12 })
  const reader = await openNode(t)
  const copy = await reader.corestore.get({ key: log.key })
  await reader.connect(await stock.do('listen', {}))
  const found = await allOf(copy, 12)

  assert.equal(manifest.version, 2)
  assert.equal(fingerprint(theirs), fingerprint(blocks))
  assert.equal(fingerprint(found), fingerprint(blocks))
  assert.deepEqual([copy.manifest?.userData, copy.manifest?.linked], [userData, linked])
})
