/** How many nodes requests ask for, and what happens to the promises of requests that fail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { Flights } from '../../src/replicator/flights.ts'
import { depthOf, parentOf, siblingOf } from '../../src/tree/flat.ts'

const LENGTH = 1_024
const ROOT = LENGTH - 1

/** A tree of 1,024 blocks of which only some nodes are stored. */
class Tree {
  readonly stored = new Set([ROOT])

  readonly missing = (node: number, trust: (node: number) => boolean): number => {
    let steps = 0
    let at = node
    while (!this.stored.has(at) && !trust(at)) {
      at = parentOf(at)
      steps++
    }
    return steps
  }

  /** Takes in the answer to a request for `nodes` nodes; false if the node it leads to is not here. */
  apply(block: number, nodes: number): boolean {
    const path = [block * 2]
    const seen: number[] = []
    for (let i = 0; i < nodes; i++) {
      const at = path.at(-1) ?? 0
      seen.push(at, siblingOf(at))
      path.push(parentOf(at))
    }
    const top = path.at(-1) ?? 0
    if (!this.stored.has(top)) return false
    for (const node of [...seen, ...path]) this.stored.add(node)
    return true
  }
}

test('an ascending run asks for the way out of its chunk once, then for as many nodes as the index has zero bits', () => {
  const tree = new Tree()
  const flights = new Flights(tree.missing)

  const asked = Array.from({ length: 64 }, (_, i) => flights.reserve(i, 1, true, false))

  assert.equal(asked[0], 10)
  const zeroBits = Array.from({ length: 63 }, (_, i) => depthOf(i))
  assert.deepEqual(asked.slice(1), zeroBits)
})

test('whatever is asked in whatever order can be verified when answered in that order', () => {
  const order = fc.shuffledSubarray(Array.from({ length: 256 }, (_, i) => i))
  fc.assert(
    fc.property(
      order,
      fc.array(fc.boolean(), { minLength: 256, maxLength: 256 }),
      (blocks, urgent) => {
        const tree = new Tree()
        const flights = new Flights(tree.missing)
        const asked = blocks.map((block, i) => {
          const isUrgent = urgent[i] === true
          return { block, isUrgent, nodes: flights.reserve(block, 1, true, isUrgent) }
        })

        // Urgent requests are answered before the others.
        const answers = [...asked.filter((a) => a.isUrgent), ...asked.filter((a) => !a.isUrgent)]
        for (const { block, nodes } of answers) {
          assert.equal(tree.apply(block, nodes), true, `block ${block}`)
          flights.release(block, true)
        }
        assert.equal(flights.blocksReserved, 0)
      },
    ),
    { numRuns: 100 },
  )
})

test('a request to another peer counts on stored nodes only', () => {
  const tree = new Tree()
  const flights = new Flights(tree.missing)
  flights.reserve(0, 1, true, false)

  assert.equal(flights.reserve(1, 2, true, false), 10)
  assert.equal(flights.reserve(2, 1, true, false), 1)
})

test('when a request fails, later ones do not count on what it promised', () => {
  const tree = new Tree()
  const flights = new Flights(tree.missing)
  flights.reserve(0, 1, true, false)
  flights.reserve(1, 1, true, false)

  flights.release(0, false)

  assert.equal(flights.isBroken(1), true)
  assert.equal(flights.reserve(0, 1, true, false), 10)
  assert.equal(flights.reserve(2, 1, true, false), 10)
})

test('a block that is asked of two peers is free when both are done', () => {
  const tree = new Tree()
  const flights = new Flights(tree.missing)
  flights.reserve(7, 1, true, false)
  flights.reserve(7, 2, true, true)

  assert.equal(flights.copies(7), 2)
  assert.equal(flights.release(7, false), false)
  assert.equal(flights.has(7), true)
  assert.equal(flights.release(7, true), true)
  assert.equal(flights.has(7), false)
})

test('giving back what was not reserved is a bug that shows', () => {
  const flights = new Flights(new Tree().missing)
  flights.reserve(1, 1, true, false)
  flights.release(1, true)

  assert.throws(
    () => flights.release(1, true),
    (error) => isCode(error, 'INVARIANT'),
  )
})

test('the next free block is found across chunks', () => {
  const flights = new Flights(new Tree().missing)
  for (let i = 10; i < 200; i++) flights.reserve(i, 1, true, false)

  assert.equal(flights.nextFree(0, 1_000), 0)
  assert.equal(flights.nextFree(10, 1_000), 200)
  assert.equal(flights.nextFree(10, 150), 150)
  assert.equal(flights.isTaken(64, 1), false)
  assert.equal(flights.isTaken(64, 2), true)
  assert.equal(flights.isTaken(500, 2), false)
})

test('a run of free blocks ends before the first that is reserved', () => {
  const flights = new Flights(new Tree().missing)
  const before = flights.nextTaken(3, 64)
  flights.reserve(9, 1, true, false)

  assert.deepEqual([before, flights.nextTaken(3, 64), flights.nextTaken(10, 64)], [64, 9, 64])
})
