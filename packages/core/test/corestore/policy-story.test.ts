/** Policies that change at any moment, on both sides, leave nothing behind: in the end every reader has everything. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Corestore } from '../../src/corestore/corestore.ts'
import type { Policy } from '../../src/corestore/policy.ts'
import type { Log } from '../../src/log/log.ts'
import { World } from '../sim/world.ts'
import { bytes, connect, numbered, openStore, text } from './fixtures.ts'

const SEEDS = 12
const CHANGES = 25
const BLOCKS = 150
const KEYS = [11, 22, 33].map((byte) => new Uint8Array(32).fill(byte))

/** Any policy that lets something through sooner or later, or nothing at all. */
function anyPolicy(world: World, logs: readonly Log[], peer: Uint8Array): Policy {
  const rate = (): number => world.between(1, 20) * 1_000
  const key = logs[world.between(0, logs.length - 1)]?.key ?? peer
  const policies: readonly (() => Policy)[] = [
    () => ({}),
    () => ({ offer: 'none' }),
    () => ({ offer: [key] }),
    () => ({ upload: false }),
    () => ({ download: false }),
    () => ({ uploadRate: rate(), downloadRate: rate() }),
    () => ({ logs: [{ key, uploadRate: rate(), priority: world.between(-2, 2) }] }),
    () => ({ logs: [{ key, upload: world.chance(0.5), download: world.chance(0.5) }] }),
    () => ({ peers: [{ remotePublicKey: peer, downloadRate: rate(), offer: [key] }] }),
    () => ({ deny: [peer] }),
  ]
  return policies[world.between(0, policies.length - 1)]?.() ?? {}
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`whatever the policies were, every reader ends with what the writer has (seed ${seed})`, async () => {
    const world = new World(seed)
    const stores = await Promise.all([1, 2, 3].map((n) => openStore(n, world)))
    const [writer] = stores
    assert.ok(writer !== undefined)
    const logs = [await writer.get({ name: 'a' }), await writer.get({ name: 'b' })]
    const copies: Log[] = []
    for (const log of logs) {
      await log.append(numbered(0, BLOCKS / 2))
      for (const store of stores.slice(1)) {
        const copy = await store.get({ key: log.key })
        copy.download()
        copies.push(copy)
      }
    }
    const join = (): void => {
      for (const [i, j] of [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const) {
        const [a, b, keyA, keyB] = [stores[i], stores[j], KEYS[i], KEYS[j]]
        if (a === undefined || b === undefined || keyA === undefined || keyB === undefined) continue
        const isJoined = a.connections.some(({ remotePublicKey }) => remotePublicKey[0] === keyB[0])
        if (!isJoined) connect(a, b, world, { keys: [keyA, keyB], delayMs: world.between(0, 30) })
      }
    }

    for (let change = 0; change < CHANGES; change++) {
      join()
      const store: Corestore = stores[world.between(0, 2)] ?? writer
      store.setPolicy(anyPolicy(world, logs, KEYS[world.between(0, 2)] ?? bytes('')))
      if (change % 5 === 0)
        for (const log of logs) await log.append(numbered(log.length, log.length + 15))
      await world.run(world.between(0, 1_500))
    }
    for (const store of stores) store.setPolicy({})
    await world.run(100)
    join()
    await world.run(90_000, () => copies.every((copy) => copy.contiguousLength === BLOCKS))

    for (const copy of copies) {
      assert.deepEqual([copy.length, copy.contiguousLength], [BLOCKS, BLOCKS])
      for (let i = 0; i < BLOCKS; i++) assert.equal(text(copy.peek(i)), `block ${i}`)
    }
    for (const store of stores) {
      for (const { offences } of store.traffic.peers) assert.equal(offences, 0)
    }
  })
}
