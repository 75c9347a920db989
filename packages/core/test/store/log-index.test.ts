/** Finding logs by hashes, and what opening a store of many logs costs. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { LogIndex } from '../../src/store/engine/log-index.ts'
import { openStore } from '../../src/store/open.ts'
import { BusyClock } from '../fakes/busy-clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { bytesOf, identityOf } from './helpers.ts'

test('the index finds what a map would find, whatever is added and taken out', () => {
  // Few hashes, so that many logs share one or stand where another would.
  const hash = fc.constantFrom(0, 1, 2, 63, 64, 0xffff_ffff, -1, 0x8000_0000)
  const step = fc.record({ hash, log: fc.nat({ max: 300 }), adds: fc.boolean() })

  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
      const index = new LogIndex()
      const model = new Map<number, number>()
      for (const { hash, log, adds } of steps) {
        const known = model.get(log)
        if (adds && known === undefined) {
          index.add(hash, log)
          model.set(log, hash)
        } else if (!adds && known !== undefined) {
          index.remove(known, log)
          model.delete(log)
        }
      }

      assert.equal(index.size, model.size)
      for (let log = 0; log <= 300; log++) {
        const known = model.get(log)
        const found = index.find(known ?? 0, log, (candidate, wanted) => candidate === wanted)
        assert.equal(found, known === undefined ? undefined : log)
      }
    }),
  )
})

/** A disk with a closed store of so many logs, each with a name. */
async function diskWith(count: number): Promise<FakeDisk> {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32 })
  const made = Array.from({ length: count }, (_, i) => {
    const alias = { namespace: bytesOf(32, i % 3), name: `Größe ${i} ☂` }
    return store.create(identityOf(i, { alias }))
  })
  await Promise.all(made)
  await store.close()
  return disk
}

test('opening a store and all its logs takes as many reads for a thousand logs as for ten', async () => {
  const readsOf = async (count: number): Promise<number> => {
    const disk = await diskWith(count)
    const before = disk.reads
    const store = await openStore({ disk, crc32 })
    const lengths = [...store.logs()].map((log) => store.slot(log).length)
    const listed = [...store.entries()]
    const reads = disk.reads - before
    await store.close()
    assert.deepEqual([lengths.length, listed.length], [count, count])
    return reads
  }

  assert.equal(await readsOf(1_000), await readsOf(10))
})

test('opening a store of many logs gives turns to others', async () => {
  const disk = await diskWith(2_000)
  const clock = new BusyClock()

  const store = await openStore({ disk, crc32, clock })
  const { turns } = clock
  await store.close()

  assert.ok(turns >= 2_000 / (SLICE_ITEMS * SLICE_MS) - 1, `${turns} turns`)
})

test('names are found where they stand in the index, and those of new and of removed logs too', async () => {
  const disk = await diskWith(50)
  const store = await openStore({ disk, crc32 })
  const aliasOf = (i: number, name = `Größe ${i} ☂`): { namespace: Uint8Array; name: string } => ({
    namespace: bytesOf(32, i % 3),
    name,
  })

  const found = Array.from({ length: 50 }, (_, i) => store.findAlias(aliasOf(i)))
  const other = store.findAlias({ ...aliasOf(7), namespace: bytesOf(32, 0) })
  const made = await store.create(identityOf(99, { alias: aliasOf(99) }))
  store.remove(7)
  await store.commit()
  const after = [store.findAlias(aliasOf(99)), store.findAlias(aliasOf(7))]
  await store.checkpoint()
  const again = await store.create(identityOf(100, { alias: aliasOf(7) }))
  const last = [
    store.findAlias(aliasOf(7)),
    store.findAlias(aliasOf(8)),
    store.find(bytesOf(32, 2007)),
  ]
  await store.close()

  assert.deepEqual(
    found,
    found.map((_, i) => i),
  )
  assert.deepEqual([other, ...after], [undefined, made.log, undefined])
  assert.deepEqual(last, [again.log, 8, undefined])
})

test('a slot says who its log was, and its head, after the log was removed and forgotten', async () => {
  const disk = await diskWith(3)
  const store = await openStore({ disk, crc32 })
  const slot = store.slot(1)

  store.remove(1)
  await store.checkpoint()
  await store.checkpoint()

  assert.deepEqual(slot.identity.key, identityOf(1).key)
  assert.deepEqual([slot.head.length, slot.length], [0, 0])
  await store.close()
})
