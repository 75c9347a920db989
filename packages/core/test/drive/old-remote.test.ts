/** Old drives between nodes of today: found by their key alone, read, followed, and fetched again. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import type { Drive } from '../../src/drive/drive.ts'
import { openDrive } from '../../src/drive/open.ts'
import { newTrieDrive, trieKeys, trieStore, trieVector } from './old-support.ts'
import { collect, connect, openStore, sha256, text } from './support.ts'

const WAIT = { timeoutMs: 10_000 }

/** Timers of logs keep no process alive, and here nothing else may be left while one is waited for. */
function stayAwake(t: TestContext): void {
  const timer = setInterval(() => undefined, 1_000)
  t.after(() => clearInterval(timer))
}

test('the drive of the vectors is fetched through its mounts by somebody who knows its key alone', async (t) => {
  stayAwake(t)
  const theirs = await trieStore()
  for (const name of ['metadata', 'content', 'mountedMetadata', 'mountedContent', 'log'] as const) {
    await theirs.get({ key: trieKeys(name).publicKey })
  }
  const store = await openStore()
  connect(theirs, store)
  const { publicKey: key } = trieKeys('metadata')

  const drive = await openDrive({ store, key, generation: 'unknown', wait: WAIT })
  await drive.update(WAIT)
  const download = drive.download('/')
  await download.done(WAIT)

  assert.equal(drive.format, 'hyperdrive 10')
  assert.equal(drive.log.generation.id, 2)
  assert.equal(drive.writable, false)
  const files = Object.entries(trieVector.latest).filter(([, { sha256 }]) => sha256 !== undefined)
  for (const [path, { sha256: expected }] of files) {
    assert.equal(sha256((await drive.get(path)) ?? utf8('?')), expected, path)
  }
  const { files: count, filesDone, bytes, bytesDone } = download.progress
  assert.deepEqual([count, bytes], [filesDone, bytesDone])
  assert.equal(count, files.length)
  await Promise.all([theirs.close(), store.close()])
})

test('a reader follows a drive of a stranger, and does not write into it nor into what is mounted', async (t) => {
  stayAwake(t)
  const [ours, theirs] = [await openStore(), await openStore()]
  const mine = await newTrieDrive({ store: theirs })
  const inner = await newTrieDrive({ store: theirs, keyPair: theirs.keyPair('inner') })
  await inner.put('/file', utf8('inner'))
  await mine.mount('/in', inner.key)
  connect(ours, theirs)
  const reader: Drive = await openDrive({ store: ours, key: mine.key, generation: 2, wait: WAIT })
  await reader.update(WAIT)
  const steps = reader.watch()[Symbol.asyncIterator]()
  const next = steps.next()

  await mine.put('/late', utf8('late'))

  const { value } = await next
  const changed = await collect(reader.diff(value?.previousVersion ?? 0))
  assert.deepEqual(
    changed.map(({ path }) => path),
    ['/late'],
  )
  assert.equal(text(await reader.get('/late')), 'late')
  assert.equal(text(await reader.get('/in/file')), 'inner')
  for (const path of ['/x', '/in/x']) {
    await assert.rejects(reader.put(path, utf8('x')), (e) => isCode(e, 'NOT_WRITABLE'))
  }
  await reader.clear('/in')
  assert.equal(await reader.has('/in/file'), false)
  const entries = await collect(reader.list('/'))
  const downloads = reader.fetch(entries)
  await Promise.all(downloads.map((download) => download.done(WAIT)))
  assert.equal(await reader.has('/in/file'), true)
  await Promise.all([ours.close(), theirs.close()])
})

test('a mounted drive that nobody has is told in the listing, and the rest is listed', async (t) => {
  stayAwake(t)
  const [ours, theirs] = [await openStore(), await openStore()]
  const mine = await newTrieDrive({ store: theirs })
  const lost = await newTrieDrive()
  await mine.mount('/lost', lost.key)
  await mine.put('/file', utf8('file'))
  connect(ours, theirs)
  const reader = await openDrive({ store: ours, key: mine.key, generation: 2, wait: WAIT })
  await reader.update(WAIT)

  const entries = await collect(reader.list('/', { timeoutMs: 300 }))

  const told = entries.map(({ path, invalid }) => `${path} ${invalid === undefined}`)
  assert.deepEqual(told, ['/file true', '/lost false'])
  assert.equal(text(await reader.get('/file')), 'file')
  await Promise.all([ours.close(), theirs.close()])
})
