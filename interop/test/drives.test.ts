/**
 * Drives: ours and hyperdrive 13 at two ends of a TCP connection, with everything that a row can say.
 *
 * Files are compared by what is in them. How blocks are cut is the writer's choice, so readers must take any.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import { randomBlocks } from './blocks.ts'
import { type Node, openNode } from './ours.ts'
import { type FileInfo, Stock } from './stock.ts'

const NAME = 'drive'
const KEY = new Uint8Array(32).fill(5)

const joined = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What the stock drives below hold; `dup` shares all but its end with an older version of itself. */
const uneven = [1, 100_000, 70_000, 3].flatMap((size, i) => randomBlocks(1, size, size, i + 1))
const big = joined(randomBlocks(1, 300_000, 300_000, 9))
const pieces = randomBlocks(12, 9_000, 20_000, 10)

async function fillStock(stock: Stock): Promise<void> {
  const at = { name: NAME }
  await stock.do('put', { ...at, path: '/empty', bytes: new Uint8Array(0) })
  await stock.do('put', { ...at, path: '/docs/run.sh', bytes: pieces[0] ?? big, executable: true })
  await stock.do('put', { ...at, path: '/docs/big.bin', bytes: big, metadata: { size: 'big' } })
  await stock.do('write', { ...at, path: '/uneven', chunks: uneven })
  await stock.do('write', { ...at, path: '/dup', chunks: pieces.slice(0, 10), dedup: true })
  await stock.do('write', { ...at, path: '/dup', chunks: pieces, dedup: true })
  await stock.do('symlink', { ...at, path: '/docs/link', target: '/docs/big.bin' })
  await stock.do('put', { ...at, path: '/gone', bytes: big })
  await stock.do('del', { ...at, path: '/gone' })
}

async function fillOurs(drive: BeeDrive): Promise<void> {
  await drive.put('/empty', new Uint8Array(0))
  await drive.put('/docs/run.sh', pieces[0] ?? big, { executable: true })
  await drive.put('/docs/big.bin', big, { metadata: { size: 'big' } })
  await drive.put('/uneven', chunks(uneven))
  await drive.put('/dup', joined(pieces))
  await drive.symlink('/docs/link', '/docs/big.bin')
  await drive.put('/gone', big)
  await drive.del('/gone')
}

async function* chunks(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts
}

/** All files of ours, told as a stock peer tells them. */
async function listOurs(drive: BeeDrive): Promise<FileInfo[]> {
  const files: FileInfo[] = []
  for await (const entry of drive.list('/')) {
    const bytes = entry.linkname === undefined ? await drive.get(entry) : undefined
    files.push({
      path: entry.path,
      linkname: entry.linkname ?? null,
      executable: entry.executable,
      metadata: entry.metadata,
      bytes: bytes?.length ?? -1,
      sha256: bytes === undefined ? '' : sha256(bytes),
    })
  }
  return files
}

function check(files: readonly FileInfo[]): void {
  const expected = new Map<string, Uint8Array>([
    ['/docs/big.bin', big],
    ['/docs/run.sh', pieces[0] ?? big],
    ['/dup', joined(pieces)],
    ['/empty', new Uint8Array(0)],
    ['/uneven', joined(uneven)],
  ])
  assert.deepEqual(
    files.map(({ path }) => path),
    ['/docs/big.bin', '/docs/link', '/docs/run.sh', '/dup', '/empty', '/uneven'],
  )
  for (const { path, sha256: found, linkname } of files) {
    const bytes = expected.get(path)
    assert.equal(found, bytes === undefined ? '' : sha256(bytes), path)
    assert.equal(linkname, path === '/docs/link' ? '/docs/big.bin' : null, path)
  }
  assert.equal(files.find(({ path }) => path === '/docs/run.sh')?.executable, true)
  assert.deepEqual(files.find(({ path }) => path === '/docs/big.bin')?.metadata, { size: 'big' })
}

async function read(drive: BeeDrive, path: string, start: number, length: number): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of drive.read(path, { start, length })) parts.push(part)
  return sha256(joined(parts))
}

async function both(t: TestContext): Promise<{ stock: Stock; node: Node }> {
  return { stock: await Stock.start(t), node: await openNode(t) }
}

for (const encryptionKey of [undefined, KEY]) {
  const secret = encryptionKey === undefined ? {} : { encryptionKey }
  const what = encryptionKey === undefined ? 'drive' : 'encrypted drive'

  test(`ours reads every kind of file of a stock ${what}`, async (t) => {
    const { stock, node } = await both(t)
    const { key } = await stock.do('drive', { name: NAME, ...secret })
    await fillStock(stock)
    const drive = await BeeDrive.open({ store: node.corestore, key, ...secret })

    await node.connect(await stock.do('listen', {}))
    await drive.update()

    check(await listOurs(drive))
    for (const path of ['/uneven', '/dup', '/docs/big.bin']) {
      const part = await stock.do('read', { name: NAME, path, start: 99_990, length: 20_000 })
      assert.equal(await read(drive, path, 99_990, 20_000), sha256(part), path)
    }
  })

  test(`a stock peer reads every kind of file of our ${what}`, async (t) => {
    const { stock, node } = await both(t)
    const drive = await BeeDrive.open({ store: node.corestore, namespace: NAME, ...secret })
    await fillOurs(drive)
    await stock.do('drive', { name: NAME, key: drive.key, ...secret })

    await stock.do('connect', { port: await node.listen() })
    await stock.do('version', { name: NAME, version: drive.version })

    check(await stock.do('list', { name: NAME }))
    const part = await stock.do('read', {
      name: NAME,
      path: '/uneven',
      start: 99_990,
      length: 20_000,
    })
    assert.equal(sha256(part), sha256(joined(uneven).subarray(99_990, 119_990)))
  })
}

test('a wrong encryption key is told, not read as something else', async (t) => {
  const { stock, node } = await both(t)
  const { key } = await stock.do('drive', { name: NAME, encryptionKey: KEY })
  await fillStock(stock)
  const encryptionKey = new Uint8Array(32).fill(6)
  const drive = await BeeDrive.open({ store: node.corestore, key, encryptionKey })

  await node.connect(await stock.do('listen', {}))

  await assert.rejects(async () => {
    await drive.update()
    await listOurs(drive)
  }, /encrypt/i)
})

test('changes of a stock drive arrive while it is watched', async (t) => {
  const { stock, node } = await both(t)
  const { key } = await stock.do('drive', { name: NAME })
  await stock.do('put', { name: NAME, path: '/a', bytes: big })
  const drive = await BeeDrive.open({ store: node.corestore, key })
  await node.connect(await stock.do('listen', {}))
  await drive.update()
  const abort = new AbortController()
  const changes = drive.watch({ signal: abort.signal })[Symbol.asyncIterator]()
  const change = changes.next()

  await stock.do('put', { name: NAME, path: '/b', bytes: pieces[1] ?? big })

  assert.equal((await change).done, false)
  assert.deepEqual(await drive.get('/b'), new Uint8Array(pieces[1] ?? big))
  abort.abort()
})
