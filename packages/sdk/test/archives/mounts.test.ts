/** What is mounted in an old archive is served with it: all of it, also what is mounted later. */

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MOUNTS_FOLLOWED_MAX } from '@dat-rhino/core/base/limits'
import { fromHex, fromUtf8, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { Drive } from '@dat-rhino/core/drive/drive'
import { openDrive } from '@dat-rhino/core/drive/open'
import { TrieDrive } from '@dat-rhino/core/drive/trie-drive'
import { type FoundMounts, Mounts } from '../../src/archives/mounts.ts'
import type { Rhino, ServedFolder, ServedMounts, ServeOptions } from '../../src/index.ts'
import { connectBytes } from '../../src/platform/node/duplex-bytes.ts'
import { connectTcp, listenTcp } from '../../src/platform/node/tcp.ts'
import { Bed } from '../bed.ts'
import { copyOf, expected, fixture, NO_SECRETS, sha256 } from '../migrate/bed.ts'
import { DRIVES } from './told.ts'

const PLACE = 'gen2/hyperdrive10'
const WAIT = { timeoutMs: 10_000 }

interface Told {
  readonly A: { readonly metadataKey: string }
  readonly B: { readonly metadataKey: string }
  readonly core: { readonly key: string }
}
const { A, B, core }: Told = expected(PLACE) as never

async function serve(node: Rhino, place: string, options: ServeOptions): Promise<ServedFolder> {
  const common = { port: 0, host: '127.0.0.1', secretKeys: NO_SECRETS }
  return node.serveFolder(place, { ...common, ...options })
}

const lines = ({ found }: Pick<ServedMounts, 'found'>): string[] =>
  found.map(({ path, kind, key, problem }) => `${path} ${kind} ${key.slice(0, 6)} ${problem ?? ''}`)

/** The drive of a key, read over TCP by a node that has nothing. */
async function read(bed: Bed, { address }: ServedFolder, key: string): Promise<Drive> {
  const store = await (await bed.offline()).corestore()
  const { host, port } = address ?? assert.fail()
  const bytes = await connectBytes({ host, port })
  store.connectFeeds(bytes, { generation: 2, isInitiator: true })
  return openDrive({ store, key: fromHex(key), generation: 2, wait: WAIT })
}

async function filesOf(drive: Drive): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for await (const entry of drive.list('/', WAIT)) {
    assert.equal(entry.invalid, undefined, entry.path)
    if (entry.stat.kind !== 'file') continue
    files.set(entry.path, sha256((await drive.get(entry, WAIT)) ?? assert.fail(entry.path)))
  }
  return files
}

test('one archive is served with the drives and logs that are mounted in it, and a reader reads through them', async (t) => {
  const bed = new Bed(t)
  const told = DRIVES.find(({ key }) => key === A.metadataKey) ?? assert.fail()

  const folder = await serve(await bed.offline(), fixture(PLACE), { archive: A.metadataKey })

  assert.deepEqual(folder.links, [`hyper://${A.metadataKey}`])
  assert.deepEqual(lines(folder.mounts).sort(), [
    `/core log ${core.key.slice(0, 6)} `,
    `/mnt/b drive ${B.metadataKey.slice(0, 6)} `,
  ])
  assert.equal(folder.mounts.isCut, false)
  const damaged = folder.mounts.found.flatMap(({ taken }) =>
    (taken?.logs ?? []).map(({ report }) => report?.damagedCount),
  )
  assert.deepEqual(damaged, [0, 0, 0])
  const drive = await read(bed, folder, A.metadataKey)
  assert.deepEqual(await filesOf(drive), told.filesAt.get(told.newest))
})

test('a served archive takes nothing out of the files that is not mounted in it', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline({ storage: bed.folder() })

  const folder = await serve(node, fixture(PLACE), { archive: B.metadataKey })

  assert.deepEqual(folder.mounts.found, [])
  const { store } = await node.corestore()
  assert.equal(store.find(discoveryKey(fromHex(A.metadataKey))), undefined)
})

test('what is mounted and not in the files is told, and the rest is served', async (t) => {
  const bed = new Bed(t)
  const files = copyOf(t, PLACE)
  const name = hex(discoveryKey(fromHex(B.metadataKey)))
  rmSync(join(files, name.slice(0, 2), name.slice(2, 4), name), { recursive: true })

  for (const archive of [A.metadataKey, undefined]) {
    const folder = await serve(await bed.offline(), files, { archive })

    const missing = folder.mounts.found.filter(({ problem }) => problem !== undefined)
    assert.deepEqual(lines({ found: missing }), [
      `/mnt/b drive ${B.metadataKey.slice(0, 6)} It is not here.`,
    ])
    const drive = await read(bed, folder, A.metadataKey)
    assert.ok(((await drive.get('/core', WAIT))?.length ?? 0) > 0)
  }
})

/** News that never comes fails the test, where a port that is open would keep it waiting. */
const NEWS = { timeout: 120_000 }

/** Drive number `n` of a store. */
async function numbered(store: Corestore, n: number): Promise<TrieDrive> {
  const log = await store.get({ keyPair: store.keyPair(`drive ${n}`), generation: 2 })
  return TrieDrive.open({ store, log })
}

/** A node that keeps the fixture, writable, and serves one archive of it. */
async function keeping(bed: Bed, archive: string) {
  const node = await bed.offline({ storage: bed.folder() })
  const options = { archive, writable: true }
  const folder = await serve(node, fixture(PLACE), options)
  const store = await node.corestore()
  const drive = await TrieDrive.open({ store, key: fromHex(archive), generation: 2 })
  assert.ok(drive.writable)
  return { node, folder, store, drive }
}

/** The first news that `wanted` accepts. Call it before what causes it. */
function heard(
  { events }: ServedFolder,
  wanted: (mounts: ServedMounts) => boolean,
): Promise<ServedMounts> {
  return new Promise((resolve) => {
    const off = events.on('mounts', (mounts) => {
      if (!wanted(mounts)) return
      off()
      resolve(mounts)
    })
  })
}

const served = ({ found }: Pick<ServedMounts, 'found'>): unknown[] =>
  found.filter(({ problem }) => problem === undefined)

/** The state that `wanted` accepts, now or when there is news of it. */
function until(
  folder: ServedFolder,
  wanted: (mounts: ServedMounts) => boolean,
): Promise<ServedMounts> {
  return wanted(folder.mounts) ? Promise.resolve(folder.mounts) : heard(folder, wanted)
}

test('what is mounted while an archive is served is served from then on, with what is mounted in that', async (t) => {
  const bed = new Bed(t)
  const { folder, store, drive } = await keeping(bed, A.metadataKey)
  const [one, two] = [await numbered(store, 1), await numbered(store, 2)]
  await one.put('/a', utf8('one'))
  await two.put('/a', utf8('two'))
  await one.mount('/two', two.key)
  // A circle, and one that nobody has.
  await two.mount('/back', drive.key)
  await two.mount('/nobody', new Uint8Array(32).fill(7))
  const news = heard(folder, ({ found }) => found.length === 5)

  await drive.put('/no-mount', utf8('makes no news'))
  await drive.mount('/late', one.key)
  const mounts = await news

  const late = lines(mounts).filter((line) => line.startsWith('/late'))
  assert.deepEqual(late.sort(), [
    `/late drive ${hex(one.key).slice(0, 6)} `,
    `/late/two drive ${hex(two.key).slice(0, 6)} `,
    '/late/two/nobody drive 070707 It is not here.',
  ])
  assert.equal(mounts.found.filter(({ problem }) => problem === undefined).length, 4)
  // What is not on the disk is shown to nobody.
  await store.flush()
  const reader = await read(bed, folder, A.metadataKey)
  assert.equal(fromUtf8((await reader.get('/late/two/a', WAIT)) ?? assert.fail()), 'two')
  assert.deepEqual(folder.mounts, mounts)
})

test('what is mounted later is taken out of the files that held it all the time', async (t) => {
  const bed = new Bed(t)
  const { folder, store, drive } = await keeping(bed, B.metadataKey)
  assert.equal(store.store.find(discoveryKey(fromHex(A.metadataKey))), undefined)
  const news = heard(folder, ({ found }) => found.length > 0)

  await drive.mount('/a', fromHex(A.metadataKey))
  const { found } = await news

  assert.deepEqual(lines({ found }).sort(), [
    `/a drive ${A.metadataKey.slice(0, 6)} `,
    `/a/core log ${core.key.slice(0, 6)} `,
  ])
  await store.flush()
  const reader = await read(bed, folder, B.metadataKey)
  assert.ok(((await reader.get('/a/hello.txt', WAIT))?.length ?? 0) > 0)
})

test('a mount that comes from the author of a served archive is looked into', async (t) => {
  const bed = new Bed(t)
  const author = await bed.offline()
  await author.import(fixture(PLACE), { writable: true })
  const theirs = await author.corestore()
  const drive = await TrieDrive.open({
    store: theirs,
    key: fromHex(B.metadataKey),
    generation: 2,
  })
  const folder = await serve(await bed.offline(), fixture(PLACE), { archive: B.metadataKey })
  const news = heard(folder, ({ found }) => found.length > 1)
  const { host, port } = folder.address ?? assert.fail()
  const bytes = await connectBytes({ host, port })
  theirs.connectFeeds(bytes, { generation: 2, isInitiator: true })

  await drive.mount('/a', fromHex(A.metadataKey))
  const { found } = await news

  const served = found.filter(({ problem }) => problem === undefined)
  assert.deepEqual(served.map(({ path }) => path).sort(), ['/a', '/a/core'])
})

test(
  'what is mounted and missing is served from when it comes into the store, with what is mounted in that',
  NEWS,
  async (t) => {
    const bed = new Bed(t)
    const { folder, store, drive } = await keeping(bed, A.metadataKey)
    const [late, deep] = [store.keyPair('drive 1'), store.keyPair('drive 2')]
    await drive.mount('/late', late.publicKey)
    const before = await until(folder, ({ found }) => found.length === 3)
    const news = heard(folder, ({ found }) => found.length === 4 && served({ found }).length === 4)

    const one = await numbered(store, 1)
    await one.mount('/deep', deep.publicKey)
    await until(folder, ({ found }) => found.length === 4)
    const two = await numbered(store, 2)
    await two.put('/a', utf8('deep'))
    const mounts = await news

    assert.deepEqual(
      lines({ found: before.found.filter(({ problem }) => problem !== undefined) }),
      [`/late drive ${hex(late.publicKey).slice(0, 6)} It is not here.`],
    )
    const arrived = lines(mounts).filter((line) => line.startsWith('/late'))
    assert.deepEqual(arrived.sort(), [
      `/late drive ${hex(late.publicKey).slice(0, 6)} `,
      `/late/deep drive ${hex(deep.publicKey).slice(0, 6)} `,
    ])
    await store.flush()
    const reader = await read(bed, folder, A.metadataKey)
    assert.equal(fromUtf8((await reader.get('/late/deep/a', WAIT)) ?? assert.fail()), 'deep')
  },
)

test(
  'a missing mount that somebody of this process syncs is served when it comes from a peer',
  NEWS,
  async (t) => {
    const bed = new Bed(t)
    const { folder, store, drive } = await keeping(bed, A.metadataKey)
    const theirs = await (await bed.offline()).corestore()
    const author = await numbered(theirs, 1)
    await author.put('/a', utf8('from afar'))
    const host = '127.0.0.1'
    const entrance = await listenTcp({ host, onTransport: (it) => void theirs.connect(it) })
    store.connect(await connectTcp({ host, port: entrance.port }))
    await drive.mount('/late', author.key)
    await until(folder, ({ found }) => found.length === 3)
    assert.equal(served(folder.mounts).length, 2, 'nobody is asked for it')
    const news = heard(folder, ({ found }) => served({ found }).length === 3)

    const copy = await TrieDrive.open({ store, key: author.key, generation: 2 })
    assert.equal(fromUtf8((await copy.get('/a', WAIT)) ?? assert.fail()), 'from afar')
    await news

    assert.equal(served(folder.mounts).length, 3)
    entrance.close()
  },
)

test('nothing is watched when serving has ended', async (t) => {
  const bed = new Bed(t)
  const { folder, store, drive } = await keeping(bed, A.metadataKey)
  const one = await numbered(store, 1)
  let heardOf = 0
  folder.events.on('mounts', () => heardOf++)

  await folder.close()
  await drive.mount('/late', one.key)
  await drive.put('/later', utf8('x'))

  assert.equal(heardOf, 0)
})

/** A look from drive 0 of a store, in which so many drives are mounted. */
async function lookAt(t: TestContext, mounted: number): Promise<FoundMounts> {
  const store = await (await new Bed(t).offline()).corestore()
  const root = await numbered(store, 0)
  for (let n = 0; n < mounted; n++) {
    await root.mount(`/m${n}`, store.keyPair(`m ${n}`).publicKey)
  }
  const bring = () => Promise.resolve(false)
  const mounts = new Mounts({ store, bring, logs: true }, [{ key: root.key, generation: 2 }])
  const found = await mounts.look()
  await mounts.close()
  return found
}

test(`of more than ${MOUNTS_FOLLOWED_MAX} mounts so many are followed, and it is told that there are more`, async (t) => {
  const below = await lookAt(t, MOUNTS_FOLLOWED_MAX)
  const above = await lookAt(t, MOUNTS_FOLLOWED_MAX + 1)

  assert.deepEqual([below.found.length, below.isCut], [MOUNTS_FOLLOWED_MAX, false])
  assert.deepEqual([above.found.length, above.isCut], [MOUNTS_FOLLOWED_MAX, true])
})

test('each version that a mount shows is looked into, and mounts in it that are gone today are found', async (t) => {
  const store = await (await new Bed(t).offline()).corestore()
  const [root, inner, deep] = [
    await numbered(store, 0),
    await numbered(store, 1),
    await numbered(store, 2),
  ]
  await deep.put('/a', utf8('a'))
  await inner.mount('/deep', deep.key)
  const { version } = inner
  await inner.unmount('/deep')
  await root.mount('/newest', inner.key)
  await root.mount('/old', inner.key, { version })

  const bring = () => Promise.resolve(true)
  const mounts = new Mounts({ store, bring, logs: true }, [{ key: root.key, generation: 2 }])
  const { found } = await mounts.look()
  await mounts.close()

  const keys = found.map(({ key }) => key)
  assert.deepEqual(keys.sort(), [hex(inner.key), hex(deep.key)].sort())
  const path = found.find(({ key }) => key === hex(deep.key))?.path
  assert.equal(path, '/old/deep')
})
