/** The schedule of trying again. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Backoff } from '../../src/base/backoff.ts'

test('delays double up to the longest, and begin anew after a success', () => {
  const backoff = new Backoff(1_000, 5_000)
  const next = (): number => backoff.next(0)

  const failing = [next(), next(), next(), next(), next()]
  backoff.reset()
  const after = [next(), next()]

  assert.deepEqual(failing, [1_000, 2_000, 4_000, 5_000, 5_000])
  assert.deepEqual(after, [1_000, 2_000])
})

test('chance makes a delay up to a quarter longer, and never shorter', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(20), (random, failures) => {
      const [exact, jittered] = [new Backoff(1_000, 600_000), new Backoff(1_000, 600_000)]
      for (let i = 0; i < failures; i++) {
        exact.next(0)
        jittered.next(random)
      }

      const [least, delay] = [exact.next(0), jittered.next(random)]

      assert.ok(delay >= least && delay <= least * 1.25)
    }),
  )
})
