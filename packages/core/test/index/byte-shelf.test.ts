/** Byte strings on a shelf are those that were put there, in the order of their bytes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compare, copyAt } from '../../src/bytes/bytes.ts'
import { ByteShelf } from '../../src/index/byte-shelf.ts'

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(4_092, 4_093, 65_532, 65_533, 200_000).map((n) => new Uint8Array(n).fill(n)),
)

test('whatever is put on a shelf is found by its name, until it is reset', () => {
  const shelf = new ByteShelf()
  fc.assert(
    fc.property(fc.array(content, { maxLength: 80 }), (contents) => {
      shelf.reset()
      const names = contents.map((one) => shelf.add(one))

      assert.ok(!names.includes(0))
      for (const [i, one] of contents.entries()) {
        const other = contents[(i * 7) % contents.length] ?? one
        shelf.find(names[i] ?? 0)
        assert.deepEqual(copyAt(shelf.found, shelf.at, shelf.length), one)
        assert.equal(Math.sign(shelf.compare(other, names[i] ?? 0)), Math.sign(compare(other, one)))
      }
    }),
    { numRuns: 100 },
  )
})

test('a shelf that held much gives it back when it is reset', () => {
  const shelf = new ByteShelf()
  for (let i = 0; i < 100; i++) shelf.add(new Uint8Array(10_000))

  shelf.reset()
  shelf.add(new Uint8Array(10))

  assert.ok(shelf.bytes <= 65_536)
})
