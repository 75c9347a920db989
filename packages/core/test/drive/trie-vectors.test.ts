/** The drive of the vectors, written and read as hyperdrive 10.21 does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Drive, DriveReader } from '../../src/drive/drive.ts'
import { openDrive } from '../../src/drive/open.ts'
import { decodeStat, encodeStat } from '../../src/drive/stat-record.ts'
import { TrieDrive } from '../../src/drive/trie-drive.ts'
import { decodeNode } from '../../src/index/trie/node.ts'
import { Trie } from '../../src/index/trie/trie.ts'
import {
  largeFile,
  type ToldStat,
  trieBlocks,
  trieKeys,
  trieLog,
  trieStore,
  trieVector,
} from './old-support.ts'
import { collect, openStore, sha256, told } from './support.ts'

async function openVector(): Promise<Drive> {
  const store = await trieStore()
  return openDrive({ store, key: trieKeys('metadata').publicKey, generation: 2 })
}

async function checkFiles(drive: DriveReader, expected: Record<string, ToldStat>): Promise<void> {
  for (const [path, told] of Object.entries(expected)) {
    const stat = await drive.stat(path, { follow: false })
    assert.equal(stat?.kind, kindOf(told), path)
    if (stat?.kind === 'folder') continue
    const { mode, uid, gid, size, mtime, ctime } = told
    const { mode: ours, ...others } = stat ?? assert.fail(path)
    assert.equal(ours, Number.parseInt(mode, 8), path)
    const facts = { uid, gid, size, mtimeMs: mtime, ctimeMs: ctime }
    assert.deepEqual(others, { kind: kindOf(told), ...facts }, path)
    const entry = await drive.entry(path)
    assert.equal(entry?.linkname ?? null, told.linkname, path)
    if (told.linkname === null)
      assert.equal(sha256((await drive.get(path)) ?? utf8('?')), told.sha256)
  }
  const isFile = ({ mode }: ToldStat): boolean => !mode.startsWith('04')
  const files = Object.keys(expected).filter((path) => isFile(expected[path] ?? assert.fail()))
  const listed = await collect(drive.list('/'))
  assert.deepEqual(
    listed.map(({ path }) => path),
    files.sort(),
  )
  assert.ok(listed.every(({ invalid }) => invalid === undefined))
}

function kindOf({ mode }: ToldStat): string {
  return mode.startsWith('04') ? 'folder' : mode.startsWith('012') ? 'link' : 'file'
}

test('a session writes the blocks of hyperdrive 10, byte for byte', async () => {
  const store = await openStore()
  const times: number[] = []
  const contentKeyPair = trieKeys('content')
  const log = await trieLog(store, 'metadata')
  const wallClockMs = (): number => times.shift() ?? assert.fail('asked for too many times')
  const drive = await TrieDrive.open({ store, log, contentKeyPair, wallClockMs })
  for (const name of ['mountedMetadata', 'mountedContent'] as const) {
    const before = trieBlocks(name).slice(0, -1)
    await (await trieLog(store, name)).append(before)
  }
  await (await trieLog(store, 'log')).append(trieBlocks('log'))
  const mounted = trieKeys('mountedMetadata').publicKey

  /** Writes as it was written then: at the times that a block of the vectors has. */
  const at = async (seq: number, write: () => Promise<unknown>, of = 'metadata' as const) => {
    times.push(...timesOf(trieBlocks(of)[seq]))
    await write()
    assert.equal(times.length, 0)
  }
  const raw = async (seq: number): Promise<void> => {
    const { path, value } = decodeNode(seq, trieBlocks('metadata')[seq] ?? assert.fail())
    const trie = Trie.open(log.session())
    await trie.put(path.key, value)
    await trie.close()
  }
  await at(1, () => drive.put('/hello.txt', utf8('hello world\n')))
  await at(2, () => drive.put('/docs/readme.md', utf8('# readme\n')))
  await at(3, () => drive.put('/docs/nested/deep/file.bin', largeFile))
  await at(4, () => drive.put('/bin/run.sh', utf8('#!/bin/sh\necho hi\n'), { executable: true }))
  await at(5, () => drive.put('/empty.txt', new Uint8Array(0)))
  await at(6, () => drive.mkdir('/dir', { mode: 0o700, uid: 1000, gid: 1001 }))
  await at(7, () => drive.symlink('/link', 'docs/readme.md'))
  await at(8, () => drive.symlink('/abslink', '/docs'))
  await at(9, () => drive.put('/old/deleted.txt', utf8('to be deleted')))
  await drive.tag('before-delete')
  assert.equal(await drive.del('/old/deleted.txt'), true)
  await at(12, () => drive.put('/hello.txt', utf8('hello again, world\n')))
  await raw(13) // hyperdrive changes the metadata of a file without writing it again
  await at(15, () => drive.mount('/mnt/b', mounted))
  times.push(...timesOf(trieBlocks('mountedMetadata').at(-1)))
  await drive.put('/mnt/b/written-through.txt', utf8('written through the mount\n'))
  await at(17, () => drive.mount('/mnt/b-old', mounted, { version: 2 }))
  await at(18, () => drive.mount('/core', trieKeys('log').publicKey, { kind: 'log' }))
  await raw(19) // an open file descriptor stores a row without bytes first
  await at(20, () => drive.put('/fd.txt', utf8('via fd\n')))
  await at(21, () => drive.put('/hello.txt', utf8('hello')))
  await drive.tag('final')

  for (const name of ['metadata', 'content', 'mountedMetadata', 'mountedContent'] as const) {
    const written = await trieLog(store, name)
    const expected = trieVector.blocks[name]
    assert.equal(written.length, expected.length, name)
    for (const [i, block] of expected.entries()) {
      assert.deepEqual(told(await written.get(i), block), block, `${name} ${i}`)
    }
  }
})

/** Large enough that every older block may be referred to. */
const SEQ_ANY = 1_000

function timesOf(block: Uint8Array | undefined): number[] {
  const { value } = decodeNode(SEQ_ANY, block ?? assert.fail())
  const { mtime, ctime } = decodeStat(value ?? assert.fail())
  return [mtime, ctime]
}

test('the drive of the vectors is read as hyperdrive reads it, mounts included', async () => {
  const drive = await openVector()

  assert.equal(drive.format, 'hyperdrive 10')
  assert.equal(drive.version, trieVector.blocks.metadata.length)
  await checkFiles(drive, trieVector.latest)
  const names = await collect(drive.readdir('/'))
  assert.deepEqual(
    names.map(({ name }) => name),
    [...(trieVector.readdir['/'] ?? [])].sort(),
  )
  const inside = await collect(drive.readdir('/mnt/b'))
  assert.deepEqual(
    inside.map(({ name }) => name),
    trieVector.readdir['/mnt/b'],
  )
  assert.deepEqual(
    inside.map(({ path }) => path),
    ['/mnt/b/inside.txt', '/mnt/b/sub', '/mnt/b/written-through.txt'],
  )
})

for (const [version, expected] of Object.entries(trieVector.checkouts)) {
  test(`version ${version} is read as hyperdrive reads it`, async () => {
    const drive = await openVector()

    await checkFiles(drive.checkout(Number(version)), expected)
  })
}

test('tags and mounts are those that hyperdrive tells', async () => {
  const drive = await openVector()

  assert.deepEqual(Object.fromEntries(await drive.tags()), trieVector.tags)
  const mounts = await collect(drive.mounts())
  const expected = trieVector.mounts.slice(1).map(([path, key]) => [path, key])
  assert.deepEqual(mounts.map(({ path, key }) => [path, hex(key)]).sort(), expected)
  assert.equal(mounts.find(({ path }) => path === '/mnt/b-old')?.version, 2)
})

test('differences are those of hyperdrive without what deletions wrote again', async () => {
  const drive = await openVector()

  const changed = await collect(drive.diff(10))

  const expected = trieVector.diff['10 to latest']?.filter(({ name }) => name !== 'abslink')
  const names = expected?.map(({ name }) => `/${name}`).sort()
  assert.deepEqual(
    changed.map(({ path }) => path),
    names,
  )
  const deleted = changed.find(({ path }) => path === '/old/deleted.txt')
  assert.equal(deleted?.left, undefined)
})

test('history names what each block changed, deletions too', async () => {
  const drive = await openVector()

  const history = await collect(drive.history({ gte: 9, lt: 14 }))

  const lines = history.map(({ version, path, entry }) => [version, path, entry !== undefined])
  assert.deepEqual(lines, [
    [10, '/old/deleted.txt', true],
    [12, '/old/deleted.txt', false],
    [13, '/hello.txt', true],
    [14, '/hello.txt', true],
  ])
})

test('rows are encoded as hyperdrive encodes them', () => {
  for (const [seq, block] of trieBlocks('metadata').entries()) {
    const node = seq === 0 ? undefined : decodeNode(seq, block)
    if (node?.value === undefined || node.path.hidden) continue
    const { value } = node
    assert.equal(hex(encodeStat(decodeStat(value))), hex(value), `block ${seq}`)
  }
  const removed = decodeStat(fromHex('08a4830262030a016b'))
  assert.equal(removed.metadata, undefined)
})
