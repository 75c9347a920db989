/**
 * What a folder tells: in order, bounded, and without anybody having to listen.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '@dat-rhino/core/base/errors'
import type { FolderEvent, FolderState } from '../../src/files/news.ts'
import { EVENTS_MAX } from '../../src/files/news-queue.ts'
import { type Sample, Teller } from '../../src/files/teller.ts'
import { handClock } from '../hand-clock.ts'

const QUIET: Sample = { have: 0, length: 0, version: 1, bytesDown: 0, bytesUp: 0, peers: [] }

async function take<T>(from: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  if (count === 0) return taken
  for await (const each of from) {
    taken.push(each)
    if (taken.length === count) break
  }
  return taken
}

test('each listener hears everything from when it began, in order', async () => {
  const teller = new Teller(handClock(), () => QUIET)
  const early = teller.events()
  teller.emit({ type: 'version', version: 1 })
  const late = teller.events()
  teller.emit({ type: 'version', version: 2 })
  teller.close('closed')

  const heard: FolderEvent[] = []
  for await (const event of early) heard.push(event)
  const heardLate: FolderEvent[] = []
  for await (const event of late) heardLate.push(event)

  assert.deepEqual(heard, [
    { type: 'version', version: 1 },
    { type: 'version', version: 2 },
    { type: 'phase', phase: 'closed' },
  ])
  assert.deepEqual(heardLate, heard.slice(1))
})

test('a listener that is too slow is told how many events it missed, in their place', async () => {
  const teller = new Teller(handClock(), () => QUIET)
  const events = teller.events()
  for (let i = 0; i < EVENTS_MAX + 5; i++) teller.emit({ type: 'version', version: i })

  const heard = await take(events, EVENTS_MAX + 1)

  assert.deepEqual(heard.at(-2), { type: 'version', version: EVENTS_MAX - 1 })
  assert.deepEqual(heard.at(-1), { type: 'missed', count: 5 })
})

test('a listener that waits is woken by the next event, and by the end', async () => {
  const teller = new Teller(handClock(), () => QUIET)
  const events = teller.events()[Symbol.asyncIterator]()

  const first = events.next()
  teller.emit({ type: 'version', version: 7 })
  assert.deepEqual(await first, { value: { type: 'version', version: 7 }, done: false })
  const second = events.next()
  teller.close('done')

  assert.deepEqual(await second, { value: { type: 'phase', phase: 'done' }, done: false })
  assert.equal((await events.next()).done, true)
})

test('an aborted listener ends', async () => {
  const teller = new Teller(handClock(), () => QUIET)
  const abort = new AbortController()
  const events = teller.events(abort.signal)[Symbol.asyncIterator]()
  const next = events.next()

  abort.abort()

  assert.equal((await next).done, true)
})

test('states skip to the newest, and end when the folder is closed', async () => {
  const clock = handClock()
  const teller = new Teller(clock, () => QUIET)
  const states = teller.states()[Symbol.asyncIterator]()
  const phases: unknown[] = [((await states.next()).value as FolderState).phase]

  teller.setPhase('scanning')
  teller.setPhase('transferring')
  phases.push(((await states.next()).value as FolderState).phase)
  teller.close('closed')
  phases.push(((await states.next()).value as FolderState).phase)

  assert.deepEqual(phases, ['opening', 'transferring', 'closed'])
  assert.equal((await states.next()).done, true)
})

test('rates and time left follow from counters and clock', () => {
  const clock = handClock()
  let bytesDown = 0
  const teller = new Teller(clock, () => ({ ...QUIET, bytesDown }))
  teller.beginPass()
  teller.setPhase('transferring')
  teller.expect(1, 10_000)

  for (let i = 0; i < 8; i++) {
    bytesDown += 500
    teller.moved(500)
    clock.advance(500)
  }

  assert.equal(teller.state.rateDown, 1_000)
  assert.equal(teller.state.etaMs, 6_000)
  clock.advance(20_000)
  assert.equal(teller.state.rateDown, 0)
})

test('peers that come and go are told', async () => {
  const clock = handClock()
  let peers: string[] = []
  const teller = new Teller(clock, () => ({ ...QUIET, peers }))
  const events = teller.events()

  peers = ['aa', 'bb']
  clock.advance(1_000)
  peers = ['bb']
  clock.advance(1_000)

  assert.deepEqual(await take(events, 3), [
    { type: 'peer-added', peer: 'aa', peers: 2 },
    { type: 'peer-added', peer: 'bb', peers: 2 },
    { type: 'peer-removed', peer: 'aa', peers: 1 },
  ])
})

test('peers without a name, as old programs are, come and go one by one', async () => {
  const clock = handClock()
  let peers: string[] = []
  const teller = new Teller(clock, () => ({ ...QUIET, peers }))
  const events = teller.events()
  peers = ['', 'key']
  clock.advance(1_000)
  peers = ['', 'key', '']
  clock.advance(1_000)
  peers = ['']
  clock.advance(1_000)
  teller.close('closed')

  const heard: string[] = []
  for await (const event of events) {
    if (event.type === 'peer-added' || event.type === 'peer-removed') {
      heard.push(`${event.type} "${event.peer}" ${event.peers}`)
    }
  }

  assert.deepEqual(heard, [
    'peer-added "" 2',
    'peer-added "key" 2',
    'peer-added "" 3',
    'peer-removed "key" 1',
    'peer-removed "" 1',
  ])
})

test('a report counts what happened, and says what a program must act on', () => {
  const teller = new Teller(handClock(), () => ({ ...QUIET, version: 9 }))
  teller.beginPass()
  teller.expect(5, 50, 100)
  teller.added('/a', 10)
  teller.changed('/b', 10)
  teller.unchanged('/c')
  teller.skipped('/d', new DatError('IO', '/d: permission denied.'))

  const before = teller.report()
  teller.conflict('/e', 'changed')
  const after = teller.report()

  assert.equal(before.error?.code, 'IO')
  assert.equal(after.error?.code, 'LOCAL_CHANGES')
  assert.deepEqual(
    [after.version, after.files, after.bytes, after.added, after.changed, after.unchanged],
    [9, 4, 100, 1, 1, 1],
  )
  assert.deepEqual(after.problems, [{ path: '/d', code: 'IO', message: '/d: permission denied.' }])
  assert.equal(teller.state.conflicts, 1)
})
