/**
 * `kill -9` at random moments: what was acknowledged is there, what was not is there as a whole or not at all,
 * and the work goes on where it stopped.
 *
 * `KILL_ROUNDS=100` for the long version, `KILL_SEED=…` to repeat one.
 */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import { open } from '@dat-rhino/sdk'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { listenTcp } from '@dat-rhino/sdk/platform/node/tcp'
import { randomBlocks, randomNumbers } from './blocks.ts'
import { type LogModel, Plan } from './kill/plan.ts'
import type { Role, Said, Task } from './kill/victim.ts'
import { later, scratch } from './later.ts'
import { Stock } from './stock.ts'

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 3)
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000)
const VICTIM = fileURLToPath(new URL('./kill/victim.ts', import.meta.url))

/**
 * Runs a victim until `mayKill` has let it live for long enough, and kills it; or until it is done.
 *
 * @returns everything that it said
 */
async function runAndKill(
  role: Role,
  task: Partial<Task>,
  mayKill: (said: readonly Said[]) => boolean,
): Promise<Said[]> {
  const said: Said[] = []
  const child = fork(VICTIM, [role], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.on('message', (message: Said) => {
    said.push(message)
    if (message.done === true || mayKill(said)) child.kill('SIGKILL')
  })
  child.send(task)
  await gone
  assert.equal(child.signalCode, 'SIGKILL', 'the victim did not die of itself')
  return said
}

const isDone = (said: readonly Said[]): boolean => said.some(({ done }) => done === true)

function sameLog(log: Log, model: LogModel): boolean {
  return (
    log.length === model.blocks.length &&
    log.fork === model.fork &&
    model.blocks.every((block, i) => {
      const found = log.peek(i)
      return block === undefined
        ? found === undefined
        : found !== undefined && Buffer.compare(found, block) === 0
    })
  )
}

/** How many steps of the plan the store holds: `taken`, or one more that was under way. */
async function stepsHeld(storage: string, seed: number, taken: number): Promise<number> {
  const corestore = await Corestore.open({ store: await openStorage(storage) })
  try {
    assert.equal(corestore.store.writable, true, corestore.store.whyReadOnly)
    for (const count of [taken, taken + 1]) {
      const plan = Plan.after(seed, count)
      let same = true
      for (const [name, model] of plan.logs) {
        same &&= sameLog(await corestore.get({ name }), model)
      }
      if (same) return count
    }
  } finally {
    await corestore.close()
  }
  assert.fail(`The store is neither after step ${taken} nor after the next.`)
}

test(`a killed writer loses nothing that was acknowledged (seed ${SEED})`, async (t) => {
  const storage = scratch(t)
  const next = randomNumbers(SEED + 1)
  let taken = 0

  for (let round = 0; round < ROUNDS; round++) {
    const lifetime = 1 + (next() % 150)
    const said = await runAndKill(
      'write',
      { storage, seed: SEED, taken },
      ({ length }) => length >= lifetime,
    )
    const acknowledged = said.at(-1)?.taken ?? taken
    taken = await stepsHeld(storage, SEED, acknowledged)
  }

  assert.ok(taken > 0)
})

test(`a killed reader keeps what it held, and goes on (seed ${SEED})`, async (t) => {
  const blocks = randomBlocks(1_500, 0, 5_000, SEED)
  const owner = await Corestore.open({ store: await openStorage(scratch(t)) })
  later(t, () => owner.close())
  const own = await owner.get({ name: 'log' })
  await own.append(blocks)
  const listener = await listenTcp({ onTransport: (transport) => owner.connect(transport) })
  later(t, () => listener.close())
  const next = randomNumbers(SEED + 2)
  const start = (): Reader => ({ storage: scratch(t), held: new Set() })

  let reader = start()
  let downloads = 0
  for (let round = 0; round < ROUNDS || downloads === 0; round++) {
    const lifetime = round < ROUNDS ? 1 + (next() % 8) : Number.POSITIVE_INFINITY
    const task = { storage: reader.storage, port: listener.port, key: own.key }
    const said = await runAndKill('download', task, ({ length }) => length >= lifetime)
    for (const { held } of said) {
      for (let i = 0; i < (held?.length ?? 0); i++) reader.held.add((held?.start ?? 0) + i)
    }
    const done = isDone(said)
    const corestore = await Corestore.open({ store: await openStorage(reader.storage) })
    const log = await corestore.get({ key: own.key })
    const expected = done ? blocks.keys() : reader.held
    for (const i of expected) assert.deepEqual(log.peek(i), blocks[i], `block ${i}`)
    await corestore.close()
    if (done) {
      downloads++
      reader = start()
    }
  }
})

interface Reader {
  readonly storage: string
  /** Blocks that it told to hold. */
  readonly held: Set<number>
}

type Files = Map<string, Uint8Array>

const FILES = 300

/** Some hundred files of many sizes, and what is in them. */
function fillFolder(folder: string, seed: number): Files {
  const files: Files = new Map()
  for (const [i, bytes] of randomBlocks(FILES, 0, 60_000, seed).entries()) {
    mkdirSync(join(folder, `folder ${i % 9}`), { recursive: true })
    writeFile(folder, files, i, bytes)
  }
  return files
}

function writeFile(folder: string, files: Files, i: number, bytes: Uint8Array): void {
  const path = `/folder ${i % 9}/file ${i}`
  writeFileSync(join(folder, path), bytes)
  files.set(path, bytes)
}

function checkFiles(folder: string, files: Files, paths: Iterable<string> = files.keys()): void {
  for (const path of paths) {
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, path))), files.get(path), path)
  }
}

function pathsOf(said: readonly Said[]): string[] {
  return said.flatMap(({ file }) => (file === undefined ? [] : [file]))
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('.dat-rhino'),
  ).length
}

test(`a killed import goes on, under the same link (seed ${SEED})`, async (t) => {
  const folder = scratch(t)
  const storage = scratch(t)
  const files = fillFolder(folder, SEED)
  const next = randomNumbers(SEED + 3)
  const links = new Set<string>()

  for (let round = 0; round < ROUNDS; round++) {
    const lifetime = 1 + (next() % 100)
    const said = await runAndKill('share', { storage, folder }, ({ length }) => length >= lifetime)
    const rhino = await open({ storage, network: false })
    const share = await rhino.share(folder, { watch: false })
    links.add(share.link)
    for (const path of pathsOf(said)) {
      assert.deepEqual(await share.drive.get(path), files.get(path), path)
    }
    await rhino.close()
    for (const bytes of randomBlocks(40, 0, 60_000, next())) {
      writeFile(folder, files, next() % FILES, bytes)
    }
  }

  const rhino = await open({ storage, network: false })
  const share = await rhino.share(folder, { watch: false })
  const report = await share.done({ timeoutMs: 0 })
  assert.equal(report.error, undefined)
  for (const [path, bytes] of files) assert.deepEqual(await share.drive.get(path), bytes, path)
  links.add(share.link)
  await rhino.close()
  assert.equal(links.size, 1)
})

test(`a killed clone goes on, and its files are right (seed ${SEED})`, async (t) => {
  const source = scratch(t)
  const files = fillFolder(source, SEED + 7)
  const stock = await Stock.start(t)
  const bootstrap = await stock.do('testnet')
  const owner = await open({ storage: scratch(t), network: { bootstrap, host: '127.0.0.1' } })
  later(t, () => owner.close())
  const share = await owner.share(source, { watch: false })
  await share.done({ timeoutMs: 0 })
  const next = randomNumbers(SEED + 4)
  const start = (): { folder: string; storage: string } => ({
    folder: scratch(t),
    storage: scratch(t),
  })

  let place = start()
  let clones = 0
  for (let round = 0; round < ROUNDS || clones === 0; round++) {
    const lifetime = round < ROUNDS ? 1 + (next() % 120) : Number.POSITIVE_INFINITY
    const task = { ...place, link: share.link, bootstrap }
    const said = await runAndKill('clone', task, ({ length }) => length >= lifetime)
    checkFiles(place.folder, files, pathsOf(said))
    if (!isDone(said)) continue
    checkFiles(place.folder, files)
    assert.equal(countFiles(place.folder), files.size, 'and nothing else')
    clones++
    place = start()
  }
})
