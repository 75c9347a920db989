/** Drives of hyperdrive 9 and 10: written byte for byte, and read over TCP in both directions, mounts included. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isCode } from '@dat-rhino/core/base/errors'
import { fromHex, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { KeyPair } from '@dat-rhino/core/crypto/crypto'
import type { DriveReader } from '@dat-rhino/core/drive/drive'
import { openDrive } from '@dat-rhino/core/drive/open'
import { TrieDrive } from '@dat-rhino/core/drive/trie-drive'
import type { Log } from '@dat-rhino/core/log/log'
import { open } from '@dat-rhino/sdk'
import { asked } from './asked.ts'
import { openOldNode } from './old-feeds.ts'

/** The one time of the other process. */
const NOW = 1_600_000_000_000
const WAIT = { timeoutMs: 10_000 }

type Step =
  | {
      readonly type: 'put'
      readonly path: string
      readonly bytes: Uint8Array
      readonly mode?: number
    }
  | { readonly type: 'del' | 'mkdir' | 'rmdir' | 'unmount'; readonly path: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'mount'; readonly path: string; readonly version?: number }
  | { readonly type: 'tag' | 'untag'; readonly name: string }
  | {
      readonly type: 'setMetadata'
      readonly path: string
      readonly name: string
      readonly bytes: Uint8Array
    }

interface DriveKeys {
  readonly metadata: KeyPair
  readonly content: KeyPair
}

type Ask = ReturnType<typeof asked>

type Files = readonly (readonly [string, string])[]

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Numbers below a limit, the same for the same seed (xorshift32). */
function drawing(seed: number): (below: number) => number {
  let x = seed
  return (below) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % below
  }
}

/** A drive of ours with the keys of the other side's. */
async function same(store: Corestore, { metadata, content }: DriveKeys): Promise<TrieDrive> {
  const log = await store.get({ keyPair: metadata, generation: 2 })
  return TrieDrive.open({ store, log, contentKeyPair: content, wallClockMs: () => NOW })
}

function randomStep(random: (below: number) => number): Step {
  const names = ['a', 'b', 'c', 'dir', 'mnt']
  const name = (): string => names[random(names.length)] ?? 'a'
  const path = `/${Array.from({ length: 1 + random(3) }, name).join('/')}`
  const kind = random(22)
  if (kind < 8) {
    const bytes = new Uint8Array([0, 3, 70_000, 600_000][random(4)] ?? 0).fill(kind)
    return { type: 'put', path, bytes, ...(random(3) === 0 && { mode: 0o755 }) }
  }
  if (kind < 12) return { type: 'del', path }
  if (kind < 14) return { type: 'symlink', path, target: random(2) === 0 ? '/a' : 'b/c' }
  if (kind < 15) return { type: 'mkdir', path }
  if (kind < 16) return { type: 'rmdir', path }
  if (kind < 17) return { type: 'mount', path, ...(random(2) === 0 && { version: 1 + random(2) }) }
  if (kind < 18) return { type: 'unmount', path }
  if (kind < 20) return { type: kind === 18 ? 'tag' : 'untag', name: name() }
  return { type: 'setMetadata', path, name: name(), bytes: utf8(`${kind}`) }
}

/** Takes a step on our side; false if it changed nothing or was refused. */
async function take(drive: TrieDrive, step: Step, inner: Uint8Array): Promise<boolean> {
  try {
    switch (step.type) {
      case 'put':
        await drive.put(step.path, step.bytes, step.mode === undefined ? {} : { mode: step.mode })
        return true
      case 'symlink':
        // Hyperdrive refuses to put a link over anything.
        if ((await drive.stat(step.path, { follow: false })) !== undefined) return false
        await drive.symlink(step.path, step.target)
        return true
      case 'mkdir':
        await drive.mkdir(step.path)
        return true
      case 'mount': {
        const { version } = step
        await drive.mount(step.path, inner, version === undefined ? {} : { version })
        return true
      }
      case 'setMetadata': {
        const { path, name, bytes } = step
        const entry = await drive.entry(path)
        if (entry?.stat.kind !== 'file') return false
        const before = entry.metadata === null ? {} : { ...entry.metadata }
        return await drive.amend(path, { metadata: { ...before, [name]: bytes } })
      }
      case 'tag':
        await drive.tag(step.name)
        return true
      case 'del':
        return await drive.del(step.path)
      case 'rmdir':
        return await drive.rmdir(step.path)
      case 'unmount':
        return await drive.unmount(step.path)
      case 'untag':
        return await drive.untag(step.name)
    }
  } catch (error) {
    if (isCode(error, 'CONFLICT') || isCode(error, 'NOT_WRITABLE')) return false
    if (isCode(error, 'BAD_ARGUMENT')) return false
    throw error
  }
}

async function blocksOf(log: Log | undefined): Promise<string[]> {
  const sums: string[] = []
  for (let i = 0; i < (log?.length ?? 0); i++) sums.push(sha256((await log?.get(i)) ?? utf8('?')))
  return sums
}

for (const seed of [1, 2, 3]) {
  test(`random session ${seed} writes the blocks of hyperdrive 10, into mounted drives too`, async (t) => {
    const ask = asked(t, 'gen2/drives.mjs')
    const random = drawing(seed * 7_919)
    const keys = await ask<{ outer: DriveKeys; inner: DriveKeys }>({ op: 'create' })
    const { corestore } = await openOldNode(t)
    const outer = await same(corestore, keys.outer)
    const inner = await same(corestore, keys.inner)
    const list: Step[] = []

    await inner.put('/first', utf8('first'))
    for (let i = 0; i < 100; i++) {
      const step = randomStep(random)
      if (await take(outer, step, inner.key)) list.push(step)
    }
    await ask({
      op: 'play',
      drive: 'inner',
      list: [{ type: 'put', path: '/first', bytes: utf8('first') }],
    })
    await ask({ op: 'play', drive: 'outer', list })

    const types = new Set(list.map(({ type }) => type))
    assert.ok(list.length > 30 && types.has('mount') && types.has('setMetadata'), [...types].join())
    for (const [name, drive] of [
      ['outer', outer],
      ['inner', inner],
    ] as const) {
      const theirs = await ask<{ metadata: Uint8Array[]; content: Uint8Array[] }>({
        op: 'blocks',
        drive: name,
      })
      const content = await blocksOf(drive.contentLog)
      for (const [i, block] of theirs.metadata.entries()) {
        assert.equal(hex(await drive.log.get(i)), hex(block), `${name} ${i} of seed ${seed}`)
      }
      assert.equal(drive.log.length, theirs.metadata.length)
      assert.deepEqual(content, theirs.content.map(sha256))
    }
  })
}

/** Paths and sums of all files of a view of ours. */
async function filesOf(view: DriveReader): Promise<[string, string][]> {
  const files: [string, string][] = []
  for await (const entry of view.list('/', WAIT)) {
    assert.equal(entry.invalid, undefined, entry.path)
    if (entry.stat.kind === 'file')
      files.push([entry.path, sha256((await view.get(entry, WAIT)) ?? utf8('?'))])
  }
  return files
}

const FIRST: readonly Step[] = [
  // First: in memory, the old packages can't read an empty block behind bytes that they have not fetched yet.
  { type: 'put', path: '/empty', bytes: new Uint8Array(0) },
  { type: 'put', path: '/readme.md', bytes: utf8('# readme\n') },
  { type: 'put', path: '/deep/er/big.bin', bytes: new Uint8Array(700_000).fill(7) },
  { type: 'put', path: '/gone', bytes: utf8('gone') },
  { type: 'del', path: '/gone' },
]
const LATER: Step = { type: 'put', path: '/later', bytes: utf8('later') }

function filesAfter(...steps: readonly Step[]): [string, string][] {
  const files = new Map<string, string>()
  for (const step of steps) {
    if (step.type === 'put') files.set(step.path, sha256(step.bytes))
    else if (step.type === 'del') files.delete(step.path)
  }
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1))
}

const below = (base: string, files: readonly (readonly [string, string])[]): [string, string][] =>
  files.map(([path, sum]) => [base + path, sum])

const INNER: Step = { type: 'put', path: '/inside', bytes: utf8('inside') }

test('we read a drive that hyperdrive 10 holds, with the drive that is mounted in it, and follow it', async (t) => {
  const ask = asked(t, 'gen2/drives.mjs')
  const keys = await ask<{ outer: DriveKeys }>({ op: 'create' })
  await ask({ op: 'play', drive: 'inner', list: [INNER] })
  await ask({ op: 'play', drive: 'outer', list: [...FIRST, { type: 'mount', path: '/mnt/in' }] })
  const { port } = await ask<{ port: number }>({ op: 'listen' })
  const node = await openOldNode(t)
  await node.connect(port, 2)

  const { publicKey: key } = keys.outer.metadata
  const drive = await openDrive({ store: node.corestore, key, generation: 'unknown', wait: WAIT })
  await drive.update(WAIT)

  assert.equal(drive.format, 'hyperdrive 10')
  assert.deepEqual(
    await filesOf(drive),
    filesAfter(...FIRST, { ...INNER, path: '/mnt/in/inside' } as Step),
  )
  const grown = drive.log.grown(drive.version + 1)
  await ask({ op: 'play', drive: 'outer', list: [LATER] })
  await grown
  assert.equal(sha256((await drive.get('/later', WAIT)) ?? utf8('?')), sha256(utf8('later')))
  await drive.close()
})

test('hyperdrive 10 reads a drive of ours, with the drive that is mounted in it, and follows it', async (t) => {
  const node = await openOldNode(t)
  const { corestore: store } = node
  const ours = async (name: string): Promise<TrieDrive> => {
    const log = await store.get({ keyPair: store.keyPair(name), generation: 2 })
    return TrieDrive.open({ store, log })
  }
  const [outer, inner] = [await ours('outer'), await ours('inner')]
  await take(inner, INNER, inner.key)
  for (const step of FIRST) await take(outer, step, inner.key)
  await outer.mount('/mnt/in', inner.key)
  const port = await node.listen()
  const ask = asked(t, 'gen2/drives.mjs')
  await ask({ op: 'open', key: outer.key, port })

  const { files } = await ask<{ files: Files }>({ op: 'tree', version: outer.version })
  await take(outer, LATER, inner.key)
  const { files: later } = await ask<{ files: Files }>({ op: 'tree', version: outer.version })

  const expected = [...filesAfter(...FIRST), ...below('/mnt/in', filesAfter(INNER))]
  assert.deepEqual([...files].sort(), [...expected].sort())
  assert.deepEqual([...later].sort(), [...expected, ...filesAfter(LATER)].sort())
})

test('hyperdrive 10 reads one archive out of old files that we serve, with what is mounted in it then and later', async (t) => {
  const storage = mkdtempSync(join(tmpdir(), 'dat-served-'))
  const sdk = await open({ network: false, storage })
  t.after(async () => {
    await sdk.close()
    rmSync(storage, { recursive: true, force: true })
  })
  const files = fileURLToPath(
    new URL('../../packages/sdk/test/fixtures/gen2/hyperdrive10/', import.meta.url),
  )
  const told: {
    readonly A: { readonly metadataKey: string; readonly version: number }
    readonly latest: Record<string, { linkname: string | null; sha256?: string }>
  } = JSON.parse(readFileSync(join(files, 'expected.json'), 'utf8'))
  const archive = told.A.metadataKey
  const where = { port: 0, host: '127.0.0.1', secretKeys: join(files, 'none') }
  const served = await sdk.serveFolder(files, { ...where, archive, writable: true })
  const ask = asked(t, 'gen2/drives.mjs')
  await ask({ op: 'open', key: fromHex(archive), port: served.address?.port })

  const expected = Object.entries(told.latest).flatMap(([path, { linkname, sha256: sum }]) =>
    // It never asks for a log that stands as a file, and shows it as empty.
    sum === undefined || linkname !== null || path === '/core' ? [] : [[path, sum] as const],
  )
  assert.ok(expected.some(([path]) => path.startsWith('/mnt/b/')))
  await readsSoon(ask, told.A.version, expected)
  const store = await sdk.corestore()
  const outer = await TrieDrive.open({ store, key: fromHex(archive), generation: 2 })
  const log = await store.get({ keyPair: store.keyPair('late'), generation: 2 })
  const late = await TrieDrive.open({ store, log })
  await take(late, INNER, late.key)
  await outer.mount('/late', late.key)

  await readsSoon(ask, outer.version, below('/late', filesAfter(INNER)))
})

/**
 * The other process reads these files of `theirs`. It looks into a drive that it has just heard of before it has asked anybody
 * for it, and shows it as empty: so it may look again.
 */
async function readsSoon(ask: Ask, version: number, expected: Files): Promise<void> {
  const paths = expected.map(([path]) => path.slice(1))
  let last: unknown
  for (let looks = 0; looks < 200; looks++) {
    try {
      const { files } = await ask<{ files: Files }>({ op: 'tree', version, paths })
      assert.deepEqual([...files].sort(), [...expected].sort())
      return
    } catch (error) {
      last = error
    }
  }
  throw last
}

/** A drive that hyperdrive 9 holds, and we have open. */
async function openTree(t: TestContext) {
  const ask = asked(t, 'gen1/drives.mjs')
  const { key } = await ask<{ key: Uint8Array }>({ op: 'create' })
  const { version } = await ask<{ version: number }>({ op: 'play', list: FIRST })
  const { port } = await ask<{ port: number }>({ op: 'listen' })
  const node = await openOldNode(t)
  const connection = await node.connect(port, 1)
  const { corestore: store } = node
  const drive = await openDrive({ store, key, generation: 1, wait: WAIT })
  await drive.update(WAIT)
  return { ask, key, version, node, connection, drive }
}

test('we read a drive that hyperdrive 9 holds, at every version, and follow it', async (t) => {
  const { ask, drive, version } = await openTree(t)

  assert.equal(drive.format, 'hyperdrive 9')
  assert.equal(drive.version, version)
  assert.deepEqual(await filesOf(drive), filesAfter(...FIRST))
  for (let at = 0; at <= version; at++) {
    assert.deepEqual(
      await filesOf(drive.checkout(at)),
      filesAfter(...FIRST.slice(0, at)),
      String(at),
    )
  }
  const steps = drive.watch()[Symbol.asyncIterator]()
  const next = steps.next()
  await ask({ op: 'play', list: [LATER] })
  assert.equal((await next).value?.version, version + 1)
  assert.deepEqual(await filesOf(drive), filesAfter(...FIRST, LATER))
  await drive.close()
})

test('a drive of hyperdrive 9 goes on through us to another one when its author is gone', async (t) => {
  const { key, version, node, connection, drive } = await openTree(t)
  await drive.log.download({ start: 0, end: version + 1 }).done(WAIT)
  await drive.download('/').done(WAIT)
  // Everything of old versions too, as an archive is kept.
  await drive.contentLog?.download({ start: 0, end: drive.contentLog.length }).done(WAIT)
  connection.close()
  const port = await node.listen()
  const ask = asked(t, 'gen1/drives.mjs')
  await ask({ op: 'open', key, port })

  const { files } = await ask<{ files: Files }>({ op: 'tree', version })
  const { files: before } = await ask<{ files: Files }>({ op: 'tree', version, at: 4 })

  assert.deepEqual([...files].sort(), filesAfter(...FIRST))
  assert.deepEqual([...before].sort(), filesAfter(...FIRST.slice(0, 4)))
})
