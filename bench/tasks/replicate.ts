/**
 * Replicating a log between two processes, encrypted, over TCP or over hyperdht on loopback.
 *
 * Both ends are connected before the clock starts; it stops when every block is verified and written. In
 * the mixed rows one end is the stock package: it must never be slower than among its own.
 */

import { blocks, check, warmCount } from '../harness/blocks.ts'
import { ownerFolder, storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import { bytesOf } from '../harness/served.ts'
import type { BenchLog, StoreKind, Way } from '../harness/store.ts'
import type { Row, Side, Task } from '../harness/task.ts'

interface Shape {
  readonly way: Way
  readonly blockBytes: number
}

const OWN = { name: 'log' }
/** A shorter log, replicated before the clock starts. */
const WARM = { name: 'warm' }
const APPEND = 100

function side(owner: StoreKind, reader: StoreKind, { way, blockBytes }: Shape): Side {
  return {
    async prepare(setting) {
      const store = await owner.open(ownerFolder(setting))
      await fill(await store.log(OWN), setting.count, blockBytes)
      await fill(await store.log(WARM), warmCount(setting.count), blockBytes)
      await store.close()
    },
    async serve(setting) {
      const store = await owner.open(ownerFolder(setting))
      const log = await store.log(OWN)
      const served = await store.serve(way, log.discoveryKey)
      return { ...served, key: hex(log.key), warm: hex((await store.log(WARM)).key) }
    },
    async run(setting, meter) {
      const { count, served } = setting
      const store = await reader.open(storeFolder(setting))
      const log = await store.log({ key: bytesOf(served, 'key') })
      if (served !== undefined) await store.dial(way, served)
      const warm = await store.log({ key: bytesOf(served, 'warm') })
      await warm.download(warmCount(count))
      meter.bytes = count * blockBytes
      meter.stored = meter.bytes + warmCount(count) * blockBytes
      await meter.measure(() => log.download(count))
      await store.close()
    },
    async verify(setting) {
      const store = await reader.open(storeFolder(setting))
      const log = await store.log({ key: bytesOf(setting.served, 'key') })
      for (let i = 0; i < setting.count; i++) check(i, blockBytes, await log.get(i))
      await store.close()
    },
  }
}

async function fill(log: BenchLog, count: number, blockBytes: number): Promise<void> {
  for (let i = 0; i < count; i += APPEND) {
    await log.append(blocks(Math.min(APPEND, count - i), blockBytes, i))
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

interface Goals {
  readonly both: number
  /** Our reader, their server. */
  readonly fromStock?: number
  /** Their reader, our server. */
  readonly toStock?: number
}

function rows(shape: Shape, goals: Goals): Row[] {
  const [unsynced, usual] = [ours('none'), ours('group')]
  const row = (label: string, owner: StoreKind, reader: StoreKind, goal?: number): Row => ({
    label,
    durability: reader.durability,
    side: side(owner, reader, shape),
    ...(goal === undefined ? {} : { goal }),
  })
  return [
    row('', unsynced, unsynced, goals.both),
    row('', usual, usual),
    ...(goals.fromStock === undefined
      ? []
      : [row('from a stock server', reference, unsynced, goals.fromStock)]),
    ...(goals.toStock === undefined
      ? []
      : [row('to a stock client', unsynced, reference, goals.toStock)]),
  ]
}

function task(shape: Shape, counts: [number, number], goals: Goals): Task {
  const size = shape.blockBytes === 1_024 ? '1k' : '64k'
  const way = shape.way === 'tcp' ? 'TCP' : 'hyperdht'
  return {
    name: `replicate-${size}-${shape.way}`,
    title: `replicate ${shape.blockBytes / 1_024} KB blocks over ${way}, two processes`,
    unit: 'blocks',
    count: counts[0],
    smokeCount: counts[1],
    reference: side(reference, reference, shape),
    rows: rows(shape, goals),
  }
}

export const replicate1kTcp: Task = task({ way: 'tcp', blockBytes: 1_024 }, [50_000, 100], {
  both: 16,
  fromStock: 2.5,
  toStock: 1.1,
})

export const replicate1kDht: Task = task({ way: 'dht', blockBytes: 1_024 }, [50_000, 100], {
  both: 10,
})

export const replicate64kTcp: Task = task({ way: 'tcp', blockBytes: 65_536 }, [4_000, 20], {
  both: 3,
})

export const replicate64kDht: Task = task({ way: 'dht', blockBytes: 65_536 }, [4_000, 20], {
  both: 2,
})
