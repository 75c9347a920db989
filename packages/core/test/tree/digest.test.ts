/** Digests and proofs of generations 1 and 2. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { READER_NODES_MAX } from '../../src/base/limits.ts'
import {
  digestOf,
  type HeldNodes,
  proveByDigest,
  ReaderMemory,
  verifiedBy,
} from '../../src/tree/digest.ts'
import { endBlock } from '../../src/tree/flat.ts'
import { vectors } from '../vectors.ts'

interface ProofCase {
  block: number
  digest: number
}

interface TreeIndex {
  digests: { treeBits: number[]; block: number; digest: number }[]
  proofs: (ProofCase & {
    serverLength: number
    knownAboutRemote: number[]
    hash: boolean
    nodes: number[]
    verifiedByLength: number
  })[]
  sparseServers: (ProofCase & {
    serverTreeBits: number[]
    proof: { nodes: number[]; verifiedByLength: number } | null
  })[]
}

interface Generation1 {
  cases: (ProofCase & {
    length: number
    hash: boolean
    localNodes: number[]
    proofNodes: number[]
    includesSignature: boolean
    verifiedByNode: number
  })[]
}

const holding = (nodes: readonly number[]): HeldNodes => {
  const set = new Set(nodes)
  return { findNode: (index) => set.has(index) }
}

/** The answer to a digest: nodes in order, and the length whose signature goes along. */
function prove(
  held: HeldNodes,
  reader: ReaderMemory,
  block: number,
  digest: number,
  wantsHash: boolean,
): { nodes: number[]; signedLength: number } | undefined {
  const nodes: number[] = []
  const signedLength = proveByDigest(held, reader, block, digest, wantsHash, nodes)
  return signedLength < 0 ? undefined : { nodes, signedLength }
}

/** A server that holds all of a log of `length` blocks. */
const full = (length: number): HeldNodes => ({ findNode: (index) => endBlock(index) <= length })

test('generation 2: the digest of what a reader holds is that of hypercore 9', () => {
  const { digests } = vectors<TreeIndex>('gen2/tree-index')

  assert.equal(digests.length, 148)
  for (const { treeBits, block, digest } of digests) {
    assert.equal(digestOf(holding(treeBits), block), digest, `block ${block} of ${treeBits}`)
  }
})

test('generation 2: a full server answers a digest with the nodes of hypercore 9, in its order', () => {
  const { proofs } = vectors<TreeIndex>('gen2/tree-index')

  for (const c of proofs) {
    const held = full(c.serverLength)
    const reader = new ReaderMemory()
    for (const node of c.knownAboutRemote) reader.mark(node, held)

    const proof = prove(held, reader, c.block, c.digest, c.hash)

    assert.deepEqual(proof, { nodes: c.nodes, signedLength: c.verifiedByLength }, JSON.stringify(c))
  }
})

test('generation 2: a sparse server proves the length that its nodes imply, or nothing', () => {
  const { sparseServers } = vectors<TreeIndex>('gen2/tree-index')

  for (const c of sparseServers) {
    const held = holding(c.serverTreeBits)
    const proof = prove(held, new ReaderMemory(), c.block, c.digest, false)

    const expected = c.proof && { nodes: c.proof.nodes, signedLength: c.proof.verifiedByLength }
    assert.deepEqual(proof ?? null, expected, JSON.stringify(c))
  }
})

test('generation 1: digests and the answers of a full feed are those of hypercore 7', () => {
  const { cases } = vectors<Generation1>('gen1/proofs')

  assert.equal(cases.length, 27)
  for (const c of cases) {
    const digest = digestOf(holding(c.localNodes), c.block)
    const proof = prove(full(c.length), new ReaderMemory(), c.block, digest, c.hash)

    assert.equal(digest, c.digest)
    assert.deepEqual(proof?.nodes, c.proofNodes)
    assert.equal((proof?.signedLength ?? 0) > 0, c.includesSignature)
  }
})

test('the length that a full tree presents is its own, from every node', () => {
  for (let length = 1; length <= 40; length++) {
    for (let block = 0; block < length; block++) {
      assert.equal(verifiedBy(full(length), 2 * block), length)
    }
  }
})

test('what is remembered of a reader is bounded, and forgetting it costs nodes but no answer', () => {
  const held = full(2 ** 40)
  const reader = new ReaderMemory()
  let block = 0
  let most = 0
  // One digest that names three held nodes on the way up from each block.
  while (most < READER_NODES_MAX) {
    prove(held, reader, block, 0b1110, false)
    block += 64
    most = Math.max(most, reader.size)
    assert.ok(reader.size < READER_NODES_MAX + 64)
  }

  const answer = prove(held, reader, block, 0b1110, false)

  assert.ok(reader.size < 64)
  assert.deepEqual(answer, prove(held, new ReaderMemory(), block, 0b1110, false))
})
