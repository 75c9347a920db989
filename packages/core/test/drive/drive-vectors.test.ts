/** A drive writes the rows, ids and keys that hyperdrive 13 writes, and reads what it reads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equal, fromHex, fromUtf8, hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import type { BlobId } from '../../src/drive/drive.ts'
import { contentManifest } from '../../src/drive/keys.ts'
import { logIdentity } from '../../src/log/identity.ts'
import type { Log } from '../../src/log/log.ts'
import { decodeManifest, manifestKey } from '../../src/log/manifest.ts'
import { vectors } from '../index/vectors.ts'
import { collect, data, encodeBlockMap, openStore, sha256, type Told, told } from './support.ts'

interface RowValue {
  readonly executable: boolean
  readonly linkname: string | null
  readonly blob: BlobId | null
  readonly metadata: unknown
}

interface Vectors {
  readonly drive: {
    readonly primaryKey: string
    readonly key: string
    readonly contentKey: string
    readonly steps: readonly {
      step: string
      dbBlocks: readonly string[]
      blobBlocks: readonly Told[]
    }[]
    readonly finalVersion: number
    readonly entries: readonly { seq: number; key: string; value: RowValue }[]
    readonly contents: readonly (readonly [string, number, string])[]
  }
  readonly encryptedDrive: {
    readonly encryptionKey: string
    readonly key: string
    readonly contentKey: string
    readonly dbPlainBlocks: readonly string[]
    readonly blobIds: readonly BlobId[]
    readonly blobsByteLengthApi: number
    readonly blobsByteLengthStored: number
  }
  readonly compatDrive: {
    readonly key: string
    readonly contentKey: string
    readonly blobsName: string
    readonly dbBlocks: readonly string[]
  }
}

const expected = vectors<Vectors>('hyperdrive')
const PRIMARY_KEY = fromHex(expected.drive.primaryKey)

/** The blob of blocks that are appended as they are: other writers do not cut as we do. */
async function rawBlob(
  drive: BeeDrive,
  blocks: readonly Uint8Array[],
  blockMap = false,
): Promise<BlobId> {
  const log = drive.blobs?.log
  assert.ok(log !== undefined)
  const { length: blockOffset, byteLength: byteOffset } = log
  if (blocks.length > 0) await log.append(blocks)
  const blockLength = log.length - blockOffset
  const id = { blockOffset, byteOffset, blockLength, byteLength: log.byteLength - byteOffset }
  return blockMap ? { ...id, blockMap: true } : id
}

async function blobOf(drive: BeeDrive, path: string): Promise<BlobId> {
  const blob = (await drive.entry(path))?.blob
  assert.ok(blob !== undefined)
  return blob
}

/** The vector's 18 steps, in its order. */
const STEPS: readonly ((drive: BeeDrive) => Promise<unknown>)[] = [
  (drive) => drive.put('/hello.txt', utf8('hello')),
  (drive) => drive.put('bin/run.sh', utf8('#!/bin/sh\n'), { executable: true }),
  (drive) => drive.put('/meta.json', utf8('{}'), { metadata: { mtime: 1, tags: ['a'] } }),
  (drive) => drive.put('/empty', new Uint8Array(0)),
  (drive) => drive.put('/64k', data(65536, 1)),
  (drive) => drive.put('/64k+1', data(65537, 2)),
  (drive) => drive.symlink('/link', '/hello.txt'),
  (drive) => drive.symlink('/rel', '../x'),
  (drive) => drive.put('/hello.txt', utf8('hello')),
  (drive) => drive.del('/meta.json'),
  (drive) => drive.del('/meta.json'),
  async (drive) => {
    const blocks = [data(1, 3), data(100000, 4), new Uint8Array(0), data(70000, 5)]
    await drive.putEntry('/s', { blob: await rawBlob(drive, blocks) })
  },
  async (drive) => drive.putEntry('/s0', { blob: await rawBlob(drive, []) }),
  async (drive) => {
    await rawBlob(drive, [data(300, 6), data(300, 7)])
    const map = [11, 12, 11].map((index) => ({ index, byteLength: 300 }))
    await drive.putEntry('/dd', { blob: await rawBlob(drive, encodeBlockMap(map), true) })
  },
  async (drive) => {
    await rawBlob(drive, [data(300, 8)])
    const map = [12, 14].map((index) => ({ index, byteLength: 300 }))
    await drive.putEntry('/dd', { blob: await rawBlob(drive, encodeBlockMap(map), true) })
  },
  async (drive) => drive.putEntry('/copy', { blob: await blobOf(drive, '/hello.txt') }),
  async (drive) => {
    const batch = drive.batch()
    await batch.put('/b1', utf8('1'))
    await batch.put('/b2', utf8('2'))
    batch.del('/b1')
    await batch.flush()
  },
  (drive) => drive.put('/ünï code.txt', utf8('u')),
]

async function play(drive: BeeDrive): Promise<void> {
  for (const step of STEPS) await step(drive)
}

test('the keys of a drive and of its blobs are those of hyperdrive', async () => {
  const keys = vectors<{
    drives: readonly {
      primaryKey: string
      namespacePath: string[]
      dbKey: string
      dbManifest: string
      blobsKey: string
      blobsManifest: string
    }[]
    multisigDrive: { dbManifest: string; dbKey: string; blobsKey: string; blobsManifest: string }
  }>('corestore-keys')

  for (const { dbKey, dbManifest, blobsKey, blobsManifest } of [
    ...keys.drives,
    keys.multisigDrive,
  ]) {
    const content = contentManifest(fromHex(dbKey), decodeManifest(fromHex(dbManifest)))

    assert.equal(hex(content?.manifest ?? utf8('')), blobsManifest)
    assert.equal(hex(content?.key ?? utf8('')), blobsKey)
    assert.equal(hex(manifestKey(fromHex(dbManifest))), dbKey)
  }
  for (const { primaryKey, namespacePath, dbKey, blobsKey } of keys.drives) {
    const root = await openStore(fromHex(primaryKey))
    const store = namespacePath.reduce((view, name) => view.namespace(name), root)

    const drive = await BeeDrive.open({ store })

    assert.equal(hex(drive.key), dbKey)
    assert.equal(hex(drive.contentLog?.key ?? utf8('')), blobsKey)
    await root.close()
  }
})

test('the 18 steps of the vector write the same rows and bytes as hyperdrive', async () => {
  const drive = await BeeDrive.open({ store: await openStore(PRIMARY_KEY) })
  const blobs = drive.blobs?.log
  assert.ok(blobs !== undefined)

  for (const [i, { step, dbBlocks, blobBlocks }] of expected.drive.steps.entries()) {
    const dbLength = drive.log.length
    const blobsLength: number = blobs.length
    await STEPS[i]?.(drive)

    const rows = []
    for (let seq = dbLength; seq < drive.log.length; seq++) rows.push(hex(await drive.log.get(seq)))
    assert.deepEqual(rows, dbBlocks, step)
    const bytes = []
    for (let index: number = blobsLength; index < blobs.length; index++) {
      bytes.push(told(await blobs.get(index), blobBlocks[index - blobsLength]))
    }
    assert.deepEqual(bytes, blobBlocks, step)
  }

  assert.equal(drive.version, expected.drive.finalVersion)
  assert.equal(hex(drive.key), expected.drive.key)
  assert.equal(hex(drive.contentLog?.key ?? utf8('')), expected.drive.contentKey)
})

test('the entries and contents of the vector are read as hyperdrive reads them', async () => {
  const drive = await BeeDrive.open({ store: await openStore(PRIMARY_KEY) })
  await play(drive)

  const entries = await collect(drive.list())

  const rows = entries.map(({ seq, path, executable, linkname, blob, metadata }) => {
    const value = { executable, linkname: linkname ?? null, blob: blob ?? null, metadata }
    return { seq, key: path, value }
  })
  assert.deepEqual(rows, expected.drive.entries)
  for (const [path, bytes, hash] of expected.drive.contents) {
    const content = await drive.get(path, { follow: false })
    if (content === undefined) assert.equal(bytes, null, path)
    else assert.deepEqual([content.length, sha256(content)], [bytes, hash], path)
  }
})

test('an encrypted drive has the same keys, ids and rows, and shows none of them in its blocks', async () => {
  const { encryptionKey, key, contentKey, dbPlainBlocks, blobIds } = expected.encryptedDrive
  const store = await openStore(PRIMARY_KEY)
  const drive = await BeeDrive.open({ store, encryptionKey: fromHex(encryptionKey) })

  await drive.put('/secret.txt', utf8('top secret'))
  await drive.put('/two', data(70000, 9))

  assert.equal(hex(drive.key), key)
  assert.equal(hex(drive.contentLog?.key ?? utf8('')), contentKey)
  const rows = []
  for (let seq = 0; seq < drive.log.length; seq++) rows.push(hex(await drive.log.get(seq)))
  assert.deepEqual(rows, dbPlainBlocks)
  const entries = await collect(drive.list())
  assert.deepEqual(
    entries.map((entry) => entry.blob),
    blobIds,
  )
  const blobs = drive.blobs?.log
  assert.equal(blobs?.byteLength, expected.encryptedDrive.blobsByteLengthApi)
  assert.equal(fromUtf8((await drive.get('/secret.txt')) ?? utf8('')), 'top secret')
  assert.ok(equal((await drive.get('/two')) ?? utf8(''), data(70000, 9)))
  const stored = await store.get({ key: drive.key })
  assert.notEqual(hex(await stored.get(0)), rows[0])
})

/** Logs whose keys are their public keys, as corestore 6 made them. */
async function compatLog(store: Corestore, name: string): Promise<Log> {
  const keyPair = store.keyPair(name)
  await store.store.create(logIdentity({ key: keyPair.publicKey, keyPair }))
  return store.get({ key: keyPair.publicKey })
}

test('a drive of the compat kind is read, and written, by the key that its header names', async () => {
  const { key, contentKey, blobsName, dbBlocks } = expected.compatDrive
  const store = await openStore(PRIMARY_KEY)
  const db = await compatLog(store, 'db')
  const blobs = await compatLog(store, blobsName)
  await blobs.append(utf8('hello'))
  await db.append(dbBlocks.map(fromHex))

  const drive = await BeeDrive.open({ store, key: fromHex(key) })
  await drive.put('/more', utf8('more'))

  assert.equal(hex(drive.contentLog?.key ?? utf8('')), contentKey)
  assert.equal(fromUtf8((await drive.get('/hello.txt')) ?? utf8('')), 'hello')
  assert.equal(fromUtf8((await drive.get('/more')) ?? utf8('')), 'more')
})
