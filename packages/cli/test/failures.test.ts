/**
 * Each way to fail has its own message, exit code and event, and loses nothing.
 */

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { fixture, NO_SECRETS } from '../../sdk/test/migrate/bed.ts'
import { readTree, type Tree, writeTree } from '../../sdk/test/temp.ts'
import { Bench, type DatEvent, type Ended } from './dat.ts'

const NOBODYS_LINK = formatLink({ key: new Uint8Array(32).fill(7) })

function errorOf({ events }: Ended): DatEvent {
  const last = events.at(-1)
  assert.equal(last?.event, 'error')
  return last ?? { event: 'none' }
}

/** Runs a command for people and for programs; both must say the same. */
async function failure(
  bench: Bench,
  args: readonly string[],
): Promise<{ exit: number | null; code: unknown; says: string }> {
  // One after the other: both would write the same folder, or find each other on the network.
  const people = await bench.run(args)
  const programs = await bench.run([...args, '--json'])
  const { code, exit, message } = errorOf(programs)
  assert.equal(programs.stderr, '')
  assert.deepEqual([people.exit, exit], [programs.exit, programs.exit])
  assert.match(people.stderr, /^dat: /m)
  assert.ok(people.stderr.includes(String(message)), people.stderr)
  assert.doesNotMatch(people.stderr, /^ {4}at /m)
  return { exit: programs.exit, code, says: String(message) }
}

test('a wrong link is told from a missing folder', async (t) => {
  const bench = new Bench(t)
  const dir = join(bench.folder(), 'copy')

  const link = await failure(bench, ['clone', 'hyper://abc', dir])
  const folder = await failure(bench, ['ls', './not-here/at-all'])

  assert.deepEqual([link.exit, link.code], [65, 'BAD_LINK'])
  assert.deepEqual([folder.exit, folder.code], [66, 'NOT_FOUND'])
})

test('what is not ours is told by what is there: nothing, a file, a folder, or folders of ours below it', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  writeTree(dir, { file: 'x', 'plain/a': 'x', 'above/shared/a': 'x' })
  const shared = join(dir, 'above', 'shared')
  await bench.run(['share', shared, '--once'])
  const said = async (command: string, name: string) => {
    const { exit, says } = await failure(bench, [command, join(dir, name)])
    assert.equal(exit, 66, says)
    return says
  }

  for (const command of ['ls', 'status', 'serve']) {
    assert.match(await said(command, 'nothing'), /^There is no folder .*nothing/)
    assert.match(await said(command, 'file'), /file is a file, and lies in no folder/)
  }
  assert.match(await said('ls', 'plain'), /To share it: dat share/)
  const above = await bench.run(['ls', join(dir, 'above')])
  assert.deepEqual([above.exit, above.stderr.split('\n')[1]], [66, `  ${shared}`])
  const inspected = await bench.run(['inspect', join(dir, 'above')])
  assert.match(inspected.stdout, /of today {3}dat status \S+above\/shared/)
  const serve = await failure(bench, ['serve', shared])
  assert.deepEqual([serve.exit, serve.code], [78, 'UNSUPPORTED'])
  assert.match(serve.says, /dat share /)
  const file = await bench.run(['inspect', join(dir, 'file')])
  assert.match(file.stdout, /belongs to no store/)
})

test('a list in an error is lines, and a name in one makes none', async (t) => {
  const bench = new Bench(t)
  const several = await bench.run(['ls', fixture('gen2/hyperdrive10')])

  const lines = several.stderr.trimEnd().split('\n')

  assert.equal(several.exit, 64)
  assert.equal(lines.length, 4)
  for (const line of lines.slice(1)) assert.match(line, /^ {2}[0-9a-f]{64} {2}/)
  const name = 'evil\nline'
  const evil = await bench.run(['ls', join(bench.folder(), name)])
  assert.ok(evil.stderr.includes('evil\\u000aline'), evil.stderr)
})

test('a port that another program has is named', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? `${address?.port}` : ''
  const old = fixture('gen1/dat-folder/share')

  const options = ['--old-port', port, '--secret-keys', NO_SECRETS, ...entry]
  const { exit, says } = await failure(bench, ['serve', old, ...options])

  assert.equal(exit, 74)
  assert.ok(says.includes(`127.0.0.1:${port}: another program has that port.`), says)
})

test('a version in the middle of a batch names the next that can be read', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  writeTree(dir, { a: '1', b: '2', c: '3' })
  await bench.run(['share', dir, '--once'])

  const { says } = await failure(bench, ['ls', dir, '--checkout', '2'])

  assert.match(says, /^Version 2 is in the middle of a batch.*: 4 is the next that has one\.$/)
  assert.equal((await bench.run(['ls', dir, '--checkout', '4'])).exit, 0)
})

test('a link that nobody shares is told after the time that was given', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const dir = join(bench.folder(), 'copy')

  const clone = await failure(bench, ['clone', NOBODYS_LINK, dir, '--timeout', '1', ...entry])
  const list = await failure(bench, ['ls', NOBODYS_LINK, '--timeout', '1', ...entry])
  const offline = await failure(bench, ['ls', NOBODYS_LINK, '--offline'])

  for (const { exit, code } of [clone, list, offline]) {
    assert.deepEqual([exit, code], [68, 'NO_PEERS'])
  }
})

test('a peer that goes in the middle leaves what arrived, and the same command goes on', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  const content = new Uint8Array(1_000_000).map((_, i) => (i * i) >> 9)
  const files = Array.from({ length: 60 }, (_, i): [string, Uint8Array] => [
    `f${i}`,
    content.subarray(i),
  ])
  writeTree(source, Object.fromEntries(files))
  const share = bench.start(['share', source, '--json', ...entry])
  const { link } = await share.event('link')
  await share.event('sharing')

  const clone = ['clone', String(link), copy, '--json', ...entry]
  const broken = bench.start([...clone, '--timeout', '4'])
  await broken.event('file-added')
  share.signal('SIGKILL')
  const first = await broken.ended
  const again = bench.start(['share', source, '--json', ...entry])
  await again.event('sharing')
  const second = await bench.run(clone)

  assert.equal(errorOf(first)['fault'], 'nobody')
  assert.ok(first.exit === 68 || first.exit === 69 || first.exit === 124, `exit ${first.exit}`)
  assert.equal(second.exit, 0)
  const cloned = second.events.find(({ event }) => event === 'cloned')
  assert.ok(Number(cloned?.['unchanged']) > 0)
  assert.equal(Number(cloned?.['added']) + Number(cloned?.['unchanged']), 60)
  assert.deepEqual(readTree(copy), readTree(source))
})

test('a full disk stops a clone and a share without loss; with room both go on', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  const content = new Uint8Array(200_000).map((_, i) => (i * i) >> 9)
  const tree: Tree = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, content]))
  writeTree(source, tree)

  const fullShare = await bench.run(['share', source, '--once', '--json'], {
    faults: { room: 500_000 },
  })
  const node = await bench.node()
  const shared = await node.share(source, { watch: false })
  await shared.done()
  const clone = ['clone', shared.link, copy, '--json', ...entry]
  const fullClone = await bench.run(clone, { faults: { room: 1_500_000 } })
  const missing = await failure(bench, ['cat', copy, 'f9'])
  const again = await bench.run(clone)

  for (const full of [fullShare, fullClone]) {
    assert.equal(full.exit, 72)
    assert.equal(errorOf(full)['code'], 'STORE_FULL')
    assert.match(String(errorOf(full)['hint']), /nothing is lost/)
  }
  assert.equal(fullShare.events.find(({ event }) => event === 'link')?.['link'], shared.link)
  assert.deepEqual([missing.exit, missing.code], [69, 'NOT_AVAILABLE'])
  assert.equal(again.exit, 0)
  assert.deepEqual(readTree(copy), readTree(source))
})

test('a quota stops a clone and a share without loss; with a larger one both go on', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy] = [bench.folder(), bench.folder()]
  const content = new Uint8Array(200_000).map((_, i) => (i * i) >> 9)
  writeTree(source, Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i}`, content])))

  const share = ['share', source, '--once', '--json']
  const fullShare = await bench.run([...share, '--quota', '500k'])
  const link = fullShare.events.find(({ event }) => event === 'link')?.['link']
  const again = await bench.run([...share, '--quota', '10MB'])
  const node = await bench.node()
  const shared = await node.share(source, { watch: false })
  await shared.done()
  const clone = ['clone', shared.link, copy, '--json', ...entry]
  const fullClone = await bench.run([...clone, '--quota', '1MB'])
  const cloned = await bench.run([...clone, '--quota', '10MB'])

  assert.equal(link, shared.link)
  for (const full of [fullShare, fullClone]) {
    assert.equal(full.exit, 72)
    assert.match(String(errorOf(full)['message']), /quota of \d+ bytes/)
    assert.match(String(errorOf(full)['hint']), /larger --quota.*nothing is lost/)
  }
  assert.deepEqual([again.exit, cloned.exit], [0, 0])
  assert.deepEqual(readTree(copy), readTree(source))
})

test('an unreadable file is left out and named; everything else is shared', async (t) => {
  const bench = new Bench(t)
  const source = bench.folder()
  writeTree(source, { 'a.txt': 'a', 'private.txt': 'p', 'z.txt': 'z' })
  const faults = { unreadable: 'private.txt' }

  const people = await bench.run(['share', source, '--once'], { faults })
  const { exit, events } = await bench.run(['share', source, '--once', '--json'], { faults })
  const list = await bench.run(['ls', source])

  assert.equal(people.exit, 74)
  assert.match(people.stderr, /^Left out: .*private\.txt.*permission denied/m)
  assert.equal(exit, 74)
  const skipped = events.find(({ event }) => event === 'file-skipped')
  assert.deepEqual([skipped?.['path'], skipped?.['code']], ['/private.txt', 'IO'])
  assert.equal(list.stdout, 'a.txt\nz.txt\n')
})

test('a folder that is something else already is not touched', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const [source, copy, store] = [bench.folder(), bench.folder(), bench.folder()]
  writeTree(source, { a: 'a' })
  writeTree(store, { CORESTORE: 'id=1\n', 'db/CURRENT': 'MANIFEST-000005\n' })
  const node = await bench.node()
  const shared = await node.share(source, { watch: false })
  await shared.done()
  await bench.run(['clone', shared.link, copy, ...entry])

  const shareClone = await failure(bench, ['share', copy, '--once'])
  const cloneOther = await failure(bench, ['clone', NOBODYS_LINK, copy, '--offline'])
  const cloneShare = await failure(bench, ['clone', NOBODYS_LINK, source, '--offline'])
  const shareFile = await failure(bench, ['share', join(source, 'a'), '--once'])
  const shareStore = await failure(bench, ['share', store, '--once'])
  const listStore = await failure(bench, ['status', store])

  assert.deepEqual([shareClone.exit, shareClone.code], [73, 'CONFLICT'])
  assert.deepEqual([cloneOther.exit, cloneOther.code], [73, 'CONFLICT'])
  assert.deepEqual([cloneShare.exit, cloneShare.code], [73, 'CONFLICT'])
  assert.deepEqual([shareFile.exit, shareFile.code], [64, 'BAD_ARGUMENT'])
  assert.deepEqual([shareStore.exit, shareStore.code], [78, 'UNSUPPORTED'])
  assert.deepEqual([listStore.exit, listStore.code], [78, 'UNSUPPORTED'])
  assert.match(listStore.says, /a corestore of hypercore 11/)
  assert.deepEqual(readdirSync(store).sort(), ['CORESTORE', 'db'])
  assert.deepEqual(readTree(copy), { a: 'a' })
})

test('a link that leads to no drive says to what', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const node = await bench.node()
  const corestore = await node.corestore()
  const header = (name: string): Uint8Array =>
    Buffer.from([0x0a, name.length, ...Buffer.from(name)])
  const kinds: [string, Uint8Array, RegExp][] = [
    // Drives of older networks name the log of their files behind this.
    ['old', header('hyperdrive'), /log of "hyperdrive"/],
    ['trie', header('hypertrie'), /log of "hypertrie"/],
    ['plain', Buffer.from('just a log'), /plain log/],
  ]
  const [source, dir] = [bench.folder(), join(bench.folder(), 'copy')]
  writeTree(source, { a: 'a' })
  const shared = await node.share(source, { watch: false })
  await shared.done()

  for (const [name, block, says] of kinds) {
    const log = await corestore.get({ name })
    await log.append(block)
    const link = formatLink({ key: log.key })
    await node.log(link, { update: false })

    const clone = await failure(bench, ['clone', link, dir, ...entry])
    const list = await failure(bench, ['ls', link, ...entry])

    for (const { exit, code, says: said } of [clone, list]) {
      assert.deepEqual([exit, code], [78, 'UNSUPPORTED'])
      assert.match(said, says)
    }
  }

  // The folder belongs to none of them.
  const { exit } = await bench.run(['clone', shared.link, dir, ...entry])
  assert.equal(exit, 0)
  assert.deepEqual(readTree(dir), { a: 'a' })
})

test('a plain folder is told how to be shared, an old one what it is, a missing path that it is missing', async (t) => {
  const bench = new Bench(t)
  const [plain, old, source] = [bench.folder(), bench.folder(), bench.folder()]
  writeTree(old, { '.dat/metadata.key': new Uint8Array(32), '.dat/metadata.tree': '', a: 'a' })
  writeTree(source, { a: 'a' })
  await bench.run(['share', source, '--once'])

  const ofPlain = await failure(bench, ['ls', plain])
  const ofOld = await failure(bench, ['log', old])
  const ofPath = await failure(bench, ['cat', source, 'b'])
  const ofFolder = await failure(bench, ['ls', source, 'b'])
  const ofVersion = await failure(bench, ['ls', source, '--checkout', '99'])

  assert.deepEqual([ofPlain.exit, ofPlain.code], [66, 'NOT_FOUND'])
  assert.match(ofPlain.says, /dat share /)
  // Its files are damaged: that it is an old archive is seen all the same.
  assert.deepEqual([ofOld.exit, ofOld.code], [74, 'CORRUPT_STORE'])
  assert.match(ofOld.says, /Nothing in .* is proved/)
  for (const { exit, code } of [ofPath, ofFolder, ofVersion]) {
    assert.deepEqual([exit, code], [66, 'NOT_FOUND'])
  }
})

test('a folder that another process shares is in use by that process', async (t) => {
  const bench = new Bench(t)
  const source = bench.folder()
  mkdirSync(join(source, 'sub'))
  writeFileSync(join(source, 'a'), 'a')
  const share = bench.start(['share', source, '--offline', '--json'])
  await share.event('sharing')

  const second = await failure(bench, ['share', source, '--once'])

  assert.deepEqual([second.exit, second.code], [71, 'STORE_LOCKED'])
  assert.match(second.says, /process \d+/)
})
