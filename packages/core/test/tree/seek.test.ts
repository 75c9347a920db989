/** From bytes to blocks and back. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeU64LE } from '../../src/bytes/integers.ts'
import { byteOffset, type SeekResult, seek } from '../../src/tree/seek.ts'
import { vectors } from '../vectors.ts'
import { pattern, TreeModel } from './model.ts'

interface Seeks {
  seeks: { blockSizes: number[]; byteLength: number; results: ([number, number] | null)[] }[]
}

const treeOf = (sizes: readonly number[]): TreeModel =>
  new TreeModel(
    sizes.map((size, i) => pattern(i, size)),
    writeU64LE,
  )

const asPair = (found: SeekResult): [number, number] | null => {
  assert.notEqual(found.kind, 'range')
  return found.kind === 'found' ? [found.index, found.offset] : null
}

test('every byte of the vectors is found in the block where hypercore 11 finds it', () => {
  for (const { blockSizes, results } of vectors<Seeks>('gen3-core/seek-prologue').seeks) {
    const tree = treeOf(blockSizes)

    results.forEach((expected, byte) => {
      assert.deepEqual(asPair(seek(tree, blockSizes.length, byte, 0)), expected)
    })
  }
})

test('a byte offset is the sum of the blocks before, whichever of the two children are known', () => {
  const sizes = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 40 })

  fc.assert(
    fc.property(sizes, fc.nat(), fc.boolean(), (list, pick, dropsLeft) => {
      const tree = treeOf(list)
      const index = pick % (list.length + 1)
      // Half of the children follow from their parent and the other half.
      for (const node of [...tree.nodes.keys()]) {
        if (node % 4 === (dropsLeft ? 0 : 2) && tree.nodes.has(node + (dropsLeft ? 1 : -1))) {
          tree.nodes.delete(node)
        }
      }

      const expected = list.slice(0, index).reduce((sum, size) => sum + size, 0)
      const found = byteOffset(tree, list.length, index)
      assert.ok(found === expected || (found === undefined && !dropsLeft))
    }),
  )
})

test('with padding a byte lies where it lies in the blocks without', () => {
  const sizes = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 30 })

  fc.assert(
    fc.property(sizes, fc.nat({ max: 300 }), (list, byte) => {
      const plain = treeOf(list)
      const padded = treeOf(list.map((size) => size + 8))

      assert.deepEqual(seek(padded, list.length, byte, 8), seek(plain, list.length, byte, 0))
    }),
  )
})

test('a found byte is inside its block, and its place adds up', () => {
  const sizes = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 30 })

  fc.assert(
    fc.property(sizes, fc.nat({ max: 300 }), (list, byte) => {
      const total = list.reduce((sum, size) => sum + size, 0)
      const found = seek(treeOf(list), list.length, byte, 0)

      if (byte > total) return assert.equal(found.kind, 'outside')
      assert.ok(found.kind === 'found')
      const before = list.slice(0, found.index).reduce((sum, size) => sum + size, 0)
      assert.equal(before + found.offset, byte)
      assert.ok(found.offset === 0 || found.offset < (list[found.index] ?? 0))
    }),
  )
})

test('without the nodes a seek names the blocks among which the byte lies', () => {
  const tree = treeOf([1, 2, 3, 4, 5, 6, 7, 8])
  for (const node of [...tree.nodes.keys()]) if (node !== 7) tree.nodes.delete(node)

  assert.deepEqual(seek(tree, 8, 20, 0), { kind: 'range', start: 0, end: 8 })
  assert.deepEqual(seek(tree, 8, 36, 0), { kind: 'found', index: 8, offset: 0 })
  assert.deepEqual(seek(tree, 8, 37, 0), { kind: 'outside' })
})
