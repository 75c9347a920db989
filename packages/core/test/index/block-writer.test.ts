/** Blocks written in place are those that are put together field by field. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copy, hex } from '../../src/bytes/bytes.ts'
import { BlockWriter, type NodeSource } from '../../src/index/block-writer.ts'
import { encodeBlock } from './encode.ts'

const number = fc.oneof(fc.nat(200), fc.nat(3_000_000), fc.maxSafeNat())
const ref = fc.record({ block: number, position: number })
const node: fc.Arbitrary<NodeSource> = fc.record({
  seqs: fc.array(number, { maxLength: 40 }),
  children: fc.array(ref, { maxLength: 40 }),
})
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(127, 128, 16_383, 16_384, 70_000).map((length) => new Uint8Array(length)),
)
const block = fc.record({
  nodes: fc.array(node, { maxLength: 12 }),
  key: bytes,
  value: fc.option(bytes, { nil: undefined }),
})

test('any blocks are written as their fields say, and stay what they are until the memory is used again', () => {
  const writer = new BlockWriter()
  fc.assert(
    fc.property(fc.array(block, { maxLength: 20 }), (blocks) => {
      writer.reset()
      const written = blocks.map(({ nodes, key, value }) => {
        writer.begin()
        for (const one of nodes) writer.node(one)
        writer.endIndex()
        writer.key(key, 0, key.length)
        if (value !== undefined) writer.value(value, 0, value.length)
        return writer.end()
      })

      for (const [i, { nodes, key, value }] of blocks.entries()) {
        const plain = nodes.map(({ seqs, children }) => ({
          keys: seqs,
          children: children.flatMap(({ block, position }) => [block, position]),
        }))
        assert.equal(hex(copy(written[i] ?? key)), hex(encodeBlock(plain, key, value)))
      }
    }),
    { numRuns: 150 },
  )
})
