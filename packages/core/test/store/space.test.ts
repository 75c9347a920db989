/** What was cleared, replaced or removed comes back as room on the disk, and nothing that is needed goes with it. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { openStore } from '../../src/store/open.ts'
import type { StoreSizes } from '../../src/store/options.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { append, appendAndCommit, bytesOf, identityOf } from './helpers.ts'

/** Bytes that the files of a disk take, holes apart. */
function used(disk: FakeDisk): number {
  let bytes = 0
  for (const content of disk.files().values()) bytes += content.length
  const names = new Set(disk.list())
  const alive = new Map<number, string>()
  for (const op of disk.ops) if (op.kind === 'create') alive.set(op.id, op.name)
  for (const op of disk.ops) {
    if (op.kind === 'punch' && names.has(alive.get(op.id) ?? '')) bytes -= op.length
  }
  return bytes
}

const SIZES = { segmentBytes: 400_000, pageSegmentBytes: 20_000 }

async function filled(
  disk: FakeDisk,
  size: number,
  blocks: number,
  sizes: Partial<StoreSizes> = SIZES,
): Promise<Store> {
  const store = await openStore({ disk, crc32, sizes })
  const slot = await store.create(identityOf(1))
  for (let i = 0; i < blocks; i++) {
    append(slot, bytesOf(size, i))
    if (i % 10 === 9) await store.commit()
  }
  await store.checkpoint()
  return store
}

test('large blocks that are cleared become holes', async () => {
  const disk = new FakeDisk()
  const store = await filled(disk, 60_000, 40)
  const before = used(disk)
  assert.ok(before > 2_400_000)

  store.slot(0).stageClear(0, 15)
  await store.checkpoint()

  assert.ok(used(disk) < before - 15 * 50_000, `${used(disk)} of ${before}`)
  for (let i = 0; i < 40; i++) {
    assert.deepEqual(store.slot(0).read(i), i < 15 ? undefined : bytesOf(60_000, i))
  }
  await store.close()
  const again = await openStore({ disk, crc32, sizes: SIZES })
  assert.equal(again.whyReadOnly, undefined)
  assert.deepEqual(again.slot(0).read(20), bytesOf(60_000, 20))
  await again.close()
})

test('nothing goes before two checkpoints know that it is not needed', async () => {
  const disk = new FakeDisk()
  const store = await filled(disk, 60_000, 10)
  const slot = store.slot(0)
  const before = disk.ops.length

  slot.stageClear(0, 5)
  await store.commit()
  await store.sync()
  assert.equal(
    disk.ops.slice(before).some((op) => op.kind === 'punch'),
    false,
  )
  await store.checkpoint()

  const since = disk.ops.slice(before)
  const hole = since.findIndex((op) => op.kind === 'punch')
  const index = disk.ops.find((op) => op.kind === 'rename' && op.to === 'index-1')
  assert.notEqual(index, undefined)
  const created = disk.ops.find((op) => op.kind === 'create' && op.name === 'index-1.new')
  const id = created?.kind === 'create' ? created.id : -1
  const syncs = since.slice(0, hole).filter((op) => op.kind === 'sync' && op.id === id)
  assert.ok(hole > 0)
  assert.equal(syncs.length, 2)
  await store.close()
})

test('a large file is emptied piece by piece before it is deleted', async () => {
  const disk = new FakeDisk()
  const store = await filled(disk, 600_000, 40, { ...SIZES, segmentBytes: 10_000_000 })
  const first = disk.list().find((name) => name.startsWith('data-'))
  const created = disk.ops.find((op) => op.kind === 'create' && op.name === first)
  const before = disk.ops.length

  store.slot(0).stageClear(0, 40)
  await store.checkpoint()

  const since = disk.ops.slice(before)
  const removed = since.findIndex((op) => op.kind === 'remove' && op.name === first)
  const id = created?.kind === 'create' ? created.id : -1
  const punched = since.slice(0, removed).filter((op) => op.kind === 'punch' && op.id === id)
  assert.ok(removed > 0)
  assert.equal(punched.length, 2)
  await store.close()
})

for (const canPunch of [true, false]) {
  test(`small blocks that are cleared come back by rewriting, ${canPunch ? 'with' : 'without'} holes`, async () => {
    const disk = new FakeDisk()
    disk.canPunch = canPunch
    const store = await filled(disk, 1_000, 2_000)
    const before = used(disk)

    const slot = store.slot(0)
    for (let i = 0; i < 2_000; i++) if (i % 4 !== 0) slot.stageClear(i, i + 1)
    await store.checkpoint()

    assert.ok(used(disk) < before / 2, `${used(disk)} of ${before}`)
    for (let i = 0; i < 2_000; i++) {
      assert.deepEqual(slot.read(i), i % 4 !== 0 ? undefined : bytesOf(1_000, i))
    }
    await store.close()
    const again = await openStore({ disk: disk.killed(), crc32, sizes: SIZES })
    for (let i = 0; i < 2_000; i += 4) assert.deepEqual(again.slot(0).read(i), bytesOf(1_000, i))
    await again.close()
  })
}

test('large blocks come back by rewriting where there are no holes', async () => {
  const disk = new FakeDisk()
  disk.canPunch = false
  const store = await filled(disk, 60_000, 40)
  const before = used(disk)

  store.slot(0).stageClear(0, 30)
  await store.checkpoint()

  assert.ok(used(disk) < before / 2, `${used(disk)} of ${before}`)
  for (let i = 30; i < 40; i++) assert.deepEqual(store.slot(0).read(i), bytesOf(60_000, i))
  await store.close()
})

test('a removed log takes nothing of the others with it', async () => {
  const disk = new FakeDisk()
  const store = await openStore({ disk, crc32, sizes: SIZES })
  const first = await store.create(identityOf(1))
  const second = await store.create(identityOf(2))
  for (let i = 0; i < 1_000; i++) {
    append(first, bytesOf(2_000, i))
    append(second, bytesOf(200, i))
    if (i % 20 === 0) await store.commit()
  }
  await store.checkpoint()
  const before = used(disk)

  store.remove(first.log)
  await store.checkpoint()

  assert.ok(used(disk) < before / 3, `${used(disk)} of ${before}`)
  assert.equal(store.stats().logs, 1)
  for (let i = 0; i < 1_000; i++) assert.deepEqual(second.read(i), bytesOf(200, i))
  await store.close()
  const again = await openStore({ disk, crc32, sizes: SIZES })
  for (let i = 0; i < 1_000; i++) assert.deepEqual(again.slot(second.log).read(i), bytesOf(200, i))
  await again.close()
})

test('old pages of a growing log do not pile up', async () => {
  const disk = new FakeDisk()
  const store = await filled(disk, 10, 3_000)
  const slot = store.slot(0)

  for (let i = 0; i < 300; i++) {
    await appendAndCommit(store, slot, bytesOf(10, i))
    await store.checkpoint()
  }

  let pages = 0
  for (const [name, bytes] of disk.files()) if (name.startsWith('pages-')) pages += bytes.length
  // 52 pages of level 0 and one above are alive: 300 kB.
  assert.ok(pages < 700_000, `${pages}`)
  assert.deepEqual(slot.read(3_299), bytesOf(10, 299))
  assert.deepEqual(slot.read(0), bytesOf(10, 0))
  await store.close()
})

test('a damaged block keeps its segment, and the others are still right', async () => {
  const disk = new FakeDisk()
  disk.canPunch = false
  const store = await filled(disk, 1_000, 400)
  await store.close()
  const files = disk.files()
  const first = files.get('data-32.log') ?? new Uint8Array()
  const at = Buffer.from(first).indexOf(bytesOf(1_000, 100))
  first[at + 5] = (first[at + 5] ?? 0) ^ 1
  const damaged = new FakeDisk(files)
  const again = await openStore({ disk: damaged, crc32, sizes: SIZES })

  const slot = again.slot(0)
  for (let i = 0; i < 400; i++) if (i % 10 !== 0) slot.stageClear(i, i + 1)
  await again.checkpoint()

  assert.equal(again.whyReadOnly, undefined)
  for (let i = 0; i < 400; i += 10) {
    if (i === 100) assert.throws(() => slot.read(i), /damaged/)
    else assert.deepEqual(slot.read(i), bytesOf(1_000, i))
  }
  await again.close()
})
