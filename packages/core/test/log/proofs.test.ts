/** Requests, answers and altered answers of hypercore 11. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, equal, fromHex, hex } from '../../src/bytes/bytes.ts'
import { discoveryKey } from '../../src/crypto/keys.ts'
import type { Replica } from '../../src/log/replica.ts'
import { endBlock, fullRoots } from '../../src/tree/flat.ts'
import type { Proof } from '../../src/tree/proof.ts'
import { prove } from '../../src/tree/prove.ts'
import { nodesOf, pattern } from '../tree/model.ts'
import { vectors } from '../vectors.ts'
import { decodeData, decodeRequest, hasUpgradePart } from './messages.ts'
import {
  answer,
  openReader,
  openReplica,
  openWriter,
  proofOf,
  request,
  testKeyPair,
} from './support.ts'

interface Step {
  coreLength: number
  upgrade?: { start: number; length: number }
  block?: { index: number; nodes: number }
  manifest?: boolean
}

interface Expected {
  result: boolean | 'error'
  error?: string
  length: number
  nodes: number[]
  blocks: number[]
}

interface Case {
  about: string
  coreLength: number
  base: Step[]
  request: string
  data?: string
  expect?: Expected
  cannotProduce?: string
}

interface Proofs {
  key: string
  manifest: string
  cores: { length: number; byteLength: number; treeHash: string; signature: string }[]
  cases: Case[]
  corrupt: (Omit<Case, 'request'> & { data: string; expect: Expected })[]
}

const given = vectors<Proofs>('gen3-core/proofs')
const block = (i: number): Uint8Array => pattern(i, 1 + ((37 * i + 11) % 23))

const cores = new Map<number, Promise<Replica>>()

/** The log of the vectors with `length` blocks. */
function core(length: number): Promise<Replica> {
  const known = cores.get(length)
  if (known !== undefined) return known
  const made = openWriter().then(async (replica) => {
    replica.append(Array.from({ length }, (_, i) => block(i)))
    await replica.sealed()
    return replica
  })
  cores.set(length, made)
  return made
}

async function readerAfter(steps: readonly Step[]): Promise<Replica> {
  const reader = await openReader({ key: fromHex(given.key) })
  for (const { coreLength, upgrade, block: wanted, manifest = false } of steps) {
    const server = await core(coreLength)
    const asked = {
      manifest,
      ...(upgrade && { upgradeStart: upgrade.start, upgradeLength: upgrade.length }),
      ...(wanted && { block: wanted.index, nodes: wanted.nodes }),
    }
    assert.equal(reader.apply(proofOf(server, asked)), 'applied')
    await reader.commit()
  }
  return reader
}

/** Everything a replica stores of the first blocks. */
function contents(replica: Replica, length = 128): Expected {
  const nodes: number[] = []
  const blocks: number[] = []
  for (let node = 0; node < 2 * length; node++) {
    if (replica.slot.findNode(node)) nodes.push(node)
  }
  for (let i = 0; i < length; i++) if (replica.has(i)) blocks.push(i)
  return { result: true, length: replica.length, nodes, blocks }
}

function outcome(replica: Replica, proof: Proof): { result: string; error?: unknown } {
  try {
    return { result: replica.apply(proof) }
  } catch (error) {
    return { result: 'error', error }
  }
}

test('the logs of the vectors come out with the signatures of hypercore 11', async () => {
  for (const { length, byteLength, signature } of given.cores) {
    const replica = await core(length)

    assert.equal(hex(replica.key), given.key)
    assert.equal(replica.byteLength, byteLength)
    assert.equal(hex(replica.slot.head.signature ?? EMPTY), signature)
  }
})

test('each request of the vectors is answered with the nodes of hypercore 11, in its order', async () => {
  for (const { about, coreLength, request, data, cannotProduce } of given.cases) {
    const asked = decodeRequest(fromHex(request))
    // "No upgrade" and "an upgrade of no blocks" are one thing in our vocabulary; the wire tells them apart.
    if (hasUpgradePart(fromHex(request)) && asked.upgradeLength === 0) continue
    const server = await core(coreLength)

    const proof = answer(server, asked)

    if (data === undefined) {
      const why = cannotProduce?.startsWith('NOT_AVAILABLE') ? 'unavailable' : 'invalid'
      assert.equal(answer(server, { ...asked, manifest: false }), why, about)
      continue
    }
    assert.ok(typeof proof !== 'string', about)
    const expected = decodeData(fromHex(data))
    for (const list of ['nodes', 'seekNodes', 'upgradeNodes', 'additionalNodes'] as const) {
      assert.deepEqual(nodesOf(proof[list]), nodesOf(expected[list]), `${about}: ${list}`)
    }
    assert.deepEqual(summary(proof), summary(expected), about)
  }
})

function summary(proof: Proof): unknown[] {
  const { fork, claim, index, seekBytes, upgradeStart, upgradeLength } = proof
  const bytes = [proof.value, proof.signature, proof.manifest].map((b) => b && hex(b))
  return [fork, claim, index, seekBytes, upgradeStart, upgradeLength, ...bytes]
}

test('each answer of the vectors leaves a reader with the nodes and blocks that hypercore 11 has then', async () => {
  for (const { about, base, data, expect } of given.cases) {
    if (data === undefined || expect === undefined) continue
    const reader = await readerAfter(base)

    const { result } = outcome(reader, decodeData(fromHex(data)))

    // A proof that leads to no node of ours may yet do so; only its requester knows that he asked for too little.
    assert.equal(result, expect.result === true ? 'applied' : 'later', about)
    const { nodes, blocks, length } = expect
    assert.deepEqual(contents(reader), { result: true, length, nodes, blocks }, about)
    for (const i of blocks) assert.ok(equal(reader.read(i) ?? EMPTY, block(i)), about)
  }
})

/** Altered in the order of the nodes alone, which has no meaning for us: the log comes out as it should. */
const ONLY_ORDER = ['two siblings swapped', 'upgrade: nodes in wrong order']

/** Refused without blame: the sender may be right about a state that we are not in. */
const NOT_YET = ['last sibling missing', 'all siblings missing', 'block index changed']

const CODES: Record<string, string> = {
  INVALID_CHECKSUM: 'BAD_PROOF',
  INVALID_OPERATION: 'BAD_PROOF',
  INVALID_SIGNATURE: 'BAD_SIGNATURE',
}

test('each of the 37 corrupted answers is refused and leaves the reader as it was', async () => {
  assert.equal(given.corrupt.length, 37)
  for (const { about, base, data, expect } of given.corrupt) {
    const reader = await readerAfter(base)
    const before = contents(reader)
    const manifest = reader.manifest

    const { result, error } = outcome(reader, decodeData(fromHex(data)))

    if (ONLY_ORDER.includes(about)) {
      assert.equal(result, 'applied', about)
      assert.ok(contents(reader).nodes.length > before.nodes.length)
      continue
    }
    if (expect.result === true) {
      assert.equal(result, 'applied', about)
      assert.deepEqual(contents(reader).nodes, expect.nodes, about)
      continue
    }
    assert.deepEqual(contents(reader), before, about)
    assert.deepEqual(contents(reader).nodes, expect.nodes, about)
    assert.equal(reader.manifest, manifest, about)
    if (NOT_YET.includes(about)) assert.equal(result, 'later', about)
    else if (expect.result === false) assert.equal(result, 'stale', about)
    else {
      assert.equal(result, 'error', about)
      assert.ok(isRefusal(error, expect.error), `${about}: ${error}`)
    }
  }
})

function isRefusal(error: unknown, stock: string | undefined): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === CODES[stock ?? '']) return true
  // Which of two wrong things is found first is nobody's contract.
  return code === 'BAD_PROOF' || code === 'BAD_SIGNATURE'
}

// ---- Prologues, and heads that are verified from nothing -----------------------------------------

interface Prologue {
  remoteProof: { items: { treeNode: number; blob: string }[] }
  prologue: {
    key: string
    manifest: string
    signatureAt8: string
    cases: {
      about: string
      request: string
      data?: string
      receiverLengthBefore?: number
      cannotProduce?: string
      expect?: { length: number }
    }[]
  }
}

const { prologue, remoteProof } = vectors<Prologue>('gen3-core/seek-prologue')

async function prologueCore(length: number): Promise<Replica> {
  const manifest = fromHex(prologue.manifest)
  const replica = await openReplica({ manifest, keyPair: testKeyPair(1) })
  replica.append(Array.from({ length }, (_, i) => pattern(i, 4)))
  await replica.sealed()
  return replica
}

test('upgrades into a prologue cover it whole, as from hypercore 11', async () => {
  const server = await prologueCore(8)
  assert.equal(hex(server.key), prologue.key)
  assert.equal(hex(server.slot.head.signature ?? EMPTY), prologue.signatureAt8)

  for (const c of prologue.cases) {
    const asked = decodeRequest(fromHex(c.request))
    const proof = answer(server, asked)
    if (c.data === undefined) {
      assert.equal(answer(server, { ...asked, manifest: false }), 'invalid', c.about)
      continue
    }
    assert.ok(typeof proof !== 'string', c.about)
    const expected = decodeData(fromHex(c.data))
    assert.deepEqual(summary(proof), summary(expected), c.about)
    assert.deepEqual(nodesOf(proof.upgradeNodes), nodesOf(expected.upgradeNodes), c.about)
    assert.deepEqual(nodesOf(proof.additionalNodes), nodesOf(expected.additionalNodes), c.about)

    const reader = await openReader(server)
    if (c.receiverLengthBefore !== undefined) {
      const shorter = await prologueCore(c.receiverLengthBefore)
      reader.apply(proofOf(shorter, { upgradeLength: c.receiverLengthBefore, manifest: true }))
    }
    assert.equal(reader.apply(expected), 'applied', c.about)
    assert.equal(reader.length, c.expect?.length, c.about)
  }
})

test('a prologue is appended whole and right, and never cut into', async () => {
  const manifest = fromHex(prologue.manifest)
  const replica = await openReplica({ manifest, keyPair: testKeyPair(1) })
  const blocks = Array.from({ length: 6 }, (_, i) => pattern(i, 4))

  assert.throws(() => replica.append(blocks.slice(0, 1)), { code: 'BAD_ARGUMENT' })
  assert.throws(() => replica.append([...blocks].reverse()), { code: 'BAD_ARGUMENT' })
  assert.equal(replica.length, 0)
  assert.equal(replica.slot.heldBlocks, 0)
  replica.append(blocks)
  replica.truncate(5)
  assert.throws(() => replica.truncate(4), { code: 'BAD_ARGUMENT' })
  assert.equal(replica.length, 5)
})

test('other blocks than those of the prologue are refused, whoever signed them', async () => {
  const server = await openReplica({ keyPair: testKeyPair(1) })
  server.append(Array.from({ length: 8 }, (_, i) => pattern(i + 1, 4)))
  await server.sealed()
  const reader = await openReader({ key: fromHex(prologue.key) })
  const proof = proofOf(server, { upgradeLength: 8 })
  proof.manifest = fromHex(prologue.manifest)

  // It passes over the end of the prologue that it tells of: only the manifest is believed.
  assert.equal(reader.apply(proof), 'applied')
  assert.deepEqual([reader.length, reader.prologueLength], [0, 5])
  assert.throws(() => reader.apply(proof), { code: 'BAD_PROOF' })
  const alone = proofOf(server, { upgradeLength: 5 })
  assert.throws(() => reader.apply(alone), { code: 'BAD_PROOF' })
  assert.deepEqual([reader.length, reader.slot.heldBlocks], [0, 0])
})

test('a peer that does not end its answer at a prologue is asked for the prologue, and then for the rest', async () => {
  const server = await prologueCore(8)
  const reader = await openReader({ key: fromHex(prologue.key) })
  const first = proofOf(server, { upgradeLength: 8 })
  // As from a hypercore 10 that has lost sight of the prologue: the roots of all, and no others.
  prove(request({ upgradeLength: 8 }), server.slot, 8, 0, first)
  first.manifest = fromHex(prologue.manifest)

  assert.equal(reader.apply(first), 'applied')
  assert.deepEqual([reader.length, reader.prologueLength], [0, 5])
  const second = proofOf(server, { upgradeLength: reader.prologueLength })
  assert.equal(reader.apply(second), 'applied')
  assert.equal(reader.length, 8)
})

test('a static log is written without a signature, and read by those who know its manifest', async () => {
  const { manifests } = vectors<{ manifests: { about: string; encoded: string }[] }>(
    'gen3-core/keys-manifests',
  )
  const server = await prologueCore(5)
  const staticLike = manifests.find((m) => m.about.startsWith('v1 static'))
  assert.ok(staticLike)
  // The same form, with the root hash of our five blocks.
  const encoded = Uint8Array.from([
    ...fromHex(staticLike.encoded).subarray(0, 5),
    ...server.generation.hash.root(rootsOf(server)),
    5,
  ])
  const writer = await openReplica({ manifest: encoded })
  const blocks = Array.from({ length: 5 }, (_, i) => pattern(i, 4))

  assert.equal(writer.writable, false)
  assert.throws(() => writer.append(blocks.slice(1)), { code: 'NOT_WRITABLE' })
  assert.throws(() => writer.append([...blocks, pattern(5, 4)]), { code: 'NOT_WRITABLE' })
  assert.throws(() => writer.append([...blocks, pattern(5, 4)], { signature: EMPTY }), {
    code: 'BAD_SIGNATURE',
  })
  writer.append(blocks)
  await writer.sealed()
  const reader = await openReader(writer)
  assert.equal(reader.apply(proofOf(writer, { upgradeLength: 5, manifest: true })), 'applied')
  await reader.sealed()
  assert.equal(reader.announcedLength, 5)
})

function rootsOf(replica: Replica) {
  const proof = proofOf(replica, { upgradeLength: replica.length })
  return proof.upgradeNodes
}

test('a head in a notification is verified with nothing but the key', async () => {
  assert.ok(remoteProof.items.length > 2)
  for (const { treeNode, blob } of remoteProof.items) {
    const bytes = fromHex(blob)
    const reader = await openReader({ key: fromHex(given.key) })
    assert.deepEqual(bytes.subarray(0, 32), discoveryKey(reader.key))

    const proof = decodeData(bytes.subarray(32))

    assert.equal(reader.apply(proof), 'applied')
    assert.equal(reader.length, 8)
    assert.ok(fullRoots(8).every((root) => reader.slot.findNode(root)))
    assert.ok(endBlock(treeNode) <= 8)
  }
})
