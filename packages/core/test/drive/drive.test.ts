/** A drive of our own: its files and its folders. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { concat, equal, utf8 } from '../../src/bytes/bytes.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import type { DriveReader } from '../../src/drive/drive.ts'
import { vectors } from '../index/vectors.ts'
import { chunks, collect, data, openStore, text } from './support.ts'

interface Vectors {
  readonly listing: {
    readonly files: readonly string[]
    readonly list: Readonly<Record<string, readonly string[]>>
    readonly exists: Readonly<Record<string, boolean>>
    readonly listIgnore: Readonly<Record<string, readonly string[]>>
  }
}

const expected = vectors<Vectors>('hyperdrive').listing

const openDrive = async (): Promise<BeeDrive> => BeeDrive.open({ store: await openStore() })

async function driveOf(paths: readonly string[]): Promise<BeeDrive> {
  const drive = await openDrive()
  for (const path of paths) await drive.put(path, utf8(path))
  return drive
}

const paths = async (entries: AsyncIterable<{ path: string }>): Promise<string[]> =>
  (await collect(entries)).map((entry) => entry.path)

async function names(drive: DriveReader, folder: string): Promise<string[]> {
  const items = await collect(drive.readdir(folder))
  return items.map(({ name, folder, entry }) => `${name}${folder ? '/' : ''}${entry ? '' : '-'}`)
}

// ---- Reading and writing -----------------------------------------------------------------------

test('a file is there after put, and gone after del', async () => {
  const drive = await openDrive()

  await drive.put('/a/b.txt', utf8('hello'), { executable: true, metadata: { x: 1 } })
  const entry = await drive.entry('a/b.txt')

  assert.equal(text(await drive.get('/a/b.txt')), 'hello')
  assert.deepEqual([entry?.path, entry?.executable, entry?.metadata], ['/a/b.txt', true, { x: 1 }])
  assert.equal(await drive.exists('/a/b.txt'), true)
  assert.equal(await drive.exists('/a'), false)
  assert.equal(await drive.del('/a/b.txt'), true)
  assert.equal(await drive.del('/a/b.txt'), false)
  assert.equal(await drive.get('/a/b.txt'), undefined)
  assert.equal(await drive.entry('/a/b.txt'), undefined)
})

test('files of any size come back as they were, also as streams', async () => {
  const drive = await openDrive()

  for (const size of [0, 1, 65_536, 65_537, 300_000]) {
    await drive.put(`/${size}`, chunks(data(size, 1)))

    const read = await collect(drive.read(`/${size}`))
    assert.ok(equal((await drive.get(`/${size}`)) ?? utf8('?'), data(size, 1)))
    assert.ok(equal(concat(...read), data(size, 1)))
  }
  const part = await collect(drive.read('/300000', { start: 65_530, length: 10 }))
  assert.ok(equal(concat(...part), data(300_000, 1).subarray(65_530, 65_540)))
})

test('reading what is not there is NOT_FOUND', async () => {
  const drive = await openDrive()

  await assert.rejects(collect(drive.read('/nope')), (error) => isCode(error, 'NOT_FOUND'))
})

test('two names may share their bytes', async () => {
  const drive = await driveOf(['/a'])
  const entry = await drive.entry('/a')
  const { length } = drive.blobs?.log ?? { length: -1 }

  await drive.putEntry('/b', { ...entry, executable: true })

  assert.equal(text(await drive.get('/b')), '/a')
  assert.equal(drive.blobs?.log.length, length)
})

test('the bytes are in the log before the row that speaks of them', async () => {
  const drive = await openDrive()
  const seen: boolean[] = []
  drive.log.on('append', () => {
    const last = drive.log.length - 1
    seen.push(last === 0 || (drive.blobs?.log.length ?? 0) >= last)
  })

  for (let i = 0; i < 5; i++) await drive.put(`/${i}`, data(10, i))

  assert.equal(seen.length, 5)
  assert.ok(seen.every((isThere) => isThere))
})

test('a drive is found again by its namespace and by its key', async () => {
  const store = await openStore()
  const first = await BeeDrive.open({ store, namespace: 'photos' })
  await first.put('/a', utf8('a'))
  await first.close()

  const byName = await BeeDrive.open({ store, namespace: 'photos' })
  await byName.put('/b', utf8('b'))
  const byKey = await BeeDrive.open({ store, key: first.key })
  await byKey.put('/c', utf8('c'))
  const other = await BeeDrive.open({ store, namespace: 'music' })

  assert.deepEqual(await paths(byKey.list()), ['/a', '/b', '/c'])
  assert.equal(text(await byKey.get('/a')), 'a')
  assert.equal(byName.link, byKey.link)
  assert.notEqual(other.link, byName.link)
})

test('a drive opened read-only refuses to write', async () => {
  const store = await openStore()
  const { key } = await BeeDrive.open({ store })
  const drive = await BeeDrive.open({ store, key, readOnly: true })
  const notWritable = (error: unknown): boolean => isCode(error, 'NOT_WRITABLE')

  assert.equal(drive.writable, false)
  await assert.rejects(drive.put('/a', utf8('a')), notWritable)
  await assert.rejects(drive.del('/a'), notWritable)
  await assert.rejects(drive.symlink('/a', '/b'), notWritable)
  assert.throws(() => drive.batch(), notWritable)
})

test('a wrong encryption key is told, not read as an empty drive', async () => {
  const store = await openStore()
  const drive = await BeeDrive.open({ store, encryptionKey: data(32, 1) })
  await drive.put('/a', utf8('a'))
  const bad = (error: unknown): boolean =>
    isCode(error, 'BAD_CONTENT') && /encryption key/.test(error.message)

  await assert.rejects(BeeDrive.open({ store, key: drive.key, encryptionKey: data(32, 2) }), bad)
  await assert.rejects(BeeDrive.open({ store, key: drive.key }), bad)
})

// ---- Folders -----------------------------------------------------------------------------------

test('list gives what hyperdrive gives', async () => {
  const drive = await driveOf(expected.files)

  for (const [folder, list] of Object.entries(expected.list)) {
    assert.deepEqual(await paths(drive.list(folder)), list, folder)
  }
  for (const [path, isThere] of Object.entries(expected.exists)) {
    assert.equal(await drive.exists(path), isThere, path)
  }
  assert.deepEqual(await paths(drive.list('/', { ignore: ['/b'] })), expected.listIgnore['["/b"]'])
  assert.deepEqual(await paths(drive.list('/', { ignore: ['b/d'] })), expected.listIgnore['"b/d"'])
  const ignore = (path: string): boolean => path.includes('b')
  assert.deepEqual(await paths(drive.list('/', { ignore })), ['/a', '/z/y/x'])
})

test('a folder lists every name once, whatever sorts between a file and a folder of that name', async () => {
  const drive = await driveOf(expected.files)

  assert.deepEqual(await names(drive, '/'), ['a', 'b/', 'b-x', 'b0', 'z/-'])
  assert.deepEqual(await names(drive, '/b'), ['c', 'd/-'])
  assert.deepEqual(await names(drive, '/z/y'), ['x'])
  assert.deepEqual(await names(drive, '/nope'), [])
  assert.deepEqual(await paths(drive.list('/', { recursive: false })), ['/a', '/b', '/b-x', '/b0'])
})

test('the names of any folder are the first parts of the paths below it', async () => {
  const part = fc.constantFrom('a', 'b', 'a-', 'a0', 'b ', 'ü')
  const files = fc.uniqueArray(
    fc.array(part, { minLength: 1, maxLength: 3 }).map((p) => `/${p.join('/')}`),
    { maxLength: 15 },
  )
  await fc.assert(
    fc.asyncProperty(files, async (all) => {
      const drive = await openDrive()
      const batch = drive.batch()
      for (const path of all) await batch.put(path, utf8('x'))
      await batch.flush()

      for (const folder of ['/', '/a', '/b/a']) {
        const base = folder === '/' ? '/' : `${folder}/`
        const below = all
          .filter((path) => path.startsWith(base))
          .map((path) => path.slice(base.length))
        const told = await collect(drive.readdir(folder))

        assert.deepEqual(
          told.map(({ name }) => name).sort(),
          [...new Set(below.map((p) => p.split('/')[0]))].sort(),
        )
        for (const { name, folder: isFolder, entry } of told) {
          assert.equal(
            isFolder,
            below.some((path) => path.startsWith(`${name}/`)),
          )
          assert.equal(entry !== undefined, below.includes(name))
        }
      }
    }),
    { numRuns: 60 },
  )
})
