/** Pages that live in a segment which is mostly dead are moved a few per turn of the event loop. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import type { Clock } from '../../src/base/clock.ts'
import { SLICE_ITEMS } from '../../src/base/limits.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, bytesOf, identityOf } from './helpers.ts'

const BLOCKS_PER_PAGE = 64
const PAGES = 300
/** One segment for all pages, and memory for few of them, so that moving one means reading it. */
const SIZES = { segmentBytes: 4_000_000, pageSegmentBytes: 8_000_000, pageCacheBytes: 40_000 }

/** A clock on which every look takes longer than a slice. */
class SlowClock implements Clock {
  onTurn: () => void = () => {}
  #now = 0

  now(): number {
    this.#now += 100
    return this.#now
  }

  after(): { cancel(): void } {
    return { cancel: () => {} }
  }

  soon(task: () => void): void {
    setImmediate(() => {
      this.onTurn()
      task()
    })
  }
}

async function filled(disk: FakeDisk, clock: Clock): Promise<Store> {
  const store = await openStore({ disk, clock, crc32, sizes: SIZES })
  const slot = await store.create(identityOf(1))
  for (let page = 0; page < PAGES; page++) {
    append(slot, ...Array.from({ length: BLOCKS_PER_PAGE }, (_, i) => bytesOf(10, page + i)))
    await store.commit()
  }
  await store.checkpoint()
  return store
}

test('pages are moved in slices, and others have their turn between them', async () => {
  const disk = new FakeDisk()
  const clock = new SlowClock()
  const store = await filled(disk, clock)
  const slot = store.slot(0)
  const segment = disk.list().find((name) => name.startsWith('pages-'))
  // Most pages are written twice more, to the end of the segment: less than half of it lives then.
  const dropFromMost = (block: number): void => {
    for (let page = 0; page < PAGES; page++) {
      const index = page * BLOCKS_PER_PAGE + block
      if (page % 3 !== 0) slot.stageClear(index, index + 1)
    }
  }
  dropFromMost(0)
  await store.checkpoint()
  dropFromMost(1)
  let reads = 0
  let mostReads = 0
  let allReads = 0
  disk.onRead = () => {
    allReads++
    mostReads = Math.max(mostReads, ++reads)
  }
  clock.onTurn = () => {
    reads = 0
  }

  await store.checkpoint()

  assert.ok(allReads > PAGES / 3, `${allReads} reads: pages were moved`)
  assert.ok(mostReads <= 2 * SLICE_ITEMS, `${mostReads} reads in one turn`)
  assert.equal(disk.list().includes(segment ?? ''), false, 'the segment was emptied')
  for (let page = 0; page < PAGES; page++) {
    const at = page * BLOCKS_PER_PAGE
    assert.deepEqual(slot.read(at), page % 3 === 0 ? bytesOf(10, page) : undefined)
    assert.deepEqual(slot.read(at + 2), bytesOf(10, page + 2))
  }
  await store.close()
})
