/** Drives inside a drive: reading and writing through mounts, and what strangers may do with them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import {
  MOUNT_DEPTH_MAX,
  MOUNTED_DRIVES_MAX,
  MOUNTED_ENTRIES_MAX,
  MOUNTS_PER_LISTING_MAX,
} from '../../src/base/limits.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { MountGraph } from '../../src/drive/mount-graph.ts'
import { encodeMount, mountKey } from '../../src/drive/mount-record.ts'
import { encodeStat } from '../../src/drive/stat-record.ts'
import { TrieFiles } from '../../src/drive/trie-content.ts'
import { TrieDrive } from '../../src/drive/trie-drive.ts'
import { listBelow } from '../../src/drive/trie-listing.ts'
import { Trie } from '../../src/index/trie/trie.ts'
import { newTrieDrive } from './old-support.ts'
import { collect, openStore, text } from './support.ts'

/** Drive number `n` of a store. */
async function numbered(store: Corestore, n: number): Promise<TrieDrive> {
  return newTrieDrive({ store, keyPair: store.keyPair(`drive ${n}`) })
}

async function paths(drive: TrieDrive, folder = '/'): Promise<string[]> {
  return (await collect(drive.list(folder))).map(({ path }) => path)
}

/** Writes a mount as a stranger may: without any check. */
async function forceMount(drive: TrieDrive, path: string, key: Uint8Array): Promise<void> {
  const trie = Trie.open(drive.log.session())
  const record = encodeMount({ key, localPath: path, version: undefined })
  const counts = {
    uid: 0,
    gid: 0,
    size: 0,
    blocks: 0,
    offset: 0,
    byteOffset: 0,
    mtime: 0,
    ctime: 0,
  }
  const mount = { key, hypercore: false }
  await trie.batch([
    { type: 'put', key: mountKey(path), value: record, hidden: true, flags: 1 },
    { type: 'put', key: path, value: encodeStat({ mode: 0o40755, ...counts, mount }), flags: 1 },
  ])
  await trie.close()
}

test('files of a mounted drive are found, listed, read and written below the mount', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a/file', utf8('inner'))
  await outer.put('/own', utf8('outer'))

  await outer.mount('/mnt/in', inner.key)
  await outer.put('/mnt/in/b', utf8('through'))
  await outer.symlink('/mnt/in/link', '/own')

  assert.deepEqual(await paths(outer), ['/mnt/in/a/file', '/mnt/in/b', '/mnt/in/link', '/own'])
  assert.deepEqual(await paths(outer, '/mnt/in/a'), ['/mnt/in/a/file'])
  assert.deepEqual(await paths(inner), ['/a/file', '/b', '/link'])
  assert.equal(text(await outer.get('/mnt/in/a/file')), 'inner')
  assert.equal(text(await inner.get('/b')), 'through')
  assert.equal(text(await outer.get('/mnt/in/link')), 'outer')
  assert.equal((await outer.stat('/mnt/in'))?.kind, 'folder')
  assert.equal((await outer.stat('/mnt/in/a'))?.kind, 'folder')
  const items = await collect(outer.readdir('/mnt/in'))
  assert.deepEqual(
    items.map(({ path }) => path),
    ['/mnt/in/a', '/mnt/in/b', '/mnt/in/link'],
  )
  for (const entry of await collect(outer.list('/'))) {
    if (entry.linkname === undefined) assert.ok(((await outer.get(entry))?.length ?? 0) > 0)
  }
  assert.deepEqual(await collect(outer.list('/mnt', { mounts: false })), [])
  const copied = { ...(await outer.entry('/mnt/in/b')), path: '/mnt/in/b' }
  assert.equal(text(await outer.get(copied.path)), 'through')
})

test('a mount at a version shows that version, and is not written', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a', utf8('one'))
  const { version } = inner
  await inner.put('/a', utf8('two'))

  await outer.mount('/old', inner.key, { version })
  await outer.mount('/new', inner.key)

  await outer.mount('/never', inner.key, { version: inner.version + 1 })

  await assert.rejects(outer.get('/never/a'), (e) => isCode(e, 'BAD_CONTENT'))
  await outer.unmount('/never')
  assert.equal(text(await outer.get('/old/a')), 'one')
  assert.equal(text(await outer.get('/new/a')), 'two')
  await assert.rejects(outer.put('/old/a', utf8('x')), (e) => isCode(e, 'NOT_WRITABLE'))
  const mounts = await collect(outer.mounts())
  assert.deepEqual(
    new Map(mounts.map(({ path, version }) => [path, version])),
    new Map([
      ['/old', version],
      ['/new', undefined],
    ]),
  )
})

test('nothing is written below a mount that shows a version, however deep', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const middle = await numbered(store, 2)
  const inner = await numbered(store, 3)
  await middle.mount('/in', inner.key)
  await outer.mount('/fixed', middle.key, { version: middle.version })
  await outer.mount('/moving', middle.key)

  await outer.put('/moving/in/a', utf8('a'))

  await assert.rejects(outer.put('/fixed/in/b', utf8('b')), (e) => isCode(e, 'NOT_WRITABLE'))
  assert.equal(text(await inner.get('/a')), 'a')
  assert.equal(await inner.get('/b'), undefined)
})

test('a drive that was opened for reading is not written, and what is mounted in it neither', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a', utf8('inner'))
  await outer.mount('/in', inner.key)
  const readOnly = await TrieDrive.open({ store, key: outer.key, readOnly: true })

  for (const path of ['/b', '/in/b']) {
    await assert.rejects(readOnly.put(path, utf8('x')), (e) => isCode(e, 'NOT_WRITABLE'), path)
  }
  assert.equal(text(await readOnly.get('/in/a')), 'inner')
})

test('what is unmounted is gone with its record, and the inner drive stays', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a', utf8('inner'))
  await outer.mount('/in', inner.key)

  assert.equal(await outer.unmount('/in'), true)

  assert.equal(await outer.unmount('/in'), false)
  assert.equal(await outer.get('/in/a'), undefined)
  assert.deepEqual(await collect(outer.mounts()), [])
  assert.equal(text(await inner.get('/a')), 'inner')
})

test('a log that is mounted is a file with the bytes that it had', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const log = await store.get({ keyPair: store.keyPair('log'), generation: 2 })
  await log.append([utf8('one '), utf8('two')])

  await outer.mount('/log', log.key, { kind: 'log' })
  await log.append(utf8(' three'))

  assert.equal(text(await outer.get('/log')), 'one two')
  assert.equal((await outer.entry('/log'))?.mount?.kind, 'log')
  assert.equal(await outer.unmount('/log'), true)
  await assert.rejects(outer.mount('/log', log.key, { kind: 'log', version: 1 }), (e) =>
    isCode(e, 'UNSUPPORTED'),
  )
})

test('nothing takes the place of something else by accident', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await outer.put('/file', utf8('x'))
  await outer.put('/full/file', utf8('x'))
  await outer.mkdir('/folder')
  await outer.mount('/mount', inner.key)
  const version = outer.version
  const refused: readonly (() => Promise<unknown>)[] = [
    () => outer.put('/folder', utf8('x')),
    () => outer.put('/mount', utf8('x')),
    () => outer.symlink('/mount', '/file'),
    () => outer.del('/mount'),
    () => outer.del('/folder'),
    () => outer.rmdir('/mount'),
    () => outer.rmdir('/full'),
    () => outer.mkdir('/file'),
    () => outer.mkdir('/folder'),
    () => outer.mount('/file', inner.key),
    () => outer.mount('/full', inner.key),
    () => outer.mount('/mount', inner.key),
  ]

  for (const [i, call] of refused.entries()) {
    await assert.rejects(call(), (e) => isCode(e, 'CONFLICT'), String(i))
  }

  await assert.rejects(outer.mount('/self', outer.key), (e) => isCode(e, 'BAD_ARGUMENT'))
  await assert.rejects(outer.mount('/short', utf8('x')), (e) => isCode(e, 'BAD_ARGUMENT'))
  assert.equal(outer.version, version)
  assert.equal(await outer.rmdir('/folder'), true)
})

test('drives that are mounted in each other are listed once', async () => {
  const store = await openStore()
  const one = await numbered(store, 1)
  const two = await numbered(store, 2)
  await one.put('/file', utf8('1'))
  await two.put('/file', utf8('2'))
  await one.mount('/two', two.key)
  await two.mount('/one', one.key)
  await forceMount(one, 'self', one.key)

  assert.deepEqual(await paths(one), ['/file', '/two/file'])
  const mounts = await collect(one.mounts({ recursive: true }))
  assert.deepEqual(mounts.map(({ path }) => path).sort(), ['/self', '/two', '/two/one'])
  assert.equal(text(await one.get('/two/one/two/file')), '2')
})

test('as many drives inside each other as the limit are read, and no more', async () => {
  const store = await openStore()
  const drives: TrieDrive[] = []
  for (let n = 0; n <= MOUNT_DEPTH_MAX; n++) drives.push(await numbered(store, n))
  for (const [n, drive] of drives.entries()) {
    await drive.put('/file', utf8(String(n)))
    const next = drives[n + 1]
    if (next !== undefined) await drive.mount('/in', next.key)
  }
  const [first, second] = drives
  const deep = (depth: number): string => `${'/in'.repeat(depth)}/file`

  const deepest = MOUNT_DEPTH_MAX - 1
  assert.equal(text(await first?.get(deep(deepest))), String(deepest))
  await assert.rejects(first?.get(deep(deepest + 1)) ?? assert.fail(), (e) =>
    isCode(e, 'OVER_LIMIT'),
  )
  assert.equal((await paths(second ?? assert.fail())).length, MOUNT_DEPTH_MAX)
})

test('a few drives that mount each other many times do not list millions', async () => {
  const store = await openStore()
  const drives: TrieDrive[] = []
  for (let n = 0; n < 4; n++) drives.push(await numbered(store, n))
  const [a, b, c, d] = drives
  if (a === undefined || b === undefined || c === undefined || d === undefined) assert.fail()
  await d.put('/file', utf8('x'))
  for (let i = 0; i < 10; i++) {
    await a.mount(`/b${i}`, b.key)
    await b.mount(`/c${i}`, c.key)
  }
  for (let i = 0; i < 9; i++) await c.mount(`/d${i}`, d.key)
  // 10 of b, 100 of c, 900 of d are within the limit; a tenth d in each c is not.
  assert.ok(1_010 <= MOUNTS_PER_LISTING_MAX && 1_110 > MOUNTS_PER_LISTING_MAX)

  assert.equal((await paths(a)).length, 900)
  await c.mount('/d9', d.key)
  await assert.rejects(paths(a), (e) => isCode(e, 'OVER_LIMIT'))
  assert.equal((await collect(a.list('/', { mounts: false }))).length, 0)
  assert.equal((await paths(b)).length, 100)
})

test('as many entries as the limit come out of mounted drives, and the mount that brings more says so', async () => {
  const store = await openStore()
  const [outer, inner] = [await numbered(store, 1), await numbered(store, 2)]
  for (let i = 0; i < 4; i++) await inner.put(`/file ${i}`, utf8('x'))
  for (let i = 0; i < 4; i++) await outer.mount(`/m${i}`, inner.key)
  const files = await TrieFiles.open(store, await store.get({ key: outer.key }))
  const graph = new MountGraph(store, files, true)
  const list = (entriesMax?: number) =>
    listBelow(graph, { place: graph.root(files.trie, true), key: '' }, {}, entriesMax)

  const all = await list(16)
  const cut = await list(15)

  assert.equal(MOUNTED_ENTRIES_MAX, 262_144)
  assert.deepEqual(await list(), all)
  assert.ok(all.every(({ invalid }) => invalid === undefined))
  assert.equal(all.length, 16 + 4)
  assert.equal(cut.length, 15 + 4)
  assert.equal(cut.filter(({ invalid }) => invalid !== undefined).length, 1)
})

test('as many drives as the limit are open through one, and no more', async () => {
  const store = await openStore()
  const outer = await numbered(store, 0)
  for (let n = 1; n <= MOUNTED_DRIVES_MAX + 1; n++) {
    const keyPair = store.keyPair(`drive ${n}`)
    const log = await store.get({ keyPair, generation: 2 })
    const inner = await TrieDrive.open({ store, log })
    if (n <= 2) await inner.put('/file', utf8('x'))
    await inner.close()
    await forceMount(outer, `m${n}`, keyPair.publicKey)
  }

  for (let n = 1; n <= MOUNTED_DRIVES_MAX; n++) await outer.stat(`/m${n}/file`)

  await assert.rejects(outer.stat(`/m${MOUNTED_DRIVES_MAX + 1}/file`), (e) =>
    isCode(e, 'OVER_LIMIT'),
  )
  assert.equal(text(await outer.get('/m1/file')), 'x')
})
