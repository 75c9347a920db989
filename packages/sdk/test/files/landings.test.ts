/** Files on their way to the device while others are written. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Landings } from '../../src/files/landings.ts'

/** Work that ends when it is told to. */
function task(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => undefined
  let reject = (_: Error): void => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

test('there is room for one more when one of the most that may be under way has ended', async () => {
  const landings = new Landings(2)
  const [first, second] = [task(), task()]
  await landings.room()
  landings.add(first.promise)
  await landings.room()
  landings.add(second.promise)
  let hasRoom = false
  const waiting = landings.room().then(() => {
    hasRoom = true
  })

  await new Promise(setImmediate)
  assert.equal(hasRoom, false)
  second.resolve()
  await waiting

  assert.equal(hasRoom, true)
})

test('all is over when the last one is', async () => {
  const landings = new Landings(2)
  const [first, second] = [task(), task()]
  landings.add(first.promise)
  landings.add(second.promise)
  let isOver = false
  const waiting = landings.all().then(() => {
    isOver = true
  })

  first.resolve()
  await new Promise(setImmediate)
  assert.equal(isOver, false)
  second.resolve()
  await waiting

  assert.equal(isOver, true)
})

test('what one failed with is told to whoever looks for room, and at the end; waiting alone tells nothing', async () => {
  const landings = new Landings(2)
  const failing = task()
  landings.add(failing.promise)

  failing.reject(new Error('the disk is full'))

  await landings.settled()
  await assert.rejects(landings.room(), /full/)
  await assert.rejects(landings.all(), /full/)
})
