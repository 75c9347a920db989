/**
 * Old archives by the real command: every fixture is inspected, listed and printed, damaged copies are told as such, and
 * one process serves what another one clones.
 */

import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DRIVES, type ToldDrive } from '../../sdk/test/archives/told.ts'
import { copyOf, fixture, NO_SECRETS, STORES, sha256 } from '../../sdk/test/migrate/bed.ts'
import { Bench, type DatEvent, type Ended } from './dat.ts'

const SECRETS = ['--secret-keys', NO_SECRETS] as const

const drive = (name: string): ToldDrive =>
  DRIVES.find((each) => each.name === name) ?? assert.fail()

/** Of a store with several archives, which. */
const of = ({ key }: ToldDrive): string[] => ['--archive', key.slice(0, 10), ...SECRETS]

function archives({ events }: Ended): DatEvent[] {
  return events.filter(({ event }) => event === 'archive')
}

/** The bytes in the events of `cat --json`. */
function contentOf({ events }: Ended): Buffer {
  return Buffer.concat(
    events.flatMap(({ base64 }) =>
      typeof base64 === 'string' ? [Buffer.from(base64, 'base64')] : [],
    ),
  )
}

test('every fixture is inspected: what it is, and that all is verified or what is missing', async (t) => {
  const bench = new Bench(t)
  const incomplete = new Set<string>()

  for (const name of STORES) {
    const ended = await bench.run(['inspect', fixture(name), '--json', ...SECRETS])

    assert.equal(ended.exit, 0, `${name}\n${ended.stdout}${ended.stderr}`)
    assert.equal(ended.events.at(-1)?.event, 'inspected')
    const found = archives(ended)
    assert.ok(found.length > 0, name)
    assert.equal(ended.events.at(-1)?.['archives'], found.length)
    if (found.some(({ isComplete }) => isComplete !== true)) incomplete.add(name)
  }

  assert.deepEqual([...incomplete].sort(), [
    'gen1/beaker-indexed',
    'gen1/dat-clone/share',
    'gen1/dat-folder/share',
    'gen1/feed-sparse',
    'gen2/hypercore9-cleared',
    'gen2/hypercore9-sparse-reader',
    'gen3/corestore6',
  ])
})

for (const told of DRIVES) {
  test(`${told.name}: its newest files are listed, and printed byte for byte`, async (t) => {
    const bench = new Bench(t)
    const place = fixture(told.place)
    const files = [...(told.filesAt.get(told.newest) ?? [])]
    const [path, sum] = files.find(([, sha]) => sha !== null) ?? assert.fail()

    const list = await bench.run(['ls', '-R', place, '--json', ...of(told)])
    const text = await bench.run(['cat', place, path, '--json', ...of(told)])

    assert.deepEqual([list.exit, text.exit], [0, 0], `${list.stdout}${text.stdout}`)
    const names = new Set(list.events.map(({ path: name }) => name))
    for (const [name] of files) assert.ok(names.has(name) || name.includes('mnt'), name)
    assert.equal(sha256(contentOf(text)), sum)
  })
}

test('older versions are read by their number, and the history tells which there are', async (t) => {
  const bench = new Bench(t)
  const told = drive('gen1/sleep-multi')
  const place = fixture(told.place)
  const [version, files] = [...told.filesAt].find(([at]) => at < told.newest) ?? assert.fail()
  const [path, sum] = [...files].find(([, sha]) => sha !== null) ?? assert.fail()

  const log = await bench.run(['log', place, '--json', ...SECRETS])
  const old = await bench.run([
    'cat',
    place,
    path,
    '--checkout',
    `${version}`,
    '--json',
    ...SECRETS,
  ])

  assert.equal(log.events.length, told.newest)
  assert.equal(log.events[0]?.['version'], told.newest)
  assert.equal(sha256(contentOf(old)), sum)
})

test('a path inside an old folder names the file of the archive, not the one on the disk', async (t) => {
  const bench = new Bench(t)
  const dir = copyOf(t, 'gen1/dat-folder/share')
  const before = readFileSync(join(dir, 'README.md'), 'utf8')

  const whole = await bench.run(['cat', join(dir, 'README.md'), ...SECRETS])
  writeFileSync(join(dir, 'README.md'), 'edited')
  const edited = await bench.run(['cat', join(dir, 'README.md'), '--json', ...SECRETS])

  assert.equal(whole.stdout.trimEnd(), before.trimEnd())
  assert.equal(edited.exit, 69)
  assert.match(String(edited.events.at(-1)?.['message']), /not those that were published|bytes/)
})

/** A copy of a fixture in which one bit of a file is another. */
function bent(t: TestContext, name: string, file: string, at: number): string {
  const dir = copyOf(t, name)
  const path = join(dir, file)
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
  return dir
}

test('a damaged copy is told by block and by file, and its other files are cloned', async (t) => {
  const bench = new Bench(t)
  const dir = bent(t, 'gen1/sleep-multi/sleep', 'content.data', 10)
  const copy = bench.folder()

  const report = await bench.run(['inspect', dir, '--json', ...SECRETS])
  const words = await bench.run(['inspect', dir, ...SECRETS])
  const clone = await bench.run(['clone', dir, copy, '--json', ...SECRETS])

  const [archive] = archives(report)
  assert.equal(archive?.['isComplete'], false)
  assert.deepEqual(archive?.['contents'] && (archive['contents'] as DatEvent)['incomplete'], [
    { path: '/big.bin', why: 'damaged' },
  ])
  assert.match(words.stdout, /damaged {2}1 block: 2 \(changed\)/)
  assert.match(words.stdout, /\/big\.bin \(damaged\)/)
  assert.equal(clone.exit, 69)
  const skipped = clone.events.find(({ event }) => event === 'file-skipped')
  assert.equal(skipped?.['path'], '/big.bin')
  assert.equal(clone.events.find(({ event }) => event === 'cloned')?.['skipped'], 1)
})

test('what to type next is what works', async (t) => {
  const bench = new Bench(t)
  const report = await bench.run(['inspect', fixture('gen1/beaker'), '--json', ...SECRETS])
  const next = archives(report)[0]?.['next']
  const cwd = bench.folder()

  assert.ok(Array.isArray(next))
  const [list, clone] = next.map((line) => String(line).split(' ').slice(1))
  const listed = await bench.run(list ?? [], { cwd })
  const cloned = await bench.run(clone ?? [], { cwd })

  assert.deepEqual([list?.[0], listed.exit], ['ls', 0])
  assert.deepEqual([clone?.[0], cloned.exit], ['clone', 0])
  assert.match(readFileSync(join(cwd, 'COPY/index.html'), 'utf8'), /./)
})

test('mistakes are told before anything is written', async (t) => {
  const bench = new Bench(t)
  const dir = copyOf(t, 'gen1/dat-folder/share')
  const several = fixture('gen2/hyperdrive10')

  const into = await bench.run(['clone', dir, join(dir, 'x'), '--json'])
  const nowhere = await bench.run(['clone', dir, '--json'])
  const which = await bench.run(['ls', several, '--json'])
  const plain = await bench.run(['ls', fixture('gen1/feed-live'), '--json'])
  const missing = await bench.run(['inspect', join(dir, 'none'), '--json'])
  const today = await bench.run(['serve', bench.folder(), '--json'])

  const codes = [into, nowhere, which, plain, missing, today].map(({ exit, events }) => [
    exit,
    events.at(-1)?.['code'],
  ])
  assert.deepEqual(codes, [
    [73, 'CONFLICT'],
    [64, 'BAD_ARGUMENT'],
    [64, 'BAD_ARGUMENT'],
    [78, 'UNSUPPORTED'],
    [66, 'NOT_FOUND'],
    [66, 'NOT_FOUND'],
  ])
})

test('names out of old files do nothing to a terminal', async (t) => {
  const bench = new Bench(t)
  const dir = join(bench.folder(), 'evil\u001b[2J')
  cpSync(fixture('gen1/dat-folder/share'), dir, { recursive: true })

  const { stdout, stderr } = await bench.run(['inspect', dir, ...SECRETS])

  assert.ok(stdout.includes('evil\\u001b[2J'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none
  assert.doesNotMatch(stdout + stderr, /\u001b/)
})

test('one process serves an old folder, another clones it by its dat link, over today’s network', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const told = drive('gen1/beaker')
  const [dir, copy] = [fixture(told.place), bench.folder()]
  const serve = bench.start([
    'serve',
    dir,
    '--announce-old',
    '--old-port',
    '0',
    '--json',
    ...SECRETS,
    ...entry,
  ])
  const serving = await serve.event('serving')

  const clone = await bench.run(['clone', `dat://${told.key}`, copy, '--json', ...entry])
  const { exit, events } = await serve.interrupt()

  assert.deepEqual(serving['links'], [`dat://${told.key}`])
  assert.deepEqual(serving['announced'], ['today'])
  assert.equal(clone.exit, 0, clone.stdout)
  for (const [path, sum] of told.filesAt.get(told.newest) ?? []) {
    assert.equal(sha256(readFileSync(join(copy, path))), sum, path)
  }
  assert.equal(exit, 0)
  assert.equal(events.find(({ event }) => event === 'served')?.['damaged'], 0)
})

test('one process serves an old folder without telling anybody, another clones it by address', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const told = drive('gen1/beaker')
  const [dir, copy] = [fixture(told.place), bench.folder()]
  const serve = bench.start(['serve', dir, '--old-port', '0', '--json', ...SECRETS, ...entry])
  const { port } = await serve.event('listening')
  const serving = await serve.event('serving')

  const peer = ['--peer', `127.0.0.1:${port}`]
  const clone = await bench.run(['clone', `dat://${told.key}`, copy, '--json', ...peer, ...entry])
  const listed = await bench.run(['ls', `dat://${told.key}`, ...peer, ...entry])
  await serve.interrupt()

  assert.deepEqual(serving['announced'], [])
  assert.equal(clone.exit, 0, clone.stdout)
  for (const [path, sum] of told.filesAt.get(told.newest) ?? []) {
    assert.equal(sha256(readFileSync(join(copy, path))), sum, path)
  }
  assert.match(listed.stdout, /dat\.json/)
})

test('people are told who can learn of it, and standard output is the link', async (t) => {
  const bench = new Bench(t)
  const told = drive('gen1/beaker')
  const entry = await bench.entry()
  const serve = bench.start(['serve', fixture(told.place), '--old-port', '0', ...SECRETS, ...entry])
  await serve.heard('Press Ctrl-C')

  const { stdout, stderr } = await serve.interrupt()

  assert.equal(stdout, `dat://${told.key}\n`)
  assert.match(stderr, /at 127\.0\.0\.1 at TCP port \d+/)
  assert.match(stderr, /announced nowhere/)
})

test('what is mounted in the one archive that is served is served with it, and what is missing is named', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const told = drive('gen2/hyperdrive10')
  const files = copyOf(t, told.place)
  const [dir, copy] = [fixture(told.place), bench.folder()]
  const options = ['--old-port', '0', '--archive', told.key, ...SECRETS, ...entry]
  const serve = bench.start(['serve', dir, '--json', ...options])
  const { port } = await serve.event('listening')

  const peer = ['--peer', `127.0.0.1:${port}`]
  const clone = await bench.run(['clone', `dat://${told.key}`, copy, '--json', ...peer, ...entry])
  const { events, stdout } = await serve.interrupt()

  assert.equal(clone.exit, 0, clone.stdout)
  for (const [path, sum] of told.filesAt.get(told.newest) ?? []) {
    assert.equal(sha256(readFileSync(join(copy, path))), sum, path)
  }
  const mounted = events.filter(({ event }) => event === 'mounted')
  assert.deepEqual(mounted.map(({ path, kind }) => [path, kind]).sort(), [
    ['/core', 'log'],
    ['/mnt/b', 'drive'],
  ])
  const counts = events.find(({ event }) => event === 'mounts')
  assert.deepEqual(
    [counts?.['served'], counts?.['missing'], counts?.['cut']],
    [2, 0, false],
    stdout,
  )

  // The log that stands as a file.
  const log = '81/17/8117e1666a5b146957ca446c902e8e6eafc9e3d18ac02b750e8bf9a57a5602bc'
  rmSync(join(files, log), { recursive: true })
  const poorer = bench.start(['serve', files, ...options])
  await poorer.heard('Press Ctrl-C')
  const people = await poorer.interrupt()
  assert.match(
    people.stderr,
    /Mounted at \/core, and not served: hyper:\/\/[0-9a-f]{64}: It is not here\./,
  )
  assert.match(people.stderr, /because mounted in it: 1 drive or log\./)
  assert.equal(people.stdout, `hyper://${told.key}\n`)
})
