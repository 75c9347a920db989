/**
 * Clearing 200 MiB, until the file system has the bytes back.
 *
 * The reference gives them back at some later time; what is measured there is the call and the closing.
 */

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { blocks } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { StoreKind } from '../harness/store.ts'
import type { Side, Task } from '../harness/task.ts'

const BLOCK_BYTES = 65_536
const BLOCKS_PER_MIB = 16
const MIB = 1_048_576
/** What may be left: the index over the blocks, and what the store keeps for itself. */
const LEFT_BYTES: number = 4 * MIB

function diskUse(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? diskUse(path) : lstatSync(path).blocks * 512)
  }, 0)
}

function side(kind: StoreKind, isChecked: boolean): Side {
  return {
    async prepare(setting) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log({ name: 'log' })
      for (let i = 0; i < setting.count; i++) {
        await log.append(blocks(BLOCKS_PER_MIB, BLOCK_BYTES, i * BLOCKS_PER_MIB))
      }
      await store.close()
    },
    async run(setting, meter) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log({ name: 'log' })
      meter.bytes = setting.count * MIB
      await meter.measure(async () => {
        await log.clear(0, setting.count * BLOCKS_PER_MIB)
        if (!isChecked) await store.close()
      })
      const left = diskUse(storeFolder(setting))
      if (isChecked && left > LEFT_BYTES) throw new Error(`${left} bytes are still there.`)
      if (isChecked) await store.close()
    },
    async verify(setting) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log({ name: 'log' })
      if (log.length() !== setting.count * BLOCKS_PER_MIB) throw new Error('The log is shorter.')
      await store.close()
    },
  }
}

const usual = ours('group')

export const clear200: Task = {
  name: 'clear-200m',
  title: 'clear 200 MiB until the bytes are back (reference: until it is closed)',
  unit: 'MiB',
  count: 200,
  smokeCount: 2,
  reference: side(reference, false),
  rows: [{ label: '', durability: usual.durability, side: side(usual, true) }],
}
