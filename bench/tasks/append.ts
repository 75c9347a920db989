/**
 * Appending: one block at a time, many at a time, large ones.
 *
 * The reference signs each append and never syncs. Ours is measured in the same mode, and in the modes that
 * users get: signatures when somebody can see them, synced within 50 ms, synced before the acknowledgement.
 */

import { block, blocks, check, warmCount } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { BenchLog, StoreKind } from '../harness/store.ts'
import type { Row, Side, Task } from '../harness/task.ts'

interface Shape {
  readonly blockBytes: number
  /** Blocks per append. */
  readonly batch: number
}

const OWN = { name: 'log' }

function side(kind: StoreKind, shape: Shape): Side {
  return {
    async run(setting, meter) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log(OWN)
      const warm = await store.log({ name: 'warm' })
      const warmUp = warmCount(setting.count, shape.batch)
      await append(warm, warmUp, shape)
      meter.bytes = setting.count * shape.blockBytes
      meter.stored = meter.bytes + warmUp * shape.blockBytes
      await meter.measure(() => append(log, setting.count, shape))
      await store.close()
    },
    async verify(setting) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log(OWN)
      if (log.length() !== setting.count) throw new Error(`${log.length()} blocks are there.`)
      for (const i of sampled(setting.count)) check(i, shape.blockBytes, await log.get(i))
      await store.close()
    },
  }
}

/** Blocks are made on the way, which costs both sides a copy, so that memory is the store's and not the task's. */
async function append(log: BenchLog, count: number, { blockBytes, batch }: Shape): Promise<void> {
  if (batch === 1) for (let i = 0; i < count; i++) await log.append(block(i, blockBytes))
  else for (let i = 0; i < count; i += batch) await log.append(blocks(batch, blockBytes, i))
}

/** Every block of a short log, and a spread of a long one. */
function sampled(count: number): number[] {
  const step = Math.max(1, Math.floor(count / 2_000))
  return [...Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step), count - 1]
}

function row(label: string, kind: StoreKind, shape: Shape, goal?: number): Row {
  const { durability } = kind
  return { label, durability, side: side(kind, shape), ...(goal === undefined ? {} : { goal }) }
}

const SINGLE: Shape = { blockBytes: 1_024, batch: 1 }
const MANY: Shape = { blockBytes: 1_024, batch: 200 }
const LARGE: Shape = { blockBytes: 65_536, batch: 16 }

export const append1k: Task = {
  name: 'append-1k',
  title: 'append 1 KB, one at a time',
  unit: 'blocks',
  count: 30_000,
  smokeCount: 50,
  reference: side(reference, SINGLE),
  rows: [
    { ...row('signed each time', ours('none', true), SINGLE, 10), times: 2 },
    { ...row('signed when seen', ours('none'), SINGLE, 40), times: 4 },
    { ...row('signed when seen', ours('group'), SINGLE), times: 4 },
    { ...row('signed when seen', ours('strict'), SINGLE), times: 0.1 },
  ],
}

export const append1kMany: Task = {
  name: 'append-1k-200',
  title: 'append 1 KB, 200 at a time',
  unit: 'blocks',
  count: 100_000,
  smokeCount: 400,
  reference: side(reference, MANY),
  rows: [
    { ...row('', ours('none'), MANY, 4), times: 2 },
    { ...row('', ours('group'), MANY), times: 2 },
  ],
}

export const append64k: Task = {
  name: 'append-64k',
  title: 'append 64 KB, 16 at a time',
  unit: 'blocks',
  count: 8_000,
  smokeCount: 32,
  reference: side(reference, LARGE),
  rows: [row('', ours('none'), LARGE, 2.5), row('', ours('group'), LARGE)],
}
