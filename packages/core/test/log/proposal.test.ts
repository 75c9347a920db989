/** Logs of several signers, and logs of none. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { Log } from '../../src/log/log.ts'
import { createManifest, encodeManifest, type ManifestInput } from '../../src/log/manifest.ts'
import {
  type Cosignature,
  decodeCosignature,
  encodeCosignature,
  type Proposal,
  propose,
  proposeTruncation,
} from '../../src/log/proposal.ts'
import type { Replica } from '../../src/log/replica.ts'
import { prologueOf, staticManifest } from '../../src/log/static.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { pattern } from '../tree/model.ts'
import { fetchBlock, openReader, openReplica, proofOf, testKeyPair, upgrade } from './support.ts'
import { checkTruth } from './truth.ts'

const block = (i: number): Uint8Array => pattern(i, 1 + ((37 * i) % 23))
const blocks = (start: number, end: number): Uint8Array[] =>
  Array.from({ length: end - start }, (_, i) => block(start + i))

const signers = [1, 2, 3].map((n) => testKeyPair(n))

async function sharedLog(more: Omit<ManifestInput, 'signers'> = {}): Promise<Log> {
  const manifest = encodeManifest(createManifest({ signers, ...more }))
  return new Log(await openReplica({ manifest }))
}

const partOf = (proposal: Proposal, signer: number, length?: number): Cosignature =>
  proposal.sign(testKeyPair(signer + 1), length)

// ---- Several signers -----------------------------------------------------------------------------

test('signers who each have the log sign the same blocks apart, and whoever collects the parts appends them', async () => {
  for (const version of [0, 1, 2] as const) {
    const logs = await Promise.all([0, 1, 2].map(() => sharedLog({ version })))
    const [first, second, third] = logs
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    const sent = [first, third].map((log) => {
      const signer = log === first ? 0 : 2
      return encodeCosignature(partOf(propose(log, blocks(0, 5)), signer))
    })

    const parts = sent.map(decodeCosignature)
    const made = await propose(second, blocks(0, 5)).commit(parts)

    assert.equal(made.length, 5)
    const reader = await openReader(second)
    await second.flush()
    await upgrade(reader, second.replica)
    await fetchBlock(reader, second.replica, 3)
    checkTruth(reader, blocks(0, 5))
  }
})

test('too few parts, parts of strangers and parts over something else are refused, and nothing is stored', async () => {
  const log = await sharedLog()
  const proposal = propose(log, blocks(0, 4))
  const good = partOf(proposal, 1)
  const other = partOf(propose(await sharedLog(), blocks(1, 5)), 0)
  const elsewhere = partOf(propose(await sharedLog({ userData: utf8('x') }), blocks(0, 4)), 0)

  await assert.rejects(proposal.commit([]), { code: 'NOT_WRITABLE' })
  await assert.rejects(proposal.commit([good, good]), { code: 'NOT_WRITABLE' })
  await assert.rejects(proposal.commit([good, partOf(proposal, 0, 3)]), { code: 'NOT_WRITABLE' })
  for (const wrong of [
    other,
    elsewhere,
    { ...good, signer: 0 },
    { ...good, signer: 9 },
    { ...good, length: 3 },
    { ...good, length: 2 ** 40 },
    { ...good, fork: 1 },
  ]) {
    assert.equal(proposal.accepts(wrong), false)
    await assert.rejects(proposal.commit([good, wrong]), { code: 'BAD_SIGNATURE' })
  }
  assert.throws(() => proposal.sign(testKeyPair(4)), { code: 'NOT_WRITABLE' })
  for (const length of [0, 5, 1.5]) {
    assert.throws(() => partOf(proposal, 0, length), { code: 'BAD_ARGUMENT' })
  }
  assert.throws(() => decodeCosignature(encodeCosignature(good).subarray(1)), { code: 'BAD_FRAME' })
  assert.deepEqual([log.length, log.replica.slot.heldBlocks], [0, 0])
})

test('without patches the log grows to the longest length that a quorum has signed as such', async () => {
  const log = await sharedLog()
  const proposal = propose(log, blocks(0, 6))
  const parts = [partOf(proposal, 0, 6), partOf(proposal, 1, 3), partOf(proposal, 2, 3)]

  assert.equal(proposal.assemble(parts).length, 3)
  assert.equal(proposal.assemble([...parts, partOf(proposal, 1, 6)]).length, 6)
})

test('with patches the log grows to what a quorum has reached, whatever each has signed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1),
      fc.integer({ min: 0, max: 12 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 3, maxLength: 3 }),
      async (version, before, lengths) => {
        const log = await sharedLog({ version: version === 0 ? 0 : 1, allowPatch: true })
        if (before > 0) {
          const first = propose(log, blocks(0, before))
          await first.commit([partOf(first, 0), partOf(first, 2)])
        }
        const proposal = propose(log, blocks(before, before + 20))
        const parts = lengths.map((more, signer) => partOf(proposal, signer, before + more))

        const made = await proposal.commit(parts)

        const [, middle = 0] = lengths.sort((a, b) => b - a)
        assert.equal(made.length, before + middle)
        checkTruth(log.replica, blocks(0, before + 20))
        await log.flush()
        const reader = await openReader(log)
        await upgrade(reader, log.replica)
        assert.equal(reader.length, made.length)
      },
    ),
    { numRuns: 60 },
  )
})

test('a proposal is for one place: a log that has moved takes it no more', async () => {
  const log = await sharedLog()
  const proposal = propose(log, blocks(0, 2))
  const parts = [partOf(proposal, 0), partOf(proposal, 1)]
  await proposal.commit(parts)

  await assert.rejects(proposal.commit(parts), { code: 'CONFLICT' })
  assert.equal(log.length, 2)
})

test('what signers cut off together is cut, and the log goes on behind it', async () => {
  for (const allowPatch of [false, true]) {
    const logs = await Promise.all([0, 1].map(() => sharedLog({ allowPatch })))
    const [log, other] = logs
    assert.ok(log !== undefined && other !== undefined)
    for (const each of logs) {
      const first = propose(each, blocks(0, 9))
      await first.commit([partOf(first, 0), partOf(first, 1)])
    }

    const cut = proposeTruncation(log, 4)
    const part = partOf(cut, 0)
    const theirs = partOf(proposeTruncation(other, 4), 2)
    await assert.rejects(cut.commit([part]), { code: 'NOT_WRITABLE' })
    await assert.rejects(cut.commit([part, partOf(proposeTruncation(other, 5), 1)]), {
      code: 'BAD_SIGNATURE',
    })
    assert.deepEqual([log.length, log.fork], [9, 0])
    const { length } = await cut.commit([part, theirs])

    assert.deepEqual([length, log.length, log.fork], [4, 4, 1])
    const next = propose(log, blocks(4, 6))
    await next.commit([partOf(next, 1), partOf(next, 2)])
    checkTruth(log.replica, blocks(0, 6))
    await log.flush()
    const reader = await openReader(log)
    assert.throws(() => proposeTruncation(log, 6), { code: 'BAD_ARGUMENT' })
    await followFork(reader, log.replica)
    assert.deepEqual([reader.length, reader.fork], [6, 1])
    const empty = proposeTruncation(log, 0)
    await empty.commit([partOf(empty, 0), partOf(empty, 1)])
    assert.deepEqual([log.length, log.fork], [0, 2])
  }
})

/** Brings a reader that has nothing yet to the fork of another replica. */
async function followFork(reader: Replica, server: Replica): Promise<void> {
  const { fork, announcedLength } = server
  const all = { fork, upgradeStart: 0, upgradeLength: announcedLength, manifest: true }
  const reorg = reader.verifyReorg(proofOf(server, all))
  assert.ok(reorg.done && reorg.apply())
  await reader.commit()
}

test('a quorum of one needs no proposal, and can use one', async () => {
  for (const version of [0, 1] as const) {
    const log = await sharedLog({ version, quorum: 1, allowPatch: true })
    const proposal = propose(log, blocks(0, 3))
    await proposal.commit([partOf(proposal, 2)])
    assert.equal(log.length, 3)
  }
  const manifest = encodeManifest(createManifest({ version: 0, signers: signers.slice(0, 1) }))
  const sole = new Log(await openReplica({ manifest }))
  const proposal = propose(sole, blocks(0, 3))
  await proposal.commit([partOf(proposal, 0)])
  assert.equal(sole.replica.slot.head.signature?.length, 64)
})

test('what can not be proposed says why', async () => {
  const log = await sharedLog()
  const encrypted = log.session({ encryptionKey: new Uint8Array(32) })
  const compat = new Log(
    await openReplica({ key: testKeyPair().publicKey, keyPair: testKeyPair() }),
  )

  assert.throws(() => propose(encrypted, blocks(0, 1)), { code: 'UNSUPPORTED' })
  assert.throws(() => propose(compat, blocks(0, 1)), { code: 'UNSUPPORTED' })
  assert.throws(() => propose(log, []), { code: 'BAD_ARGUMENT' })
  await assert.rejects(log.append(block(0)), { code: 'NOT_WRITABLE' })
})

// ---- No signer -----------------------------------------------------------------------------------

test('a static log is made from its blocks alone, takes no others, and needs no signature to be read', async () => {
  const fixed = blocks(0, 5)
  const manifest = encodeManifest(staticManifest(fixed))
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const log = await corestore.get({ manifest })

  await assert.rejects(log.append(fixed.slice(0, 4)), { code: 'NOT_WRITABLE' })
  await assert.rejects(log.append(blocks(1, 6)), { code: 'BAD_ARGUMENT' })
  assert.equal(log.length, 0)
  await log.append(fixed)
  await log.flush()

  await assert.rejects(log.append(block(5)), { code: 'NOT_WRITABLE' })
  await assert.rejects(log.truncate(4), { code: 'NOT_WRITABLE' })
  assert.equal(log.replica.slot.head.signature, undefined)
  const reader = await openReader(log)
  await upgrade(reader, log.replica)
  await fetchBlock(reader, log.replica, 4)
  checkTruth(reader, fixed)
  assert.deepEqual((await new Log(reader).audit()).head, 'signed')
  assert.throws(() => staticManifest([]), { code: 'BAD_ARGUMENT' })
  await corestore.close()
})

test('a log with a prologue goes on with signatures behind it', async () => {
  const prologue = prologueOf(blocks(0, 3))
  const log = await sharedLog({ prologue })
  assert.throws(() => propose(log, blocks(1, 6)).assemble([]), { code: 'NOT_WRITABLE' })

  await log.append(blocks(0, 3))
  const proposal = propose(log, blocks(3, 5))
  await proposal.commit([partOf(proposal, 0), partOf(proposal, 1)])

  await log.flush()
  const reader = await openReader(log)
  await upgrade(reader, log.replica)
  assert.equal(reader.length, 5)
  await assert.rejects(log.truncate(2), { code: 'NOT_WRITABLE' })
})
