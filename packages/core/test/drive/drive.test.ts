/** A drive of our own: files, folders, links, versions and batches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCode } from '../../src/base/errors.ts'
import { SYMLINK_STEPS_MAX } from '../../src/base/limits.ts'
import { concat, equal, utf8 } from '../../src/bytes/bytes.ts'
import { Drive, type DriveReader } from '../../src/drive/drive.ts'
import { vectors } from '../index/vectors.ts'
import { chunks, collect, data, openStore, text } from './support.ts'

interface Vectors {
  readonly listing: {
    readonly files: readonly string[]
    readonly list: Readonly<Record<string, readonly string[]>>
    readonly exists: Readonly<Record<string, boolean>>
    readonly listIgnore: Readonly<Record<string, readonly string[]>>
    readonly diffFrom3: readonly (readonly [string, string | null])[]
    readonly diffFrom3InB: readonly (readonly [string, string | null])[]
  }
}

const expected = vectors<Vectors>('hyperdrive').listing

const openDrive = async (): Promise<Drive> => Drive.open({ store: await openStore() })

async function driveOf(paths: readonly string[]): Promise<Drive> {
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
  const first = await Drive.open({ store, namespace: 'photos' })
  await first.put('/a', utf8('a'))
  await first.close()

  const byName = await Drive.open({ store, namespace: 'photos' })
  await byName.put('/b', utf8('b'))
  const byKey = await Drive.open({ store, key: first.key })
  await byKey.put('/c', utf8('c'))
  const other = await Drive.open({ store, namespace: 'music' })

  assert.deepEqual(await paths(byKey.list()), ['/a', '/b', '/c'])
  assert.equal(text(await byKey.get('/a')), 'a')
  assert.equal(byName.link, byKey.link)
  assert.notEqual(other.link, byName.link)
})

test('a drive opened read-only refuses to write', async () => {
  const store = await openStore()
  const { key } = await Drive.open({ store })
  const drive = await Drive.open({ store, key, readOnly: true })
  const notWritable = (error: unknown): boolean => isCode(error, 'NOT_WRITABLE')

  assert.equal(drive.writable, false)
  await assert.rejects(drive.put('/a', utf8('a')), notWritable)
  await assert.rejects(drive.del('/a'), notWritable)
  await assert.rejects(drive.symlink('/a', '/b'), notWritable)
  assert.throws(() => drive.batch(), notWritable)
})

test('a wrong encryption key is told, not read as an empty drive', async () => {
  const store = await openStore()
  const drive = await Drive.open({ store, encryptionKey: data(32, 1) })
  await drive.put('/a', utf8('a'))
  const bad = (error: unknown): boolean =>
    isCode(error, 'BAD_CONTENT') && /encryption key/.test(error.message)

  await assert.rejects(Drive.open({ store, key: drive.key, encryptionKey: data(32, 2) }), bad)
  await assert.rejects(Drive.open({ store, key: drive.key }), bad)
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

// ---- Links -------------------------------------------------------------------------------------

test('links are followed as POSIX does, then as hyperdrive does', async () => {
  const drive = await driveOf(['/x', '/d/x', '/l2/y'])
  await drive.symlink('/d/posix', 'x')
  await drive.symlink('/d/up', '../x')
  await drive.symlink('/l2', 'y')
  await drive.symlink('/chain', '/d/posix')
  await drive.symlink('/folder', 'd')

  assert.equal(text(await drive.get('/d/posix')), '/d/x')
  assert.equal(text(await drive.get('/d/up')), '/x')
  assert.equal(text(await drive.get('/l2')), '/l2/y')
  assert.equal(text(await drive.get('/chain')), '/d/x')
  assert.equal(text(await drive.get('/folder/x')), '/d/x')
  assert.equal((await drive.entry('/chain'))?.linkname, '/d/posix')
  assert.equal((await drive.entry('/chain', { follow: true }))?.path, '/d/x')
  assert.equal(await drive.get('/chain', { follow: false }), undefined)
})

test('links that lead nowhere, out of the drive or in circles are no files', async () => {
  const drive = await openDrive()
  await drive.symlink('/nowhere', '/nope')
  await drive.symlink('/out', '../../etc/passwd')
  await drive.symlink('/circle', '/circle')
  await drive.symlink('/root', '/')

  assert.equal(await drive.get('/nowhere'), undefined)
  assert.equal(await drive.get('/out'), undefined)
  await assert.rejects(drive.get('/circle'), (error) => isCode(error, 'BAD_CONTENT'))
  await assert.rejects(drive.get('/circle/x'), (error) => isCode(error, 'BAD_CONTENT'))
})

test('as many links as the limit are followed, and no more', async () => {
  const drive = await driveOf(['/0'])
  for (let i = 1; i <= SYMLINK_STEPS_MAX + 1; i++) await drive.symlink(`/${i}`, `/${i - 1}`)

  assert.equal(text(await drive.get(`/${SYMLINK_STEPS_MAX}`)), '/0')
  await assert.rejects(drive.get(`/${SYMLINK_STEPS_MAX + 1}`), (error) =>
    isCode(error, 'BAD_CONTENT'),
  )
})

// ---- Versions ----------------------------------------------------------------------------------

test('a checkout shows the drive as it was, with its bytes', async () => {
  const drive = await driveOf(['/a', '/b'])
  const { version } = drive
  await drive.put('/a', utf8('new'))
  await drive.del('/b')

  const old = drive.checkout(version)

  assert.deepEqual(await paths(old.list()), ['/a', '/b'])
  assert.equal(text(await old.get('/a')), '/a')
  assert.equal(text(await drive.get('/a')), 'new')
  assert.equal(old.version, version)
})

test('diff tells the paths whose rows are not the same', async () => {
  const drive = await driveOf(expected.files)

  const all = await collect(drive.diff(3))
  const inB = await collect(drive.diff(3, '/b'))

  const told = (d: { left: unknown; path: string }): unknown => [d.path, null]
  assert.deepEqual(all.map(told), expected.diffFrom3)
  assert.deepEqual(inB.map(told), expected.diffFrom3InB)
  assert.ok(all.every(({ left, right }) => left !== undefined && right === undefined))
})

test('history tells the changes, with the version that each made', async () => {
  const drive = await driveOf(['/a'])
  await drive.del('/a')

  const history = await collect(drive.history())

  const told = history.map(({ version, path, entry }) => [version, path, entry?.path])
  assert.deepEqual(told, [
    [2, '/a', '/a'],
    [3, '/a', undefined],
  ])
})

test('a watcher learns which paths changed', async () => {
  const drive = await driveOf(['/a'])
  const abort = new AbortController()
  const seen: string[][] = []
  const watching = (async () => {
    for await (const { previousVersion } of drive.watch({ signal: abort.signal })) {
      seen.push(await paths(drive.diff(previousVersion)))
      if (seen.flat().includes('/c')) abort.abort()
    }
  })()

  await drive.put('/b', utf8('b'))
  const batch = drive.batch()
  batch.del('/a')
  await batch.put('/c', utf8('c'))
  await batch.flush()
  await watching

  assert.deepEqual([...new Set(seen.flat())].sort(), ['/a', '/b', '/c'])
})

// ---- Batches -----------------------------------------------------------------------------------

test('a batch of many small files is one append of bytes and one of rows', async () => {
  const drive = await openDrive()
  let rows = 0
  let bytes = 0
  drive.log.on('append', () => rows++)
  drive.blobs?.log.on('append', () => bytes++)
  const batch = drive.batch()

  for (let i = 0; i < 300; i++) await batch.put(`/f${i}`, data(i, i), { executable: i % 2 === 0 })
  assert.equal(drive.version, 1)
  await batch.flush()

  assert.deepEqual([rows, bytes], [1, 1])
  const entries = await collect(drive.list())
  assert.equal(entries.length, 300)
  for (const entry of entries) {
    const i = Number(entry.path.slice(2))
    assert.ok(equal((await drive.get(entry)) ?? utf8('?'), data(i, i)))
    assert.equal(entry.executable, i % 2 === 0)
  }
})

test('a batch keeps its order, whatever is a stream and whatever is awaited', async () => {
  const drive = await driveOf(['/gone', '/old'])
  const batch = drive.batch()

  batch.del('/gone')
  void batch.put('/x', utf8('first'))
  void batch.put('/x', chunks(utf8('second')))
  void batch.put('/y', utf8('y'))
  batch.del('/y')
  batch.symlink('/l', '/x')
  batch.putEntry('/copy', (await drive.entry('/old')) ?? {})
  await batch.flush()

  assert.deepEqual(await paths(drive.list()), ['/copy', '/l', '/old', '/x'])
  assert.equal(text(await drive.get('/l')), 'second')
  assert.equal(text(await drive.get('/copy')), '/old')
})

test('a batch may be given bytes that are changed afterwards', async () => {
  const drive = await openDrive()
  const batch = drive.batch()
  const buffer = utf8('good')

  await batch.put('/a', buffer)
  buffer.fill(0)
  await batch.flush()

  assert.equal(text(await drive.get('/a')), 'good')
})

test('a file that can not be read is left out of its batch', async () => {
  const drive = await openDrive()
  const batch = drive.batch()
  async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
    yield utf8('half')
    throw new Error('unreadable')
  }

  await batch.put('/a', utf8('a'))
  await assert.rejects(batch.put('/bad', failing()), /unreadable/)
  await batch.put('/c', utf8('c'))
  await batch.flush()

  assert.deepEqual(await paths(drive.list()), ['/a', '/c'])
  assert.equal(text(await drive.get('/c')), 'c')
})

test('a batch that is closed leaves no rows, and is over', async () => {
  const drive = await driveOf(['/a'])
  const { version } = drive
  const batch = drive.batch()
  await batch.put('/b', utf8('b'))

  batch.close()

  await assert.rejects(batch.flush(), (error) => isCode(error, 'CLOSED'))
  await assert.rejects(batch.put('/c', utf8('c')), (error) => isCode(error, 'CLOSED'))
  assert.equal(drive.version, version)
})

test('strict paths are refused before anything is written', async () => {
  const drive = await Drive.open({ store: await openStore(), strictPaths: true })

  for (const path of ['a\\b', 'C:/x', 'a\0']) {
    await assert.rejects(drive.put(path, utf8('x')), (error) => isCode(error, 'BAD_ARGUMENT'))
    await assert.rejects(drive.batch().put(path, utf8('x')), (error) =>
      isCode(error, 'BAD_ARGUMENT'),
    )
  }
  assert.equal(drive.blobs?.log.length, 0)
})
