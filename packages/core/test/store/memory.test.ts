/** The suite on the memory store, and what only that one has. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../../src/store/memory.ts'
import { storeSuite } from '../suites/store.ts'
import { appendAndCommit, bytesOf, identityOf } from './helpers.ts'

storeSuite({ name: 'memory store', open: async () => openMemoryStore() })

test('the primary key of a memory store is the given one, or a random one', () => {
  const given = openMemoryStore({ primaryKey: bytesOf(32, 1) })
  const random = openMemoryStore({ random: (out) => out.fill(9) })

  assert.deepEqual(given.primaryKey, bytesOf(32, 1))
  assert.deepEqual(random.primaryKey, new Uint8Array(32).fill(9))
  assert.notDeepEqual(openMemoryStore().primaryKey, openMemoryStore().primaryKey)
  for (const bytes of [0, 31, 33]) {
    assert.throws(() => openMemoryStore({ primaryKey: new Uint8Array(bytes) }), {
      code: 'BAD_ARGUMENT',
    })
  }
})

test('a memory store that syncs by hand keeps its synced address until it is told', async () => {
  const store = openMemoryStore({ syncByHand: true })
  const slot = await store.create(identityOf(1))
  const before = store.syncedAddress

  await appendAndCommit(store, slot, bytesOf(10, 1))
  assert.equal(store.syncedAddress, before)
  await store.sync()

  assert.equal(store.syncedAddress, store.writtenAddress)
})
