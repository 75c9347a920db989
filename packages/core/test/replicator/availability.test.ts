/** What a remote claims to hold, against a plain set of numbers, and against claims that are too large. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REMOTE_PAGES_MAX, REMOTE_RANGES_MAX } from '../../src/base/limits.ts'
import { Availability } from '../../src/replicator/availability.ts'

const BLOCKS = 100_000

type Step =
  | { readonly do: 'have' | 'unhave'; readonly start: number; readonly length: number }
  | { readonly do: 'words'; readonly start: number; readonly words: number[] }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('have' as const, 'unhave' as const),
    start: fc.oneof(fc.constant(0), fc.nat(BLOCKS - 1)),
    length: fc.oneof(fc.nat(3), fc.nat(BLOCKS)),
  }),
  fc.record({
    do: fc.constant('words' as const),
    start: fc.nat(BLOCKS / 32 - 1).map((word) => word * 32),
    words: fc.array(fc.constantFrom(0, 0xffffffff, 0x80000001), { maxLength: 40 }),
  }),
)

test('claims are remembered as a set of block numbers would be', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(fc.nat(BLOCKS)), (steps, places) => {
      const claims = new Availability()
      const model = new Uint8Array(BLOCKS * 2)
      for (const one of steps) {
        if (one.do === 'words') {
          claims.words(one.start, Uint32Array.from(one.words), BLOCKS)
          one.words.forEach((word, w) => {
            for (let b = 0; b < 32; b++) {
              const at = one.start + w * 32 + b
              if (at < BLOCKS) model[at] = (word >>> b) & 1
            }
          })
        } else {
          claims[one.do](one.start, one.length)
          model.fill(one.do === 'have' ? 1 : 0, one.start, one.start + one.length)
        }
      }

      for (const place of [0, BLOCKS - 1, ...places]) {
        const held = model.indexOf(1, place)
        const missing = model.indexOf(0, place)
        assert.equal(claims.has(place), model[place] === 1)
        assert.equal(claims.nextHeld(place, BLOCKS), held < 0 ? BLOCKS : Math.min(held, BLOCKS))
        assert.equal(claims.nextMissing(place, BLOCKS), Math.min(missing, BLOCKS))
      }
    }),
    { numRuns: 200 },
  )
})

test('a claim of 2^52 blocks costs no more than one of two', () => {
  const claims = new Availability()

  claims.have(10, 2 ** 52)
  claims.unhave(2 ** 40, 2 ** 50)

  assert.equal(claims.has(2 ** 40 - 1), true)
  assert.equal(claims.has(2 ** 40), false)
  assert.equal(claims.nextHeld(2 ** 40, 2 ** 52), 2 ** 40 + 2 ** 50)
})

test('bits at or above the length that the remote tells are not kept', () => {
  const claims = new Availability()

  claims.words(0, Uint32Array.of(0xffffffff, 0xffffffff), 40)

  assert.equal(claims.contiguous, 40)
  assert.equal(claims.nextHeld(40, 100), 100)
})

test('a bitfield that does not begin at a multiple of 32 is ignored', () => {
  const claims = new Availability()

  claims.words(7, Uint32Array.of(0xffffffff), 1_000)

  assert.equal(claims.nextHeld(0, 1_000), 1_000)
})

test('scattered claims beyond the limit push out others, and that is remembered', () => {
  const claims = new Availability()
  const page = 32_768

  for (let i = 0; i < REMOTE_PAGES_MAX; i++) claims.have(i * 2 * page + 5, 1)
  const forgotBefore = claims.forgot
  claims.have(REMOTE_PAGES_MAX * 2 * page + 5, 1)

  assert.equal(forgotBefore, false)
  assert.equal(claims.forgot, true)
  assert.equal(claims.has(5), false)
  assert.equal(claims.has(REMOTE_PAGES_MAX * 2 * page + 5), true)
})

test('whole pages far apart are bounded too', () => {
  const claims = new Availability()
  const page = 32_768

  for (let i = 1; i <= REMOTE_RANGES_MAX + 1; i++) claims.have(i * 2 * page, page)

  assert.equal(claims.forgot, true)
  assert.equal(claims.has(2 * page), false)
  assert.equal(claims.has((REMOTE_RANGES_MAX + 1) * 2 * page), true)
})

test('a remote that gets shorter holds nothing above its length', () => {
  const claims = new Availability()
  claims.have(0, 100)
  claims.have(200, 10)

  claims.truncate(50)

  assert.equal(claims.nextMissing(0, 300), 50)
  assert.equal(claims.nextHeld(50, 300), 300)
})
