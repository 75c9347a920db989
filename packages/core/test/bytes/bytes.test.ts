/** Copies, comparisons and text forms, against the obvious ways. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import {
  compare,
  concat,
  contains,
  copy,
  copy32,
  copyAt,
  equal,
  equalAt,
  equalConstantTime,
  fromHex,
  fromUtf8,
  fromUtf8Lossy,
  hex,
  isZero,
  isZero32,
  mapKey,
  utf8,
} from '../../src/bytes/bytes.ts'

const bytes = fc.uint8Array({ maxLength: 40 })

/** Often equal, often a prefix of one another. */
const pair = fc.oneof(
  fc.tuple(bytes, bytes),
  fc.tuple(bytes, fc.nat(40)).map(([a, n]) => [a, a.subarray(0, n)] as const),
)

test('comparisons agree with those of Node', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const same = Buffer.compare(a, b) === 0
      assert.equal(equal(a, b), same)
      assert.equal(equalConstantTime(a, b), same)
      assert.equal(Math.sign(compare(a, b)), Buffer.compare(a, b))
    }),
  )
})

test('copy32 copies 32 bytes from and to any place, and nothing beside them', () => {
  const from = Uint8Array.from({ length: 40 }, (_, i) => i + 1)
  for (const [source, at] of [
    [from.subarray(0, 32), 0],
    [from, 0],
    [from, 8],
  ] as const) {
    const into = new Uint8Array(36)
    copy32(into, 2, source, at)
    assert.deepEqual(into, concat(new Uint8Array(2), from.subarray(at, at + 32), new Uint8Array(2)))
  }
})

test('isZero32 sees each of its 32 bytes, and none beside them', () => {
  const none = new Uint8Array(40)
  none[1] = 1
  none[34] = 1

  assert.equal(isZero32(none, 2), true)
  for (let i = 2; i < 34; i++) {
    const one = new Uint8Array(40)
    one[i] = 128
    assert.equal(isZero32(one, 2), false)
  }
})

test('equalAt compares parts, and nothing is equal beyond an end', () => {
  const a = fromHex('0102030405')
  const b = fromHex('ff020304')

  assert.equal(equalAt(a, 1, b, 1, 3), true)
  assert.equal(equalAt(a, 0, b, 0, 1), false)
  assert.equal(equalAt(a, 1, b, 1, 4), false)
  assert.equal(equalAt(a, 5, b, 4, 0), true)
})

test('a copy of a Buffer is plain bytes that share no memory', () => {
  const source = Buffer.from('0102', 'hex')

  const out = copy(source)
  source[0] = 9

  assert.equal(Object.getPrototypeOf(out), Uint8Array.prototype)
  assert.equal(hex(out), '0102')
})

test('a copy of a part is memory of just that part, whatever class the whole is of', () => {
  for (const whole of [fromHex('010203040506'), Buffer.from('010203040506', 'hex')]) {
    const out = copyAt(whole, 2, 3)
    whole.fill(9)

    assert.equal(Object.getPrototypeOf(out), Uint8Array.prototype)
    assert.equal(hex(out), '030405')
    assert.equal(out.buffer.byteLength, 3)
  }
})

test('concat joins in order', () => {
  fc.assert(
    fc.property(fc.array(bytes), (parts) => {
      assert.equal(hex(concat(...parts)), Buffer.concat(parts).toString('hex'))
    }),
  )
})

test('hex goes both ways, in both cases', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      assert.equal(hex(value), Buffer.from(value).toString('hex'))
      assert.deepEqual(fromHex(hex(value)), value)
      assert.deepEqual(fromHex(hex(value).toUpperCase()), value)
    }),
  )
  for (const text of ['0', '0g', 'xyz0', '0x10', ' 00 ']) {
    assert.throws(
      () => fromHex(text),
      (error) => isCode(error, 'BAD_ARGUMENT'),
      text,
    )
  }
})

test('UTF-8 goes both ways, and a byte order mark stays', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(fromUtf8(utf8(text)), text)
    }),
  )
  assert.equal(fromUtf8(fromHex('efbbbf61')), '\ufeffa')
})

test('ill-formed UTF-8 is refused, and shown where that is asked for', () => {
  const cut = fromHex('61c3')

  assert.throws(
    () => fromUtf8(cut),
    (error) => isCode(error, 'BAD_FRAME'),
  )
  assert.equal(fromUtf8Lossy(cut), 'a\ufffd')
})

test('isZero is true only if every byte is', () => {
  assert.equal(isZero(new Uint8Array(3)), true)
  assert.equal(isZero(Uint8Array.of(0, 0, 1)), false)
  assert.equal(isZero(new Uint8Array(0)), true)
})

test('the name of bytes in a map is that of no other bytes', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(mapKey(a) === mapKey(b), Buffer.from(a).equals(b))
    }),
  )
  const key = new Uint8Array(32).fill(7)
  const shorter = Uint8Array.of(0, 32, ...key.subarray(0, 30))
  const names = [key, shorter, key.subarray(0, 31), key.subarray(0, 30)].map(mapKey)
  assert.equal(new Set(names).size, 4)
  for (let i = 0; i < 32; i++) {
    const other = Uint8Array.from(key)
    other[i] = 8
    assert.notEqual(mapKey(other), mapKey(key))
  }
})

test('bytes contain a part where text of the same bytes would', () => {
  const few = fc.uint8Array({ max: 2, maxLength: 12 })
  fc.assert(
    fc.property(few, few, (whole, part) => {
      assert.equal(contains(whole, part), Buffer.from(whole).includes(Buffer.from(part)))
    }),
  )
})
