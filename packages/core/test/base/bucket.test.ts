/** Rates: what a bucket lets through in any time, and what a meter tells. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bucket, Meter } from '../../src/base/bucket.ts'

test('whoever asks first passes no more in any time than rate × time + burst + one piece', () => {
  const step = fc.record({ afterMs: fc.nat(400), units: fc.nat(3_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const [rate, burst] = [1_000, 500]
      const bucket = new Bucket(rate, burst, 0)
      const passed: { at: number; units: number }[] = []
      let now = 0
      for (const { afterMs, units } of steps) {
        now += afterMs
        if (!bucket.isOpen(now)) continue
        bucket.take(units, now)
        passed.push({ at: now, units })
      }

      for (let from = 0; from < passed.length; from++) {
        let sum = 0
        for (const { at, units } of passed.slice(from)) {
          const before = sum
          sum += units
          const allowed = (rate * (at - (passed[from]?.at ?? 0))) / 1_000 + burst
          // The last piece may go over; what came before it may not.
          assert.ok(before <= allowed + 1e-6, `${before} of ${allowed}`)
        }
      }
    }),
  )
})

test('over a long time exactly the rate passes, however large the pieces are', () => {
  const bucket = new Bucket(10_000, 2_500, 0)
  let passed = 0
  for (let now = 0; now < 100_000; now += 10) {
    while (bucket.isOpen(now)) {
      bucket.take(4_000, now)
      passed += 4_000
    }
  }

  assert.ok(Math.abs(passed - 1_000_000) <= 2_500 + 4_000, `${passed}`)
})

test('it opens exactly when it said, not before, and not for every piece', () => {
  const bucket = new Bucket(1_000, 400, 0)
  bucket.take(900, 0)

  const waitMs = bucket.waitMs(0)

  assert.equal(waitMs, 600)
  assert.equal(bucket.isOpen(599), false)
  assert.equal(bucket.isOpen(600), true)
  assert.equal(bucket.waitMs(600), 0)
})

test('what is given back opens it again, and never makes more than the burst', () => {
  const bucket = new Bucket(1_000, 400, 0)
  bucket.take(400, 0)
  const before = bucket.isOpen(0)

  bucket.take(-10_000, 0)
  bucket.take(400, 0)

  assert.deepEqual([before, bucket.isOpen(0)], [false, false])
})

test('a meter tells the rate of the last whole second, and nothing after a silence', () => {
  const meter = new Meter(0)
  for (let now = 0; now < 3_000; now += 100) meter.add(50, now)

  const during = meter.rate(3_000)
  const after = meter.rate(9_000)

  assert.equal(meter.total, 1_500)
  assert.equal(during, 500)
  assert.equal(after, 0)
})
