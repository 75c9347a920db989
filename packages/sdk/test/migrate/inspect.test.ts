/** What an inspection tells: whose, how complete, what is damaged, and what can be done. */

import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { INSPECT_RANGES_MAX } from '@dat-rhino/core/base/limits'
import { auditLog } from '../../src/migrate/audit.ts'
import { inspect } from '../../src/migrate/inspect.ts'
import type { ArchiveInspection, InspectOptions } from '../../src/migrate/types.ts'
import { tempFolder } from '../temp.ts'
import { copyOf, expected, fixture, NO_SECRETS } from './bed.ts'

async function only(path: string, options: InspectOptions = {}): Promise<ArchiveInspection> {
  const { archives } = await inspect(path, { secretKeys: NO_SECRETS, ...options })
  assert.equal(archives.length, 1)
  return archives[0] ?? assert.fail()
}

test('an archive that is whole and owned can be read, served, continued and migrated', async () => {
  const archive = await only(fixture('gen1/sleep-multi/sleep'))
  const said = expected('gen1/sleep-multi')

  assert.equal(archive.key, said['key'])
  assert.equal(archive.link, `dat://${said['key']}`)
  assert.equal(archive.version, said['version'])
  assert.equal(archive.ownership, 'owned')
  assert.ok(archive.isComplete)
  assert.deepEqual([...archive.possible].sort(), [
    'continue',
    'migrate-new-key',
    'migrate-same-key',
    'read',
    'serve',
  ])
})

test('a copy can be read, served and published under a new key, and nothing else', async () => {
  const archive = await only(fixture('gen1/dat-clone/share'))

  assert.equal(archive.ownership, 'copy')
  assert.deepEqual([...archive.possible].sort(), ['migrate-new-key', 'read', 'serve'])
})

test('the owner without the secret key is told apart from whoever has a copy', async () => {
  const share = fixture('gen1/dat-folder/share')
  const secretKeys = fixture('gen1/dat-folder/home/.dat/secret_keys')

  assert.equal((await only(share)).ownership, 'owner-without-secret')
  assert.equal((await only(share, { secretKeys })).ownership, 'owned')
})

test('what is missing is told in ranges, and in blocks and bytes that are there', async () => {
  const [log] = (await only(fixture('gen2/hypercore9-cleared'))).logs

  assert.equal(log?.length, 40)
  assert.deepEqual(log?.missing, [
    [10, 20],
    [39, 40],
  ])
  assert.equal(log?.missingCount, 11)
  assert.equal(log?.blocks, 29)
  assert.equal(log?.byteLength, expected('gen2/hypercore9-cleared')['byteLength'])
})

test('edited files are listed once each', async (t) => {
  const dir = copyOf(t, 'gen1/dat-folder/share')
  truncateSync(join(dir, 'image.bin'), 70_000)
  writeFileSync(join(dir, 'dat.json'), '{}')

  const archive = await only(dir)

  assert.deepEqual(archive.edited.toSorted(), [join(dir, 'dat.json'), join(dir, 'image.bin')])
  assert.equal(archive.isComplete, false)
})

test('a block, a node and a signature that were altered are each counted as what they are', async (t) => {
  const alter = async (file: string, at: number) => {
    const dir = copyOf(t, 'gen1/feed-live')
    const bytes = readFileSync(join(dir, file))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(join(dir, file), bytes)
    return (await only(dir)).logs[0] ?? assert.fail()
  }

  const block = await alter('data', 1)
  const leaf = await alter('tree', 32)
  const older = await alter('signatures', 32)
  const newest = await alter('signatures', 32 + 64 * 5)

  assert.deepEqual(block.damaged, [{ block: 1, reason: 'hash' }])
  assert.deepEqual([leaf.damagedNodes, leaf.damagedCount], [1, 1])
  assert.deepEqual([older.wrongSignatures, older.signedLength], [1, 6])
  assert.deepEqual([newest.wrongSignatures, newest.signedLength], [1, 3])
})

test('where the bitfield lost the newest blocks, the signed tree says how long the log is', async (t) => {
  const dir = copyOf(t, 'gen1/feed-live')
  const bytes = readFileSync(join(dir, 'bitfield'))
  bytes.fill(0, 32)
  writeFileSync(join(dir, 'bitfield'), bytes)

  const [log] = (await only(dir)).logs

  assert.equal(log?.length, 6)
  assert.deepEqual(
    log?.problems.map(({ kind }) => kind),
    ['inconsistent'],
  )
})

test('a lost bitfield is made up for: blocks that fit their leaves are held', async (t) => {
  const dir = copyOf(t, 'gen2/hypercore9-cleared')
  truncateSync(join(dir, 'bitfield'), 32)

  const [log] = (await only(dir)).logs

  assert.equal(log?.length, 40)
  assert.equal(log?.damagedCount, 0)
  // Blocks 10 to 19 were cleared, but their bytes never left the file.
  assert.deepEqual(log?.missing, [[39, 40]])
})

test('an oplog that was torn, and whatever was written behind it, is told', async (t) => {
  const dir = copyOf(t, 'gen3/hypercore10-header0')
  appendFileSync(join(dir, 'oplog'), 'torn')

  const [log] = (await only(dir)).logs

  assert.equal(log?.length, 8)
  assert.deepEqual(
    log?.problems.map(({ kind }) => kind),
    ['cut'],
  )
})

test('an inspection is plain data, holds no secret key, and tells its progress', async () => {
  const progress: [number, number][] = []
  const inspection = await inspect(fixture('gen2/corestore5'), {
    secretKeys: NO_SECRETS,
    onProgress: (done, total) => progress.push([done, total]),
  })
  const text = JSON.stringify(inspection)

  assert.equal(JSON.stringify(JSON.parse(text)), text)
  assert.equal(JSON.parse(text).archives.length, 9)
  assert.deepEqual(progress.at(-1), [12, 12])
  const masterKey: string = expected('gen2/corestore5')['masterKey'] ?? assert.fail()
  assert.ok(!text.includes(masterKey))
  assert.ok(inspection.archives.some(({ ownership }) => ownership === 'owned'))
})

test('an inspection can be aborted', async () => {
  const signal = AbortSignal.abort()
  const path = fixture('gen2/hyperdrive10')

  await assert.rejects(inspect(path, { signal }), (error) => isCode(error, 'ABORTED'))
})

test('what is no old store is told without an error', async (t) => {
  const { found, archives } = await inspect(tempFolder(t))

  assert.equal(found.kind, 'nothing')
  assert.deepEqual(archives, [])
})

test('of very many gaps and damaged blocks the first are listed, and all are counted', async () => {
  for (const more of [0, 1]) {
    const count = INSPECT_RANGES_MAX + more
    const log = {
      generation: 3,
      key: new Uint8Array(32),
      secretKey: undefined,
      length: 2 * count,
      fork: 0,
      manifest: undefined,
      has: (block: number) => block % 2 === 0,
      block: () => undefined,
      node: () => undefined,
      signature: () => undefined,
      close: () => {},
    } as const

    const audit = await auditLog(log)

    assert.equal(audit.missingCount, count)
    assert.equal(audit.damagedCount, count)
    assert.equal(audit.missing.length, INSPECT_RANGES_MAX)
    assert.equal(audit.damaged.length, INSPECT_RANGES_MAX)
    assert.deepEqual([audit.byteLength, audit.signedLength], [undefined, 0])
  }
})
