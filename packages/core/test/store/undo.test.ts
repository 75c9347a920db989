/** The journal tells everybody what to take back, the last change first, from any point on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Undo, type UndoTarget } from '../../src/store/engine/undo.ts'
import type { Head } from '../../src/store/store.ts'

type Told = readonly (string | number)[]

/** A log that writes down what it is told. */
function target(name: string, told: Told[]): UndoTarget {
  return {
    undoBlock: (index, position, size) => told.push([name, 'block', index, position, size]),
    undoNode: (index) => told.push([name, 'node', index]),
    setHead: (head, address) => told.push([name, 'head', head.length, address]),
  }
}

const number = fc.oneof(fc.nat(100), fc.maxSafeNat())
const change = fc.record({
  kind: fc.constantFrom('block', 'node', 'head', 'other'),
  log: fc.nat(2),
  numbers: fc.tuple(number, number, number),
})
/** Changes, then how many of those that are left are taken back; -1: they stand. */
const step = fc.record({
  changes: fc.array(change, { maxLength: 90 }),
  back: fc.integer({ min: -1, max: 99 }),
})

test('what is taken back is what was noted, backwards, whoever it is about', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const told: Told[] = []
      const undo = new Undo()
      const targets = ['a', 'b', 'c'].map((name) => target(name, told))
      let noted: Told[] = []
      for (const { changes, back } of steps) {
        for (const { kind, log, numbers } of changes) {
          const [index, position, size] = numbers
          const name = 'abc'[log] ?? ''
          const to = targets[log] ?? target('?', told)
          if (kind === 'block') {
            undo.block(to, index, position, size)
            noted.push([name, kind, index, position, size])
          } else if (kind === 'node') {
            undo.node(to, index)
            noted.push([name, kind, index])
          } else if (kind === 'head') {
            const head: Head = { fork: 0, length: index, byteLength: 0, signature: undefined }
            undo.head(to, head, position)
            noted.push([name, kind, index, position])
          } else {
            undo.other(() => told.push([size]))
            noted.push([size])
          }
        }
        assert.equal(undo.length, noted.length)

        const left = Math.max(0, noted.length - Math.max(0, back))
        const expected = noted.slice(left).reverse()
        told.length = 0
        undo.rewind(left)
        assert.deepEqual(told, expected)
        noted = noted.slice(0, left)
        if (back !== -1) continue
        undo.clear()
        noted = []
      }
    }),
  )
})

test('a commit of more entries than are kept is taken back whole, and so is the one after it', () => {
  const told: Told[] = []
  const undo = new Undo()
  const [a, b] = [target('a', told), target('b', told)]
  for (const count of [40_000, 3, 40_000]) {
    for (let i = 0; i < count; i++) undo.node(i % 1_000 === 0 ? b : a, i)
    undo.clear()
    assert.equal(undo.length, 0)

    for (let i = 0; i < count; i++) undo.node(i % 1_000 === 0 ? b : a, i)
    told.length = 0
    undo.rewind(0)
    assert.equal(told.length, count)
    assert.deepEqual(told[0], [(count - 1) % 1_000 === 0 ? 'b' : 'a', 'node', count - 1])
    assert.deepEqual(told.at(-1), ['b', 'node', 0])
  }
})
