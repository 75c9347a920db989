/** Work in slices: sorting, and what is asked for one by one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LINE_SLICE_MS, SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { Line } from '../../src/base/line.ts'
import { Pace, TurnPace } from '../../src/base/pace.ts'
import { sorted } from '../../src/base/sort.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { ManualClock } from '../fakes/clock.ts'
import { TestClock } from '../wire/simulated.ts'

/** Items after which a slice is over on a clock on which every look takes a millisecond. */
const SLICE = SLICE_ITEMS * SLICE_MS

test('what is sorted in slices is sorted as the engine sorts, equal items in their order', async () => {
  const item = fc.record({ key: fc.integer({ min: 0, max: 99 }), tag: fc.string() })
  const order = (a: { key: number }, b: { key: number }): number => a.key - b.key

  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 3_000, size: 'max' }), async (items) => {
      const before = [...items]
      const result = await sorted(items, order, new Pace(new BusyClock()))

      assert.deepEqual(result, [...items].sort(order))
      assert.deepEqual(items, before)
    }),
    { numRuns: 20 },
  )
})

test('sorting many items gives turns to others', async () => {
  const clock = new BusyClock()
  const items = Array.from({ length: 4_096 }, (_, i) => ({ key: (i * 7919) % 4_096 }))

  await sorted(items, (a, b) => a.key - b.key, new Pace(clock))

  // Eight runs of 512 are merged in three passes over all items.
  assert.ok(clock.turns >= (3 * 4_096) / SLICE - 1, `${clock.turns} turns`)
})

test('work is done at once while its short slice lasts, and then in order in later turns', async () => {
  const clock = new ManualClock()
  const line = new Line(clock)
  const done: number[] = []
  const work = Array.from({ length: 1_000 }, (_, i) => () => {
    clock.pass(LINE_SLICE_MS / 8)
    done.push(i)
  })
  let turns = 0
  const other = (): void => {
    turns++
    immediate = setImmediate(other)
  }
  let immediate = setImmediate(other)

  const results = work.map((one) => line.run(one))
  const atOnce = done.length
  await Promise.all(results)
  clearImmediate(immediate)

  assert.equal(atOnce, 8)
  assert.deepEqual(
    done,
    work.map((_, i) => i),
  )
  assert.ok(turns >= (1_000 - 8) / SLICE_ITEMS - 1, `${turns} turns`)
})

test('who comes while those before him have their turn has his own in a later one', async () => {
  const clock = new BusyClock()
  const line = new Line(clock)
  const done: number[] = []
  const ask = async (n: number): Promise<void> => {
    let next: Promise<void> | undefined
    await line.run(() => {
      done.push(n)
      if (n < 20) next = ask(n + 1)
    })
    await next
  }

  await ask(1)

  assert.equal(done.length, 20)
  assert.ok(clock.turns >= 20, `${clock.turns} turns`)
})

test('many that are known are worked through in slices, in order, and nothing is begun before its turn', async () => {
  const clock = new BusyClock()
  const line = new Line(clock)
  const begun: number[] = []
  let ended = 0

  const all = line.each(
    Array.from({ length: 200 }, (_, i) => i),
    async (i) => {
      begun.push(i)
      await new Promise((resolve) => setImmediate(resolve))
      ended++
    },
  )
  const atOnce = begun.length
  await all

  assert.ok(atOnce < 10, `${atOnce} at once`)
  assert.deepEqual(
    begun,
    Array.from({ length: 200 }, (_, i) => i),
  )
  assert.equal(ended, 200)
  assert.ok(clock.turns >= 50, `${clock.turns} turns`)
})

test('where some of many fail, the others are done first, and then the first failure is told', async () => {
  const line = new Line(new BusyClock())
  let done = 0

  const all = line.each([1, 2, 3, 4], (n) => {
    if (n === 2) throw new Error('at once')
    return new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        done++
        if (n === 3) reject(new Error('later'))
        else resolve()
      })
    })
  })

  await assert.rejects(all, { message: 'at once' })
  assert.equal(done, 3)
})

test('work that fails fails its own promise, at once or later, and the others go on', async () => {
  const line = new Line(new BusyClock())
  const results = Array.from({ length: 500 }, (_, i) =>
    line.run(() => {
      if (i % 100 === 0) throw new Error(`no ${i}`)
      return i
    }),
  )

  const ends = await Promise.allSettled(results)

  const failed = ends.flatMap((end, i) => (end.status === 'rejected' ? [i] : []))
  assert.deepEqual(failed, [0, 100, 200, 300, 400])
  assert.deepEqual(await line.run(() => 'later'), 'later')
})

test('what those who asked go on with is part of the slice', async () => {
  const clock = new BusyClock()
  const line = new Line(clock)
  let most = 0
  let inTurn = 0
  let turn = 0

  await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => {
      await line.run(() => i)
      clock.now()
      if (turn !== clock.turns) inTurn = 0
      turn = clock.turns
      inTurn++
      // The first of them are done at once.
      if (turn > 1) most = Math.max(most, inTurn)
    }),
  )

  assert.ok(most <= 2 * SLICE_ITEMS, `${most} in one turn`)
})

test('all who speak with peers on a clock share the slice of a turn, and each turn has one', async () => {
  const clock = new BusyClock()
  const first = TurnPace.on(clock)
  const second = TurnPace.on(clock)
  first.begin()
  while (!first.isOver) {}

  assert.equal(second.isOver, true, 'the other has done enough for both')
  assert.equal(TurnPace.on(new BusyClock()).isOver, false)
  await second.turn()
  await second.turn()

  assert.equal(second.isOver, false)
})

test('a slice that was used up holds for the turn after it, one that was not ends with its turn', () => {
  const clock = new TestClock()
  const pace = TurnPace.on(clock)
  const isOver: boolean[] = []

  for (const spentMs of [SLICE_MS, 0, 0, SLICE_MS - 1, SLICE_MS - 1]) {
    pace.begin()
    clock.spend(spentMs)
    isOver.push(pace.isOver)
    clock.turn()
  }

  assert.deepEqual(isOver, [true, true, false, false, false])
})
