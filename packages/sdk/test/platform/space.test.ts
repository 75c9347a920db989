/** Bytes that are cleared or deleted are back in the file system, as `du` counts, when the promise resolves. */

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Durability } from '@dat-rhino/core/store/store'
import { openStorage } from '../../src/platform/node/storage.ts'
import { tempFolder } from '../temp.ts'

const MIB = 1_048_576
const MARGIN = 2 * MIB

/** What `du` says of a folder. */
function diskUse(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => {
    return sum + statSync(join(folder, name)).blocks * 512
  }, 0)
}

async function openAt(folder: string, durability: Durability = 'group'): Promise<Corestore> {
  return Corestore.open({ store: await openStorage(folder, { durability }) })
}

/** Blocks that no file system can make smaller. */
function content(count: number, size: number): Uint8Array[] {
  let x = 1
  return Array.from({ length: count }, () => {
    const words = new Uint32Array(size / 4)
    for (let i = 0; i < words.length; i++) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
      words[i] = x
    }
    return new Uint8Array(words.buffer)
  })
}

for (const size of [1_024, 65_536]) {
  test(`a range of blocks of ${size} bytes is back when clear resolves`, async (t) => {
    const folder = join(tempFolder(t), 'store')
    const corestore = await openAt(folder)
    const log = await corestore.get({ name: 'big' })
    const count = (40 * MIB) / size
    for (const block of content(40, MIB)) {
      await log.append(
        Array.from({ length: MIB / size }, (_, i) => block.subarray(i * size, (i + 1) * size)),
      )
    }
    await log.flush()
    const before = diskUse(folder)
    assert.ok(before > 40 * MIB)

    await log.clear(1, count - 1)

    const index = (count / 64) * 6_000
    assert.ok(diskUse(folder) < index + MARGIN, `${diskUse(folder)} of ${before}`)
    assert.equal(log.peek(0)?.length, size)
    assert.equal(log.peek(count - 1)?.length, size)
    await corestore.close()
    const again = await openAt(folder)
    assert.equal((await again.get({ name: 'big' })).peek(count - 1)?.length, size)
    await again.close()
  })
}

test('a deleted log is back when delete resolves, and its neighbour untouched', async (t) => {
  const folder = join(tempFolder(t), 'store')
  const corestore = await openAt(folder)
  const [a, b] = [await corestore.get({ name: 'a' }), await corestore.get({ name: 'b' })]
  for (const block of content(24, MIB)) {
    // In turns, so that both lie in the same files.
    await Promise.all([a.append(block), b.append(block.subarray(0, 1_024))])
  }
  await corestore.flush()

  await corestore.delete({ name: 'a' })

  assert.ok(diskUse(folder) < MARGIN, `${diskUse(folder)}`)
  assert.equal(b.info().heldBlocks, 24)
  for (let i = 0; i < 24; i++) assert.equal(b.peek(i)?.length, 1_024)
  await corestore.close()
})

test('gc gives back what is dead between small blocks that live', async (t) => {
  const folder = join(tempFolder(t), 'store')
  const corestore = await openAt(folder, 'none')
  const log = await corestore.get({ name: 'log' })
  const blocks = content(16_384, 1_024)
  for (let i = 0; i < blocks.length; i += 256) await log.append(blocks.slice(i, i + 256))
  await log.flush()
  // A third is dead: too little for what happens by itself.
  for (let i = 0; i < blocks.length; i += 3) log.replica.clear(i, i + 1)
  await log.replica.commit()
  await corestore.store.reclaim()
  const before = diskUse(folder)

  const report = await corestore.gc()

  const after = diskUse(folder)
  assert.ok(after < before - 4 * MIB, `${after} of ${before}`)
  assert.ok(Math.abs(before - after - report.bytes) < MIB, `${before - after} and ${report.bytes}`)
  for (let i = 1; i < blocks.length; i += 3) assert.deepEqual(log.peek(i), blocks[i])
  await corestore.close()
})

test('a store on a disk keeps to its quota, as du counts, and to the bytes that are to stay free', async (t) => {
  const folder = join(tempFolder(t), 'store')
  const store = await openStorage(folder, { quotaBytes: 3 * MIB })
  const corestore = await Corestore.open({ store })
  const log = await corestore.get({ name: 'big' })
  let blocks = 0
  while (store.roomBytes > MIB) blocks = (await log.append(content(1, MIB / 4))).length

  await assert.rejects(log.append(content(1, MIB + MIB / 4)), { code: 'STORE_FULL' })

  assert.ok(blocks > 6, `${blocks}`)
  assert.ok(diskUse(folder) < 3 * MIB, `${diskUse(folder)}`)
  await corestore.close()

  const kept = await openStorage(folder, { keepFreeBytes: Number.MAX_SAFE_INTEGER })
  const again = await Corestore.open({ store: kept })
  const same = await again.get({ name: 'big' })
  await assert.rejects(same.append(content(1, 4)), { code: 'STORE_FULL' })
  assert.equal(same.peek(0)?.length, MIB / 4)
  await again.close()
})
