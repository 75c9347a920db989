/** Acknowledgement: what peers claim to hold, remembered, taken back, waited for. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { COPY_PEERS_MAX, COPY_RUNS_MAX } from '../../src/base/limits.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import type { CopyClaim } from '../../src/log/copies.ts'
import type { Log } from '../../src/log/log.ts'
import { Availability } from '../../src/replicator/availability.ts'
import { decodeClaims, encodeClaims, runsOf } from '../../src/replicator/copies-record.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { World } from '../sim/world.ts'
import { connect, numbered, openStore } from './fixtures.ts'

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

interface Scene {
  readonly world: World
  readonly a: Corestore
  readonly log: Log
}

async function scene(count = 100): Promise<Scene> {
  const world = new World(1)
  const a = await openStore(1, world)
  const log = await a.get({ name: 'log' })
  await log.append(numbered(0, count))
  return { world, a, log }
}

/** A reader of `log` in a store of its own, connected under key `n`. */
async function follower(
  { world, a, log }: Scene,
  n: number,
  store: Store = openMemoryStore({ primaryKey: key(n) }),
): Promise<{ log: Log; store: Corestore }> {
  const b = await Corestore.open({ store, clock: world })
  const reader = await b.get({ key: log.key })
  connect(a, b, world, { keys: [key(1), key(n)] })
  return { log: reader, store: b }
}

/** Has the promise been settled by now, and how? */
function watch<T>(promise: Promise<T>): { state: () => string; value: () => T | undefined } {
  let state = 'waiting'
  let value: T | undefined
  promise.then(
    (result) => {
      state = 'done'
      value = result
    },
    (error: unknown) => {
      state = (error as { code?: string }).code ?? 'error'
    },
  )
  return { state: () => state, value: () => value }
}

const told = (claims: readonly CopyClaim[]): string[] =>
  claims.map(({ remotePublicKey, ranges, connected }) => {
    const runs = ranges.map(({ start, end }) => `${start}-${end}`).join(' ')
    return `${remotePublicKey[0]}${connected ? '' : ' away'}: ${runs}`
  })

test('a log is replicated when so many peers hold it, and not before', async () => {
  const at = await scene()
  const { world, log } = at
  const heard: number[] = []
  log.on('copies', ({ remotePublicKey }) => heard.push(remotePublicKey[0] ?? 0))
  const two = watch(log.replicated({ copies: 2 }))
  const b = await follower(at, 2)
  const c = await follower(at, 3)
  await world.run(1_000)
  assert.deepEqual([two.state(), log.copies().length], ['waiting', 0])

  b.log.download({ start: 0, end: 100 })
  await world.run(1_000)
  assert.deepEqual([two.state(), told(log.copies())], ['waiting', ['2: 0-100']])
  c.log.download({ start: 0, end: 100 })
  await world.run(1_000)

  assert.equal(two.state(), 'done')
  assert.deepEqual(told(two.value() ?? []).sort(), ['2: 0-100', '3: 0-100'])
  assert.deepEqual([...new Set(heard)].sort(), [2, 3])
})

test('a peer that holds a part counts for that part', async () => {
  const at = await scene()
  const b = await follower(at, 2)
  b.log.download({ start: 10, end: 20 })

  const part = watch(at.log.replicated({ start: 12, length: 8 }))
  const more = watch(at.log.replicated({ start: 12, length: 9, timeoutMs: 20_000 }))
  await at.world.run(60_000)

  assert.deepEqual([part.state(), more.state()], ['done', 'TIMEOUT'])
})

test('what a peer drops does not count any more', async () => {
  const at = await scene()
  const b = await follower(at, 2)
  b.log.download({ start: 0, end: 100 })
  await at.world.run(2_000)
  assert.deepEqual(told(at.log.copies()), ['2: 0-100'])

  await b.log.clear(30, 40)
  await at.world.run(1_000)

  assert.deepEqual(told(at.log.copies()), ['2: 0-30 40-100'])
  const all = watch(at.log.replicated({ timeoutMs: 5_000 }))
  await at.world.run(10_000)
  assert.equal(all.state(), 'TIMEOUT')
})

test('claims are about the history of now', async () => {
  const at = await scene()
  const b = await follower(at, 2)
  b.log.download({ start: 0, end: 100 })
  await at.world.run(2_000)

  await at.log.truncate(60)
  await at.log.append(numbered(60, 100))

  assert.deepEqual(told(at.log.copies()), ['2: 0-60'])
})

test('a peer that is gone counts, unless connected ones are asked for', async () => {
  const at = await scene()
  const b = await follower(at, 2)
  b.log.download({ start: 0, end: 100 })
  await at.world.run(2_000)
  await b.store.close()
  await at.world.run(1_000)

  const ever = watch(at.log.replicated())
  const now = watch(at.log.replicated({ connected: true, timeoutMs: 5_000 }))
  await at.world.run(10_000)

  assert.deepEqual(told(at.log.copies()), ['2 away: 0-100'])
  assert.deepEqual([ever.state(), now.state()], ['done', 'TIMEOUT'])
})

test('of what a peer has only what is on its disk counts, so that it may die at any time', async () => {
  const at = await scene()
  const disk = openMemoryStore({ primaryKey: key(2), syncByHand: true })
  const b = await follower(at, 2, disk)
  b.log.download({ start: 0, end: 100 })
  const wait = watch(at.log.replicated())

  await at.world.run(20_000)
  assert.equal(b.log.contiguousLength, 100)
  // The first block came with the head, and lasts since that was to be shown.
  assert.deepEqual([wait.state(), told(at.log.copies())], ['waiting', ['2: 0-1']])
  await disk.sync()
  await at.world.run(10_000)

  assert.equal(wait.state(), 'done')
})

test('waiting ends with the handle, the signal and the time', async () => {
  const { world, log } = await scene()
  const session = log.session()
  const abort = new AbortController()
  const ends = [
    watch(session.replicated()),
    watch(log.replicated({ signal: abort.signal })),
    watch(log.replicated({ timeoutMs: 1_000 })),
    watch(log.replicated({ copies: -1 })),
    watch(log.replicated({ copies: 0 })),
  ]

  await session.close()
  abort.abort()
  await world.run(2_000)

  const states = ends.map(({ state }) => state())
  assert.deepEqual(states, ['CLOSED', 'ABORTED', 'TIMEOUT', 'BAD_ARGUMENT', 'done'])
})

test('a record is bounded, and one that is damaged or of another fork is none', () => {
  const held = new Availability()
  for (let i = 0; i < 2 * COPY_RUNS_MAX; i++) held.have(10 * i + 5, i < 10 ? 1 : 2)
  const runs = runsOf(held, 1_000_000)
  const claims = Array.from({ length: COPY_PEERS_MAX }, (_, i) => ({
    remotePublicKey: key(i),
    verifiedAt: i,
    runs,
  }))

  const bytes = encodeClaims(3, claims)

  assert.equal(runs.length, COPY_RUNS_MAX)
  assert.ok(runs.every(({ start, end }) => end - start === 2))
  assert.deepEqual(decodeClaims(bytes, 3), claims)
  assert.deepEqual(decodeClaims(bytes, 4), [])
  assert.deepEqual(decodeClaims(bytes.subarray(0, -1), 3), [])
  assert.deepEqual(decodeClaims(Uint8Array.of(9, 3, 0), 3), [])
})

test('nobody can be asked before there ever was a connection: then the time ends it', async () => {
  const { world, log } = await scene()
  const wait = log.replicated({ timeoutMs: 100 })
  wait.catch(() => {})

  await world.run(1_000)

  await assert.rejects(wait, (error) => isCode(error, 'TIMEOUT'))
})
