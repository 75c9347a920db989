/**
 * Replicating a log between two processes, encrypted, over TCP or over hyperdht on loopback, whole or in single blocks, next
 * to each other or 50 ms apart.
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
  readonly reading: Reading
  /** How far apart the two seem to be. Default: not at all. */
  readonly roundTripMs?: number
}

/** Which blocks of the log the reader wants, and how he gets them. */
interface Reading {
  /** Blocks of the log of which `count` are read. */
  length(count: number): number
  /** The blocks that are read, the same in every process. */
  chosen(count: number): Iterable<number>
  run(log: BenchLog, count: number): Promise<void>
}

const OWN = { name: 'log' }
/** A shorter log, replicated before the clock starts. */
const WARM = { name: 'warm' }
const APPEND = 100

const whole: Reading = {
  length: (count) => count,
  chosen: (count) => Array(count).keys(),
  run: (log, count) => log.download(count),
}

/** One block in five, in an order without pattern, never twice. */
const SPARSE_OF = 5
/** A prime, and so without a common factor with any length here. */
const SPARSE_STRIDE = 1_000_003
const IN_FLIGHT = 64

const sparse: Reading = {
  length: (count) => count * SPARSE_OF,
  *chosen(count) {
    for (let i = 0; i < count; i++) yield (i * SPARSE_STRIDE) % (count * SPARSE_OF)
  },
  async run(log, count) {
    const order = sparse.chosen(count)[Symbol.iterator]()
    const reader = async (): Promise<void> => {
      for (let next = order.next(); next.done !== true; next = order.next()) {
        await log.get(next.value)
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, reader))
  },
}

function side(owner: StoreKind, reader: StoreKind, shape: Shape): Side {
  const { way, blockBytes, reading, roundTripMs } = shape
  return {
    async prepare(setting) {
      const store = await owner.open(ownerFolder(setting))
      await fill(await store.log(OWN), reading.length(setting.count), blockBytes)
      await fill(await store.log(WARM), warmCount(setting.count), blockBytes)
      await store.close()
    },
    async serve(setting) {
      const store = await owner.open(ownerFolder(setting))
      const log = await store.log(OWN)
      const served = await store.serve(way, log.discoveryKey, roundTripMs)
      return { ...served, key: hex(log.key), warm: hex((await store.log(WARM)).key) }
    },
    async run(setting, meter) {
      const { count, served } = setting
      const store = await reader.open(storeFolder(setting))
      const log = await store.log({ key: bytesOf(served, 'key') })
      if (served !== undefined) await store.dial(way, served)
      const warm = await store.log({ key: bytesOf(served, 'warm') })
      await warm.download(warmCount(count))
      await log.grown(reading.length(count))
      meter.bytes = count * blockBytes
      meter.stored = meter.bytes + warmCount(count) * blockBytes
      await meter.measure(() => reading.run(log, count))
      await store.close()
    },
    async verify(setting) {
      const store = await reader.open(storeFolder(setting))
      const log = await store.log({ key: bytesOf(setting.served, 'key') })
      for (const i of reading.chosen(setting.count)) check(i, blockBytes, await log.get(i))
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
  /** How many times as much our reader reads. Default: the same. */
  readonly times?: number
}

function rows(shape: Shape, goals: Goals): Row[] {
  const [unsynced, usual] = [ours('none'), ours('group')]
  const row = (label: string, owner: StoreKind, reader: StoreKind, goal?: number): Row => ({
    label,
    durability: reader.durability,
    side: side(owner, reader, shape),
    times: reader === reference ? 1 : (goals.times ?? 1),
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

const SIZES: Readonly<Record<number, string>> = { 1024: '1k', 65536: '64k' }
const WAYS: Readonly<Record<Way, string>> = { tcp: 'TCP', dht: 'hyperdht', udx: 'UDX' }

function task(shape: Shape, counts: [number, number], goals: Goals): Task {
  const { way, blockBytes, roundTripMs, reading } = shape
  const isSparse = reading === sparse
  const size = `${blockBytes / 1_024} KB blocks`
  const what = isSparse
    ? `get ${size} of a peer, ${IN_FLIGHT} at a time, random,`
    : `replicate ${size}`
  const apart = roundTripMs === undefined ? '' : `, ${roundTripMs} ms apart`
  const names = [isSparse ? 'sparse' : 'replicate', SIZES[blockBytes], way]
  if (roundTripMs !== undefined) names.push(`${roundTripMs}ms`)
  return {
    name: names.join('-'),
    title: `${what} over ${WAYS[way]}, two processes${apart}`,
    unit: 'blocks',
    count: counts[0],
    smokeCount: counts[1],
    reference: side(reference, reference, shape),
    rows: rows(shape, goals),
  }
}

const SMALL = { blockBytes: 1_024, reading: whole }
const LARGE = { blockBytes: 65_536, reading: whole }

export const replications: readonly Task[] = [
  task({ ...SMALL, way: 'tcp' }, [50_000, 100], {
    both: 16,
    fromStock: 2.5,
    toStock: 1.1,
    times: 3,
  }),
  task({ ...LARGE, way: 'tcp' }, [4_000, 20], { both: 3, times: 2 }),
  task({ ...SMALL, way: 'dht' }, [50_000, 100], { both: 10, times: 3 }),
  task({ ...LARGE, way: 'dht' }, [4_000, 20], { both: 2, times: 2 }),
  task({ ...SMALL, way: 'tcp', roundTripMs: 50 }, [8_000, 50], {
    both: 20,
    fromStock: 9,
    times: 8,
  }),
  task({ ...SMALL, way: 'udx', roundTripMs: 50 }, [4_000, 50], {
    both: 50,
    fromStock: 25,
    times: 10,
  }),
  task({ ...SMALL, way: 'tcp', reading: sparse }, [10_000, 50], { both: 12, times: 4 }),
]
