/** Drives between two stores: what a reader learns, fetches, follows, and is told when it can't. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { concat, equal, utf8 } from '../../src/bytes/bytes.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import { Bee } from '../../src/index/bee.ts'
import { collect, connect, data, encodeBlockMap, openStore, text } from './support.ts'

interface Pair {
  readonly ours: BeeDrive
  readonly theirs: BeeDrive
  readonly part: () => void
  readonly close: () => Promise<void>
}

/** A drive with an author here and a reader there. */
async function pair(options: { encryptionKey?: Uint8Array } = {}): Promise<Pair> {
  const [here, there] = [await openStore(), await openStore()]
  const ours = await BeeDrive.open({ store: here, ...options })
  const theirs = await BeeDrive.open({ store: there, key: ours.key, ...options })
  const part = connect(there, here)
  const close = async (): Promise<void> => {
    part()
    await Promise.all([here.close(), there.close()])
  }
  return { ours, theirs, part, close }
}

/** Resolves when the reader knows of everything written so far. */
async function synced({ ours, theirs }: Pair): Promise<void> {
  const awake = setInterval(() => undefined, 1_000)
  while (theirs.version < ours.version) {
    await new Promise<void>((resolve) => {
      const off = theirs.log.on('append', () => {
        off()
        resolve()
      })
    })
  }
  clearInterval(awake)
}

const paths = async (entries: AsyncIterable<{ path: string }>): Promise<string[]> =>
  (await collect(entries)).map((entry) => entry.path)

for (const encryptionKey of [undefined, data(32, 3)]) {
  const kind = encryptionKey === undefined ? 'plain' : 'encrypted'

  test(`a reader of a ${kind} drive sees its files as they are written`, async () => {
    const both = await pair(encryptionKey === undefined ? {} : { encryptionKey })
    const { ours, theirs, close } = both
    await ours.put('/a', utf8('one'))
    await ours.put('/big', data(200_000, 1))
    await ours.symlink('/l', 'a')
    await synced(both)

    assert.equal(text(await theirs.get('/a')), 'one')
    assert.ok(equal((await theirs.get('/big')) ?? utf8(''), data(200_000, 1)))
    assert.equal(text(await theirs.get('/l')), 'one')
    assert.equal(await theirs.get('/nope'), undefined)
    assert.deepEqual(await paths(theirs.list()), ['/a', '/big', '/l'])
    assert.equal(theirs.writable, false)
    assert.ok(equal(theirs.contentLog?.key ?? utf8(''), ours.contentLog?.key ?? utf8('?')))

    const changed = theirs.watch().next()
    await ours.put('/a', utf8('two'))
    await changed
    assert.equal(text(await theirs.get('/a')), 'two')
    await close()
  })
}

test('a reader that was never synced does not take silence for an empty drive', async () => {
  const author = await BeeDrive.open({ store: await openStore() })
  const store = await openStore()
  const drive = await BeeDrive.open({ store, key: author.key })
  const noPeers = (error: unknown): boolean => isCode(error, 'NO_PEERS')
  const options = { timeoutMs: 20 }
  // Timers of ours keep no process alive.
  const awake = setInterval(() => undefined, 1_000)

  await assert.rejects(drive.get('/a', options), noPeers)
  await assert.rejects(drive.exists('/a', options), noPeers)
  await assert.rejects(collect(drive.list('/', options)), noPeers)
  await assert.rejects(collect(drive.readdir('/', options)), noPeers)
  await assert.rejects(drive.download('/', options).done(), noPeers)
  await assert.rejects(drive.has('/', options), noPeers)
  clearInterval(awake)
  await store.close()
})

test('peers that have nothing are no proof that a drive is empty', async () => {
  const both = await pair()
  const { theirs, close } = both
  const options = { timeoutMs: 50 }
  const awake = setInterval(() => undefined, 1_000)
  const unknown = (error: unknown): boolean =>
    isCode(error, 'NOT_AVAILABLE') || isCode(error, 'TIMEOUT')

  await assert.rejects(theirs.get('/a', options), unknown)
  await assert.rejects(collect(theirs.list('/', options)), unknown)
  await assert.rejects(theirs.download('/', options).done(), unknown)
  clearInterval(awake)
  await close()
})

test('a reader who came before the author wrote anything gets what is written then', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  const reading = theirs.get('/a', { timeoutMs: 5_000 })

  await ours.put('/a', utf8('first'))

  assert.equal(text(await reading), 'first')
  await close()
})

test('only what is read is fetched', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  for (let i = 0; i < 20; i++) await ours.put(`/f${i}`, data(100_000, i))
  await synced(both)

  await theirs.get('/f7')

  assert.equal(await theirs.has('/f7'), true)
  assert.equal(await theirs.has('/f8'), false)
  assert.equal(await theirs.has('/'), false)
  assert.equal(await theirs.has('/nope'), false)
  assert.equal(theirs.blobs?.log.length, 40)
  await close()
})

test('a download fetches everything, and its counters arrive at the totals', async () => {
  const both = await pair()
  const { ours, theirs, part, close } = both
  const batch = ours.batch()
  let bytes = 0
  for (let i = 0; i < 300; i++) {
    await batch.put(`/d${i % 3}/f${i}`, data(i * 10, i))
    bytes += i * 10
  }
  await batch.put('/big', data(1_000_000, 1))
  await batch.flush()
  await ours.putEntry('/copy', (await ours.entry('/big')) ?? {})
  await ours.symlink('/link', '/big')
  await synced(both)

  const download = theirs.download()
  const steps: number[] = []
  download.onProgress(() => steps.push(download.progress.bytesDone))
  await download.done({ timeoutMs: 20_000 })

  const { files, filesDone, blocks, blocksDone, bytes: total, bytesDone } = download.progress
  assert.deepEqual([files, filesDone], [302, 302])
  assert.deepEqual([total, bytesDone], [bytes + 1_000_000, bytes + 1_000_000])
  assert.equal(blocks, blocksDone)
  assert.equal(download.listed, true)
  assert.ok(steps.length > 1)
  assert.deepEqual(
    [...steps].sort((a, b) => a - b),
    steps,
  )
  part()
  assert.equal(await theirs.has('/'), true)
  for (const i of [0, 1, 150, 299]) {
    assert.ok(equal((await theirs.get(`/d${i % 3}/f${i}`)) ?? utf8('?'), data(i * 10, i)))
  }
  await close()
})

test('a download of what is here is done at once', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  await ours.put('/a', data(100_000, 1))
  await theirs.download('/a').done({ timeoutMs: 5_000 })

  const again = theirs.download('/a')
  await again.done({ timeoutMs: 5_000 })

  assert.deepEqual(again.progress, {
    files: 1,
    filesDone: 1,
    blocks: 2,
    blocksDone: 2,
    bytes: 100_000,
    bytesDone: 100_000,
  })
  await close()
})

test('a download of one folder fetches that folder', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  for (const path of ['/a/1', '/a/2', '/b/1']) await ours.put(path, utf8(path))
  await synced(both)

  const download = theirs.download('/a')
  await download.done({ timeoutMs: 5_000 })

  assert.equal(download.progress.files, 2)
  assert.equal(await theirs.has('/a'), true)
  assert.equal(await theirs.has('/b'), false)
  await close()
})

test('a download ends with ABORTED when it is cancelled, and leaves no request', async () => {
  const both = await pair()
  const { ours, theirs, part, close } = both
  await ours.put('/a', utf8('a'))
  await theirs.ready()
  part()
  const abort = new AbortController()

  const download = theirs.download('/', { signal: abort.signal })
  abort.abort()

  await assert.rejects(download.done(), (error) => isCode(error, 'ABORTED'))
  await close()
})

test('files with block maps are read and downloaded by the blocks that their map names', async () => {
  const both = await pair()
  const { ours, theirs, part, close } = both
  const log = ours.blobs?.log
  assert.ok(log !== undefined)
  await ours.put('/first', data(300, 1))
  await ours.put('/second', data(500, 2))
  const map = [1, 0, 1].map((index) => ({ index, byteLength: index === 0 ? 300 : 500 }))
  const { length: blockOffset, byteLength: byteOffset } = log
  const [bytes = utf8('')] = encodeBlockMap(map)
  await log.append(bytes)
  const blob = { blockOffset, byteOffset, blockLength: 1, byteLength: bytes.length, blockMap: true }
  await ours.putEntry('/mapped', { blob })
  await synced(both)
  const whole = concat(data(500, 2), data(300, 1), data(500, 2))

  await theirs.download('/mapped').done({ timeoutMs: 5_000 })
  part()

  assert.ok(equal((await theirs.get('/mapped')) ?? utf8(''), whole))
  const middle = await collect(theirs.read('/mapped', { start: 400, length: 500 }))
  assert.ok(equal(concat(...middle), whole.subarray(400, 900)))
  await close()
})

test('a reader follows a live drive by what changed', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  await ours.put('/a', utf8('1'))
  await synced(both)
  const abort = new AbortController()
  const seen = new Map<string, string | undefined>()
  const following = (async () => {
    for await (const { previousVersion } of theirs.watch({ signal: abort.signal })) {
      for await (const { path } of theirs.diff(previousVersion))
        seen.set(path, text(await theirs.get(path)))
      if (seen.has('/c')) abort.abort()
    }
  })()

  await ours.put('/b', utf8('2'))
  await ours.del('/a')
  await ours.put('/c', utf8('3'))
  await following

  assert.deepEqual(Object.fromEntries(seen), { '/a': undefined, '/b': '2', '/c': '3' })
  await close()
})

test('rows that no honest writer makes are listed as invalid, and the rest is read', async () => {
  const both = await pair()
  const { ours, theirs, close } = both
  await ours.put('/good', utf8('good'))
  const blob = { blockOffset: 0, byteOffset: 0, blockLength: 1, byteLength: 5 }
  await ours.putEntry('/wrong-size', { blob })
  // Not written through the drive, which refuses it.
  await rawRow(ours, '/bad', '{"blob":{"blockOffset":-1}}')
  await synced(both)

  const entries = await collect(theirs.list())

  assert.deepEqual(
    entries.map(({ path, invalid }) => [path, invalid !== undefined]),
    [
      ['/bad', true],
      ['/good', false],
      ['/wrong-size', false],
    ],
  )
  assert.equal(text(await theirs.get('/good')), 'good')
  await assert.rejects(theirs.get('/bad'), (error) => isCode(error, 'BAD_CONTENT'))
  await assert.rejects(theirs.get('/wrong-size'), (error) => isCode(error, 'BAD_CONTENT'))
  await theirs.download().done({ timeoutMs: 5_000 })
  await close()
})

async function rawRow(drive: BeeDrive, path: string, json: string): Promise<void> {
  const bee = Bee.open(drive.log)
  await bee.sub(utf8('files')).put(utf8(path), utf8(json))
}
