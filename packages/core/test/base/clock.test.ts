/** The machine's clock. The only test that waits for real time, because that is what it is about. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'

test('time does not go back, and tasks run in a later turn', async () => {
  const before = systemClock.now()
  let ran = false

  const soon = new Promise<void>((resolve) =>
    systemClock.soon(() => {
      ran = true
      resolve()
    }),
  )

  assert.equal(ran, false)
  await soon
  assert.ok(systemClock.now() >= before)
})

test('a task runs after its delay, unless it is cancelled', async () => {
  const ran: string[] = []
  systemClock.after(1, () => ran.push('cancelled')).cancel()

  await new Promise<void>((resolve) => {
    // A timer of ours keeps no process alive, so the test holds one open itself.
    const alive = setInterval(() => {}, 1000)
    systemClock.after(2, () => {
      ran.push('late')
      clearInterval(alive)
      resolve()
    })
  })

  assert.deepEqual(ran, ['late'])
})
