/** Fields of protobuf messages: round trips, what strangers wrote, and what nobody may write. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import {
  beginMessage,
  endMessage,
  Fields,
  writeBytesField,
  writePackedField,
  writeStringField,
  writeVarintField,
} from '../../src/bytes/protobuf.ts'

const isBadFrame = (error: unknown): boolean =>
  error instanceof DatError && error.code === 'BAD_FRAME'

test('a hyperbee header is written and read as everybody does', () => {
  const writer = new Writer(1)

  writeStringField(writer, 1, 'hyperbee')
  const metadata = beginMessage(writer, 2)
  writeBytesField(writer, 1, new Uint8Array(32).fill(7))
  endMessage(writer, metadata)

  assert.equal(hex(writer.view()), `0a08687970657262656512220a20${'07'.repeat(32)}`)
  const fields = new Fields(writer.view())
  assert.ok(fields.next())
  assert.equal(fields.string(), 'hyperbee')
  assert.ok(fields.next())
  const inner = fields.message()
  assert.ok(inner.next())
  assert.deepEqual(inner.bytes(), new Uint8Array(32).fill(7))
  assert.equal(inner.next(), false)
  assert.equal(fields.next(), false)
})

test('nested messages of any length keep the shortest form of their length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.uint8Array({ maxLength: 200 }), (a, b) => {
      const writer = new Writer(8)
      const outer = beginMessage(writer, 3)
      writeBytesField(writer, 1, a)
      const inner = beginMessage(writer, 2)
      writeBytesField(writer, 1, b)
      endMessage(writer, inner)
      endMessage(writer, outer)

      // The obvious way: encode the inside first, then put its length before it.
      const field = (number: number, bytes: Uint8Array): Uint8Array => {
        const w = new Writer(8)
        writeBytesField(w, number, bytes)
        return w.take()
      }
      const expected = field(3, Buffer.concat([field(1, a), field(2, field(1, b))]))
      assert.equal(hex(writer.view()), hex(expected))
    }),
    { numRuns: 50 },
  )
})

test('a value can be stepped over, and its place is told without a view of it', () => {
  const writer = new Writer(1)
  writeVarintField(writer, 1, 300)
  writeBytesField(writer, 2, Uint8Array.of(1, 2, 3))
  writeVarintField(writer, 3, 4)
  const fields = new Fields(writer.take())

  assert.ok(fields.next() && fields.next())
  const at = fields.span()
  assert.equal(hex(writer.take().subarray(at, at + fields.length)), '010203')
  assert.ok(fields.next())
  assert.deepEqual([fields.number, fields.varint()], [3, 4])

  assert.throws(() => {
    const cut = new Fields(Uint8Array.of(0x12, 9, 1))
    cut.next()
    cut.span()
  }, isBadFrame)
})

test('packed lists come back, whether they were packed or not', () => {
  const number = fc.oneof(fc.nat(300), fc.nat(), fc.maxSafeNat())
  fc.assert(
    fc.property(fc.array(number, { maxLength: 50 }), (values) => {
      const packed = new Writer()
      writePackedField(packed, 5, values)
      const single = new Writer()
      for (const value of values) writeVarintField(single, 5, value)

      for (const writer of [packed, single]) {
        const out: number[] = []
        const fields = new Fields(writer.view())
        while (fields.next()) fields.packed(out, 50)
        assert.deepEqual(out, values)
      }
      if (values.length === 0) assert.equal(packed.at, 0)
    }),
  )
})

test('a list is refused at one number more than allowed', () => {
  const writer = new Writer()
  writePackedField(writer, 1, [1, 2, 3])

  const read = (max: number): number[] => {
    const out: number[] = []
    const fields = new Fields(writer.view())
    while (fields.next()) fields.packed(out, max)
    return out
  }

  assert.deepEqual(read(3), [1, 2, 3])
  assert.throws(() => read(2), isBadFrame)
})

test('fields that nobody knows are stepped over, in each wire type', () => {
  const known = '0805' // field 1, varint 5
  const unknown = [
    '50ffffffffffffffffff01', // 10, varint with all 64 bits
    '510102030405060708', // 10, eight bytes
    '52036f6f6f', // 10, three bytes
    '5501020304', // 10, four bytes
  ]
  for (const field of unknown) {
    const fields = new Fields(fromHex(field + known))

    assert.ok(fields.next())
    assert.equal(fields.number, 10)
    assert.ok(fields.next())
    assert.equal(fields.number, 1)
    assert.equal(fields.varint(), 5)
    assert.equal(fields.next(), false)
  }
})

test('broken messages are BAD_FRAME', () => {
  const broken = [
    '08', // varint missing
    '0880', // varint cut
    '5203', // bytes missing
    '52036f6f', // bytes cut
    '5101', // eight bytes cut
    '5501', // four bytes cut
    '0b', // group
    '0e', // wire type 6
    '0005', // field number 0
    '50ffffffffffffffffffff01', // eleven bytes of varint
    '0affffffffffffffff7f', // a length far beyond the message
  ]
  for (const text of broken) {
    assert.throws(
      () => {
        const fields = new Fields(fromHex(text))
        while (fields.next()) {
          /* unread values are skipped */
        }
      },
      isBadFrame,
      text,
    )
  }
})

test('a value of another wire type than asked for is BAD_FRAME', () => {
  const bytes = new Writer()
  writeBytesField(bytes, 1, utf8('x'))
  const varint = new Writer()
  writeVarintField(varint, 1, 1)
  const first = (writer: Writer): Fields => {
    const fields = new Fields(writer.view())
    assert.ok(fields.next())
    return fields
  }

  assert.throws(() => first(bytes).varint(), isBadFrame)
  assert.throws(() => first(varint).bytes(), isBadFrame)
  assert.throws(() => first(varint).message(), isBadFrame)
})

test('no bytes make the reader fail in another way, or run past the message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const fields = new Fields(bytes)
        while (fields.next()) assert.ok(fields.number > 0)
      } catch (error) {
        assert.ok(isBadFrame(error), String(error))
      }
    }),
  )
})
