/** When reads count as cold: not for one slow read, but for two close together; and what a probe decides. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import {
  COLD_MS_MAX,
  COLD_MS_MIN,
  FAST_READS_WARM,
  SLOW_READ_MS,
  SLOW_READS_WITHIN,
} from '../../src/base/limits.ts'
import { ColdGuard } from '../../src/store/engine/cold-guard.ts'

const FAST_MS = 0.01
const SLOW_MS = 2 * SLOW_READ_MS

class Reads {
  nowMs = 0
  readonly guard: ColdGuard

  constructor() {
    const clock: Pick<Clock, 'now'> = { now: () => this.nowMs }
    this.guard = new ColdGuard(clock as Clock)
  }

  read(ms: number, times = 1): void {
    for (let i = 0; i < times; i++) {
      const began = this.guard.now()
      this.nowMs += ms
      this.guard.ended(began)
    }
  }

  readLater(ms: number, times = 1): void {
    for (let i = 0; i < times; i++) {
      const began = this.guard.now()
      this.nowMs += ms
      this.guard.endedLater(began)
    }
  }

  get isCold(): boolean {
    return this.guard.isCold
  }
}

test('one slow read now and then does not make a store cold', () => {
  const reads = new Reads()

  for (let i = 0; i < 20; i++) {
    reads.read(SLOW_MS)
    reads.read(FAST_MS, SLOW_READS_WITHIN)
    assert.equal(reads.isCold, false)
  }
})

test('two slow reads near each other make it cold, for a while', () => {
  const reads = new Reads()

  reads.read(SLOW_MS)
  reads.read(FAST_MS, SLOW_READS_WITHIN - 1)
  reads.read(SLOW_MS)

  assert.equal(reads.isCold, true)
  reads.nowMs += COLD_MS_MIN - 1
  assert.equal(reads.isCold, true)
  reads.nowMs += 1
  assert.equal(reads.isCold, false)
})

test('many fast reads in a row in the thread pool end the while, and one slow one among them does not', () => {
  const reads = new Reads()
  reads.read(SLOW_MS, 2)

  reads.readLater(FAST_MS, FAST_READS_WARM - 1)
  reads.readLater(SLOW_MS)
  reads.readLater(FAST_MS, FAST_READS_WARM - 1)
  assert.equal(reads.isCold, true)
  reads.readLater(FAST_MS)
  assert.equal(reads.isCold, false)

  reads.read(SLOW_MS, 2)
  assert.equal(reads.isCold, true, 'it is noticed anew')
  reads.readLater(FAST_MS)
  assert.equal(reads.isCold, true, 'and what was fast before is forgotten')
})

test('a disk that stays slow is probed ever less often', () => {
  const reads = new Reads()
  const whiles: number[] = []

  for (let i = 0; i < 7; i++) {
    reads.read(SLOW_MS, 2)
    const from = reads.nowMs
    while (reads.isCold) reads.nowMs += COLD_MS_MIN / 4
    whiles.push(reads.nowMs - from)
  }

  assert.equal(whiles[0], COLD_MS_MIN)
  assert.equal(whiles[1], 2 * COLD_MS_MIN)
  assert.equal(whiles.at(-1), COLD_MS_MAX)
})

test('after a long time of fast reads the first while is short again', () => {
  const reads = new Reads()
  reads.read(SLOW_MS, 2)
  reads.nowMs += COLD_MS_MIN
  reads.read(SLOW_MS, 2)

  reads.nowMs += 10 * COLD_MS_MAX
  reads.read(SLOW_MS, 2)

  reads.nowMs += COLD_MS_MIN
  assert.equal(reads.isCold, false)
})
