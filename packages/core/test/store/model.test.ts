/** Random histories: whatever happens to a store, it shows what the naive model shows. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/open.ts'
import type { StoreSizes } from '../../src/store/options.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { check, Driver, type Step } from './model.ts'
import { steps } from './steps.ts'

const TINY: StoreSizes = {
  segmentBytes: 2_048,
  pageSegmentBytes: 4_096,
  checkpointBytes: 1_024,
  pageCacheBytes: 4_096,
  dirtyBytes: 8_192,
  recordBytes: 256,
}

async function follow(driver: Driver, history: readonly Step[]): Promise<void> {
  for (const step of history) {
    await driver.run(step)
    check(driver.store, driver.staged)
  }
}

/** When all logs are removed, nothing of them is left on the disk. */
async function checkSpace(driver: Driver, disk: FakeDisk): Promise<void> {
  const { store } = driver
  for (const log of [...store.logs()]) store.remove(log)
  await store.checkpoint()
  assert.equal(store.whyReadOnly, undefined)
  const left = disk.list().filter((name) => /^(data|pages)-/.test(name))
  const bytes = left.map((name) => disk.files().get(name)?.length ?? 0)
  for (const size of bytes) assert.ok(size < 2 * TINY.pageSegmentBytes, left.join())
  assert.ok(left.length <= 2, left.join())
  await store.close()
}

test('the memory store shows what the model shows, after any history', async () => {
  const property = fc.asyncProperty(steps({ lasting: false }), async (history) => {
    const store = openMemoryStore()
    await follow(new Driver(store, async () => store), history)
    await store.close()
  })
  await fc.assert(property, { numRuns: 150 })
})

for (const [name, sizes] of [
  ['with its own sizes', {}],
  ['with tiny sizes', TINY],
] as const) {
  test(`the disk store ${name} shows what the model shows, after any history`, async () => {
    const property = fc.asyncProperty(steps({ lasting: true }), async (history) => {
      const disk = new FakeDisk()
      const open = () => openStore({ disk, crc32, sizes })
      const driver = new Driver(await open(), async (store) => {
        await store.close()
        return open()
      })
      await follow(driver, history)
      if (sizes === TINY) await checkSpace(driver, disk)
      else await driver.store.close()
    })
    await fc.assert(property, { numRuns: 150 })
  })
}

test('the disk store shows what the model shows when its process dies at any step', async () => {
  const property = fc.asyncProperty(steps({ lasting: true }), async (history) => {
    let disk = new FakeDisk()
    const options = { crc32, sizes: TINY }
    const store = await openStore({ disk, ...options })
    const driver = new Driver(store, async (old) => {
      await old.commit()
      const left = disk.killed()
      await old.close()
      disk = left
      return openStore({ disk, ...options })
    })
    await follow(driver, history)
    await checkSpace(driver, disk)
  })
  await fc.assert(property, { numRuns: 150 })
})
