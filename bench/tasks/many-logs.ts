/** Thousands of logs in one store: making them, opening them all, and seeing what there is. */

import { block, check } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { BenchLog, BenchStore, StoreKind } from '../harness/store.ts'
import type { Setting, Side, Task } from '../harness/task.ts'

const BLOCK_BYTES = 100
/** Logs that are made in one moment. */
const TOGETHER = 500

const names = (count: number): { name: string }[] =>
  Array.from({ length: count }, (_, i) => ({ name: `log ${i}` }))

/** Opens logs, as many at a time as an application would that shows them all. */
export function openAll(store: BenchStore, count: number): Promise<BenchLog[]> {
  return Promise.all(names(count).map((name) => store.log(name)))
}

/** Makes logs with a block each. */
export async function make(store: BenchStore, count: number, blocks = true): Promise<void> {
  const all = names(count)
  for (let start = 0; start < count; start += TOGETHER) {
    const some = all.slice(start, start + TOGETHER)
    await Promise.all(
      some.map(async (name, i) => {
        const log = await store.log(name)
        if (blocks) await log.append(block(start + i, BLOCK_BYTES))
      }),
    )
  }
}

async function verifyBlocks(kind: StoreKind, setting: Setting): Promise<void> {
  const store = await kind.open(storeFolder(setting))
  for (const [i, name] of names(setting.count).entries()) {
    check(i, BLOCK_BYTES, await (await store.log(name)).get(0))
  }
  await store.close()
}

function reopening(kind: StoreKind): Side {
  return {
    async prepare(setting) {
      const store = await kind.open(storeFolder(setting))
      await make(store, setting.count)
      await store.close()
    },
    async run(setting, meter) {
      await kind.load()
      let lengths = 0
      let store: BenchStore | undefined
      await meter.measure(async () => {
        store = await kind.open(storeFolder(setting))
        for (const log of await openAll(store, setting.count)) lengths += log.length()
      })
      if (lengths !== setting.count) throw new Error(`The lengths sum up to ${lengths}.`)
      await store?.close()
    },
    verify: (setting) => verifyBlocks(kind, setting),
  }
}

function creating(kind: StoreKind): Side {
  return {
    async run(setting, meter) {
      const store = await kind.open(storeFolder(setting))
      meter.bytes = setting.count * BLOCK_BYTES
      meter.stored = meter.bytes
      await meter.measure(() => make(store, setting.count))
      await store.close()
    },
    verify: (setting) => verifyBlocks(kind, setting),
  }
}

function listing(kind: StoreKind): Side {
  return {
    async prepare(setting) {
      const store = await kind.open(storeFolder(setting))
      await make(store, setting.count, false)
      await store.close()
    },
    async run(setting, meter) {
      await kind.load()
      let count = 0
      let store: BenchStore | undefined
      await meter.measure(async () => {
        store = await kind.open(storeFolder(setting))
        count = await store.list()
      })
      if (count !== setting.count) throw new Error(`The list has ${count} logs.`)
      await store?.close()
    },
  }
}

const unsynced = ours('none')
const usual = ours('group')

function reopen(count: number): Task {
  return {
    name: `open-${count}`,
    title: `open a store of ${count.toLocaleString('en')} logs, and each log`,
    unit: 'logs',
    count,
    smokeCount: 20,
    reference: reopening(reference),
    rows: [{ label: '', durability: unsynced.durability, goal: 100, side: reopening(unsynced) }],
  }
}

export const open1500: Task = reopen(1_500)
export const open10000: Task = reopen(10_000)

export const create10000: Task = {
  name: 'create-10000',
  title: 'create 10,000 logs with a block each',
  unit: 'logs',
  count: 10_000,
  smokeCount: 20,
  reference: creating(reference),
  rows: [
    { label: '', durability: unsynced.durability, goal: 8, side: creating(unsynced) },
    { label: '', durability: usual.durability, side: creating(usual) },
  ],
}

export const list100000: Task = {
  name: 'list-100000',
  title: 'open a store of 10,000 logs (ours: 100,000), and list them',
  unit: 'logs',
  count: 10_000,
  smokeCount: 20,
  reference: listing(reference),
  // Making so many takes the reference minutes.
  rows: [{ label: '', durability: unsynced.durability, times: 10, side: listing(unsynced) }],
}
