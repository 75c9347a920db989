/**
 * The sizes of a store, one below each and one above. The large ones are the named limits, a thousandth of them for speed:
 * a store takes whatever `sizes` says, and by default what the limits say.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CHANGED_LOGS_MAX,
  CHECKPOINT_BYTES,
  DIRTY_PAGE_BYTES,
  PAGE_CACHE_BYTES,
  PAGE_SEGMENT_BYTES,
  PUNCH_BYTES_MIN,
  READ_AHEAD_BYTES,
  RECLAIM_BYTES_MIN,
  RECORD_BYTES,
  RECORD_BYTES_MAX,
  SEGMENT_BYTES,
} from '../../src/base/limits.ts'
import { writeU32LE, writeU64LE } from '../../src/bytes/integers.ts'
import { RECORD_HEADER_BYTES, readRecord } from '../../src/store/engine/record.ts'
import { DEFAULT_SIZES } from '../../src/store/open.ts'
import type { StoreSizes } from '../../src/store/options.ts'
import { turn } from '../fakes/clock.ts'
import type { FakeDisk } from '../fakes/disk.ts'
import { openLog } from '../log/support.ts'
import { append, appendAndCommit, bytesOf, identityOf } from './helpers.ts'
import { count, type Rig, rig } from './rig.ts'

/** A thousandth of the default of one size, everything else far away. */
function thousandth(name: keyof StoreSizes): { size: number; options: { sizes: StoreSizes } } {
  const size = DEFAULT_SIZES[name] / 1_024
  return { size, options: { sizes: { ...DEFAULT_SIZES, [name]: size } } }
}

function names(disk: FakeDisk, prefix: string): string[] {
  return disk.list().filter((name) => name.startsWith(prefix))
}

/** Puts nodes into as many pages of the index, each as large as they get. */
function fillPages({ slot }: Rig, from: number, end: number): void {
  for (let node = from * 128; node < end * 128; node++) slot.putNode(node, 1, bytesOf(32, node), 0)
}

test('by default the sizes of a store are the limits', () => {
  assert.deepEqual(DEFAULT_SIZES, {
    segmentBytes: SEGMENT_BYTES,
    pageSegmentBytes: PAGE_SEGMENT_BYTES,
    checkpointBytes: CHECKPOINT_BYTES,
    pageCacheBytes: PAGE_CACHE_BYTES,
    dirtyBytes: DIRTY_PAGE_BYTES,
    recordBytes: RECORD_BYTES,
  })
})

test('a file of the data log takes no more records once it has its size', async () => {
  const { size, options } = thousandth('segmentBytes')
  const { disk, store, slot } = await rig(options)
  const length = (name: string): number => disk.files().get(name)?.length ?? 0

  const [first = ''] = names(disk, 'data-')
  while (length(first) < size) await appendAndCommit(store, slot, bytesOf(1_000, 1))
  const below = names(disk, 'data-').length
  const full = length(first)
  await appendAndCommit(store, slot, bytesOf(1_000, 1))

  assert.deepEqual([below, names(disk, 'data-').length, length(first)], [1, 2, full])
  await store.close()
})

test('a checkpoint begins when so much was written, or so many pages are changed', async () => {
  const data = thousandth('checkpointBytes')
  const written = await rig(data.options)
  await appendAndCommit(written.store, written.slot, bytesOf(data.size - 1_000, 1))
  await turn()
  const before = names(written.disk, 'pages-').length
  await appendAndCommit(written.store, written.slot, bytesOf(1_000, 2))
  await turn()
  assert.deepEqual([before, names(written.disk, 'pages-').length], [0, 1])
  await written.store.close()

  const pages = thousandth('dirtyBytes')
  const changed = await rig(pages.options)
  // A page has some six kilobytes.
  fillPages(changed, 0, Math.floor(pages.size / 7_000))
  await changed.store.commit()
  await turn()
  const few = names(changed.disk, 'pages-').length
  fillPages(changed, 1, 1 + Math.ceil(pages.size / 5_000))
  await changed.store.commit()
  await turn()
  assert.deepEqual([few, names(changed.disk, 'pages-').length], [0, 1])
  await changed.store.close()
})

test(`a checkpoint begins when ${CHANGED_LOGS_MAX} logs have changed`, async () => {
  const { disk, store, slot } = await rig({ durability: 'none' })
  await appendAndCommit(store, slot, bytesOf(10, 1))
  for (let i = 2; i < CHANGED_LOGS_MAX; i++) await store.create(identityOf(i))
  await store.commit()
  await turn()
  const below = names(disk, 'pages-').length

  await store.create(identityOf(CHANGED_LOGS_MAX))
  await store.commit()
  await turn()

  assert.deepEqual([below, names(disk, 'pages-').length], [0, 1])
  await store.close()
})

test('a file of the page log takes no more pages once it has its size', async () => {
  const { size, options } = thousandth('pageSegmentBytes')
  const made = await rig(options)

  fillPages(made, 0, Math.floor(size / 7_000))
  await made.store.checkpoint()
  const below = names(made.disk, 'pages-').length
  for (let at = 100; at < 110; at++) {
    fillPages(made, at, at + 1)
    await made.store.checkpoint()
  }

  assert.equal(below, 1)
  assert.ok(names(made.disk, 'pages-').length > 1)
  await made.store.close()
})

test('pages stay in memory up to their size', async () => {
  const { size, options } = thousandth('pageCacheBytes')
  for (const pages of [Math.floor((size * 0.8) / 6_500), Math.ceil((size * 2) / 5_000)]) {
    const made = await rig({ sizes: { ...options.sizes, dirtyBytes: 16_384 } })
    for (let page = 0; page < pages; page++) {
      fillPages(made, page, page + 1)
      await made.store.commit()
      await turn()
    }
    await made.store.checkpoint()
    const look = (): void => {
      for (let page = 0; page < pages; page++) assert.ok(made.slot.findNode(page * 128))
    }
    look()
    made.disk.reads = 0

    look()

    assert.equal(made.disk.reads > 0, pages * 5_000 > size, `${pages} pages`)
    await made.store.close()
  }
})

test('a commit is one record up to its size, and more of them beyond', async () => {
  const { size, options } = thousandth('recordBytes')
  for (const [bytes, records] of [
    [size - 1_000, 1],
    [size + 1_000, 2],
  ] as const) {
    const { disk, store, slot } = await rig(options)
    const before = disk.ops.length

    for (let left = bytes; left > 0; left -= 500) append(slot, bytesOf(400, left))
    await store.commit()

    assert.equal(count(disk, 'write', before), records)
    await store.close()
  }
})

test(`a record of ${RECORD_BYTES_MAX} bytes is one, and a longer one is damage`, () => {
  const header = (bytes: number): Uint8Array => {
    const record = new Uint8Array(RECORD_HEADER_BYTES)
    writeU32LE(record, 0, bytes - RECORD_HEADER_BYTES)
    writeU64LE(record, 16, 5_000)
    return record
  }

  assert.equal(readRecord(header(RECORD_BYTES_MAX), 0, 5_000, 1e12)?.bytes, RECORD_BYTES_MAX)
  assert.equal(readRecord(header(RECORD_BYTES_MAX + 1), 0, 5_000, 1e12), undefined)
})

test('blocks that stand behind one another are read a window at a time, and a longer one by itself', async () => {
  const { disk, store, slot } = await rig()
  const small = READ_AHEAD_BYTES / 64
  for (let i = 0; i < 65; i++) append(slot, bytesOf(small, i))
  append(slot, bytesOf(READ_AHEAD_BYTES, 65), bytesOf(10, 66))
  await store.commit()
  const readsFor = (from: number, end: number): number => {
    disk.reads = 0
    for (let i = from; i < end; i++) assert.ok(slot.read(i))
    return disk.reads
  }

  // A window begins with the header of the first record.
  assert.deepEqual([readsFor(0, 63), readsFor(63, 65), readsFor(65, 66)], [1, 1, 1])
  await store.close()
})

test(`a cleared block of ${PUNCH_BYTES_MIN} bytes leaves a hole in its file, and a smaller one does not`, async () => {
  for (const bytes of [PUNCH_BYTES_MIN - 1, PUNCH_BYTES_MIN]) {
    const { disk, store, slot } = await rig()
    await appendAndCommit(store, slot, bytesOf(bytes, 1), bytesOf(200_000, 2))
    await store.checkpoint()

    slot.stageClear(0, 1)
    await store.checkpoint()
    await store.checkpoint()

    assert.equal(count(disk, 'punch'), bytes < PUNCH_BYTES_MIN ? 0 : 1)
    await store.close()
  }
})

test(`a log that clears ${RECLAIM_BYTES_MIN} bytes gives them back before it resolves, and fewer later`, async () => {
  for (const bytes of [RECLAIM_BYTES_MIN - 1, RECLAIM_BYTES_MIN]) {
    const { disk, store, slot } = await rig()
    const log = await openLog({ store })
    await log.append([new Uint8Array(bytes), bytesOf(10, 1)])
    await store.checkpoint()
    assert.equal(slot.head.length, 0)

    await log.clear(0)

    assert.equal(count(disk, 'punch') > 0, bytes >= RECLAIM_BYTES_MIN, `${bytes}`)
    await log.close()
    await store.close()
  }
})
