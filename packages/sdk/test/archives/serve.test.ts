/** Old archives live on: cloned out of their files, taken into a store, and served to others under their own keys. */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { fromHex, hex } from '@dat-rhino/core/bytes/bytes'
import { readHeader } from '@dat-rhino/core/drive/header'
import type { Rhino, ServedFolder } from '../../src/index.ts'
import { connectBytes } from '../../src/platform/node/duplex-bytes.ts'
import { Bed } from '../bed.ts'
import { copyOf, expected, fixture, NO_SECRETS, sha256, stateOf } from '../migrate/bed.ts'
import { DRIVES, type ToldDrive } from './told.ts'

const told = (name: string): ToldDrive =>
  DRIVES.find((drive) => drive.name === name) ?? assert.fail()

/** Files of a folder as the fixture tells them. */
function checkFolder(dir: string, { filesAt, newest }: ToldDrive): void {
  for (const [path, sum] of filesAt.get(newest) ?? []) {
    assert.equal(sha256(readFileSync(join(dir, path))), sum, path)
  }
}

for (const name of ['gen1/beaker', 'gen1/dat-folder', 'gen2/hyperdrive10']) {
  test(`${name} is cloned out of its files, which stay as they were, and the clone is one of its link`, async (t) => {
    const bed = new Bed(t)
    const node = await bed.offline()
    const drive = told(name)
    const dir = bed.folder()
    const before = stateOf(fixture(drive.place))

    const clone = await node.clone(fixture(drive.place), dir, {
      archive: drive.key,
      secretKeys: NO_SECRETS,
    })
    const report = await clone.done()
    await clone.close()

    assert.equal(report.error, undefined)
    checkFolder(dir, drive)
    assert.deepEqual(stateOf(fixture(drive.place)), before)
    await using folder = await node.folder(dir)
    assert.equal(hex(folder.drive.key), drive.key)
    const again = await node.clone(`dat://${drive.key}`, dir)
    assert.equal((await again.done()).unchanged, report.files)
  })
}

test('what is damaged in the files is left out of the clone and named, and the rest is written', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const drive = told('gen1/sleep-multi')
  const files = copyOf(t, drive.place)
  const data = readFileSync(join(files, 'content.data'))
  data[10] = (data[10] ?? 0) ^ 1
  writeFileSync(join(files, 'content.data'), data)
  const dir = bed.folder()

  const clone = await node.clone(files, dir, { secretKeys: NO_SECRETS })
  const report = await clone.done()

  assert.equal(report.skipped, 1)
  assert.ok(isCode(report.error, 'NOT_AVAILABLE'), `${report.error}`)
  const skipped = report.problems.map(({ path }) => path)
  assert.deepEqual(skipped, ['/big.bin'])
  assert.equal(report.added, (drive.filesAt.get(drive.newest)?.size ?? 0) - 1)
})

test('a clone is never written into the files that it is made of', async (t) => {
  const node = await new Bed(t).offline()
  const files = copyOf(t, 'gen1/dat-folder/share')

  for (const dir of [files, join(files, 'sub')]) {
    const cloning = node.clone(files, dir, { secretKeys: NO_SECRETS })
    await assert.rejects(cloning, (error) => isCode(error, 'CONFLICT'))
  }
})

test('an archive that was imported is in the store when the files are gone, read-only unless asked', async (t) => {
  const bed = new Bed(t)
  const storage = bed.folder()
  const drive = told('gen1/beaker')
  const place = fixture(drive.place)
  const first = await bed.offline({ storage })

  const [taken] = await first.import(place, { secretKeys: NO_SECRETS })
  await first.close()
  const second = await bed.offline({ storage })
  const opened = await second.open(`dat://${drive.key}`)

  assert.equal(taken?.key, drive.key)
  assert.deepEqual(
    taken?.logs.map(({ role, report }) => [role, report?.damagedCount]),
    [
      ['metadata', 0],
      ['content', 0],
    ],
  )
  assert.equal(opened.kind, 'drive')
  assert.equal(opened.log.writable, false)
  assert.equal(opened.log.generation.id, 1)
  await opened.close()
  const third = await bed.offline()
  await third.import(place, { secretKeys: NO_SECRETS, writable: true })
  const log = await (await third.corestore()).get({ key: fromHex(drive.key) })
  assert.equal(log.writable, true)
})

/** A node that serves an old folder, for the time of the test. */
async function served(node: Rhino, place: string, announce: boolean): Promise<ServedFolder> {
  const folder = await node.serveFolder(place, {
    port: 0,
    host: '127.0.0.1',
    announce,
    secretKeys: NO_SECRETS,
  })
  await folder.announced
  return folder
}

test('a served archive is cloned from today’s network by its old link', async (t) => {
  const bed = new Bed(t)
  const drive = told('gen1/beaker')
  const folder = await served(await bed.online(), fixture(drive.place), true)
  const dir = bed.folder()

  const clone = await (await bed.online()).clone(`dat://${drive.key}`, dir)
  const report = await clone.done()

  assert.deepEqual(folder.links, [`dat://${drive.key}`])
  assert.equal(report.error, undefined)
  checkFolder(dir, drive)
  await clone.close()
})

test('a served archive is there over TCP, and without being asked nobody is told of it', async (t) => {
  const bed = new Bed(t)
  const drive = told('gen1/beaker')
  const node = await bed.online()
  const folder = await served(node, fixture(drive.place), false)
  const reader = await bed.offline()
  const store = await reader.corestore()
  const key = fromHex(drive.key)
  const log = await store.get({ key, generation: 1 })

  const { host, port } = folder.address ?? assert.fail()
  const bytes = await connectBytes({ host, port })
  store.connectFeeds(bytes, { generation: 1, isInitiator: true })
  const { name } = readHeader(await log.get(0))

  assert.equal(name, 'hyperdrive')
  assert.equal(node.network.port, 0, 'No socket of today’s network was opened.')
  assert.equal(folder.peers.old, 1)
  await folder.close()
  await assert.rejects(connectBytes({ host, port }), (error) => isCode(error, 'NO_PEERS'))
})

test('who stops serving one archive cuts nobody off from another of the same store', async (t) => {
  const bed = new Bed(t)
  const node = await bed.online({ storage: bed.folder() })
  const [one, other] = ['gen1/beaker', 'gen2/hyperdrive10'].map(told)
  const leaving = await served(node, fixture(one?.place ?? ''), false)
  const staying = await served(node, fixture(other?.place ?? ''), false)
  const store = await (await bed.offline()).corestore()
  const { host, port } = staying.address ?? assert.fail()
  const connection = store.connectFeeds(await connectBytes({ host, port }), {
    generation: 2,
    isInitiator: true,
  })
  const log = await store.get({ key: fromHex(other?.key ?? ''), generation: 2 })
  await log.get(0)

  await leaving.close()
  await log.get(1)

  assert.equal(connection.closed, false)
  await staying.close()
  await connection.ended
})

test('a link is inspected by what peers have', async (t) => {
  const bed = new Bed(t)
  const drive = told('gen1/beaker')
  await served(await bed.online(), fixture(drive.place), true)

  const report = await (await bed.online()).inspect(`dat://${drive.key}`)

  assert.ok(report.source === 'link')
  const { metadataLength, contentLength } = expected('gen1/beaker') as never as {
    metadataLength: number
    contentLength: number
  }
  assert.deepEqual([report.kind, report.format, report.generation], ['drive', 'hyperdrive 9', 1])
  assert.deepEqual(
    report.logs.map(({ role, length }) => [role, length]),
    [
      ['metadata', metadataLength],
      ['content', contentLength],
    ],
  )
  assert.equal(report.contents?.files, drive.filesAt.get(drive.newest)?.size)
  assert.equal(report.writable, false)
})

test('what nobody signed is not served, and is told', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const files = copyOf(t, 'gen1/feed-live')
  const signatures = readFileSync(join(files, 'signatures'))
  writeFileSync(join(files, 'signatures'), signatures.fill(1, 32))

  const serving = node.serveFolder(files, { port: false, secretKeys: NO_SECRETS })

  await assert.rejects(serving, (error) => isCode(error, 'CORRUPT_STORE'))
})
