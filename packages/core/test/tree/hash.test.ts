/** Hashing and growing, in both byte orders, against vectors of all generations. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { writeU64BE, writeU64LE } from '../../src/bytes/integers.ts'
import { byteLengthOf, canPush, lengthOf, pushRoot } from '../../src/tree/grow.ts'
import { LEAF_PREFIX_BYTES, TreeHash } from '../../src/tree/hash.ts'
import { type Node, NodeSet } from '../../src/tree/nodes.ts'
import { vectors } from '../vectors.ts'
import { nodesOf, pattern, TreeModel } from './model.ts'

type Row = [index: number, size: number, hash: string]

interface Hashing {
  leaf: { seed: number; size: number; data: string; hash: string }[]
  parent: { index: number; left: HexNode; right: HexNode; size: number; hash: string }[]
  trees: { length: number; byteLength: number; roots: Row[]; treeHash: string }[]
  nodes16: Row[]
}

interface HexNode {
  index: number
  size: number
  hash: string
}

const littleEndian = new TreeHash(writeU64LE)
const bigEndian = new TreeHash(writeU64BE)

/** The block sizes of the generation 3 vectors. */
const block = (i: number): Uint8Array => pattern(i, (37 * i + 11) % 61)
const blocks = (length: number): Uint8Array[] => Array.from({ length }, (_, i) => block(i))

/** Grows a tree block by block and keeps all nodes. */
function grown(hash: TreeHash, data: readonly Uint8Array[]): { roots: NodeSet; made: NodeSet } {
  const roots = new NodeSet()
  const made = new NodeSet()
  data.forEach((bytes, i) => {
    hash.leaf(bytes)
    made.push(2 * i, bytes.length, hash.result, 0)
    pushRoot(roots, hash, 2 * i, bytes.length, hash.result, 0, made)
  })
  return { roots, made }
}

const row = (n: Node): Row => [n.index, n.size, hex(n.hash)]
const byIndex = (a: Node, b: Node): number => a.index - b.index

test('generation 3: leaf and parent hashes are those of hypercore 11', () => {
  const { leaf, parent } = vectors<Hashing>('gen3-core/hashing')

  for (const { seed, size, hash } of leaf) {
    littleEndian.leaf(pattern(seed, size))
    assert.equal(hex(littleEndian.result), hash)
  }
  for (const { left, right, size, hash } of parent) {
    littleEndian.parent(size, fromHex(left.hash), 0, fromHex(right.hash), 0)
    assert.equal(hex(littleEndian.result), hash)
  }
})

test('generation 3: trees of 43 lengths have the roots and root hashes of hypercore 11', () => {
  const { trees, nodes16 } = vectors<Hashing>('gen3-core/hashing')

  for (const { length, byteLength, roots, treeHash } of trees) {
    const tree = grown(littleEndian, blocks(length))

    assert.deepEqual(nodesOf(tree.roots).map(row), roots)
    assert.equal(byteLengthOf(tree.roots), byteLength)
    assert.equal(lengthOf(tree.roots), length)
    assert.equal(hex(littleEndian.root(tree.roots)), treeHash)
  }
  const { made } = grown(littleEndian, blocks(16))
  assert.deepEqual(nodesOf(made).sort(byIndex).map(row), nodes16)
})

test('generation 2: leaves, parents and states are those of hypercore-crypto 2', () => {
  const crypto = vectors<{
    leaves: { data: string; flatIndex: number; leafHash: string }[]
    parents: { flatIndex: number; size: number; hash: string }[]
    states: { length: number; roots: HexNode[]; treeHash: string }[]
  }>('gen2/crypto')
  const data = crypto.leaves.map((leaf) => fromHex(leaf.data))

  const { made } = grown(bigEndian, data)
  const found = new Map(nodesOf(made).map((n) => [n.index, n]))
  for (const { flatIndex, leafHash } of crypto.leaves) {
    assert.equal(hex(found.get(flatIndex)?.hash ?? utf8('none')), leafHash)
  }
  for (const { flatIndex, size, hash } of crypto.parents) {
    assert.deepEqual(row(found.get(flatIndex) ?? made.at(0)), [flatIndex, size, hash])
  }
  for (const { length, roots, treeHash } of crypto.states) {
    const tree = grown(bigEndian, data.slice(0, length))
    assert.deepEqual(
      nodesOf(tree.roots).map(row),
      roots.map((r): Row => [r.index, r.size, r.hash]),
    )
    assert.equal(hex(bigEndian.root(tree.roots)), treeHash)
  }
})

test('generation 1: each append makes the nodes and the root hash of hypercore 7', () => {
  const { blocks: data, steps } = vectors<{
    blocks: (string | { repeat: string; times: number })[]
    steps: { length: number; byteLength: number; newNodes: HexNode[]; treeHash: string }[]
  }>('gen1/hashes')

  const roots = new NodeSet()
  steps.forEach(({ length, byteLength, newNodes, treeHash }, i) => {
    const made = new NodeSet()
    const given = data[i] ?? ''
    const bytes = fromHex(typeof given === 'string' ? given : given.repeat.repeat(given.times))
    bigEndian.leaf(bytes)
    made.push(2 * i, bytes.length, bigEndian.result, 0)
    pushRoot(roots, bigEndian, 2 * i, bytes.length, bigEndian.result, 0, made)

    assert.deepEqual(
      nodesOf(made).map(row),
      newNodes.map((n): Row => [n.index, n.size, n.hash]),
    )
    assert.equal(lengthOf(roots), length)
    assert.equal(byteLengthOf(roots), byteLength)
    assert.equal(hex(bigEndian.root(roots)), treeHash)
  })
})

test('a leaf hashed in place is the leaf hashed apart, wherever it stands', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 40 }), (bytes, before) => {
      const at = before + LEAF_PREFIX_BYTES
      const staging = new Uint8Array(at + bytes.length + 5).fill(0xee)
      staging.set(bytes, at)

      littleEndian.leaf(bytes)
      const apart = hex(littleEndian.result)
      littleEndian.leafInPlace(staging, at, bytes.length)

      assert.equal(hex(littleEndian.result), apart)
      assert.deepEqual(staging.subarray(at, at + bytes.length), bytes)
      assert.ok(staging.subarray(0, before).every((b) => b === 0xee))
    }),
  )
})

test('a grown tree is the tree by definition, in both byte orders', () => {
  const data = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 70 })

  fc.assert(
    fc.property(data, fc.constantFrom(writeU64LE, writeU64BE), (list, write) => {
      const hash = new TreeHash(write)
      const model = new TreeModel(list, write)
      const { roots, made } = grown(hash, list)

      assert.deepEqual(nodesOf(roots), model.roots)
      assert.deepEqual(nodesOf(made).sort(byIndex), [...model.nodes.values()].sort(byIndex))
      assert.deepEqual(hash.root(roots), model.rootHash)
    }),
  )
})

test('only a node that starts at the end of the roots can be pushed', () => {
  const { roots } = grown(littleEndian, blocks(6))

  for (const index of [12, 13]) assert.equal(canPush(roots, index), true)
  for (const index of [0, 7, 9, 10, 14, 16, 23]) assert.equal(canPush(roots, index), false)
})
