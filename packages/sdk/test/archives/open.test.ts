/** Old archives, opened by a node from where they lie: every fixture opens, lists, and gives what its writer noted. */

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { DriveReader } from '@dat-rhino/core/drive/drive'
import type { Opened, OpenedDrive, Rhino } from '../../src/index.ts'
import { openStored } from '../../src/migrate/open.ts'
import { Bed } from '../bed.ts'
import {
  copyOf,
  filesIn,
  fixture,
  NO_SECRETS,
  readAll,
  STORES,
  sha256,
  stateOf,
} from '../migrate/bed.ts'
import { DRIVES, type ToldDrive } from './told.ts'

/** A signature that no reader accepts: hypercore 10 signs logs of two signers with one of them. */
const UNSIGNED = '24dfa6b396a382ad6adff4bbf59697d57c88891ed6135f0b83c35b26f6670064'

function driveOf(opened: Opened): OpenedDrive {
  return opened.kind === 'drive' ? opened : assert.fail(`It is a ${opened.kind}.`)
}

function openDrive(node: Rhino, place: string, archive: string): Promise<Opened> {
  return node.open(place, { archive, secretKeys: NO_SECRETS })
}

/** Paths of files in the listing of a drive, those of links left out. */
async function listed(drive: DriveReader): Promise<string[]> {
  const found: string[] = []
  for await (const { path, linkname } of drive.list('/')) {
    if (linkname === undefined) found.push(path)
  }
  return found.sort()
}

for (const name of STORES) {
  test(`${name}: each archive opens without being told what it is, and gives the blocks that its files hold`, async (t) => {
    const node = await new Bed(t).offline()
    const before = stateOf(fixture(name))
    const stored = await openStored(fixture(name), { secretKeys: NO_SECRETS })
    t.after(() => stored.close())

    for (const { key, parts } of stored.archives) {
      const [part] = parts
      const opening = openDrive(node, fixture(name), hex(key))
      if (hex(key) === UNSIGNED) {
        await assert.rejects(opening, (error) => isCode(error, 'CORRUPT_STORE'))
        continue
      }
      await using opened = await opening
      const held = part === undefined ? [] : readAll(part.log)
      const got: (string | null)[] = []
      for (const [block, bytes] of held.entries()) {
        got.push(bytes === null ? null : hex(await opened.log.get(block, { raw: true } as never)))
      }
      assert.deepEqual(got, held)
    }

    assert.deepEqual(stateOf(fixture(name)), before)
  })
}

for (const { name, place, key, format, newest, filesAt } of DRIVES) {
  test(`${name}: every file lists and has its sha256 at every version that its writer noted`, async (t) => {
    const node = await new Bed(t).offline()

    await using opened = await openDrive(node, fixture(place), key)
    const { drive } = driveOf(opened)

    assert.equal(drive.format, format)
    assert.equal(drive.version, newest)
    assert.equal(opened.source, 'files')
    for (const [version, files] of filesAt) {
      const view = version === newest ? drive : drive.checkout(version)
      const names = await listed(view)
      for (const [path, sum] of files) {
        assert.ok(names.includes(path), `${path} at ${version}`)
        if (sum === null) {
          await assert.rejects(view.get(path), (error) => isCode(error, 'NOT_AVAILABLE'))
          continue
        }
        assert.equal(
          sha256((await view.get(path)) ?? assert.fail(path)),
          sum,
          `${path} at ${version}`,
        )
      }
    }
  })
}

test('a part of a file comes from the blocks that it stands in', async (t) => {
  const node = await new Bed(t).offline()
  const told = DRIVES.find(({ name }) => name === 'gen1/sleep-multi') ?? assert.fail()
  await using opened = await openDrive(node, fixture(told.place), told.key)
  const { drive } = driveOf(opened)
  const whole = (await drive.get('/big.bin')) ?? assert.fail()
  await using again = await openDrive(node, fixture(told.place), told.key)

  const parts: Uint8Array[] = []
  for await (const part of driveOf(again).drive.read('/big.bin', { start: 66_000, length: 10 })) {
    parts.push(part)
  }

  assert.deepEqual(Buffer.concat(parts), Buffer.from(whole.subarray(66_000, 66_010)))
  assert.equal(driveOf(again).drive.contentLog?.has(2), false)
})

test('only what is read is taken over', async (t) => {
  const node = await new Bed(t).offline()
  const told = DRIVES.find(({ name }) => name === 'gen2/hyperdrive10') ?? assert.fail()
  await using opened = await openDrive(node, fixture(told.place), told.key)
  const { drive } = driveOf(opened)

  await listed(drive)

  assert.equal(drive.contentLog?.info().heldBlocks ?? 0, 0)
})

test('of several archives none is guessed: the error names them, and a beginning of a key is enough', async (t) => {
  const node = await new Bed(t).offline()
  const place = fixture('gen2/hyperdrive10')

  const asked = node.open(place, { secretKeys: NO_SECRETS })

  await assert.rejects(asked, (error) => {
    return isCode(error, 'BAD_ARGUMENT') && /66fb30cdb20f[\s\S]*2c76108a9b1e/.test(error.message)
  })
  await using second = await openDrive(node, place, '2c76')
  await using named = await openDrive(node, place, 'second')
  assert.deepEqual(named.log.key, second.log.key)
  await assert.rejects(openDrive(node, place, 'ffff'), (error) => isCode(error, 'NOT_FOUND'))
})

test('a folder of ours opens too, and what is nothing is told', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const dir = bed.folder()
  writeFileSync(join(dir, 'a'), 'text')
  const share = await node.share(dir, { watch: false })
  await share.done()
  await share.close()

  await using opened = await node.open(dir)

  assert.equal(opened.source, 'folder')
  assert.equal(opened.link, share.link)
  assert.deepEqual(await driveOf(opened).drive.get('/a'), new Uint8Array(Buffer.from('text')))
  await assert.rejects(node.open(bed.folder()), (error) => isCode(error, 'UNSUPPORTED'))
  await assert.rejects(node.open(join(dir, 'none')), (error) => isCode(error, 'NOT_FOUND'))
})

test('what was opened ends with the node', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()
  const opened = await node.open(fixture('gen1/beaker'), { secretKeys: NO_SECRETS })

  await node.close()

  await opened.closed
  await assert.rejects(opened.log.get(0), (error) => isCode(error, 'CLOSED'))
})

// ---- Damage --------------------------------------------------------------------------------------

/** Reads all files of the newest version; which are right, which can't be had, and never a wrong one. */
async function readDamaged(node: Rhino, dir: string, told: ToldDrive): Promise<'same' | 'told'> {
  let opened: Opened
  try {
    opened = await openDrive(node, dir, told.key)
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error && error.code !== 'INVARIANT', `${error}`)
    return 'told'
  }
  await using _closed = opened
  // Without its first block nothing tells that it is a drive.
  if (opened.kind !== 'drive') return 'told'
  const { drive } = opened
  let isSame = drive.version === told.newest
  const view = drive.version > told.newest ? drive.checkout(told.newest) : drive
  for (const [path, sum] of told.filesAt.get(told.newest) ?? []) {
    if (sum === null) continue
    try {
      const bytes = await view.get(path)
      // An older version is a version, too: what is shorter is told by its number.
      if (isSame) assert.equal(bytes && sha256(bytes), sum, path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      isSame = false
    }
  }
  return isSame ? 'same' : 'told'
}

for (const told of DRIVES) {
  test(`${told.name}: of a damaged copy nothing wrong is given, and what is lost is told`, async (t) => {
    const node = await new Bed(t).offline()
    const dir = copyOf(t, told.place)

    for (const name of filesIn(dir)) {
      const path = join(dir, name)
      const whole = readFileSync(path)
      if (whole.length === 0) continue
      const bent = Buffer.from(whole)
      bent[whole.length >> 1] = (bent[whole.length >> 1] ?? 0) ^ 0x10
      for (const bytes of [bent, whole.subarray(0, whole.length >> 1), undefined]) {
        if (bytes === undefined) rmSync(path)
        else writeFileSync(path, bytes)

        const read = await readDamaged(node, dir, told)

        if (read === 'told') {
          const { found, archives, problems } = await inspected(node, dir)
          const isTold = archives.some(({ isComplete }) => !isComplete) || problems.length > 0
          assert.ok(isTold || archives.length === 0 || found.kind === 'folder', name)
        }
      }
      writeFileSync(path, whole)
    }
  })
}

async function inspected(
  node: Rhino,
  dir: string,
): Promise<
  Pick<
    Awaited<ReturnType<Rhino['inspect']>> & { source: 'files' },
    'found' | 'archives' | 'problems'
  >
> {
  const report = await node.inspect(dir, { secretKeys: NO_SECRETS })
  return report.source === 'files' ? report : assert.fail()
}
