/** What changed in drives inside a drive: differences, steps of a watcher; and what is said of a file, changed alone. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCode } from '../../src/base/errors.ts'
import { MOUNTED_DRIVES_MAX, MOUNTS_PER_LISTING_MAX } from '../../src/base/limits.ts'
import { hex, utf8 } from '../../src/bytes/bytes.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { BeeDrive } from '../../src/drive/bee-drive.ts'
import type { Drive, DriveChange, DriveDifference, DriveReader } from '../../src/drive/drive.ts'
import type { TrieDrive } from '../../src/drive/trie-drive.ts'
import { newTrieDrive } from './old-support.ts'
import { collect, connect, openStore, text } from './support.ts'

const THROUGH = { mounts: true }

/** Drive number `n` of a store. */
async function numbered(store: Corestore, n: number): Promise<TrieDrive> {
  return newTrieDrive({ store, keyPair: store.keyPair(`drive ${n}`) })
}

const sides = ({ path, left, right }: DriveDifference): string =>
  `${right === undefined ? '+' : left === undefined ? '-' : '~'}${path}`

async function differences(
  drive: DriveReader,
  version: number,
  folder = '/',
  options = {},
): Promise<string[]> {
  return (await collect(drive.diff(version, folder, options))).map(sides)
}

test('a mount that is made or taken away is one row of a difference, and everything in it if asked', async () => {
  const store = await openStore()
  const [outer, inner, deepest] = [
    await numbered(store, 1),
    await numbered(store, 2),
    await numbered(store, 3),
  ]
  await deepest.put('/c', utf8('c'))
  await inner.put('/a', utf8('a'))
  await inner.mount('/deep', deepest.key)
  await outer.put('/own', utf8('own'))
  const { version } = outer

  await outer.mount('/in', inner.key)
  const mounted = outer.version
  await outer.unmount('/in')

  const before = outer.checkout(mounted)
  assert.deepEqual(await differences(before, version), ['+/in'])
  const made = ['+/in', '+/in/a', '+/in/deep', '+/in/deep/c']
  assert.deepEqual(await differences(before, version, '/', THROUGH), made)
  assert.deepEqual(await differences(outer, mounted), ['-/in'])
  assert.deepEqual(
    await differences(outer, mounted, '/', THROUGH),
    made.map((line) => line.replace('+', '-')),
  )
  const [, first] = await collect(before.diff(version, '/', THROUGH))
  assert.equal(text(first?.left && (await outer.get(first.left))), 'a')
})

test('a mount that shows another version differs as the drive in it does, a mount of the newest never', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a', utf8('one'))
  await inner.put('/gone', utf8('gone'))
  const first = inner.version
  await inner.put('/a', utf8('two'))
  await inner.del('/gone')
  await inner.put('/new', utf8('new'))
  await outer.mount('/newest', inner.key)
  await outer.mount('/fixed', inner.key, { version: first })
  const { version } = outer

  await outer.unmount('/fixed')
  await outer.mount('/fixed', inner.key, { version: inner.version })
  await inner.put('/later', utf8('later'))

  const expected = ['~/fixed', '~/fixed/a', '-/fixed/gone', '+/fixed/new']
  assert.deepEqual(await differences(outer, version, '/', THROUGH), expected)
  assert.deepEqual(await differences(outer, version, '/fixed', THROUGH), expected.slice(1))
  assert.deepEqual(await differences(outer, version, '/newest', THROUGH), [])
  const inside = differences(outer, version, '/fixed')
  await assert.rejects(inside, (error) => isCode(error, 'UNSUPPORTED'))
})

test('another drive in the place of one is compared by paths, and one that can’t be read is told by its row', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const [one, two] = [await numbered(store, 2), await numbered(store, 3)]
  await one.put('/both', utf8('1'))
  await one.put('/one', utf8('1'))
  await two.put('/both', utf8('2'))
  await outer.mount('/in', one.key)
  const { version } = outer

  await outer.unmount('/in')
  await outer.mount('/in', two.key)
  await outer.mount('/never', two.key, { version: two.version + 1 })

  const found = await collect(outer.diff(version, '/', THROUGH))
  assert.deepEqual(found.map(sides), ['~/in', '~/in/both', '-/in/one', '+/never'])
  const invalid = found.filter(({ left }) => left?.invalid !== undefined)
  assert.deepEqual(invalid.map(sides), ['+/never'])
})

test('a drive that is mounted in itself ends no comparison', async () => {
  const store = await openStore()
  const [one, two] = [await numbered(store, 1), await numbered(store, 2)]
  const { version } = one

  await two.mount('/back', one.key)
  await one.mount('/there', two.key)

  assert.deepEqual(await differences(one, version, '/', THROUGH), ['+/there', '+/there/back'])
})

test('an older version tells what was mounted then, and logs that stand as files if asked', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  const inner = await numbered(store, 2)
  const log = await store.get({ name: 'plain', generation: 2 })
  await log.append([utf8('bytes')])
  await outer.mount('/in', inner.key)
  await inner.mount('/log', log.key, { kind: 'log' })
  const { version } = outer
  await outer.unmount('/in')

  const before = outer.checkout(version)

  const told = async (drive: DriveReader, options = {}): Promise<string[]> =>
    (await collect(drive.mounts(options))).map(({ path, kind }) => `${kind} ${path}`)
  assert.deepEqual(await told(outer), [])
  assert.deepEqual(await told(before), ['drive /in'])
  assert.deepEqual(await told(before, { recursive: true, logs: true }), [
    'drive /in',
    'log /in/log',
  ])
})

test(`mounts inside each other are told ${MOUNTS_PER_LISTING_MAX} times, and then the look ends`, async () => {
  const store = await openStore()
  const drives: TrieDrive[] = []
  // Two mounts of the next drive in each: the number of paths doubles with each level.
  for (let n = 0; n < 12; n++) drives.push(await numbered(store, n))
  for (const [n, drive] of drives.entries()) {
    const next = drives[n + 1]
    for (const path of ['/a', '/b']) if (next !== undefined) await drive.mount(path, next.key)
  }
  const [deep, few] = [drives[0], drives[3]]

  const all = collect((deep ?? assert.fail()).mounts({ recursive: true }))

  await assert.rejects(all, (error) => isCode(error, 'OVER_LIMIT'))
  const told = await collect((few ?? assert.fail()).mounts({ recursive: true }))
  assert.equal(told.length, 2 ** 9 - 2)
})

/** The next step of a watcher, as far as a test compares it. */
async function next(steps: AsyncIterator<DriveChange>): Promise<string> {
  const { value, done } = await steps.next()
  if (done === true) return 'over'
  const { mount, previousVersion, version }: DriveChange = value
  return `${mount?.path ?? ''} ${previousVersion} to ${version}`
}

test('a watcher hears of drives in a drive if asked, also of those that are mounted later, until they are gone', async () => {
  const store = await openStore()
  const [outer, inner, late] = [
    await numbered(store, 1),
    await numbered(store, 2),
    await numbered(store, 3),
  ]
  await inner.put('/a', utf8('a'))
  await late.put('/a', utf8('a'))
  await outer.mount('/in', inner.key)
  await outer.mount('/fixed', late.key, { version: late.version })
  const end = new AbortController()
  const alone = outer.watch({ signal: end.signal })[Symbol.asyncIterator]()
  const steps = outer.watch({ mounts: true, signal: end.signal })[Symbol.asyncIterator]()
  const [ownFirst, first] = [next(alone), next(steps)]
  await turns()

  await inner.put('/b', utf8('b'))
  assert.equal(await first, '/in 2 to 3')
  await late.put('/b', utf8('at a version: not watched'))
  const second = next(steps)
  await turns()
  await outer.mount('/in/late', late.key)
  assert.equal(await second, '/in 3 to 5')
  await turns()
  const third = next(steps)
  await late.put('/c', utf8('c'))
  assert.equal(await third, '/in/late 3 to 4')
  await outer.unmount('/in')
  assert.equal(await next(steps), ` ${outer.version - 2} to ${outer.version}`)
  await turns()
  const last = next(steps)
  await inner.put('/d', utf8('nobody hears of it'))
  await turns()
  end.abort()

  assert.equal(await last, 'over')
  assert.equal(await ownFirst, ` ${outer.version - 2} to ${outer.version}`)
})

/** Until whatever reads local blocks has read them. */
async function turns(): Promise<void> {
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve))
}

test('a watcher ends when the drive is closed, and is not held up by a mount that nobody has', async () => {
  const store = await openStore()
  const outer = await numbered(store, 1)
  await outer.mount('/nobody', new Uint8Array(32).fill(7))
  const steps = outer.watch({ mounts: true })[Symbol.asyncIterator]()
  const first = next(steps)
  await turns()

  await outer.put('/a', utf8('a'))

  assert.equal(await first, ' 3 to 4')
  const second = next(steps)
  await outer.close()
  assert.equal(await second, 'over')
})

test('a mounted drive that arrives later is heard of when it comes, and so is what is mounted in it', async () => {
  const [ours, theirs] = [await openStore(), await openStore()]
  const [inner, deep] = [await numbered(theirs, 2), await numbered(theirs, 3)]
  await deep.put('/a', utf8('deep'))
  await inner.mount('/deep', deep.key)
  const outer = await numbered(ours, 1)
  await outer.mount('/in', inner.key)
  const end = new AbortController()
  const steps = outer.watch({ mounts: true, signal: end.signal })[Symbol.asyncIterator]()
  const first = next(steps)
  await turns()

  const part = connect(ours, theirs)

  assert.equal(await first, '/in 1 to 3')
  assert.equal(await next(steps), '/in/deep 1 to 2')
  const grown = next(steps)
  await deep.put('/b', utf8('b'))
  assert.equal(await grown, '/in/deep 2 to 3')
  part()
  end.abort()
})

test('a watcher says that it can’t watch so many drives', async () => {
  const store = await openStore()
  const outer = await numbered(store, 0)
  const keys = Array.from({ length: MOUNTED_DRIVES_MAX + 1 }, (_, n) => store.keyPair(`m ${n}`))
  for (const [n, { publicKey }] of keys.entries()) {
    if (n < MOUNTED_DRIVES_MAX) await outer.mount(`/m${n}`, publicKey)
  }
  const end = new AbortController()
  const below = outer.watch({ mounts: true, signal: end.signal })[Symbol.asyncIterator]()
  const step = next(below)
  await turns()

  await outer.put('/a', utf8('a'))
  assert.match(await step, /^ /)
  const failing = next(below)
  await outer.mount('/one-more', keys.at(-1)?.publicKey ?? assert.fail())

  const both = [failing, failing.then(() => next(below))]
  const ended = await Promise.allSettled(both)
  assert.ok(
    ended.some((it) => it.status === 'rejected' && isCode(it.reason, 'OVER_LIMIT')),
    JSON.stringify(ended),
  )
  end.abort()
})

for (const [format, open] of [
  ['hyperdrive 10', () => newTrieDrive()],
  ['hyperdrive 13', async () => BeeDrive.open({ store: await openStore() })],
] as const) {
  test(`${format}: what is said of a file is changed without its bytes, and the rest stays`, async () => {
    const drive: Drive = await open()
    const metadata = format === 'hyperdrive 10' ? { type: utf8('text') } : { type: 'text' }
    await drive.put('/a', utf8('bytes'), { metadata })
    await drive.symlink('/link', '/a')
    const bytes = drive.contentLog?.byteLength

    assert.equal(await drive.amend('/a', { executable: true }), true)
    assert.equal(await drive.amend('/link', { metadata }), true)
    assert.equal(await drive.amend('/nothing', { executable: true }), false)

    assert.equal(drive.contentLog?.byteLength, bytes)
    const [entry, link] = [await drive.entry('/a'), await drive.entry('/link')]
    assert.equal(entry?.executable, true)
    assert.deepEqual(entry?.metadata, metadata)
    assert.equal(text(await drive.get('/a')), 'bytes')
    assert.deepEqual([link?.linkname, link?.metadata], ['/a', metadata])
    await drive.amend('/a', { executable: false, metadata: null })
    const after = await drive.entry('/a')
    assert.deepEqual([after?.executable, after?.metadata], [false, null])
    assert.equal(await drive.exists('/nothing'), false)
  })
}

test('mode, owner and times of a hyperdrive 10 are changed one by one, of a mount too, which stays one', async () => {
  const store = await openStore()
  const drive = await numbered(store, 1)
  const inner = await numbered(store, 2)
  await inner.put('/a', utf8('a'))
  await drive.put('/a', utf8('bytes'), { mode: 0o600, uid: 1, gid: 2, mtimeMs: 3, ctimeMs: 4 })
  await drive.mount('/in', inner.key)

  await drive.amend('/a', { mtimeMs: 5 })
  await drive.amend('/a', { mode: 0o640, uid: 7 })
  await drive.amend('/in', { mode: 0o700 })
  await drive.amend('/in/a', { mtimeMs: 9 })

  const { mode, uid, gid, mtimeMs, ctimeMs } = (await drive.stat('/a')) ?? assert.fail()
  assert.deepEqual([mode, uid, gid, mtimeMs, ctimeMs], [0o100640, 7, 2, 5, 4])
  assert.equal((await drive.entry('/in'))?.stat.mode, 0o40700)
  assert.deepEqual(
    (await collect(drive.mounts())).map(({ key }) => hex(key)),
    [hex(inner.key)],
  )
  assert.equal((await inner.stat('/a'))?.mtimeMs, 9)
  assert.equal(text(await drive.get('/in/a')), 'a')
  const fixed = await numbered(store, 3)
  await fixed.mount('/in', inner.key, { version: inner.version })
  await assert.rejects(fixed.amend('/in/a', { mode: 0 }), (e) => isCode(e, 'NOT_WRITABLE'))
  await assert.rejects(drive.amend('/a', { mtimeMs: -1 }), (e) => isCode(e, 'BAD_ARGUMENT'))
})
