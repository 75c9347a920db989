/**
 * Drives out of old files: each opens by its key alone, lists, and gives the bytes that its writer saw, at every version
 * that the fixture tells of.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { fromHex, fromUtf8, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Drive, DriveReader } from '@dat-rhino/core/drive/drive'
import { openDrive } from '@dat-rhino/core/drive/open'
import { Bee } from '@dat-rhino/core/index/bee'
import { adopt } from '@dat-rhino/core/log/adopt'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import type { StoredPart } from '../../src/migrate/types.ts'
import { expected, fixture, opened, partsOf } from './bed.ts'

/** A store of ours with all that can be proved of the logs in old files. */
async function adopted(
  t: Parameters<typeof opened>[0],
  where: string,
  isWanted: (part: StoredPart) => boolean = () => true,
): Promise<Corestore> {
  const stored = await opened(t, where)
  const store = await Corestore.open({ store: openMemoryStore() })
  t.after(() => store.close())
  for (const { log } of partsOf(stored).filter(isWanted)) {
    const { key, generation } = log
    const handle = await store.get({ key, generation })
    await adopt(handle.replica, log)
    await handle.close()
  }
  return store
}

interface ToldFile {
  readonly size: number
  readonly mode: number
  readonly mtime: number
  readonly sha256: string | null
}

interface ToldChange {
  readonly version: number
  readonly type: string
  readonly path: string
  readonly stat: { readonly mode: number; readonly size: number } | null
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Without anybody to ask: what is not here fails at once. */
const HERE = { timeoutMs: 50 }

async function checkFiles(drive: DriveReader, files: Record<string, ToldFile>): Promise<void> {
  const listed: string[] = []
  for await (const { path, invalid } of drive.list('/')) {
    assert.equal(invalid, undefined, path)
    listed.push(path)
  }
  assert.deepEqual(listed.sort(), Object.keys(files).sort())
  for (const [path, told] of Object.entries(files)) {
    const stat = await drive.stat(path)
    assert.deepEqual(
      [stat?.size, stat?.mode, stat?.mtimeMs],
      [told.size, told.mode, told.mtime],
      path,
    )
    assert.equal(await drive.has(path), told.sha256 !== null, path)
    if (told.sha256 !== null) {
      assert.equal(sha256((await drive.get(path, HERE)) ?? utf8('?')), told.sha256, path)
    }
  }
}

/** The fixtures of hyperdrive 9: where their files are, and where it is told what they hold. */
const TREES: readonly (readonly [string, string])[] = [
  ['gen1/beaker', 'gen1/beaker'],
  ['gen1/beaker-indexed', 'gen1/beaker-indexed'],
  ['gen1/dat-folder/share', 'gen1/dat-folder'],
  ['gen1/dat-clone/share', 'gen1/dat-clone'],
  ['gen1/sleep-multi/sleep', 'gen1/sleep-multi'],
]

for (const [place, name] of TREES) {
  test(`${name}: a drive of hyperdrive 9 gives every file at every version, and its history`, async (t) => {
    const told: {
      readonly key: string
      readonly contentKey: string
      readonly version: number
      readonly history: readonly ToldChange[]
      readonly filesAt: Record<string, Record<string, ToldFile>>
    } = expected(name) as never
    const store = await adopted(t, fixture(place))

    const drive = await openDrive({ store, key: fromHex(told.key), generation: 'unknown' })

    assert.equal(drive.format, 'hyperdrive 9')
    assert.equal(drive.version, told.version)
    for (const [version, files] of Object.entries(told.filesAt)) {
      await checkFiles(version === 'latest' ? drive : drive.checkout(Number(version)), files)
    }
    const history: unknown[] = []
    for await (const { version, path, entry } of drive.history()) {
      const stat = entry && { mode: entry.stat.mode, size: entry.stat.size }
      history.push({ version, type: entry === undefined ? 'del' : 'put', path, stat: stat ?? null })
    }
    const changes = told.history.map(({ version, type, path, stat }) => {
      return { version, type, path, stat: stat && { mode: stat.mode, size: stat.size } }
    })
    assert.deepEqual(history, changes)
    await drive.close()
  })
}

test('gen2/hyperdrive10: a drive of hyperdrive 10 gives every file at every version, mounts included', async (t) => {
  interface ToldStat {
    readonly mode: string
    readonly linkname: string | null
    readonly sha256?: string
  }
  const told: {
    readonly A: { readonly metadataKey: string; readonly version: number }
    readonly latest: Record<string, ToldStat>
    readonly checkouts: Record<string, Record<string, ToldStat>>
  } = expected('gen2/hyperdrive10') as never
  const store = await adopted(t, fixture('gen2/hyperdrive10'))

  const key = fromHex(told.A.metadataKey)
  const drive: Drive = await openDrive({ store, key, generation: 'unknown' })

  assert.equal(drive.format, 'hyperdrive 10')
  assert.equal(drive.version, told.A.version)
  const versions: [string, Record<string, ToldStat>][] = Object.entries({
    ...told.checkouts,
    [told.A.version]: told.latest,
  })
  for (const [version, paths] of versions) {
    const view = drive.checkout(Number(version))
    for (const [path, { mode, linkname, sha256: sum }] of Object.entries(paths)) {
      const stat = await view.stat(path, { follow: false })
      assert.equal(stat?.kind === 'folder', mode.startsWith('04'), path)
      if (!mode.startsWith('04')) assert.equal(stat?.mode, Number.parseInt(mode, 8), path)
      assert.equal((await view.entry(path))?.linkname ?? null, linkname, path)
      if (sum !== undefined && linkname === null) {
        assert.equal(
          sha256((await view.get(path, HERE)) ?? utf8('?')),
          sum,
          `${path} at ${version}`,
        )
      }
    }
    const listed: string[] = []
    for await (const { path, invalid } of view.list('/')) {
      assert.equal(invalid, undefined, path)
      listed.push(path)
    }
    const files = Object.keys(paths).filter((path) => !paths[path]?.mode.startsWith('04'))
    assert.deepEqual(listed.sort(), files.sort(), version)
  }
  await drive.close()
})

test('gen2/hyperdrive10: a drive that is mounted in another one opens by its own key too', async (t) => {
  const told: {
    readonly B: { readonly metadataKey: string; readonly version: number }
    readonly latest: Record<string, { readonly sha256?: string }>
  } = expected('gen2/hyperdrive10') as never
  const store = await adopted(t, fixture('gen2/hyperdrive10'))

  const key = fromHex(told.B.metadataKey)
  const drive = await openDrive({ store, key, generation: 'unknown' })

  assert.equal(drive.version, told.B.version)
  const seen: [string, string][] = []
  for await (const { path } of drive.list('/')) {
    seen.push([`/mnt/b${path}`, sha256((await drive.get(path, HERE)) ?? utf8('?'))])
  }
  const sums = Object.entries(told.latest).flatMap(([path, { sha256: sum }]) =>
    path.startsWith('/mnt/b/') && sum !== undefined ? [[path, sum]] : [],
  )
  assert.deepEqual(seen.sort(), sums.sort())
  await drive.close()
})

test('gen3/corestore6: drives of hyperdrive 11 give every file, whichever way their content log is found', async (t) => {
  interface ToldDrive {
    readonly key: string
    readonly contentKey: string
    readonly version: number
    readonly files: readonly {
      readonly path: string
      readonly linkname: string | null
      readonly sha256: string | null
    }[]
  }
  const told: { readonly corestore6: { readonly drives: readonly ToldDrive[] } } = expected(
    'gen3',
  ) as never
  const { drives } = told.corestore6
  const logs = new Set(drives.flatMap(({ key, contentKey }) => [key, contentKey]))
  const isOfDrive = ({ log }: StoredPart): boolean => logs.has(hex(log.key))
  const store = await adopted(t, fixture('gen3/corestore6'), isOfDrive)

  for (const { key, version, files } of drives) {
    const drive = await openDrive({ store, key: fromHex(key), generation: 'unknown' })

    assert.equal(drive.format, 'hyperdrive 13')
    assert.equal(drive.version, version)
    const listed: string[] = []
    for await (const { path } of drive.list('/')) listed.push(path)
    assert.deepEqual(listed.sort(), files.map(({ path }) => path).sort())
    for (const { path, linkname, sha256: sum } of files) {
      assert.equal((await drive.entry(path))?.linkname ?? null, linkname, path)
      if (sum !== null) assert.equal(sha256((await drive.get(path, HERE)) ?? utf8('?')), sum, path)
    }
    await drive.close()
  }
})

test('gen3/corestore6: a bee gives every entry that its writer saw', async (t) => {
  const told: {
    readonly corestore6: {
      readonly bees: readonly {
        readonly version: number
        readonly entries: readonly (readonly [number, string, string])[]
      }[]
    }
  } = expected('gen3') as never
  const [bee] = told.corestore6.bees
  assert.ok(bee !== undefined)
  const isBee = ({ name }: StoredPart): boolean => name === 'bee'
  const store = await adopted(t, fixture('gen3/corestore6'), isBee)
  const [key] = (await store.list()).map((log) => log.key)

  const log = await store.get({ key: key ?? assert.fail() })
  const entries: unknown[] = []
  const reader = Bee.open(log)
  for await (const { seq, key: name, value } of reader.entries()) {
    entries.push([seq, fromUtf8(name), fromUtf8(value ?? assert.fail())])
  }

  assert.equal(log.length, bee.version)
  assert.deepEqual(entries, bee.entries)
  await reader.close()
})
