/** Corestores 7 on disk, read through `rocksdb-native` as the stock packages bring it, and adopted. */

import '../../packages/core/test/setup.ts'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { fromHex, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openDrive } from '@dat-rhino/core/drive/open'
import { adopt } from '@dat-rhino/core/log/adopt'
import { logIdentity } from '@dat-rhino/core/log/identity'
import { Replica } from '@dat-rhino/core/log/replica'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { inspect } from '../../packages/sdk/src/migrate/inspect.ts'
import { openStored } from '../../packages/sdk/src/migrate/open.ts'
import type { StoredPart, StoredStore } from '../../packages/sdk/src/migrate/types.ts'
import { scratch } from './later.ts'

const FIXTURES = fileURLToPath(new URL('../../packages/sdk/test/fixtures/gen3/', import.meta.url))
const rocksdb = createRequire(new URL('../gen3/peer.mjs', import.meta.url)).resolve(
  'rocksdb-native',
)

interface SaidCore {
  readonly key: string
  readonly length: number
  readonly fork: number
  readonly writable?: boolean
  readonly signature?: string | null
  readonly rawManifest?: string
  readonly alias: { readonly name: string; readonly namespace: string } | null
  readonly userData?: Record<string, unknown>
  readonly localBlocks: readonly (readonly [number, number, string])[]
}

interface SaidStore {
  readonly primaryKey: string
  readonly cores: SaidCore[]
  readonly drives?: { readonly key: string; readonly contentKey: string }[]
}

const said = (name: string): SaidStore =>
  JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'))[name]

const drivesOf = (name: string): readonly SaidDrive[] =>
  JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'))[name].drives

const partsOf = (store: StoredStore): StoredPart[] => store.archives.flatMap(({ parts }) => parts)

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const stateOf = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const stat = statSync(join(dir, name))
      const hash = stat.isFile() ? sha256(readFileSync(join(dir, name))) : ''
      return `${name} ${stat.mtimeMs} ${hash}`
    })

for (const name of ['corestore7', 'corestore7-early']) {
  test(`${name}: every log, its name, its newest tree and its blocks are those that were noted`, async (t) => {
    const dir = join(scratch(t), 'store')
    cpSync(join(FIXTURES, name), dir, { recursive: true })
    const before = stateOf(dir)
    const { cores, primaryKey, drives = [] } = said(name)

    const store = await openStored(dir, { rocksdb })

    assert.equal(store.primaryKey && hex(store.primaryKey), primaryKey)
    assert.deepEqual(store.problems, [])
    const byKey = new Map(partsOf(store).map((part) => [hex(part.log.key), part]))
    assert.deepEqual([...byKey.keys()].sort(), cores.map(({ key }) => key).sort())
    for (const core of cores) compare(byKey.get(core.key), core)
    for (const drive of drives) {
      const found = store.archives.find(({ key }) => hex(key) === drive.key)
      assert.deepEqual(
        found?.parts.map(({ log }) => hex(log.key)),
        [drive.key, drive.contentKey],
      )
    }
    await store.close()
    assert.deepEqual(stateOf(dir), before)
  })
}

function compare(part: StoredPart | undefined, core: SaidCore): void {
  assert.ok(part !== undefined)
  const { log, name, namespace, userData } = part
  assert.deepEqual([log.length, log.fork], [core.length, core.fork])
  assert.equal(name, core.alias?.name)
  assert.equal(namespace && hex(namespace), core.alias?.namespace)
  if (core.signature !== undefined) {
    const signature = log.signature(log.length)
    assert.equal(signature && hex(signature), core.signature ?? undefined)
  }
  if (core.writable !== undefined) assert.equal(log.secretKey !== undefined, core.writable)
  if (core.rawManifest !== undefined && log.manifest !== undefined) {
    assert.equal(hex(log.manifest), core.rawManifest)
  }
  if (core.userData !== undefined) {
    assert.deepEqual([...userData.keys()].sort(), Object.keys(core.userData).sort())
  }
  const blocks = Array.from({ length: log.length }, (_, i) => {
    const bytes = log.has(i) ? log.block(i) : undefined
    return bytes && [i, bytes.length, sha256(bytes)]
  })
  assert.deepEqual(
    blocks.filter((block) => block !== undefined),
    core.localBlocks,
  )
}

test('corestore7: everything is adopted but the block of which hypercore 11 lost the proof', async (t) => {
  const store = await openStored(join(FIXTURES, 'corestore7'), { rocksdb })
  t.after(() => store.close())
  const damaged: string[] = []

  for (const { log, name } of partsOf(store)) {
    const memory = openMemoryStore()
    const replica = await Replica.open(memory, await memory.create(logIdentity({ key: log.key })))
    t.after(() => replica.close())
    const report = await adopt(replica, log)

    assert.equal(replica.length, log.length)
    for (const { block, reason } of report.damaged) damaged.push(`${name} ${block} ${reason}`)
    for (let block = 0; block < log.length; block++) {
      const bytes = replica.read(block)
      if (bytes !== undefined) assert.deepEqual(bytes, Uint8Array.from(log.block(block) ?? []))
    }
  }

  assert.deepEqual(damaged, ['log 4 unproved'])
})

interface SaidDrive {
  readonly key: string
  readonly encryptionKey?: string | null
  readonly version?: number
  readonly files: readonly {
    readonly path: string
    readonly linkname?: string | null
    readonly sha256?: string | null
    readonly text?: string
  }[]
}

for (const name of ['corestore7', 'corestore7-early']) {
  test(`${name}: drives give every file, those that are encrypted with their key`, async (t) => {
    const stored = await openStored(join(FIXTURES, name), { rocksdb })
    const store = await Corestore.open({ store: openMemoryStore() })
    t.after(() => Promise.all([stored.close(), store.close()]))
    for (const { log } of partsOf(stored)) {
      const handle = await store.get({ key: log.key })
      await adopt(handle.replica, log)
      await handle.close()
    }

    for (const told of drivesOf(name)) {
      const encryption = told.encryptionKey ? { encryptionKey: fromHex(told.encryptionKey) } : {}
      const key = fromHex(told.key)
      const drive = await openDrive({ store, key, generation: 'unknown', ...encryption })

      if (told.version !== undefined) assert.equal(drive.version, told.version)
      const listed: string[] = []
      for await (const { path } of drive.list('/')) listed.push(path)
      assert.deepEqual(listed.sort(), told.files.map(({ path }) => path).sort())
      for (const { path, linkname = null, sha256: sum, text } of told.files) {
        assert.equal((await drive.entry(path))?.linkname ?? null, linkname, path)
        if (linkname !== null) continue
        const bytes = await drive.get(path, { timeoutMs: 50 })
        const expected = text === undefined ? sum : sha256(utf8(text))
        if (expected !== null) assert.equal(bytes && sha256(bytes), expected, path)
      }
      await drive.close()
    }
  })
}

test('a damaged database is refused or told, for each of its files', async (t) => {
  const dir = join(scratch(t), 'store')
  cpSync(join(FIXTURES, 'corestore7'), dir, { recursive: true })
  const whole = JSON.stringify((await inspect(dir, { rocksdb })).archives)
  const silent: string[] = []
  // OPTIONS, SESSION_ID and the like are notes of RocksDB that reading does not need.
  const needed = /\.(log|sst|blob)$|^(CURRENT|MANIFEST)/

  for (const file of readdirSync(join(dir, 'db')).filter((name) => needed.test(name))) {
    const path = join(dir, 'db', file)
    const bytes = readFileSync(path)
    const altered = Uint8Array.from(bytes)
    const at = Math.floor(bytes.length / 3)
    altered[at] = (altered[at] ?? 0) ^ 0xff
    for (const damaged of [altered, bytes.subarray(0, Math.floor(bytes.length / 2)), undefined]) {
      if (damaged === undefined) rmSync(path)
      else writeFileSync(path, damaged)
      try {
        const { archives, problems } = await inspect(dir, { rocksdb })
        if (JSON.stringify(archives) === whole) continue
        const isToldOfLogs = archives.some(({ logs }) =>
          logs.some((log) => log.problems.length > 0),
        )
        if (problems.length === 0 && !isToldOfLogs)
          silent.push(`${file} ${damaged?.length ?? 'is gone'}`)
      } catch (error) {
        assert.ok(error instanceof DatError, String(error))
        assert.notEqual(error.code, 'INVARIANT')
      }
    }
    writeFileSync(path, bytes)
  }

  assert.deepEqual(silent, [])
  assert.equal(JSON.stringify((await inspect(dir, { rocksdb })).archives), whole)
})

test('without rocksdb-native the error says how to install it', async () => {
  const opening = openStored(join(FIXTURES, 'corestore7'))

  await assert.rejects(opening, (error) => {
    return isCode(error, 'UNSUPPORTED') && /npm install rocksdb-native@/.test(error.message)
  })
})

test('where rocksdb-native does not run, the error says so', async (t) => {
  const broken = join(scratch(t), 'rocksdb.cjs')
  writeFileSync(broken, 'throw new Error("wrong platform")')
  const opening = openStored(join(FIXTURES, 'corestore7'), { rocksdb: broken })

  await assert.rejects(opening, (error) => {
    return isCode(error, 'UNSUPPORTED') && /wrong platform/.test(error.message)
  })
})
