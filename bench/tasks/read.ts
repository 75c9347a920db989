/** Reading what is on this machine: block by block, many at a time, as a stream. */

import { blocks, check, randomOrder, warmCount } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { ours } from '../harness/ours.ts'
import { reference } from '../harness/reference.ts'
import type { BenchLog, StoreKind } from '../harness/store.ts'
import type { Row, Side, Task } from '../harness/task.ts'

const BLOCK_BYTES = 1_024
/** Blocks of the log that is read; a run may read each several times. */
const LENGTH = 100_000
const APPEND = 500
const OWN = { name: 'log' }

/** Reads as many blocks as `order` names, and tells how many bytes that were. */
type Read = (log: BenchLog, order: Uint32Array) => Promise<number>

function side(kind: StoreKind, read: Read): Side {
  return {
    async prepare(setting) {
      const store = await kind.open(storeFolder(setting))
      const log = await store.log(OWN)
      const length = lengthFor(setting.count)
      for (let i = 0; i < length; i += APPEND) {
        await log.append(blocks(Math.min(APPEND, length - i), BLOCK_BYTES, i))
      }
      await store.close()
    },
    async run(setting, meter) {
      const { count } = setting
      const store = await kind.open(storeFolder(setting))
      const log = await store.log(OWN)
      // Made before the clock starts: half a million numbers take longer than any turn of the event loop should.
      const order = randomOrder(count, lengthFor(count))
      await read(log, order.subarray(0, warmCount(count, 100)))
      let bytes = 0
      await meter.measure(async () => {
        bytes = await read(log, order)
      })
      meter.bytes = bytes
      meter.stored = lengthFor(count) * BLOCK_BYTES
      if (bytes !== count * BLOCK_BYTES) throw new Error(`${bytes} bytes were read.`)
      for (const i of randomOrder(1_000, lengthFor(count))) check(i, BLOCK_BYTES, await log.get(i))
      await store.close()
    },
  }
}

/** A smoke run makes a log of the few blocks that it reads. */
function lengthFor(count: number): number {
  return Math.min(LENGTH, count)
}

const oneByOne: Read = async (log, order) => {
  let bytes = 0
  for (const i of order) bytes += (await log.get(i)).length
  return bytes
}

const hundred: Read = async (log, order) => {
  let bytes = 0
  for (let i = 0; i < order.length; i += 100) {
    const got = await Promise.all(Array.from(order.subarray(i, i + 100), (index) => log.get(index)))
    for (const { length } of got) bytes += length
  }
  return bytes
}

/** From the first block to the last, and again, until so many were read. */
const stream: Read = async (log, { length: count }) => {
  let bytes = 0
  while (bytes < count * BLOCK_BYTES) {
    for await (const { length } of log.stream()) {
      bytes += length
      if (bytes === count * BLOCK_BYTES) break
    }
  }
  return bytes
}

function rows(read: Read, goal: number, times: number): readonly Row[] {
  const kind = ours('none')
  return [{ label: '', durability: kind.durability, goal, times, side: side(kind, read) }]
}

export const getOne: Task = {
  name: 'get-1k',
  title: 'get 1 KB, one after another, random',
  unit: 'blocks',
  count: 60_000,
  smokeCount: 200,
  reference: side(reference, oneByOne),
  rows: rows(oneByOne, 20, 8),
}

export const getHundred: Task = {
  name: 'get-1k-100',
  title: 'get 1 KB, 100 at a time, random',
  unit: 'blocks',
  count: 200_000,
  smokeCount: 200,
  reference: side(reference, hundred),
  rows: rows(hundred, 3, 3),
}

export const readStream: Task = {
  name: 'read-stream-1k',
  title: 'read a log of 1 KB blocks as a stream',
  unit: 'blocks',
  count: LENGTH,
  smokeCount: 200,
  reference: side(reference, stream),
  rows: rows(stream, 25, 10),
}
