/**
 * Sorted keys and values in a log: writing them one by one and many at a time, looking them up, going through all.
 *
 * Both sides write the same format, so what differs is how often a block is read, decoded and written.
 */

import { Bee } from '@dat-rhino/core/index/bee'
import { randomOrder, warmCount } from '../harness/blocks.ts'
import { storeFolder } from '../harness/folders.ts'
import { openOurs } from '../harness/ours.ts'
import { openReference } from '../harness/reference.ts'
import { stock } from '../harness/stock.ts'
import type { Setting, Side, Task } from '../harness/task.ts'

/** A bee as the tasks see it. */
interface BenchBee {
  put(key: Buffer, value: Buffer): Promise<unknown>
  putAll(rows: Iterable<Row>): Promise<unknown>
  /** `null` or `undefined`: there is none. */
  get(key: Buffer): Promise<Uint8Array | null | undefined>
  entries(): AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array | undefined }>
  close(): Promise<void>
}

interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

type Kind = (folder: string, name: string) => Promise<BenchBee>

const ours: Kind = async (folder, name) => {
  const store = await openOurs(folder)
  const bee = Bee.open(await store.get({ name }))
  return {
    put: (key, value) => bee.put(key, value),
    async putAll(rows) {
      const batch = bee.batch()
      for (const { key, value } of rows) await batch.put(key, value)
      await batch.flush()
    },
    get: async (key) => (await bee.get(key))?.value,
    entries: () => bee.entries(),
    close: () => store.close(),
  }
}

const reference: Kind = async (folder, name) => {
  const store = await openReference(folder)
  const bee = new (stock('hyperbee'))(store.get({ name }))
  await bee.ready()
  return {
    put: (key, value) => bee.put(key, value),
    async putAll(rows) {
      const batch = bee.batch()
      for (const { key, value } of rows) await batch.put(key, value)
      await batch.flush()
    },
    get: async (key) => (await bee.get(key))?.value,
    entries: () => bee.createReadStream(),
    close: () => store.close(),
  }
}

const NAME = 'bee'
const VALUE_BYTES = 64
const BATCH = 10_000
/** Keys of the bee that is read; a run may read each several times. */
const KEYS = 100_000

/** Keys come in no order, as paths and names do: the number, spread by a prime, in eight digits. */
function keyOf(index: number): Buffer {
  return Buffer.from(String((index * 15_485_863) % 99_999_989).padStart(8, '0'))
}

function valueFor(index: number): Buffer {
  const value = Buffer.alloc(VALUE_BYTES, index & 255)
  value.writeUInt32LE(index, 0)
  return value
}

function* rowsOf(from: number, end: number): Generator<Row> {
  for (let i = from; i < end; i++) yield { key: keyOf(i), value: valueFor(i) }
}

async function fill(bee: BenchBee, count: number): Promise<void> {
  for (let i = 0; i < count; i += BATCH) await bee.putAll(rowsOf(i, Math.min(i + BATCH, count)))
}

type Work = (bee: BenchBee, count: number) => Promise<void>

function writing(kind: Kind, write: Work): Side {
  return {
    async run(setting, meter) {
      const folder = storeFolder(setting)
      const warm = await kind(`${folder}-warm`, 'warm')
      await write(warm, warmCount(setting.count, BATCH))
      await warm.close()
      const bee = await kind(folder, NAME)
      await meter.measure(() => write(bee, setting.count))
      await bee.close()
    },
    verify: (setting) => verifyAll(kind, setting),
  }
}

async function verifyAll(kind: Kind, setting: Setting): Promise<void> {
  const bee = await kind(storeFolder(setting), NAME)
  for (let i = 0; i < setting.count; i += Math.ceil(setting.count / 2_000)) {
    checkValue(i, await bee.get(keyOf(i)))
  }
  let count = 0
  for await (const { key } of bee.entries()) if (key.length === 8) count++
  if (count !== setting.count) throw new Error(`${count} keys of ${setting.count}.`)
  await bee.close()
}

function checkValue(index: number, value: Uint8Array | null | undefined): void {
  if (value == null || !valueFor(index).equals(value)) {
    throw new Error(`The value of key ${index} is not what was put.`)
  }
}

function reading(kind: Kind, read: Work): Side {
  return {
    async prepare(setting) {
      const bee = await kind(storeFolder(setting), NAME)
      await fill(bee, keysFor(setting.count))
      await bee.close()
    },
    async run(setting, meter) {
      const bee = await kind(storeFolder(setting), NAME)
      await read(bee, warmCount(setting.count))
      await meter.measure(() => read(bee, setting.count))
      await bee.close()
    },
  }
}

function keysFor(count: number): number {
  return Math.min(KEYS, count)
}

const putOne: Work = async (bee, count) => {
  for (const { key, value } of rowsOf(0, count)) await bee.put(key, value)
}

const getOne: Work = async (bee, count) => {
  for (const i of randomOrder(count, keysFor(count))) checkValue(i, await bee.get(keyOf(i)))
}

/** From the first key to the last, and again, until so many were seen. */
const iterate: Work = async (bee, count) => {
  let seen = 0
  while (seen < count) {
    for await (const { value } of bee.entries()) {
      if (value?.length !== VALUE_BYTES) throw new Error('A value has lost bytes.')
      if (++seen === count) break
    }
  }
}

interface Shape {
  readonly name: string
  readonly title: string
  readonly counts: readonly [number, number]
  readonly goal?: number
  readonly times?: number
}

function task(shape: Shape, side: (kind: Kind) => Side): Task {
  const { name, title, counts, ...promised } = shape
  return {
    name,
    title,
    unit: 'keys',
    count: counts[0],
    smokeCount: counts[1],
    reference: side(reference),
    rows: [{ label: '', durability: 'write, no sync', ...promised, side: side(ours) }],
  }
}

export const bees: readonly Task[] = [
  task(
    {
      name: 'bee-batch',
      title: `bee: put ${BATCH} at a time`,
      counts: [100_000, 60],
      goal: 10,
      times: 4,
    },
    (kind) => writing(kind, fill),
  ),
  task(
    { name: 'bee-put', title: 'bee: put, one at a time', counts: [5_000, 60], goal: 15, times: 8 },
    (kind) => writing(kind, putOne),
  ),
  task(
    {
      name: 'bee-get',
      title: 'bee: get, one at a time, random',
      counts: [20_000, 60],
      goal: 20,
      times: 8,
    },
    (kind) => reading(kind, getOne),
  ),
  task(
    {
      name: 'bee-iterate',
      title: 'bee: all entries in order',
      counts: [100_000, 60],
      goal: 6,
      times: 4,
    },
    (kind) => reading(kind, iterate),
  ),
]

// ---- Growing -------------------------------------------------------------------------------------

const SMOKE = 60

/** Works on a bee of `keys` keys that was just opened. */
function atSize(
  kind: Kind,
  keys: number,
  work: (bee: BenchBee, count: number, keys: number) => Promise<void>,
): Side {
  const keysOf = ({ count }: Setting): number => (count === SMOKE ? SMOKE : keys)
  return {
    async prepare(setting) {
      const bee = await kind(storeFolder(setting), NAME)
      await fill(bee, keysOf(setting))
      await bee.close()
    },
    async run(setting, meter) {
      const bee = await kind(storeFolder(setting), NAME)
      await meter.measure(() => work(bee, setting.count, keysOf(setting)))
      await bee.close()
    },
  }
}

async function putMore(bee: BenchBee, count: number, keys: number): Promise<void> {
  for (const { key, value } of rowsOf(keys, keys + count)) await bee.put(key, value)
}

async function getAny(bee: BenchBee, count: number, keys: number): Promise<void> {
  for (const i of randomOrder(count, keys)) checkValue(i, await bee.get(keyOf(i)))
}

/** The same on bees of growing size; run by `--scale`. */
export const beeScale: readonly Task[] = [
  { size: '10k', keys: 10_000 },
  { size: '100k', keys: 100_000 },
  { size: '1m', keys: 1_000_000 },
].flatMap(({ size, keys }) => [
  task(
    { name: `bee-put-at-${size}`, title: `bee: put into ${size} keys`, counts: [2_000, SMOKE] },
    (kind) => atSize(kind, keys, putMore),
  ),
  task(
    { name: `bee-get-of-${size}`, title: `bee: get from ${size} keys`, counts: [10_000, SMOKE] },
    (kind) => atSize(kind, keys, getAny),
  ),
])
