/** Bitfields on the wires of generations 1 and 2. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatError } from '../../src/base/errors.ts'
import { Bitfield } from '../../src/bytes/bitfield.ts'
import { fromHex } from '../../src/bytes/bytes.ts'
import { Writer } from '../../src/bytes/cursor.ts'
import { eachRun, lastBitOf, writeRuns } from '../../src/wire/rle.ts'
import { vectors } from '../vectors.ts'

interface Case {
  readonly bits: string
  readonly encoded: string
}

const CASES: readonly Case[] = [
  ...vectors<{ cases: Case[] }>('gen1/rle').cases,
  ...vectors<{ cases: Case[] }>('gen2/bitfield-rle').cases,
]

/** Bits that are set, from bytes whose first bit is the most significant. */
function bitsOf(bytes: Uint8Array): Bitfield {
  const bits = new Bitfield()
  for (let i = 0; i < 8 * bytes.length; i++) {
    if (((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) bits.set(i, true)
  }
  return bits
}

/** What a coded bitfield says, and how many calls it took. */
function decoded(coded: Uint8Array): { bits: Bitfield; calls: number; words: number } {
  const bits = new Bitfield()
  let calls = 0
  let words = 0
  eachRun(coded, {
    ones(start, length) {
      assert.equal(start % 32, 0)
      bits.setRange(start, start + length, true)
      calls++
    },
    words(start, list) {
      assert.equal(start % 32, 0)
      bits.setWords(start, list)
      calls++
      words += list.length
    },
  })
  return { bits, calls, words }
}

function same(one: Bitfield, other: Bitfield, end: number): void {
  for (let i = 0; i < end; i++) assert.equal(one.get(i), other.get(i), `bit ${i}`)
}

test('what the package encoded means what went in, and we write what it reads', () => {
  assert.ok(CASES.length > 40)
  for (const { bits, encoded } of CASES) {
    const expected = bitsOf(fromHex(bits))
    const end = bits.length * 4
    same(decoded(fromHex(encoded)).bits, expected, end)
    let last = 0
    for (let i = 0; i < end; i++) if (expected.get(i)) last = i + 1
    assert.equal(lastBitOf(fromHex(encoded)), last)

    const writer = new Writer()
    writeRuns(writer, expected, 0, end)
    same(decoded(writer.take()).bits, expected, end)
  }
})

test('any bitfield, from any block on, comes out as it went in', () => {
  const run = fc.tuple(fc.nat(400), fc.boolean())
  fc.assert(
    fc.property(fc.array(run, { maxLength: 30 }), fc.nat(50), (runs, skipped) => {
      const bits = new Bitfield()
      let at = 0
      for (const [length, isSet] of runs) {
        if (isSet) bits.setRange(at, at + length, true)
        at += length
      }
      const start = 8 * skipped
      const writer = new Writer(1)
      writeRuns(writer, bits, start, at)
      const { bits: out } = decoded(writer.take())
      for (let i = start; i < at; i++) assert.equal(out.get(i - start), bits.get(i))
      let last = 0
      for (let i = start; i < at; i++) if (bits.get(i)) last = i - start + 1
      assert.equal(lastBitOf(writer.take()), last)
    }),
  )
})

test('a million equal bytes take a few bytes, one call and no room', () => {
  const writer = new Writer()
  const bits = new Bitfield()
  bits.setRange(0, 2 ** 40, true)
  writeRuns(writer, bits, 0, 2 ** 40)
  assert.ok(writer.at <= 8)

  const { calls, words } = decoded(writer.take())
  assert.deepEqual([calls, words], [1, 0])
})

test('bits beyond 2^53 are refused, those before are not', () => {
  const run = (bytes: number): Uint8Array => {
    const writer = new Writer()
    writer.varint(4 * bytes + 3)
    return writer.take()
  }
  decoded(run(2 ** 50 - 1))
  assert.equal(lastBitOf(run(2 ** 50 - 1)), 2 ** 53 - 8)
  const twice = Uint8Array.from([...run(2 ** 50 - 1), ...run(2)])
  assert.throws(() => decoded(twice), { code: 'OVER_LIMIT' })
  assert.throws(() => lastBitOf(twice), { code: 'OVER_LIMIT' })
})

test('whatever bytes come, the work goes with their number, and only our errors come out', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        const { calls, words } = decoded(bytes)
        assert.ok(calls <= 2 * bytes.length + 1)
        assert.ok(words <= bytes.length * 2)
        assert.ok(lastBitOf(bytes) >= 0)
      } catch (error) {
        assert.ok(error instanceof DatError, String(error))
        assert.ok(error.code === 'BAD_FRAME' || error.code === 'OVER_LIMIT')
      }
    }),
    { numRuns: 500 },
  )
})
