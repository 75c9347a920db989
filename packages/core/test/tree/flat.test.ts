/** Flat-tree arithmetic, against vectors and slow definitions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  blocksBelow,
  contains,
  depthOf,
  endBlock,
  firstBlock,
  fullRoots,
  isLeft,
  leftChild,
  nodeOf,
  parentOf,
  rightChild,
  siblingOf,
  tileOf,
  tiles,
} from '../../src/tree/flat.ts'
import { vectors } from '../vectors.ts'
import { fullRootsByDefinition } from './model.ts'

interface FlatTree {
  flatTree: {
    fullRoots: { length: number; roots: number[] }[]
    nodes: {
      index: number
      depth: number
      offset: number
      parent: number
      sibling: number
      children: [number, number] | null
      span: [number, number]
      leaves: number
    }[]
    patch: { from: number; to: number; nodes: number[] }[]
  }
}

const LENGTH_MAX = 2 ** 51
const node = fc.tuple(fc.integer({ min: 0, max: 50 }), fc.maxSafeNat()).map(([depth, n]) => {
  const offset = n % 2 ** (51 - depth)
  return { depth, offset, index: (1 + 2 * offset) * 2 ** depth - 1 }
})

/** Each node, then the parents that it completes. */
const withParents = (nodes: readonly number[]): number[] =>
  nodes.flatMap((node) => {
    const list = [node]
    for (let up = node; !isLeft(up); ) {
      up = parentOf(up)
      list.push(up)
    }
    return list
  })

const checkRoots = (length: number): void =>
  assert.deepEqual(fullRoots(length), fullRootsByDefinition(length))

test('full roots: hand-made cases, and every length that ever failed', () => {
  for (const length of [0, 1, 2, 3, 7, 8, 9, 2 ** 31, 2 ** 32 + 1, 2 ** 40 + 1]) checkRoots(length)
})

test('full roots: any length agrees with the definition', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: LENGTH_MAX }), checkRoots))
})

test('full roots, nodes and upgrade tiles are those of the vectors', () => {
  const { flatTree } = vectors<FlatTree>('gen3-core/hashing')

  for (const { length, roots } of flatTree.fullRoots) assert.deepEqual(fullRoots(length), roots)
  for (const { from, to, nodes } of flatTree.patch) {
    assert.deepEqual(withParents(tiles(from / 2, to / 2)), nodes)
  }
  for (const n of flatTree.nodes) {
    assert.equal(depthOf(n.index), n.depth)
    assert.equal(parentOf(n.index), n.parent)
    assert.equal(siblingOf(n.index), n.sibling)
    assert.equal(blocksBelow(n.index), n.leaves)
    assert.deepEqual([2 * firstBlock(n.index), 2 * endBlock(n.index) - 2], n.span)
    if (n.children !== null) {
      assert.deepEqual([leftChild(n.index), rightChild(n.index)], n.children)
    }
  }
})

test('a node is where its depth and offset put it, up to 2^53', () => {
  fc.assert(
    fc.property(node, ({ depth, offset, index }) => {
      const at = (d: number, o: number): number => (1 + 2 * o) * 2 ** d - 1

      assert.equal(depthOf(index), depth)
      assert.equal(blocksBelow(index), 2 ** depth)
      assert.equal(firstBlock(index), offset * 2 ** depth)
      assert.equal(endBlock(index), (offset + 1) * 2 ** depth)
      assert.equal(isLeft(index), offset % 2 === 0)
      assert.equal(siblingOf(index), at(depth, offset % 2 === 0 ? offset + 1 : offset - 1))
      assert.equal(parentOf(index), at(depth + 1, Math.floor(offset / 2)))
      assert.equal(nodeOf(firstBlock(index), blocksBelow(index)), index)
    }),
  )
})

test('children come back to their parent, and lie below it', () => {
  fc.assert(
    fc.property(
      node.filter((n) => n.depth > 0),
      ({ index }) => {
        for (const child of [leftChild(index), rightChild(index)]) {
          assert.equal(parentOf(child), index)
          assert.ok(contains(index, child))
          assert.ok(!contains(child, index))
        }
        assert.equal(siblingOf(leftChild(index)), rightChild(index))
      },
    ),
  )
})

test('tiles cover a range once, are as large as can be, and any block is in its own', () => {
  const range = fc
    .tuple(fc.nat({ max: 300 }), fc.nat({ max: 300 }))
    .map(([start, length]) => ({ start, end: start + length }))

  fc.assert(
    fc.property(range, ({ start, end }) => {
      let at = start
      for (const tile of tiles(start, end)) {
        assert.equal(firstBlock(tile), at)
        for (; at < endBlock(tile); at++) assert.equal(tileOf(at, start, end), tile)
        const parent = parentOf(tile)
        assert.ok(firstBlock(parent) < start || endBlock(parent) > end, 'a larger tile would fit')
      }
      assert.equal(at, end)
    }),
  )
})
