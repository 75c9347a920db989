/**
 * Look-ups: the second one, and those after, against a swarm that only counts and a clock that is moved by hand.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type Hyperswarm from 'hyperswarm'
import { Topic } from '../../src/network/topic.ts'
import { type HandClock, handClock } from '../hand-clock.ts'

/** Counts look-ups and finds nobody. */
function countingSwarm(): {
  swarm: Hyperswarm
  looks: () => number
  left: () => boolean
  modes: unknown[]
} {
  let looks = 0
  let left = false
  const modes: unknown[] = []
  const discovery = {
    flushed: async () => true,
    refresh: async (mode?: unknown) => {
      if (mode !== undefined) modes.push(mode)
      looks++
      return true
    },
    destroy: async () => {
      left = true
    },
  }
  const swarm = {
    join(_: Uint8Array, mode: unknown) {
      modes.push(mode)
      return discovery
    },
    flush: async () => true,
  }
  // A stand-in for the few calls that a topic makes.
  return { swarm: swarm as unknown as Hyperswarm, looks: () => looks, left: () => left, modes }
}

const KEY = new Uint8Array(32)
const HOOKS = { onproblem: () => undefined, onleave: () => undefined }

/** Moves the clock in small steps until `work` is done. Returns the time that it took. */
async function advanceUntil(clock: HandClock, work: Promise<unknown>): Promise<number> {
  const started = clock.now()
  let isDone = false
  void work.then(() => {
    isDone = true
  })
  for (await settle(); !isDone; await settle()) clock.advance(50)
  return clock.now() - started
}

/** Lets what is waiting run, as often as a chain of promises may need. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('who is alone looks again a few seconds after the first announcement, then ever less often', async () => {
  const clock = handClock()
  const { swarm, looks } = countingSwarm()
  const topic = new Topic(swarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => false,
    ...HOOKS,
  })
  await topic.looked
  await settle()
  assert.equal(looks(), 0)

  const tookMs = await advanceUntil(clock, topic.lookedTwice)
  assert.ok(tookMs >= 1_500 && tookMs <= 3_100, `${tookMs}`)
  assert.equal(looks(), 1)

  const times: number[] = []
  for (let at = 0; at < 3_600_000; at += 1_000) {
    const before = looks()
    clock.advance(1_000)
    await settle()
    if (looks() > before) times.push(at)
  }
  topic.stop()
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0))
  assert.ok((times[0] ?? 0) < 7_000)
  assert.ok((gaps.at(-1) ?? 0) >= 600_000, `${gaps}`)
  assert.ok(times.length >= 8 && times.length <= 16, `${times.length}`)
})

test('who has company does not look, and looks soon when it is gone', async () => {
  const clock = handClock()
  const { swarm, looks } = countingSwarm()
  let peers = 1
  const topic = new Topic(swarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => peers > 0,
    ...HOOKS,
  })
  await topic.lookedTwice
  for (let i = 0; i < 100; i++) {
    clock.advance(1_000)
    await settle()
  }
  assert.equal(looks(), 0)

  peers = 0
  for (let i = 0; i < 8; i++) {
    clock.advance(1_000)
    await settle()
  }

  topic.stop()
  assert.equal(looks(), 1)
})

test('who is met while waiting for the second look-up makes it needless', async () => {
  const clock = handClock()
  const { swarm, looks } = countingSwarm()
  let peers = 0
  const topic = new Topic(swarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => peers > 0,
    ...HOOKS,
  })
  await topic.looked
  clock.after(500, () => peers++)

  const tookMs = await advanceUntil(clock, topic.lookedTwice)

  topic.stop()
  assert.ok(tookMs <= 600, `${tookMs}`)
  assert.equal(looks(), 0)
})

test('whoever is met does not wait for those who never answer', async () => {
  const clock = handClock()
  const { swarm } = countingSwarm()
  const stuck = { ...swarm, flush: () => new Promise(() => undefined) }
  let peers = 0
  clock.after(300, () => peers++)

  const topic = new Topic(stuck as unknown as Hyperswarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => peers > 0,
    ...HOOKS,
  })

  const tookMs = await advanceUntil(clock, topic.looked)
  topic.stop()
  assert.ok(tookMs >= 1_000 && tookMs <= 1_500, `${tookMs}`)
})

test('who meets nobody waits for those who may still answer, and not for ever', async () => {
  const clock = handClock()
  const { swarm } = countingSwarm()
  const stuck = { ...swarm, flush: () => new Promise(() => undefined) }

  const topic = new Topic(stuck as unknown as Hyperswarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => false,
    ...HOOKS,
  })

  const tookMs = await advanceUntil(clock, topic.looked)
  topic.stop()
  assert.ok(tookMs >= 9_900 && tookMs <= 10_100, `${tookMs}`)
})

test('an announcement is withdrawn once it is known that there may be none, and only then', async () => {
  const clock = handClock()
  const { swarm, modes } = countingSwarm()
  let mayAnnounce = true
  const told: string[] = []
  const topic = new Topic(swarm, KEY, clock, {
    mayAnnounce: () => mayAnnounce,
    hasPeers: () => true,
    onsettle: () => told.push('settled'),
    ...HOOKS,
  })

  topic.settle()
  assert.deepEqual(modes, [{ server: true, client: true }])
  mayAnnounce = false
  topic.settle()
  topic.settle()

  assert.deepEqual(modes.slice(1), [{ server: false, client: true }])
  assert.equal(told.length, 3)
  topic.stop()
})

test('the look-ups are over when other networks were looked at too', async () => {
  const clock = handClock()
  const { swarm } = countingSwarm()
  let end = (): void => {}
  const elsewhere = new Promise<void>((resolve) => {
    end = resolve
  })
  const topic = new Topic(swarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => true,
    elsewhere,
    ...HOOKS,
  })
  const over: string[] = []
  void topic.lookedTwice.then(() => over.push('twice'))
  void topic.lookedEverywhere.then(() => over.push('everywhere'))
  await advanceUntil(clock, topic.looked)
  await settle()
  assert.deepEqual(over, [])

  end()
  await settle()

  assert.deepEqual(over.sort(), ['everywhere', 'twice'])
  topic.stop()
})

test('who only reads does not announce', async () => {
  const { swarm, modes } = countingSwarm()

  const topic = new Topic(swarm, KEY, handClock(), {
    mayAnnounce: () => false,
    hasPeers: () => false,
    ...HOOKS,
  })

  await topic.looked
  topic.stop()
  assert.deepEqual(modes, [{ server: false, client: true }])
})

test('offline, the look-ups are over at once', async () => {
  const topic = new Topic(undefined, KEY, handClock(), {
    mayAnnounce: () => true,
    hasPeers: () => false,
    ...HOOKS,
  })

  await topic.lookedTwice
  await topic.leave()
})

test('leaving ends the look-ups and whoever waits for them', async () => {
  const { swarm, looks, left } = countingSwarm()
  const topic = new Topic(swarm, KEY, handClock(), {
    mayAnnounce: () => true,
    hasPeers: () => false,
    ...HOOKS,
  })
  await topic.looked
  await settle()

  await topic.leave()
  await topic.lookedTwice

  assert.equal(left(), true)
  assert.equal(looks(), 0)
})

test('a look-up that fails is told, and others follow', async () => {
  const clock = handClock()
  const { swarm } = countingSwarm()
  const problems: string[] = []
  const failing = {
    ...swarm,
    join: () => ({
      flushed: async () => false,
      refresh: async () => false,
      destroy: async () => undefined,
    }),
  }
  const topic = new Topic(failing as unknown as Hyperswarm, KEY, clock, {
    mayAnnounce: () => true,
    hasPeers: () => false,
    onproblem: (error) => problems.push(error.code),
    onleave: () => undefined,
  })
  await topic.looked
  await settle()
  await advanceUntil(clock, topic.lookedTwice)
  topic.stop()

  assert.deepEqual(problems, ['NO_PEERS', 'NO_PEERS'])
})
