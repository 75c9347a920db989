/** Lanes: whose turn it is, who is held up by whom, and what they cost those who are not limited. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane, type Passenger, Way } from '../../src/replicator/passage.ts'
import { TestClock } from '../wire/simulated.ts'

/** Passes `each` bytes whenever it is its turn, until it has passed `total`. */
class Truck implements Passenger {
  readonly priority: number
  readonly #name: string
  readonly #way: Way
  readonly #clock: TestClock
  readonly #passed: string[]
  #left: number

  constructor(name: string, way: Way, clock: TestClock, passed: string[], left = 3, priority = 0) {
    this.#name = name
    this.#way = way
    this.#clock = clock
    this.#passed = passed
    this.#left = left
    this.priority = priority
  }

  onRoom(): void {
    while (this.#left > 0) {
      if (!this.#way.admits(this)) {
        this.#way.wait(this)
        return
      }
      this.#way.passed(4_096, this.#clock.now())
      this.#passed.push(this.#name)
      this.#left--
    }
  }
}

test('equals take turns, in the order in which they came', () => {
  const clock = new TestClock()
  const way = new Way([new Lane(clock, 4_096)])
  const passed: string[] = []

  for (const name of ['a', 'b', 'c']) new Truck(name, way, clock, passed).onRoom()
  clock.advance(20_000)

  // The first one found room at once, and then stood in line like the others.
  assert.equal(passed.join(''), 'aabcabcbc')
})

test('the highest priority goes first, whoever came before', () => {
  const clock = new TestClock()
  const way = new Way([new Lane(clock, 4_096)])
  const passed: string[] = []
  const trucks = [0, 1, 5].map((p) => new Truck(`${p}`, way, clock, passed, 3, p))

  for (const truck of trucks) truck.onRoom()
  clock.advance(20_000)

  assert.equal(passed.join(''), '055511100')
})

test('whoever has left is not called, and does not hold the others up', () => {
  const clock = new TestClock()
  const way = new Way([new Lane(clock, 4_096)])
  const passed: string[] = []
  const trucks = ['a', 'b', 'c'].map((name) => new Truck(name, way, clock, passed))
  for (const truck of trucks) truck.onRoom()

  const [, b] = trucks
  if (b !== undefined) way.leave(b)
  clock.advance(20_000)

  assert.equal(passed.join(''), 'aacacc')
})

test('who waits in a narrow lane holds nobody up in the wide one', () => {
  const clock = new TestClock()
  const wide = new Lane(clock, 40_960)
  const passed: string[] = []
  const slow = new Truck('s', new Way([new Lane(clock, 410), wide]), clock, passed, 100)
  const fast = new Truck('f', new Way([wide]), clock, passed, 100)

  slow.onRoom()
  fast.onRoom()
  clock.advance(10_000)

  const counts = [passed.filter((n) => n === 's').length, passed.filter((n) => n === 'f').length]
  assert.deepEqual(counts, [2, 100])
})

test('what was reserved and does not come is given back, and wakes who waits', () => {
  const clock = new TestClock()
  const lane = new Lane(clock, 1_000)
  const way = new Way([lane])
  const passed: string[] = []
  way.reserve(100_000)
  new Truck('a', way, clock, passed, 1).onRoom()
  clock.run()
  const before = passed.length

  way.reserve(-100_000)
  clock.advance(5_000)

  assert.deepEqual([before, passed.length], [0, 1])
})

test('a lane without a limit counts and sets no timer; one that is used up sets one', () => {
  const clock = new TestClock()
  const [free, limited] = [new Lane(clock), new Lane(clock, 1_000)]
  const passed: string[] = []

  new Truck('f', new Way([free]), clock, passed, 1_000).onRoom()
  clock.run()
  const timersBefore = clock.timerCount
  const limitedWay = new Way([limited])
  for (const name of ['a', 'b', 'c']) new Truck(name, limitedWay, clock, passed).onRoom()
  clock.run()

  assert.deepEqual([free.bytes, timersBefore, clock.timerCount], [1_000 * 4_096, 0, 1])
  limited.close()
  assert.equal(clock.timerCount, 0)
})

test('a limit that is lifted lets all go who wait', () => {
  const clock = new TestClock()
  const lane = new Lane(clock, 1)
  const way = new Way([lane])
  const passed: string[] = []
  for (const name of ['a', 'b', 'c']) new Truck(name, way, clock, passed).onRoom()
  clock.run()
  const before = passed.length

  lane.limit = Number.POSITIVE_INFINITY
  clock.run()

  assert.deepEqual([before, passed.length], [1, 9])
})
