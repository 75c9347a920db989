/**
 * Many logs on one new connection: equal ones, which cost next to nothing, and ones that have changed.
 *
 * Both processes hold all logs open when the clock starts; it stops when each log is spoken about, or when each
 * changed one has its block.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { check } from '../harness/blocks.ts'
import { ownerFolder, storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { BenchLog, BenchStore, StoreKind } from '../harness/store.ts'
import type { Setting, Side, Task } from '../harness/task.ts'
import { make, openAll } from './many-logs.ts'

const BLOCK_BYTES = 100
const KEY_BYTES = 32
/** How often one looks whether all logs are spoken about. */
const LOOK_MS = 1

/** The logs of the reader, by the keys that the owner wrote down. */
function openRead(store: BenchStore, setting: Setting): Promise<BenchLog[]> {
  const keys = readFileSync(keysFile(setting))
  return Promise.all(
    Array.from({ length: setting.count }, (_, i) => {
      return store.log({ key: keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES) })
    }),
  )
}

function keysFile({ folder }: Setting): string {
  return join(folder, 'keys')
}

async function download(logs: readonly BenchLog[]): Promise<void> {
  await Promise.all(logs.map((log) => log.download(1)))
}

async function spokenAbout(logs: readonly BenchLog[]): Promise<void> {
  // Those at the end are opened last, mostly.
  for (let i = logs.length - 1; i >= 0; ) {
    if ((logs[i]?.peers() ?? 0) > 0) i--
    else await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function side(kind: StoreKind, isEqual: boolean): Side {
  return {
    async prepare(setting) {
      const owner = await kind.open(ownerFolder(setting))
      await make(owner, setting.count)
      const owned = await openAll(owner, setting.count)
      writeFileSync(keysFile(setting), Buffer.concat(owned.map(({ key }) => key)))
      const reader = await kind.open(storeFolder(setting))
      const logs = await openRead(reader, setting)
      if (isEqual) {
        await reader.dial('tcp', await owner.serve('tcp', Buffer.alloc(0)))
        await download(logs)
      }
      await reader.close()
      await owner.close()
    },
    async serve(setting) {
      const store = await kind.open(ownerFolder(setting))
      await openAll(store, setting.count)
      return store.serve('tcp', Buffer.alloc(0))
    },
    async run(setting, meter) {
      const store = await kind.open(storeFolder(setting))
      const logs = await openRead(store, setting)
      const { served } = setting
      if (served === undefined) throw new Error('Nobody serves.')
      await meter.measure(async () => {
        await store.dial('tcp', served)
        await (isEqual ? spokenAbout(logs) : download(logs))
      })
      await store.close()
    },
    async verify(setting) {
      const store = await kind.open(storeFolder(setting))
      for (const [i, log] of (await openRead(store, setting)).entries()) {
        check(i, BLOCK_BYTES, await log.get(0))
      }
      await store.close()
    },
  }
}

function task(count: number, isEqual: boolean, goal: number): Task {
  const what = isEqual ? 'attach a new peer with' : 'first sync of'
  const which = isEqual ? 'equal' : 'changed'
  const kind = ours('group')
  return {
    name: `${isEqual ? 'attach' : 'sync'}-${count}`,
    title: `${what} ${count.toLocaleString('en')} ${which} logs, two processes`,
    unit: 'logs',
    count,
    smokeCount: 20,
    reference: side(reference, isEqual),
    rows: [{ label: '', durability: kind.durability, goal, side: side(kind, isEqual) }],
  }
}

export const attach1500: Task = task(1_500, true, 8)
export const attach10000: Task = task(10_000, true, 8)
export const sync10000: Task = task(10_000, false, 6)
