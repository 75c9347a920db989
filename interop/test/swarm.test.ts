/**
 * A folder, shared and cloned over hyperswarm, with a stock process at the other end: corestore 7, hyperdrive 13,
 * hyperswarm 4 on a local DHT.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { open, type Rhino } from '@dat-rhino/sdk'
import { randomBlocks } from './blocks.ts'
import { later, scratch } from './later.ts'
import { type Bootstrap, type FileInfo, Stock } from './stock.ts'

const [small, large] = [randomBlocks(1, 900, 900), randomBlocks(1, 400_000, 400_000, 2)].map(
  ([bytes]) => bytes ?? new Uint8Array(),
) as [Uint8Array, Uint8Array]

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A folder with what folders have. */
function makeFolder(t: TestContext): string {
  const folder = scratch(t)
  mkdirSync(join(folder, 'docs', 'deep'), { recursive: true })
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'docs', 'large.bin'), large)
  writeFileSync(join(folder, 'docs', 'deep', 'run.sh'), small)
  chmodSync(join(folder, 'docs', 'deep', 'run.sh'), 0o755)
  symlinkSync('large.bin', join(folder, 'docs', 'link'))
  return folder
}

async function openRhino(
  t: TestContext,
  bootstrap: readonly Bootstrap[],
  storage: string,
): Promise<Rhino> {
  const rhino = await open({ storage, network: { bootstrap, host: '127.0.0.1' } })
  later(t, () => rhino.close())
  return rhino
}

const byPath = (files: readonly FileInfo[]): Map<string, FileInfo> =>
  new Map(files.map((file) => [file.path, file]))

test('a stock process clones a folder that we share, and sees it change', async (t) => {
  const stock = await Stock.start(t)
  const bootstrap = await stock.do('testnet')
  const folder = makeFolder(t)
  const rhino = await openRhino(t, bootstrap, scratch(t))
  const share = await rhino.share(folder)
  await share.done()

  const { key, discoveryKey } = share.drive
  await stock.do('drive', { name: 'clone', key })
  await stock.do('join', { bootstrap, topic: discoveryKey, server: false })
  await stock.do('version', { name: 'clone', version: share.drive.version })

  const files = byPath(await stock.do('list', { name: 'clone' }))
  assert.deepEqual([...files.keys()].sort(), [
    '/docs/deep/run.sh',
    '/docs/large.bin',
    '/docs/link',
    '/empty',
  ])
  assert.equal(files.get('/docs/large.bin')?.sha256, sha256(large))
  assert.equal(files.get('/docs/deep/run.sh')?.sha256, sha256(small))
  assert.equal(files.get('/docs/deep/run.sh')?.executable, true)
  assert.equal(files.get('/empty')?.bytes, 0)
  assert.notEqual(files.get('/docs/link')?.linkname, null)

  const changed = (async () => {
    for await (const event of share.events()) if (event.type === 'version') return event.version
    return 0
  })()
  writeFileSync(join(folder, 'docs', 'new.bin'), small)
  await stock.do('version', { name: 'clone', version: await changed })

  const now = byPath(await stock.do('list', { name: 'clone' }))
  assert.equal(now.get('/docs/new.bin')?.sha256, sha256(small))
})

test('we clone a folder that a stock process serves, and follow it', async (t) => {
  const stock = await Stock.start(t)
  const bootstrap = await stock.do('testnet')
  const drive = { name: 'drive' }
  const { key, discoveryKey } = await stock.do('drive', drive)
  await stock.do('put', { ...drive, path: '/docs/large.bin', bytes: large })
  await stock.do('put', { ...drive, path: '/run.sh', bytes: small, executable: true })
  await stock.do('put', { ...drive, path: '/empty', bytes: new Uint8Array(0) })
  await stock.do('symlink', { ...drive, path: '/docs/link', target: '/docs/large.bin' })
  await stock.do('write', { ...drive, path: '/map', chunks: [small, large, small], dedup: true })
  await stock.do('join', { bootstrap, topic: discoveryKey, client: false })
  const folder = join(scratch(t), 'clone')
  const rhino = await openRhino(t, bootstrap, scratch(t))

  const clone = await rhino.clone(`hyper://${Buffer.from(key).toString('hex')}`, folder, {
    live: true,
  })
  const events = clone.events()
  const report = await clone.done()

  assert.equal(report.error, undefined)
  const read = (path: string): Uint8Array => readFileSync(join(folder, path))
  assert.equal(sha256(read('docs/large.bin')), sha256(large))
  assert.equal(sha256(read('run.sh')), sha256(small))
  assert.notEqual(lstatSync(join(folder, 'run.sh')).mode & 0o100, 0)
  assert.equal(read('empty').length, 0)
  assert.equal(sha256(read('map')), sha256(Buffer.concat([small, large, small])))
  assert.equal(sha256(read('docs/link')), sha256(large), 'the link leads to the file')
  assert.equal(typeof readlinkSync(join(folder, 'docs', 'link')), 'string')

  const removed = (async () => {
    for await (const event of events) if (event.type === 'file-removed') return event.path
    return ''
  })()
  await stock.do('put', { ...drive, path: '/later', bytes: small })
  await stock.do('del', { ...drive, path: '/map' })

  assert.equal(await removed, '/map')
  assert.equal(existsSync(join(folder, 'map')), false)
  assert.equal(sha256(read('later')), sha256(small))
})

test('an edited clone of a stock drive is not overwritten', async (t) => {
  const stock = await Stock.start(t)
  const bootstrap = await stock.do('testnet')
  const { key, discoveryKey } = await stock.do('drive', { name: 'drive' })
  await stock.do('put', { name: 'drive', path: '/a', bytes: small })
  await stock.do('join', { bootstrap, topic: discoveryKey, client: false })
  const link = Buffer.from(key).toString('hex')
  const folder = join(scratch(t), 'clone')
  const storage = scratch(t)
  const first = await open({ storage, network: { bootstrap, host: '127.0.0.1' } })
  await (await first.clone(link, folder)).done()
  await first.close()

  writeFileSync(join(folder, 'a'), 'mine')
  await stock.do('put', { name: 'drive', path: '/a', bytes: large })
  const rhino = await openRhino(t, bootstrap, storage)
  const report = await (await rhino.clone(link, folder)).done()

  assert.equal(report.conflicts, 1)
  assert.equal(report.error?.code, 'LOCAL_CHANGES')
  assert.equal(readFileSync(join(folder, 'a'), 'utf8'), 'mine')
})

test('peers that died without a word do not keep us from those who live', async (t) => {
  const stock = await Stock.start(t)
  const bootstrap = await stock.do('testnet')
  const { key, discoveryKey } = await stock.do('drive', { name: 'drive' })
  await stock.do('put', { name: 'drive', path: '/a', bytes: small })
  await stock.do('join', { bootstrap, topic: discoveryKey, client: false })
  const dying = await Promise.all(Array.from({ length: 10 }, () => Stock.start(t)))
  await Promise.all(
    dying.map((peer) => peer.do('join', { bootstrap, topic: discoveryKey, client: false })),
  )
  for (const peer of dying) peer.kill()
  const folder = join(scratch(t), 'clone')
  const rhino = await openRhino(t, bootstrap, scratch(t))

  // Attempts to reach a dead peer end after eight seconds. Three at a time, as hyperswarm has it by itself, those
  // who live would have to wait for that.
  const clone = await rhino.clone(Buffer.from(key).toString('hex'), folder, { timeoutMs: 6_000 })
  const report = await clone.done({ timeoutMs: 6_000 })

  assert.equal(report.error, undefined)
  assert.equal(sha256(readFileSync(join(folder, 'a'))), sha256(small))
})
