/** Ids of requests: small, reused, and never while a late answer could be mistaken. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Flight, Requests } from '../../src/replicator/requests.ts'

test('a free id is used again, last freed first', () => {
  const requests = new Requests()
  const a = requests.add(0)
  const b = requests.add(0)
  assert.deepEqual([a.id, b.id], [1, 2])

  requests.answered(a)
  requests.answered(b)

  assert.deepEqual([requests.add(0).id, requests.add(0).id], [2, 1])
})

test('the id of a cancelled request rests until what was sent after the cancellation is answered', () => {
  const requests = new Requests()
  const before = requests.add(0)
  const cancelled = requests.add(0)
  requests.cancelled(cancelled)
  const after = requests.add(0)

  requests.answered(before)
  const whileResting = requests.add(0)
  requests.answered(after)
  const ids = [requests.add(0).id, requests.add(0).id]

  assert.notEqual(whileResting.id, cancelled.id)
  assert.ok(ids.includes(cancelled.id))
})

test('an answer is never taken for one to another request, in whatever order things happen', () => {
  // The remote answers everything it gets before it sees the cancellation, in the order of asking.
  const action = fc.constantFrom('ask' as const, 'cancel' as const, 'deliver' as const)
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 200 }),
      fc.infiniteStream(fc.nat()),
      (actions, picks) => {
        const requests = new Requests()
        const wire: { id: number; block: number }[] = []
        let waiting: Flight[] = []
        let block = 0
        for (const one of actions) {
          if (one === 'ask') {
            const flight = requests.add(0)
            flight.block = block++
            waiting.push(flight)
            wire.push({ id: flight.id, block: flight.block })
          } else if (one === 'cancel') {
            const flight = waiting[(picks.next().value ?? 0) % Math.max(waiting.length, 1)]
            if (flight === undefined) continue
            waiting = waiting.filter((other) => other !== flight)
            requests.cancelled(flight)
          } else {
            const answer = wire.shift()
            if (answer === undefined) continue
            const flight = requests.get(answer.id)
            if (flight === undefined) continue
            assert.equal(flight.block, answer.block)
            waiting = waiting.filter((other) => other !== flight)
            requests.answered(flight)
          }
          assert.equal(requests.active, waiting.length)
        }
      },
    ),
  )
})
