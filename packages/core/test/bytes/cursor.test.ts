/** `Reader` and `Writer`: round trips, the compact integer's forms, and the end of the bytes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { fromHex, hex } from '../../src/bytes/bytes.ts'
import { Reader, Writer } from '../../src/bytes/cursor.ts'
import { uintBytes, varintBytes } from '../../src/bytes/integers.ts'

const MAX = Number.MAX_SAFE_INTEGER
const anyNumber = fc.oneof(fc.nat(0xff), fc.nat(0x1_0000), fc.nat(), fc.maxSafeNat())

/** Numbers at which a form begins or ends. */
const BORDERS = [
  0, 1, 0x7f, 0x80, 0xfc, 0xfd, 0xff, 0x3fff, 0x4000, 0xffff, 0x10000, 0x7fffffff,
].concat([0x80000000, 0xffffffff, 0x100000000, 2 ** 35 - 1, 2 ** 35, 2 ** 49, MAX - 1, MAX])

const isBadFrame = (error: unknown): boolean => isCode(error, 'BAD_FRAME')
const isOverLimit = (error: unknown): boolean => isCode(error, 'OVER_LIMIT')

/** Little-endian by definition, in exact arithmetic. */
const little = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) =>
    Number((BigInt(value) >> BigInt(8 * i)) & 255n)
      .toString(16)
      .padStart(2, '0'),
  ).join('')

const big = (value: number, bytes: number): string =>
  (little(value, bytes).match(/../g) ?? []).reverse().join('')

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(1)
  write(writer)
  return hex(writer.view())
}

test('the compact integer takes the shortest of four forms', () => {
  const form = (value: number): string =>
    value <= 0xfc
      ? little(value, 1)
      : value <= 0xffff
        ? `fd${little(value, 2)}`
        : value <= 0xffffffff
          ? `fe${little(value, 4)}`
          : `ff${little(value, 8)}`
  const check = (value: number): void => {
    const text = written((writer) => writer.uint(value))
    assert.equal(text, form(value))
    assert.equal(text.length / 2, uintBytes(value))
    assert.equal(new Reader(fromHex(text)).uint(), value)
  }

  for (const value of BORDERS) check(value)
  fc.assert(fc.property(anyNumber, check))
})

test('longer forms of the compact integer than needed are read', () => {
  assert.equal(new Reader(fromHex('fd0500')).uint(), 5)
  assert.equal(new Reader(fromHex('fe05000000')).uint(), 5)
  assert.equal(new Reader(fromHex('ff0500000000000000')).uint(), 5)
})

test('numbers above 2^53 - 1 are refused', () => {
  assert.equal(new Reader(fromHex('ffffffffffffff1f00')).uint(), MAX)
  assert.throws(() => new Reader(fromHex('ff0000000000002000')).uint(), isBadFrame)
  assert.throws(() => new Reader(fromHex('ffffffffffffffffff')).uint(), isBadFrame)
  assert.throws(() => new Reader(fromHex('0020000000000000')).u64BE(), isBadFrame)
  assert.throws(() => new Reader(fromHex('8080808080808010')).varint(), isBadFrame)
})

test('LEB128 has seven bits per byte, lowest first', () => {
  const form = (value: number): string => {
    let rest = BigInt(value)
    let text = ''
    do {
      const more = rest >= 128n
      text += little(Number(rest & 127n) | (more ? 128 : 0), 1)
      rest >>= 7n
    } while (rest > 0n)
    return text
  }
  const check = (value: number): void => {
    const text = written((writer) => writer.varint(value))
    assert.equal(text, form(value))
    assert.equal(text.length / 2, varintBytes(value))
    assert.equal(new Reader(fromHex(text)).varint(), value)
  }

  for (const value of BORDERS) check(value)
  fc.assert(fc.property(anyNumber, check))
})

test('LEB128 with groups of zeros at its end is read, up to ten bytes', () => {
  assert.equal(new Reader(fromHex('85808080808080808000')).varint(), 5)
  assert.throws(() => new Reader(fromHex('8580808080808080808000')).varint(), isBadFrame)
})

test('fixed widths are little- and big-endian', () => {
  const check = (value: number): void => {
    const u32 = value % 2 ** 32
    const u16 = value % 2 ** 16
    assert.equal(
      written((w) => w.u16LE(u16)),
      little(u16, 2),
    )
    assert.equal(
      written((w) => w.u32LE(u32)),
      little(u32, 4),
    )
    assert.equal(
      written((w) => w.u32BE(u32)),
      big(u32, 4),
    )
    assert.equal(
      written((w) => w.u64LE(value)),
      little(value, 8),
    )
    assert.equal(
      written((w) => w.u64BE(value)),
      big(value, 8),
    )
    assert.equal(new Reader(fromHex(little(u16, 2))).u16LE(), u16)
    assert.equal(new Reader(fromHex(little(u32, 4))).u32LE(), u32)
    assert.equal(new Reader(fromHex(big(u32, 4))).u32BE(), u32)
    assert.equal(new Reader(fromHex(little(value, 8))).u64LE(), value)
    assert.equal(new Reader(fromHex(big(value, 8))).u64BE(), value)
  }

  for (const value of BORDERS) check(value)
  fc.assert(fc.property(anyNumber, check))
})

test('what is written one behind another is read one behind another', () => {
  const value = fc.oneof(
    fc.record({ kind: fc.constant('uint' as const), value: anyNumber }),
    fc.record({ kind: fc.constant('buffer' as const), value: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  )
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const writer = new Writer(1)
      for (const v of values) {
        if (v.kind === 'uint') writer.uint(v.value)
        else if (v.kind === 'buffer') writer.buffer(v.value)
        else writer.string(v.value)
      }

      const reader = new Reader(writer.take())

      for (const v of values) {
        if (v.kind === 'uint') assert.equal(reader.uint(), v.value)
        else if (v.kind === 'buffer') assert.deepEqual(reader.buffer(), v.value)
        else assert.equal(reader.string(), v.value)
      }
      assert.equal(reader.left, 0)
    }),
  )
})

test('a value that is cut anywhere is BAD_FRAME', () => {
  const whole = fromHex('fe00000100' + 'ff0000000001000000' + '0401020304')
  for (let end = 0; end < whole.length; end++) {
    const reader = new Reader(whole, 0, end)
    assert.throws(
      () => {
        reader.uint()
        reader.uint()
        reader.buffer()
      },
      isBadFrame,
      `cut at ${end}`,
    )
  }
})

test('the end that was given holds, even where the buffer goes on', () => {
  const reader = new Reader(fromHex('0102030405'), 1, 3)

  assert.equal(reader.left, 2)
  assert.equal(hex(reader.rest()), '0203')
  assert.throws(() => reader.u8(), isBadFrame)
})

test('a buffer is a view, and no bytes are no value where that is asked for', () => {
  const bytes = fromHex('02aabb00')
  const reader = new Reader(bytes)

  const view = reader.buffer()
  bytes[1] = 0xcc

  assert.equal(hex(view), 'ccbb')
  assert.equal(reader.optionalBuffer(), undefined)
})

test('lengths and counts are held against limits and against the bytes that are there', () => {
  const buffer = fromHex('03010203')
  assert.equal(new Reader(buffer).buffer(3).length, 3)
  assert.throws(() => new Reader(buffer).buffer(2), isOverLimit)

  const list = fromHex('0301020304050607')
  assert.equal(new Reader(list).count(2, 3), 3)
  assert.throws(() => new Reader(list).count(2, 2), isOverLimit)
  assert.throws(() => new Reader(list).count(3), isBadFrame)
  assert.throws(() => new Reader(fromHex('ffffffffffffff1f00')).count(32), isBadFrame)
})

test('text that is not UTF-8 is BAD_FRAME', () => {
  assert.throws(() => new Reader(fromHex('02c328')).string(), isBadFrame)
})

test('a writer keeps what it wrote when it grows, and starts over in the same memory', () => {
  const writer = new Writer(4)
  writer.fixed(fromHex('01020304'))
  writer.fixedAt(fromHex('ff05060708ff'), 1, 4)
  assert.equal(hex(writer.view()), '0102030405060708')
  const memory = writer.bytes

  writer.reset()
  writer.buffer(undefined)

  assert.equal(hex(writer.view()), '00')
  assert.equal(writer.bytes, memory)
})
