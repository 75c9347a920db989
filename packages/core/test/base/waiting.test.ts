/** Mutexes, deadlines and slices: who waits, for how long, and what is left behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../src/base/deadline.ts'
import { isCode } from '../../src/base/errors.ts'
import { SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { Mutex } from '../../src/base/mutex.ts'
import { Pace } from '../../src/base/pace.ts'
import { TestClock } from '../wire/simulated.ts'

const never = new Promise<never>(() => undefined)

test('a mutex lets one in at a time, in the order in which they came', async () => {
  const mutex = new Mutex()
  const told: string[] = []
  const work = async (name: string): Promise<void> => {
    const release = await mutex.acquire()
    told.push(`${name} in`)
    await Promise.resolve()
    told.push(`${name} out`)
    release()
    release()
  }

  await Promise.all([work('a'), work('b'), work('c')])

  assert.deepEqual(told, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  assert.equal(mutex.busy, false)
})

test('a mutex is busy while somebody is in or waits', async () => {
  const mutex = new Mutex()
  const release = await mutex.acquire()
  const second = mutex.acquire()

  release()
  assert.equal(mutex.busy, true)
  const releaseSecond = await second
  releaseSecond()

  assert.equal(mutex.busy, false)
})

test('a mutex is had without waiting when nobody is in or waits, and then only', async () => {
  const mutex = new Mutex()
  const release = mutex.tryAcquire()
  const second = mutex.acquire()

  assert.ok(release !== undefined)
  assert.equal(mutex.tryAcquire(), undefined)
  release()
  assert.equal(mutex.tryAcquire(), undefined)
  const releaseSecond = await second
  releaseSecond()

  assert.ok(mutex.tryAcquire() !== undefined)
})

test('a deadline ends the wait with TIMEOUT at its time, and not before', async () => {
  const clock = new TestClock()
  const waiting = within(never, clock, { timeoutMs: 100 })
  let isOver = false
  waiting.catch(() => {
    isOver = true
  })

  clock.advance(99)
  await Promise.resolve()
  assert.equal(isOver, false)
  clock.advance(1)

  await assert.rejects(waiting, (error) => isCode(error, 'TIMEOUT'))
})

test('a signal ends the wait with ABORTED, also one that fired before', async () => {
  const clock = new TestClock()
  const abort = new AbortController()
  const waiting = within(never, clock, { timeoutMs: 100, signal: abort.signal })

  abort.abort()

  await assert.rejects(waiting, (error) => isCode(error, 'ABORTED'))
  await assert.rejects(within(never, clock, { signal: abort.signal }), (error) =>
    isCode(error, 'ABORTED'),
  )
  assert.equal(clock.timerCount, 0)
})

test('what comes in time is given on, and no timer is left', async () => {
  const clock = new TestClock()
  const failure = new Error('failed')

  assert.equal(await within(Promise.resolve(7), clock, { timeoutMs: 100 }), 7)
  await assert.rejects(within(Promise.reject(failure), clock, { timeoutMs: 100 }), failure)

  assert.equal(clock.timerCount, 0)
})

test('a slice is over after its time, looked at once in so many items', async () => {
  const clock = new TestClock()
  const pace = new Pace(clock)
  const items = (count: number): boolean[] => Array.from({ length: count }, () => pace.due())

  assert.ok(items(SLICE_ITEMS).every((due) => !due))
  clock.spend(SLICE_MS)
  assert.deepEqual(items(SLICE_ITEMS).indexOf(true), SLICE_ITEMS - 1)

  const turn = pace.turn()
  clock.run()
  await turn
  assert.ok(items(SLICE_ITEMS).every((due) => !due))
})
