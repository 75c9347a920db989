/**
 * What an operation costs when a log, or a bee, is a thousand times as long: the same operations on small and on large
 * stores, and on one that the system holds nothing of in memory.
 *
 * Run by `--scale`, because filling the stores takes minutes. The rows of one kind are compared with each other, as
 * well as with the reference at the same size: their cost should not grow, or only with the depth of a tree.
 */

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { blocks, check, randomOrder } from '../harness/blocks.ts'
import { ownerFolder, storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import { bytesOf } from '../harness/served.ts'
import type { BenchLog, StoreKind } from '../harness/store.ts'
import type { Setting, Side, Task } from '../harness/task.ts'

const OWN = { name: 'log' }
const BLOCK_BYTES = 100
const FILL = 1_000
const SMOKE = 60

/** A smoke run fills no more than it works on. */
function lengthFor({ count }: Setting, length: number): number {
  return count === SMOKE ? SMOKE : length
}

async function fill(kind: StoreKind, folder: string, length: number): Promise<void> {
  const store = await kind.open(folder)
  const log = await store.log(OWN)
  for (let i = 0; i < length; i += FILL) {
    await log.append(blocks(Math.min(FILL, length - i), BLOCK_BYTES, i))
  }
  await store.close()
}

type Work = (log: BenchLog, count: number, length: number) => Promise<void>

const append: Work = async (log, count, length) => {
  for (let i = 0; i < count; i++) await log.append(blocks(1, BLOCK_BYTES, length + i))
}

const get: Work = async (log, count, length) => {
  for (const i of randomOrder(count, length)) check(i, BLOCK_BYTES, await log.get(i))
}

/** Has the system forget what it keeps of these files. What was not written yet stays. */
function forget(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    execFileSync('sync', [file])
    execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
  }
}

function local(kind: StoreKind, length: number, work: Work, isCold = false): Side {
  return {
    prepare: (setting) => fill(kind, storeFolder(setting), lengthFor(setting, length)),
    async run(setting, meter) {
      if (isCold) forget(storeFolder(setting))
      const store = await kind.open(storeFolder(setting))
      const log = await store.log(OWN)
      meter.bytes = setting.count * BLOCK_BYTES
      await meter.measure(() => work(log, setting.count, lengthFor(setting, length)))
      await store.close()
    },
  }
}

/** A reader who has nothing yet fetches the first blocks of a log of that length. */
function remote(kind: StoreKind, length: number): Side {
  return {
    prepare: (setting) => fill(kind, ownerFolder(setting), lengthFor(setting, length)),
    async serve(setting) {
      const store = await kind.open(ownerFolder(setting))
      const log = await store.log(OWN)
      const served = await store.serve('tcp', log.discoveryKey)
      return { ...served, key: Buffer.from(log.key).toString('hex') }
    },
    async run(setting, meter) {
      const { count, served } = setting
      const store = await kind.open(storeFolder(setting))
      const log = await store.log({ key: bytesOf(served, 'key') })
      if (served !== undefined) await store.dial('tcp', served)
      await log.grown(lengthFor(setting, length))
      meter.bytes = count * BLOCK_BYTES
      await meter.measure(() => log.download(count))
      for (let i = 0; i < count; i += 100) check(i, BLOCK_BYTES, await log.get(i))
      await store.close()
    },
  }
}

const LENGTHS = [
  { size: '10k', length: 10_000 },
  { size: '1m', length: 1_000_000 },
  { size: '10m', length: 10_000_000 },
]

type Shape = Pick<Task, 'name' | 'title' | 'count'>

function task(shape: Shape, side: (kind: StoreKind) => Side): Task {
  const kind = ours('none')
  return {
    ...shape,
    unit: 'blocks',
    smokeCount: SMOKE,
    reference: side(reference),
    rows: [{ label: '', durability: kind.durability, side: side(kind) }],
  }
}

const cold = { size: '1m', length: 1_000_000 }

export const scale: readonly Task[] = [
  ...LENGTHS.flatMap(({ size, length }) => [
    task(
      { name: `append-at-${size}`, title: `append to a log of ${size} blocks`, count: 20_000 },
      (kind) => local(kind, length, append),
    ),
    task(
      { name: `get-of-${size}`, title: `get from a log of ${size} blocks, random`, count: 10_000 },
      (kind) => local(kind, length, get),
    ),
    task(
      { name: `replicate-${size}`, title: `fetch from a log of ${size} blocks`, count: 10_000 },
      (kind) => remote(kind, length),
    ),
  ]),
  task(
    {
      name: `cold-get-of-${cold.size}`,
      title: `get from a log of ${cold.size} blocks, random, nothing of it in memory`,
      count: 10_000,
    },
    (kind) => local(kind, cold.length, get, true),
  ),
]
