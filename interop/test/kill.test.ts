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
  const storage = scratch(t)
  const task = { storage, port: listener.port, key: own.key }
  const next = randomNumbers(SEED + 2)

  const held = new Set<number>()
  let done = false
  for (let round = 0; !done; round++) {
    const lifetime = round < ROUNDS ? 1 + (next() % 8) : Number.POSITIVE_INFINITY
    const said = await runAndKill('download', task, ({ length }) => length >= lifetime)
    done = isDone(said)
    for (const { held: run } of said) {
      for (let i = 0; i < (run?.length ?? 0); i++) held.add((run?.start ?? 0) + i)
    }
    const corestore = await Corestore.open({ store: await openStorage(storage) })
    const log = await corestore.get({ key: own.key })
    const expected = done ? blocks.keys() : held
    for (const i of expected) assert.deepEqual(log.peek(i), blocks[i], `block ${i}`)
    await corestore.close()
  }

  assert.ok(held.size > 0)
})

/** Some hundred files of many sizes, and what is in them. */
function fillFolder(folder: string, seed: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const [i, bytes] of randomBlocks(300, 0, 60_000, seed).entries()) {
    const path = `/folder ${i % 9}/file ${i}`
    mkdirSync(join(folder, `folder ${i % 9}`), { recursive: true })
    writeFileSync(join(folder, path), bytes)
    files.set(path, bytes)
  }
  return files
}

function readFolder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test(`a killed import goes on, under the same link (seed ${SEED})`, async (t) => {
  const folder = scratch(t)
  const storage = scratch(t)
  const files = fillFolder(folder, SEED)
  const next = randomNumbers(SEED + 3)
  const links = new Set<string>()

  for (let round = 0; round < ROUNDS; round++) {
    const lifetime = 1 + (next() % 200)
    const said = await runAndKill('share', { storage, folder }, ({ length }) => length >= lifetime)
    const rhino = await open({ storage, network: false })
    const share = await rhino.share(folder, { watch: false })
    links.add(share.link)
    for (const { file } of said) {
      if (file === undefined) continue
      assert.deepEqual(await share.drive.get(file), files.get(file), file)
    }
    await rhino.close()
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
  const folder = scratch(t)
  const task = { storage: scratch(t), folder, link: share.link, bootstrap }
  const next = randomNumbers(SEED + 4)

  let done = false
  for (let round = 0; !done; round++) {
    const lifetime = round < ROUNDS ? 1 + (next() % 120) : Number.POSITIVE_INFINITY
    const said = await runAndKill('clone', task, ({ length }) => length >= lifetime)
    done = isDone(said)
    for (const { file } of said) {
      if (file === undefined) continue
      assert.deepEqual(new Uint8Array(readFileSync(join(folder, file))), files.get(file), file)
    }
  }

  const written = readFolder(folder).filter((path) => !path.includes('.dat-rhino'))
  assert.equal(written.length, files.size)
  for (const [path, bytes] of files) {
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, path))), bytes, path)
  }
})
