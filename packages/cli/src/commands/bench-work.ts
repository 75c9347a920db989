/**
 * What `dat bench` measures: the work that people wait for, on this machine and this disk.
 *
 * Owns: the tasks. Each does whole rounds until its time is over, after one round that is not counted, so that the
 * compiler has finished; everything is made for it in one folder, which the caller removes. What is read or fetched is
 * compared with what was written.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import type { Durability } from '@dat-rhino/core/store/store'
import { open } from '@dat-rhino/sdk'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp, listenTcp } from '@dat-rhino/sdk/platform/node/tcp'

/** How far a task has come. */
export interface Tally {
  operations: number
  bytes: number
  /** Of the rounds, without what was prepared between them. */
  ms: number
}

/** Is there time for another round, and is somebody still interested? */
export type GoOn = (tally: Tally) => boolean

export interface BenchTask {
  readonly name: string
  readonly title: string
  readonly unit: string
  /** Works in `folder`, which is empty, while `goOn`. */
  run(folder: string, goOn: GoOn): Promise<Tally>
}

const BLOCK_BYTES = 1_024
const MANY = 200
const ROUND = 2_000
const FILES = 1_000
const FILE_BYTES = 4_096
const POOL_BYTES = 1 << 20

/** Bytes that look random: nothing is gained by compressing them, as with pictures. */
const pool = fillPool()

function fillPool(): Uint8Array {
  const bytes = new Uint8Array(POOL_BYTES)
  let x = 0x9e3779b9
  for (let i = 0; i < POOL_BYTES; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes[i] = x
  }
  return bytes
}

/** Block `index`: no two are equal. */
function block(index: number, size: number = BLOCK_BYTES): Uint8Array {
  const from = (index * 7_919) % (POOL_BYTES - size)
  const bytes = pool.slice(from, from + size)
  new DataView(bytes.buffer).setUint32(0, index)
  return bytes
}

/** Looks at one in so many: making what it should be takes as long as reading it. */
const CHECKED = 16

function check(index: number, bytes: Uint8Array): void {
  if (index % CHECKED !== 0) return
  if (Buffer.compare(block(index), bytes) === 0) return
  throw new DatError('CORRUPT_STORE', `Block ${index} is not what was written.`, { block: index })
}

/** Runs rounds, the first of which is not counted. */
async function rounds(
  goOn: GoOn,
  round: (from: number) => Promise<{ operations: number; bytes: number }>,
  between: () => Promise<void> = async () => {},
): Promise<Tally> {
  const tally: Tally = { operations: 0, bytes: 0, ms: 0 }
  let from = 0
  for (let isFirst = true; isFirst || goOn(tally); isFirst = false) {
    await between()
    const began = performance.now()
    const { operations, bytes } = await round(from)
    from += operations
    if (isFirst) continue
    tally.ms += performance.now() - began
    tally.operations += operations
    tally.bytes += bytes
  }
  return tally
}

async function openStore(folder: string, durability: Durability): Promise<Corestore> {
  return Corestore.open({ store: await openStorage(folder, { durability }) })
}

// ---- Logs ----------------------------------------------------------------------------------------

function appending(durability: Durability, batch: number, blocks: number): BenchTask['run'] {
  return async (folder, goOn) => {
    const store = await openStore(folder, durability)
    const log = await store.get({ name: 'bench' })
    try {
      return await rounds(goOn, async (from) => {
        await append(log, from, blocks, batch)
        return { operations: blocks, bytes: blocks * BLOCK_BYTES }
      })
    } finally {
      await store.close()
    }
  }
}

async function append(log: Log, from: number, blocks: number, batch: number): Promise<void> {
  for (let i = 0; i < blocks; i += batch) {
    await log.append(Array.from({ length: batch }, (_, k) => block(from + i + k)))
  }
}

/** Reads a log of ten rounds' blocks, in the order that `read` has. */
function reading(read: (log: Log) => Promise<void>): BenchTask['run'] {
  return async (folder, goOn) => {
    const writer = await openStore(folder, 'group')
    const written = await writer.get({ name: 'bench' })
    await append(written, 0, 10 * ROUND, MANY)
    await writer.close()
    const store = await openStore(folder, 'group')
    const log = await store.get({ name: 'bench' })
    try {
      return await rounds(goOn, async () => {
        await read(log)
        return { operations: log.length, bytes: log.byteLength }
      })
    } finally {
      await store.close()
    }
  }
}

async function readInDisorder(log: Log): Promise<void> {
  // A prime without a common factor with the length: each block once, none beside the one before.
  for (let i = 0; i < log.length; i++) {
    const index = (i * 7_919) % log.length
    check(index, await log.get(index))
  }
}

async function readAlong(log: Log): Promise<void> {
  let index = 0
  for await (const bytes of log.blocks({ end: log.length })) check(index++, bytes)
}

/** Two stores of one process, joined by an encrypted connection. */
async function replicate(folder: string, goOn: GoOn): Promise<Tally> {
  const [owner, reader] = await Promise.all([
    openStore(join(folder, 'owner'), 'group'),
    openStore(join(folder, 'reader'), 'group'),
  ])
  const listener = await listenTcp({ onTransport: (pipe) => owner.connect(pipe) })
  try {
    reader.connect(await connectTcp({ port: listener.port }))
    const log = await owner.get({ name: 'bench' })
    const copy = await reader.get({ key: log.key })
    const prepare = async (): Promise<void> => {
      await append(log, log.length, 10 * ROUND, MANY)
      await copy.grown(log.length)
    }
    const fetch = async (): Promise<{ operations: number; bytes: number }> => {
      const { length, byteLength } = log
      const start = length - 10 * ROUND
      await copy.download({ start, end: length }).done({ timeoutMs: 0 })
      check(start, await copy.get(start))
      return { operations: length - start, bytes: (byteLength / length) * (length - start) }
    }
    return await rounds(goOn, fetch, prepare)
  } finally {
    listener.close()
    await Promise.all([owner.close(), reader.close()])
  }
}

// ---- Folders -------------------------------------------------------------------------------------

/** Each round shares a new folder of small files. */
async function importFiles(folder: string, goOn: GoOn): Promise<Tally> {
  let round = 0
  const next = (): string => join(folder, `files ${round}`)
  const prepare = async (): Promise<void> => {
    round++
    mkdirSync(next(), { recursive: true })
    for (let i = 0; i < FILES; i++) {
      writeFileSync(join(next(), `file ${i}.bin`), block(round * FILES + i, FILE_BYTES))
    }
  }
  const share = async (): Promise<{ operations: number; bytes: number }> => {
    await using node = await open({ network: false })
    const shared = await node.share(next(), { watch: false })
    const { error } = await shared.done({ timeoutMs: 0 })
    if (error !== undefined) throw error
    return { operations: FILES, bytes: FILES * FILE_BYTES }
  }
  return rounds(goOn, share, prepare)
}

/** In the order of the table. */
export const TASKS: readonly BenchTask[] = [
  {
    name: 'append',
    title: 'append 1 KB, one at a time',
    unit: 'blocks',
    run: appending('group', 1, ROUND),
  },
  {
    name: 'append-strict',
    title: 'the same, each synced to the disk',
    unit: 'blocks',
    run: appending('strict', 1, ROUND / 20),
  },
  {
    name: 'append-many',
    title: `append 1 KB, ${MANY} at a time`,
    unit: 'blocks',
    run: appending('group', MANY, 10 * ROUND),
  },
  { name: 'get', title: 'get 1 KB, in no order', unit: 'blocks', run: reading(readInDisorder) },
  { name: 'stream', title: 'read a log of 1 KB blocks', unit: 'blocks', run: reading(readAlong) },
  {
    name: 'replicate',
    title: 'replicate 1 KB blocks over TCP, both ends here',
    unit: 'blocks',
    run: replicate,
  },
  { name: 'import', title: 'import files of 4 KB', unit: 'files', run: importFiles },
]
