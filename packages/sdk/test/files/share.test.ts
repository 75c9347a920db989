/**
 * Sharing a folder, without a network: what is in the drive afterwards, and what was done for it.
 */

import assert from 'node:assert/strict'
import {
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { open, type Report, type Share, type ShareOptions } from '../../src/index.ts'
import { Bed } from '../bed.ts'
import { asUser, readTree, type Tree, treeOf, writeTree } from '../temp.ts'

const ONCE: ShareOptions = { watch: false }
const BIG = new Uint8Array(700_000).map((_, i) => (i * i) >> 7)
const TREE: Tree = {
  'a.txt': 'first',
  'b/c.txt': 'second',
  'b/d/empty': '',
  'b/run.sh': { exec: '#!/bin/sh\n' },
  'big.bin': BIG,
  'ünï/文.txt': 'names',
  'with space': 'x',
  link: { link: 'b/c.txt' },
}

/** Shares once, in a node of its own, and looks. */
async function shareOnce(
  dir: string,
  options: ShareOptions = {},
  look: (share: Share) => Promise<void> = async () => undefined,
): Promise<Report & { link: string }> {
  await using node = await open({ network: false })
  await using share = await node.share(dir, { ...ONCE, ...options })
  const report = await share.done()
  await look(share)
  return { ...report, link: share.link }
}

/** Files whose times are too new to be trusted are compared by content; these are not. */
function makeOld(dir: string, paths: Iterable<string>): void {
  for (const path of paths) utimesSync(join(dir, path), 1_600_000_000, 1_600_000_000)
}

test('everything in a folder is in its drive, byte for byte, with modes and links', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, TREE)

  const report = await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(await treeOf(share.drive), readTree(dir))
  })

  assert.equal(report.added, 8)
  assert.equal(report.files, 8)
  assert.equal(report.error, undefined)
})

test('the same folder again has the same link, and nothing is stored again', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, TREE)
  const first = await shareOnce(dir)

  const second = await shareOnce(dir)

  assert.equal(second.link, first.link)
  assert.equal(second.version, first.version)
  assert.deepEqual([second.added, second.changed, second.removed], [0, 0, 0])
  assert.equal(second.unchanged, 8)
})

test('what is known of a folder lasts from one share to the next', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { a: '1', b: '2' })
  // But for the last line, which says how it was closed.
  const batches = (): string[] =>
    readFileSync(join(dir, '.dat-rhino/files'), 'utf8').split('\n').slice(0, -2)
  await shareOnce(dir)
  const first = batches()
  writeTree(dir, { b: 'two' })

  await shareOnce(dir)

  assert.deepEqual(batches().slice(0, first.length), first)
})

test('a folder that was moved keeps its link', async (t) => {
  const dir = join(new Bed(t).folder(), 'photos')
  writeTree(dir, { a: '1' })
  const first = await shareOnce(dir)
  renameSync(dir, `${dir}-moved`)

  const second = await shareOnce(`${dir}-moved`)

  assert.equal(second.link, first.link)
  assert.equal(second.version, first.version)
})

test('what changed is imported, and nothing else', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, TREE)
  const { version } = await shareOnce(dir)
  writeTree(dir, { 'a.txt': 'FIRST', 'new/file': 'n' })
  unlinkSync(join(dir, 'b/d/empty'))
  chmodSync(join(dir, 'with space'), 0o755)
  unlinkSync(join(dir, 'link'))
  symlinkSync('a.txt', join(dir, 'link'))

  const report = await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(await treeOf(share.drive), readTree(dir))
  })

  assert.deepEqual([report.added, report.changed, report.removed, report.renamed], [1, 3, 1, 0])
  assert.equal(report.version, version + 5)
})

test('a change that keeps size and times is found when it came in the moment of the import', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { a: 'one' })
  await shareOnce(dir)
  const { atime, mtime } = statSync(join(dir, 'a'))
  writeFileSync(join(dir, 'a'), 'two')
  utimesSync(join(dir, 'a'), atime, mtime)

  await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(await treeOf(share.drive), { a: 'two' })
  })
})

test('a renamed file and a renamed folder store no byte twice', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, TREE)
  const bytes: (number | undefined)[] = []
  await shareOnce(dir, {}, async ({ drive }) => void bytes.push(drive.blobs?.log.byteLength))
  renameSync(join(dir, 'big.bin'), join(dir, 'b/moved.bin'))
  renameSync(join(dir, 'b'), join(dir, 'z'))

  const report = await shareOnce(dir, {}, async ({ drive }) => {
    bytes.push(drive.blobs?.log.byteLength)
    assert.deepEqual(await treeOf(drive), readTree(dir))
  })

  assert.equal(bytes[1], bytes[0])
  assert.equal(report.renamed, 3)
  assert.equal(report.removed, 4)
})

test('a file that was copied elsewhere and deleted here is a rename too', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { old: BIG })
  const bytes: (number | undefined)[] = []
  await shareOnce(dir, {}, async ({ drive }) => void bytes.push(drive.blobs?.log.byteLength))
  unlinkSync(join(dir, 'old'))
  writeTree(dir, { new: BIG })

  const report = await shareOnce(dir, {}, async ({ drive }) => {
    bytes.push(drive.blobs?.log.byteLength)
  })

  assert.equal(report.renamed, 1)
  assert.equal(bytes[1], bytes[0])
})

test('without its ledger a folder is compared by content, and nothing is stored again', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, TREE)
  const first = await shareOnce(dir)
  rmSync(join(dir, '.dat-rhino/files'))
  unlinkSync(join(dir, 'a.txt'))

  const second = await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(await treeOf(share.drive), readTree(dir))
  })

  assert.equal(second.link, first.link)
  assert.equal(second.version, first.version + 1)
  assert.deepEqual([second.unchanged, second.removed], [7, 1])
})

test('a ledger that lost its last batch costs comparing, and nothing is stored again', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { a: '1', b: '2' })
  const first = await shareOnce(dir)
  const ledger = join(dir, '.dat-rhino/files')
  truncateSync(ledger, readFileSync(ledger, 'utf8').indexOf('\nF ') + 10)

  const second = await shareOnce(dir)

  assert.equal(second.version, first.version)
  assert.equal(second.unchanged, 2)
})

test('what a share writes into its folder is not shared, nor is the store of an old dat', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { a: '1', '.dat/metadata.key': 'old', '.hidden': 'h', 'node_modules/x/i.js': 'j' })

  await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(Object.keys(await treeOf(share.drive)), [
      '.hidden',
      'a',
      'node_modules/x/i.js',
    ])
  })

  assert.equal(readFileSync(join(dir, '.dat/metadata.key'), 'utf8'), 'old')
})

test('an unreadable file is told and left out; the rest is shared', async (t) => {
  const bed = new Bed(t)
  const dir = bed.folder()
  writeTree(dir, { a: '1', closed: 'secret', 'shut/in': 'x', z: '2' })
  chmodSync(join(dir, 'closed'), 0)
  chmodSync(join(dir, 'shut'), 0)

  const report = await asUser(dir, () =>
    shareOnce(dir, {}, async (share) => {
      assert.deepEqual(await treeOf(share.drive), { a: '1', z: '2' })
    }),
  )

  chmodSync(join(dir, 'shut'), 0o755)
  assert.deepEqual(
    report.problems.map(({ path, code }) => [path, code]),
    [
      ['/closed', 'IO'],
      ['/shut', 'IO'],
    ],
  )
  assert.equal(report.error?.code, 'IO')
})

test('what cannot be read for a while stays in the drive', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { 'shut/in': 'x', z: '2' })
  await asUser(dir, () => shareOnce(dir))
  chmodSync(join(dir, 'shut'), 0)

  const report = await asUser(dir, () =>
    shareOnce(dir, {}, async (share) => {
      assert.deepEqual(await treeOf(share.drive), { 'shut/in': 'x', z: '2' })
    }),
  )

  chmodSync(join(dir, 'shut'), 0o755)
  assert.equal(report.removed, 0)
})

test('links that lead out of the folder are told and left out', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, {
    up: { link: '../elsewhere' },
    away: { link: '/etc/hosts' },
    'd/in': { link: '../a' },
    a: '1',
  })
  symlinkSync(join(dir, 'a'), join(dir, 'absolute'))

  const report = await shareOnce(dir, {}, async (share) => {
    assert.deepEqual(await treeOf(share.drive), {
      a: '1',
      absolute: { link: '/a' },
      'd/in': { link: '../a' },
    })
  })

  assert.deepEqual(report.problems.map(({ path }) => path).sort(), ['/away', '/up'])
  assert.equal(report.error?.code, 'UNSUPPORTED')
})

test('verify finds a change that hid behind size and times', async (t) => {
  const dir = new Bed(t).folder()
  writeTree(dir, { a: 'one' })
  makeOld(dir, ['a'])
  const first = await shareOnce(dir)
  // The ledger is made to believe in the new content's times, as a rotten disk would.
  writeFileSync(join(dir, 'a'), 'two')
  makeOld(dir, ['a'])
  const { ctimeMs, mtimeMs, ino } = statSync(join(dir, 'a'))
  const file = join(dir, '.dat-rhino/files')
  const batches = readFileSync(file, 'utf8').replace(/^S .*\n/m, '')
  const belief = `F 3 ${mtimeMs} ${ctimeMs} ${ino} ${first.version} /a\nV ${first.version}\n`
  writeFileSync(file, batches + belief)

  const trusting = await shareOnce(dir)
  const verifying = await shareOnce(dir, { verify: true })

  assert.equal(trusting.unchanged, 1)
  assert.equal(verifying.changed, 1)
})
