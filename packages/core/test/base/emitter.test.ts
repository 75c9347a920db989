/** The emitter: who hears what, how long, and what a listener's mistake does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Emitter } from '../../src/base/emitter.ts'

interface Events {
  append: { length: number }
  close: { error?: Error }
}

test('listeners hear events of their name, in the order they came', () => {
  const events = new Emitter<Events>()
  const heard: string[] = []
  events.on('append', ({ length }) => heard.push(`first ${length}`))
  events.on('append', ({ length }) => heard.push(`second ${length}`))

  events.emit('append', { length: 1 })
  events.emit('close', {})

  assert.deepEqual(heard, ['first 1', 'second 1'])
})

test('a listener is gone after its function, its signal, or removeAll', () => {
  const events = new Emitter<Events>()
  const heard: string[] = []
  const controller = new AbortController()
  const off = events.on('append', () => heard.push('a'))
  events.on('append', () => heard.push('b'), { signal: controller.signal })
  events.on('append', () => heard.push('c'))

  events.emit('append', { length: 1 })
  off()
  events.emit('append', { length: 2 })
  controller.abort()
  events.emit('append', { length: 3 })
  events.removeAll()
  events.emit('append', { length: 4 })

  assert.deepEqual(heard.join(''), 'abcbcc')
  assert.equal(events.has('append'), false)
})

test('a signal that fired already adds nobody', () => {
  const events = new Emitter<Events>()

  events.on('append', () => assert.fail('was added'), { signal: AbortSignal.abort() })

  assert.equal(events.has('append'), false)
  events.emit('append', { length: 1 })
})

test('has tells whether building an event is worth it', () => {
  const events = new Emitter<Events>()
  assert.equal(events.has('append'), false)

  const off = events.on('append', () => {})

  assert.equal(events.has('append'), true)
  assert.equal(events.has('close'), false)
  off()
  assert.equal(events.has('append'), false)
})

test('who was added twice hears twice, and is removed once per removal', () => {
  const events = new Emitter<Events>()
  let count = 0
  const listener = (): void => {
    count++
  }
  const off = events.on('append', listener)
  events.on('append', listener)

  off()
  off()
  events.emit('append', { length: 1 })

  assert.equal(count, 1)
})

test('a listener may remove itself, or another, while an event is handed out', () => {
  const events = new Emitter<Events>()
  const heard: string[] = []
  const off = events.on('append', () => {
    heard.push('once')
    off()
  })
  events.on('append', () => heard.push('always'))

  events.emit('append', { length: 1 })
  events.emit('append', { length: 2 })

  assert.deepEqual(heard, ['once', 'always', 'always'])
})

test('the mistake of one listener keeps no other from hearing and reaches nobody who emits', async () => {
  const events = new Emitter<Events>()
  const heard: string[] = []
  // The test runner listens too, and would count the rejection as a failure.
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const surfaced = new Promise<unknown>((resolve) => process.once('unhandledRejection', resolve))
  events.on('append', () => {
    throw new Error('mine')
  })
  events.on('append', () => heard.push('heard'))

  events.emit('append', { length: 1 })

  assert.deepEqual(heard, ['heard'])
  const error = await surfaced
  for (const other of others) process.on('unhandledRejection', other)
  assert.equal(String(error), 'Error: mine')
})

test('a hearer hears what it has a method for, until it listens no more', () => {
  class Ears {
    readonly heard: number[] = []

    append({ length }: { length: number }): void {
      this.heard.push(length)
    }
  }
  const events = new Emitter<Events>()
  const ears = new Ears()

  events.hear(ears)
  events.emit('append', { length: 1 })
  assert.ok(events.has('append'))
  events.unhear(ears)
  events.emit('append', { length: 2 })

  assert.deepEqual(ears.heard, [1])
  assert.ok(!events.has('append'))
})
