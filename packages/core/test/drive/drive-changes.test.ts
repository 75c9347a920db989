/** Links inside a drive, its versions, and many changes at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { SYMLINK_STEPS_MAX } from '../../src/base/limits.ts'
import { equal, utf8 } from '../../src/bytes/bytes.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import { vectors } from '../index/vectors.ts'
import { chunks, collect, data, openStore, text } from './support.ts'

interface Vectors {
  readonly listing: {
    readonly files: readonly string[]
    readonly diffFrom3: readonly (readonly [string, string | null])[]
    readonly diffFrom3InB: readonly (readonly [string, string | null])[]
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

test('changes of one batch have the version that shows them all, and each version told can be checked out', async () => {
  const drive = await driveOf(['/first'])
  for (const count of [40, 3]) {
    const batch = drive.batch()
    for (let i = 0; i < count; i++) await batch.put(`/${count}/${i}`, utf8('x'))
    batch.del('/first')
    await batch.flush()
  }
  await drive.put('/last', utf8('x'))

  const history = await collect(drive.history())
  const newest = await collect(drive.history({ reverse: true }))
  const some = await collect(drive.checkout(43).history({ gte: 10, limit: 2 }))

  const versions = new Map<number, number>()
  for (const { version } of history) versions.set(version, (versions.get(version) ?? 0) + 1)
  assert.deepEqual(
    [...versions],
    [
      [2, 1],
      [43, 41],
      [46, 3],
      [47, 1],
    ],
  )
  assert.deepEqual(newest, history.toReversed())
  assert.deepEqual(
    some.map(({ path, version }) => [path, version]),
    [
      ['/40/8', 43],
      ['/40/9', 43],
    ],
  )
  for (const { version, path, entry } of history) {
    assert.equal((await drive.checkout(version).entry(path))?.seq, entry?.seq, path)
  }
})

test('what one block changed can be asked for by its number', async () => {
  const drive = await driveOf(['/a'])
  await drive.del('/a')

  const put = await drive.changeAt(1)
  const deleted = await drive.changeAt(2)

  assert.deepEqual([put?.path, put?.entry?.seq], ['/a', 1])
  assert.deepEqual(deleted, { path: '/a', entry: undefined })
  assert.deepEqual([await drive.changeAt(3), await drive.changeAt(0)], [undefined, undefined])
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

  for (let i = 0; i < 200; i++) await batch.put(`/f${i}`, data(i, i), { executable: i % 2 === 0 })
  assert.equal(drive.version, 1)
  await batch.flush()

  assert.deepEqual([rows, bytes], [1, 1])
  const entries = await collect(drive.list())
  assert.equal(entries.length, 200)
  for (const entry of entries) {
    const i = Number(entry.path.slice(2))
    assert.ok(equal((await drive.get(entry)) ?? utf8('?'), data(i, i)))
    assert.equal(entry.executable, i % 2 === 0)
  }
})

test('small files beyond one append are several, and each has its bytes, awaited or not', async () => {
  const drive = await openDrive()
  const appends: number[] = []
  drive.blobs?.log.on('append', () => appends.push(drive.blobs?.log.length ?? 0))
  const batch = drive.batch()
  const content = (i: number): Uint8Array => data(i < 260 ? 10 : 90_000, i)
  const own = new Uint8Array(90_000)

  for (let i = 0; i < 300; i++) {
    // The caller's memory is his own again at once.
    own.set(content(i))
    void batch.put(`/f${i}`, own.subarray(0, content(i).length))
  }
  await batch.flush()

  assert.equal(appends[0], 256)
  assert.equal(appends.length, 5)
  for (let i = 0; i < 300; i++) {
    assert.ok(equal((await drive.get(`/f${i}`)) ?? utf8('?'), content(i)), `file ${i}`)
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

test('large and small files in one batch come back as they were', async () => {
  const drive = await openDrive()
  const batch = drive.batch()
  const sizes = [10, 1_048_576, 20, 2_000_000, 1_048_575]

  for (const size of sizes) await batch.put(`/${size}`, data(size, size))
  await batch.flush()

  for (const size of sizes) {
    assert.ok(equal((await drive.get(`/${size}`)) ?? utf8('?'), data(size, size)))
  }
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
  const drive = await BeeDrive.open({ store: await openStore(), strictPaths: true })

  for (const path of ['a\\b', 'C:/x', 'a\0']) {
    await assert.rejects(drive.put(path, utf8('x')), (error) => isCode(error, 'BAD_ARGUMENT'))
    await assert.rejects(drive.batch().put(path, utf8('x')), (error) =>
      isCode(error, 'BAD_ARGUMENT'),
    )
  }
  assert.equal(drive.blobs?.log.length, 0)
})
