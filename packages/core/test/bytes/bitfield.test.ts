/** `Bitfield` against a plain set of numbers, which is slow and obviously right. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bitfield, PAGE_BITS } from '../../src/bytes/bitfield.ts'

/** Small enough for an oracle, and with several pages. */
const SPACE = 5 * PAGE_BITS

class Oracle {
  readonly set: Set<number> = new Set()
  setRange(start: number, end: number, value: boolean): void {
    for (let i = start; i < end; i++) value ? this.set.add(i) : this.set.delete(i)
  }
  next(from: number, end: number, value: boolean): number {
    for (let i = from; i < end; i++) if (this.set.has(i) === value) return i
    return end
  }
  count(start: number, end: number): number {
    let count = 0
    for (let i = start; i < end; i++) if (this.set.has(i)) count++
    return count
  }
}

/** Positions near page borders are where mistakes are. */
const position = fc.oneof(
  fc.integer({ min: 0, max: SPACE }),
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -40, max: 40 }))
    .map(([page, by]) => Math.min(Math.max(page * PAGE_BITS + by, 0), SPACE)),
)

const range = fc
  .tuple(position, position)
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

const change = fc.oneof(
  fc.record({ kind: fc.constant('range' as const), range, value: fc.boolean() }),
  fc.record({ kind: fc.constant('bit' as const), at: position, value: fc.boolean() }),
  fc.record({
    kind: fc.constant('words' as const),
    at: position,
    words: fc.uint32Array({ maxLength: 40 }),
  }),
)

function apply(
  bits: Bitfield,
  oracle: Oracle,
  step: typeof change extends fc.Arbitrary<infer T> ? T : never,
): void {
  if (step.kind === 'range') {
    bits.setRange(step.range[0], step.range[1], step.value)
    oracle.setRange(step.range[0], step.range[1], step.value)
  } else if (step.kind === 'bit') {
    const before = oracle.set.has(step.at)
    assert.equal(bits.set(step.at, step.value), before !== step.value)
    oracle.setRange(step.at, step.at + 1, step.value)
  } else {
    const start = step.at - (step.at % 32)
    bits.setWords(start, step.words)
    step.words.forEach((word, w) => {
      for (let b = 0; b < 32; b++) {
        const i = start + w * 32 + b
        oracle.setRange(i, i + 1, ((word >>> b) & 1) === 1)
      }
    })
  }
}

test('a bitfield answers as a set of numbers does, whatever was done to it', () => {
  const property = fc.property(
    fc.array(change, { maxLength: 12 }),
    fc.array(range, { minLength: 4, maxLength: 8 }),
    (changes, questions) => {
      const bits = new Bitfield()
      const oracle = new Oracle()

      for (const step of changes) apply(bits, oracle, step)

      for (const [start, end] of questions) {
        assert.equal(bits.get(start), oracle.set.has(start))
        assert.equal(bits.count(start, end), oracle.count(start, end))
        assert.equal(bits.nextSet(start, end), oracle.next(start, end, true))
        assert.equal(bits.nextUnset(start, end), oracle.next(start, end, false))
        assert.equal(bits.hasAll(start, end), oracle.next(start, end, false) === end)
      }
      assert.equal(bits.count(0, SPACE + 2048), oracle.set.size)
      for (const bit of oracle.set) assert.ok(bits.get(bit))
    },
  )
  fc.assert(property, { numRuns: 60 })
})

test('words that are written are the bits from there on, across pages', () => {
  const bits = new Bitfield()
  const words = Uint32Array.from({ length: 3000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)
  const start = PAGE_BITS - 64

  bits.setWords(start, words)

  const read = words.map((_, w) => {
    let word = 0
    for (let b = 0; b < 32; b++) if (bits.get(start + 32 * w + b)) word |= 1 << b
    return word
  })
  assert.deepEqual(read, words)
  assert.equal(bits.nextSet(0, start), start)
  assert.equal(bits.nextSet(start + 32 * words.length, 2 ** 40), 2 ** 40)
})

test('a claim of 2^50 blocks costs one run and no page', () => {
  const bits = new Bitfield()

  bits.setRange(0, 2 ** 50, true)

  assert.equal(bits.runCount, 1)
  assert.equal(bits.pageCount, 0)
  assert.equal(bits.count(0, 2 ** 53 - 1), 2 ** 50)
  assert.equal(bits.nextUnset(0, 2 ** 53 - 1), 2 ** 50)
  assert.equal(bits.get(2 ** 50 - 1), true)
  assert.equal(bits.get(2 ** 50), false)
})

test('a hole in a full run makes one page, and filling it makes the run whole again', () => {
  const bits = new Bitfield()
  bits.setRange(0, 100 * PAGE_BITS, true)

  bits.set(50 * PAGE_BITS + 7, false)

  assert.equal(bits.runCount, 3)
  assert.equal(bits.pageCount, 1)
  assert.equal(bits.nextUnset(0, 2 ** 40), 50 * PAGE_BITS + 7)
  assert.equal(bits.count(0, 2 ** 40), 100 * PAGE_BITS - 1)

  bits.set(50 * PAGE_BITS + 7, true)

  assert.equal(bits.runCount, 1)
  assert.equal(bits.pageCount, 0)
})

test('clearing gives memory back', () => {
  const bits = new Bitfield()
  for (let page = 0; page < 10; page++) bits.set(page * PAGE_BITS, true)
  assert.equal(bits.pageCount, 10)

  bits.setRange(0, 5 * PAGE_BITS, false)
  for (let page = 5; page < 9; page++) bits.set(page * PAGE_BITS, false)

  assert.equal(bits.pageCount, 1)
  assert.equal(bits.nextSet(0, 2 ** 40), 9 * PAGE_BITS)
  bits.clear()
  assert.equal(bits.nextSet(0, 2 ** 40), 2 ** 40)
})
