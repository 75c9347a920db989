/** Ending waits: one listener or many, once, in order, and nothing left behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stop, type StopSignal, stopWith } from '../../src/base/stop.ts'

test('listeners are called once, in the order in which they came, with the first reason', () => {
  const stop = new Stop()
  const calls: string[] = []
  for (const name of ['a', 'b', 'c']) {
    stop.addEventListener('abort', () => calls.push(`${name} ${String(stop.reason)}`))
  }

  stop.abort('first')
  stop.abort('second')

  assert.deepEqual(calls, ['a first', 'b first', 'c first'])
  assert.equal(stop.aborted, true)
  stop.addEventListener('abort', () => calls.push('late'))
  assert.equal(calls.length, 3)
})

test('whoever took his listener back is not called, whichever of them it was', () => {
  for (const gone of [0, 1, 2]) {
    const stop = new Stop()
    const calls: number[] = []
    const listeners = [0, 1, 2].map((i) => () => void calls.push(i))
    for (const listener of listeners) stop.addEventListener('abort', listener)
    stop.removeEventListener('abort', listeners[gone] ?? (() => {}))

    stop.abort(undefined)

    assert.deepEqual(
      calls,
      [0, 1, 2].filter((i) => i !== gone),
    )
  }
})

test('a stop with several signals fires with the first of them, an AbortSignal or not', () => {
  const [stop, controller] = [new Stop(), new AbortController()]
  const both: (StopSignal | undefined)[] = [stop, undefined, controller.signal]
  const joined = stopWith(both)
  let calls = 0
  joined.signal.addEventListener('abort', () => calls++)

  controller.abort('over')
  stop.abort('too late')

  assert.equal(calls, 1)
  assert.equal(joined.signal.reason, 'over')
  assert.equal(stopWith(both).signal.aborted, true, 'of signals that have fired already')
})

test('a stop that is released hears nothing any more', () => {
  const stop = new Stop()
  const { signal, release } = stopWith([stop])

  release()
  stop.abort('later')

  assert.equal(signal.aborted, false)
})
