/** Work of many logs: at once while it is little, in slices of time when it is much. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/base/clock.ts'
import {
  ANY_WANTS_PER_CHANNEL_MAX,
  SLICE_MS,
  TURN_ITEMS,
  WANT_BLOCKS_MAX,
  WANTS_PER_CHANNEL_MAX,
} from '../../src/base/limits.ts'
import { TurnPace } from '../../src/base/pace.ts'
import { Turns } from '../../src/base/turns.ts'
import { Subscriptions } from '../../src/replicator/subscriptions.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { World } from '../sim/world.ts'

/** A clock on which each look costs a millisecond. */
function slowClock(world: World): Clock {
  let spent = 0
  return {
    now: () => ++spent,
    after: (delayMs, task) => world.after(delayMs, task),
    soon: (task) => world.soon(task),
  }
}

test('all who ask on one clock share its turns', () => {
  const world = new World(1)

  assert.equal(Turns.on(world), Turns.on(world))
  assert.notEqual(Turns.on(world), Turns.on(new World(1)))
})

test('work is done in the microtask after it was asked for, in order', async () => {
  const turns = Turns.on(new World(1))
  const done: number[] = []

  for (const n of [1, 2, 3]) turns.add({ priority: 0, onTurn: () => done.push(n) })
  const before = [...done]
  await Promise.resolve()

  assert.deepEqual(before, [])
  assert.deepEqual(done, [1, 2, 3])
})

test('much work is done in slices, first come, first served', async () => {
  const world = new World(1)
  const turns = Turns.on(slowClock(world))
  const done: number[] = []
  for (let n = 0; n < 1_000; n++) turns.add({ priority: 0, onTurn: () => done.push(n) })

  await Promise.resolve()
  const inFirstSlice = done.length
  turns.add({ priority: 0, onTurn: () => done.push(1_000) })
  await world.run(10)

  assert.ok(inFirstSlice > 0 && inFirstSlice < 500, `${inFirstSlice}`)
  assert.deepEqual(
    done,
    Array.from({ length: 1_001 }, (_, n) => n),
  )
})

test('work that is asked for piece by piece in one turn, as by timers, is done in slices too', async () => {
  const world = new World(1)
  const turns = Turns.on(slowClock(world))
  const done: number[] = []
  for (let n = 0; n < 1_000; n++) {
    turns.add({ priority: 0, onTurn: () => done.push(n) })
    // Between two timers of Node promises go on, and nothing else does.
    await Promise.resolve()
  }

  const inFirstTurn = done.length
  await world.run(10)

  assert.ok(inFirstTurn > 0 && inFirstTurn < 500, `${inFirstTurn}`)
  assert.deepEqual(
    done,
    Array.from({ length: 1_000 }, (_, n) => n),
  )
})

test('in a turn whose slice is over a few have their turn, the highest priority first, and nobody is left out', async () => {
  const clock = new BusyClock()
  const turns = Turns.on(clock)
  const pace = TurnPace.on(clock)
  const done: number[] = []
  for (let n = 0; n < 100; n++) turns.add({ priority: n % 2, onTurn: () => done.push(n) })
  while (!pace.isOver) {}

  await Promise.resolve()
  const inTurnThatIsOver = [...done]
  while (done.length < 100) await pace.turn()

  const odd = Array.from({ length: 50 }, (_, n) => 2 * n + 1)
  assert.deepEqual(inTurnThatIsOver, odd.slice(0, TURN_ITEMS))
  assert.deepEqual(done, [...odd, ...odd.map((n) => n - 1)])
})

test('of work that takes long each, a turn does no more than until the next look at the clock', async () => {
  const world = new World(1)
  let spentMs = 0
  const turns = Turns.on({
    now: () => spentMs,
    after: (delayMs, task) => world.after(delayMs, task),
    soon: (task) => world.soon(task),
  })
  let done = 0
  const onTurn = (): void => {
    done++
    spentMs += SLICE_MS
  }
  for (let n = 0; n < 100; n++) turns.add({ priority: 0, onTurn })

  await Promise.resolve()

  assert.equal(done, TURN_ITEMS)
})

test('a remote hears of what it asked about, until it takes that back', () => {
  const subscriptions = new Subscriptions()
  subscriptions.add(64, 64, false)
  const before = [subscriptions.overlaps(0, 64), subscriptions.overlaps(127, 128)]

  subscriptions.remove(64, 64)

  assert.deepEqual(before, [false, true])
  assert.equal(subscriptions.overlaps(64, 128), false)
})

test('a remote that asks in unusual shapes, or too often, hears of everything', () => {
  const isToldAll = (subscriptions: Subscriptions): boolean => subscriptions.overlaps(1e9, 1e9 + 1)
  const odd = new Subscriptions()
  odd.add(5, 3, false)
  const long = new Subscriptions()
  long.add(0, WANT_BLOCKS_MAX, false)
  const whole = isToldAll(long)
  long.add(0, WANT_BLOCKS_MAX + 32, false)
  const many = new Subscriptions()
  for (let i = 0; i < WANTS_PER_CHANNEL_MAX; i++) many.add(i * 32, 32, false)
  const full = isToldAll(many)
  many.add(WANTS_PER_CHANNEL_MAX * 32, 32, false)
  const any = new Subscriptions()
  for (let i = 0; i < ANY_WANTS_PER_CHANNEL_MAX; i++) any.add(i, 1, true)
  const anyFull = isToldAll(any)
  any.add(ANY_WANTS_PER_CHANNEL_MAX, 1, true)

  assert.equal(isToldAll(odd), true)
  assert.deepEqual([whole, isToldAll(long)], [false, true])
  assert.deepEqual([full, isToldAll(many)], [false, true])
  assert.deepEqual([anyFull, isToldAll(any)], [false, true])
})

test('of those who wait in one moment the highest priority goes first, and equals as they came', async () => {
  const turns = Turns.on(new World(1))
  const done: string[] = []
  const add = (name: string, priority: number): void => {
    turns.add({ priority, onTurn: () => done.push(name) })
  }

  add('a', 0)
  add('b', -1)
  add('c', 2)
  add('d', 0)
  add('e', 2)
  await Promise.resolve()
  add('f', 0)
  add('g', 0)
  await Promise.resolve()

  assert.deepEqual(done, ['c', 'e', 'a', 'd', 'b', 'f', 'g'])
})

test('who asks again in his turn has the next one in a later turn of the event loop', async () => {
  const world = new World(1)
  const turns = Turns.on(world)
  let done = 0
  const again = {
    priority: 0,
    onTurn: () => {
      done++
      turns.add(again)
    },
  }

  turns.add(again)
  await Promise.resolve()

  assert.equal(done, 1)
})
