/**
 * The node itself: drives, bees and logs by link, its stores, its network, its end.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { fromUtf8, utf8 } from '@dat-rhino/core/bytes/bytes'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import { Bee } from '@dat-rhino/core/index/bee'
import { open } from '../src/index.ts'
import { Bed } from './bed.ts'
import { writeTree } from './temp.ts'

const NOBODY = `hyper://${'5a'.repeat(32)}`

test('a drive is read by its link, without a folder', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: 'content', 'b/c': '' })
  const share = await (await bed.online()).share(dir)
  await share.done()
  const node = await bed.online()

  const drive = await node.drive(share.link)

  const paths: string[] = []
  for await (const { path } of drive.list('/')) paths.push(path)
  assert.deepEqual(paths, ['/a', '/b/c'])
  assert.equal(fromUtf8((await drive.get('/a')) ?? assert.fail()), 'content')
  assert.equal(await drive.get('/nothing'), undefined)
})

test('a log and a bee are read by their links', async (t) => {
  const bed = new Bed(t)
  const owner = await bed.online()
  const store = await owner.corestore()
  const log = await store.get({ name: 'log' })
  await log.append([utf8('one'), utf8('two')])
  const bee = Bee.open(await store.get({ name: 'bee' }))
  await bee.put(utf8('key'), utf8('value'))
  const links = [log.key, bee.log.key].map((key) => formatLink({ key }))
  await owner.log(links[0] ?? '')
  await owner.bee(links[1] ?? '')
  const node = await bed.online()

  const remoteLog = await node.log(links[0] ?? '')
  const remoteBee = await node.bee(links[1] ?? '')

  assert.equal(remoteLog.length, 2)
  assert.equal(fromUtf8(await remoteLog.get(1)), 'two')
  const entry = await remoteBee.get(utf8('key'))
  assert.equal(fromUtf8(entry?.value ?? assert.fail()), 'value')
})

test('an encrypted drive is read with its key, and without it says what is the matter', async (t) => {
  const bed = new Bed(t)
  const owner = await bed.online()
  const encryptionKey = new Uint8Array(32).fill(7)
  const drive = await BeeDrive.open({ store: await owner.corestore(), encryptionKey })
  await drive.put('/secret', utf8('content'))
  const link = formatLink({ key: drive.key })
  await owner.drive(link, { encryptionKey })
  const [reader, stranger] = [await bed.online(), await bed.online()]

  const opened = await reader.drive(link, { encryptionKey })

  assert.equal(fromUtf8((await opened.get('/secret')) ?? assert.fail()), 'content')
  await assert.rejects(stranger.drive(link), (e) => isCode(e, 'UNSUPPORTED'))
})

test('what nobody serves is told apart from what is no link', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  const wait = { timeoutMs: 300 }

  await assert.rejects(node.drive(NOBODY, wait), (e) => isCode(e, 'NO_PEERS'))
  await assert.rejects(node.bee(NOBODY, wait), (e) => isCode(e, 'NO_PEERS'))
  await assert.rejects(node.log(NOBODY, wait), (e) => isCode(e, 'NO_PEERS'))
  await assert.rejects(node.drive('dat://nonsense', wait), (e) => isCode(e, 'BAD_LINK'))
})

test('a wait ends when its signal fires', async (t) => {
  const node = await new Bed(t).online()
  const abort = new AbortController()

  const opening = node.drive(NOBODY, { signal: abort.signal })
  setImmediate(() => abort.abort())

  await assert.rejects(opening, (e) => isCode(e, 'ABORTED'))
})

test('offline, waits end at once and no socket is opened', async (t) => {
  const node = await new Bed(t).offline()

  await assert.rejects(node.log(NOBODY), (e) => isCode(e, 'NO_PEERS'))

  assert.deepEqual([node.network.offline, node.network.port], [true, 0])
})

test('no socket is opened before something needs one', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online()
  assert.equal(node.network.port, 0)

  await node.share(bed.folder())

  assert.notEqual(node.network.port, 0)
  assert.equal(node.network.host, '127.0.0.1')
})

test('who does not announce reads, and is not found', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1' })
  const owner = await bed.online()
  const share = await owner.share(dir)
  await share.done()
  const quiet = await bed.online({ network: { ...(await bed.network()), announce: false } })
  await (await quiet.clone(share.link, join(bed.folder(), 'x'), { live: true })).done()
  await owner.close()

  const other = await bed.online()

  await assert.rejects(other.drive(share.link, { timeoutMs: 500 }), (e) => isCode(e, 'NO_PEERS'))
})

test('a clone serves what it has when the owner is gone', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1', 'b/c': '2' })
  const owner = await bed.online()
  const share = await owner.share(dir)
  await share.done()
  const middle = await bed.online()
  await (await middle.clone(share.link, join(bed.folder(), 'x'), { live: true })).done()
  await owner.close()

  const last = await (await bed.online()).clone(share.link, join(bed.folder(), 'y'))

  assert.equal((await last.done()).added, 2)
})

test('a device is known to its peers by the same key each time', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1' })
  const owner = await bed.online()
  const share = await owner.share(dir)
  await share.done()
  const target = join(bed.folder(), 'x')
  const keys: (string | undefined)[] = []

  for (let i = 0; i < 2; i++) {
    const node = await bed.online()
    await (await node.clone(share.link, target)).done()
    keys.push(node.network.peers[0]?.key, owner.network.peers[0]?.key)
    await node.close()
  }

  assert.equal(keys[0], keys[2])
  assert.equal(keys[1], keys[3])
  assert.match(keys[1] ?? '', /^[0-9a-f]{64}$/)
})

test('a storage that cannot be opened is told at once', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeFileSync(join(dir, 'file'), '')
  await bed.offline({ storage: join(dir, 'held') })

  await assert.rejects(open({ storage: join(dir, 'file') }), (e) => isCode(e, 'CONFLICT'))
  await assert.rejects(open({ storage: join(dir, 'held') }), (e) => isCode(e, 'STORE_LOCKED'))
  const readOnly = { storage: join(dir, 'none'), readOnly: true }
  await assert.rejects(open(readOnly), (e) => isCode(e, 'NOT_FOUND'))
})

test('a node that is closed opens nothing, and closing it again is no error', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const dir = bed.folder()
  await node.share(dir)

  await Promise.all([node.close(), node.close()])

  await assert.rejects(node.share(dir), (e) => isCode(e, 'CLOSED'))
})

test('a wrong bootstrap address is the caller’s fault', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline({ network: { bootstrap: ['127.0.0.1'] } })

  await assert.rejects(node.log(NOBODY), (e) => isCode(e, 'BAD_ARGUMENT'))
})

test('a node gives every store of its own the quota that it was opened with', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: 'x'.repeat(100_000) })
  const node = await open({ network: false, storage: bed.folder(), quotaBytes: 50_000 })
  const log = await (await node.corestore()).get({ name: 'log' })
  const share = await node.share(dir, { watch: false })

  await assert.rejects(log.append(new Uint8Array(60_000)), { code: 'STORE_FULL' })
  await assert.rejects(share.done(), { code: 'STORE_FULL' })
  await node.close()
})
