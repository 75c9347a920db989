/**
 * Looking into a drive by the real command: by its link, and by its folder while another process shares it.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeTree } from '../../sdk/test/temp.ts'
import { Bench, type DatEvent } from './dat.ts'

const LARGE = new Uint8Array(200_000).map((_, i) => (i * i) >> 7)

/** A shared folder, served by a process of its own. */
async function shared(bench: Bench): Promise<{ dir: string; link: string; entry: string[] }> {
  const entry = await bench.entry()
  const dir = bench.folder()
  writeTree(dir, {
    'a.txt': 'text of a',
    'b/large.bin': LARGE,
    'b/evil\u001b[2J': 'x',
    'b/run': { exec: '#!/bin/sh\n' },
    'b/to-a': { link: '../a.txt' },
  })
  const share = bench.start(['share', dir, '--json', ...entry])
  const { link } = await share.event('link')
  await share.event('sharing')
  return { dir, link: String(link), entry }
}

function named(events: readonly DatEvent[]): unknown[] {
  return events.map(({ event, path }) => `${event} ${path}`)
}

test('a drive is listed by link and by folder, the same way', async (t) => {
  const bench = new Bench(t)
  const { dir, link, entry } = await shared(bench)

  const byLink = await bench.run(['ls', link, '--json', ...entry])
  const byFolder = await bench.run(['ls', dir, '--json'])
  const below = await bench.run(['ls', join(dir, 'b'), '--json'])
  const long = await bench.run(['ls', '-lR', `${link}/b`, ...entry])

  assert.deepEqual(named(byLink.events), ['entry /a.txt', 'folder /b'])
  assert.deepEqual(byFolder.events, byLink.events)
  assert.deepEqual(below.events.slice(1), [
    { event: 'entry', path: '/b/large.bin', version: 4, bytes: 200_000, executable: false },
    { event: 'entry', path: '/b/run', version: 5, bytes: 10, executable: true },
    {
      event: 'entry',
      path: '/b/to-a',
      version: 6,
      bytes: 0,
      executable: false,
      linkname: '../a.txt',
    },
  ])
  assert.equal(
    long.stdout,
    [
      'f      1 B  /b/evil\\u001b[2J',
      'f   200 KB  /b/large.bin',
      'x     10 B  /b/run',
      'l      0 B  /b/to-a -> ../a.txt',
      '',
    ].join('\n'),
  )
})

test('a file is printed byte for byte, also through a link in the drive, and as events', async (t) => {
  const bench = new Bench(t)
  const { dir, link, entry } = await shared(bench)

  const text = await bench.run(['cat', `${link}/b/to-a`, ...entry])
  const events = await bench.run(['cat', link, 'b/large.bin', '--json', ...entry])
  const local = await bench.run(['cat', dir, '/a.txt'])

  assert.equal(text.stdout.trimEnd(), 'text of a')
  assert.equal(local.stdout.trimEnd(), 'text of a')
  const data = events.events.flatMap(({ base64 }) => (typeof base64 === 'string' ? [base64] : []))
  const bytes = Buffer.concat(data.map((part) => Buffer.from(part, 'base64')))
  assert.ok(bytes.equals(LARGE))
  assert.deepEqual(events.events.at(-1), { event: 'end', path: '/b/large.bin', bytes: 200_000 })
})

test('the history tells every change, and each version can be read', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  writeTree(dir, { a: 'one' })
  await bench.run(['share', dir, '--once'])
  writeFileSync(join(dir, 'a'), 'two!')
  await bench.run(['share', dir, '--once'])

  const history = await bench.run(['log', dir, '--json'])
  const newest = await bench.run(['log', dir, '-n', '1'])
  const before = await bench.run(['cat', dir, 'a', '--checkout', '2'])

  assert.deepEqual(history.events, [
    { event: 'put', version: 3, path: '/a', bytes: 4 },
    { event: 'put', version: 2, path: '/a', bytes: 3 },
  ])
  assert.equal(newest.stdout, '3  put  /a  (4 B)\n')
  assert.equal(before.stdout.trimEnd(), 'one')
})

test('files that were shared at once have one version, which can be read', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  writeTree(dir, { a: 'one', b: 'two', c: 'three' })
  await bench.run(['share', dir, '--once'])
  writeFileSync(join(dir, 'a'), 'four')
  await bench.run(['share', dir, '--once'])

  const history = await bench.run(['log', dir, '--json'])
  const told = history.events.map(({ version }) => version)
  const before = await bench.run(['cat', dir, 'a', '--checkout', `${told.at(-1)}`])

  assert.deepEqual(told, [5, 4, 4, 4])
  assert.equal(before.stdout.trimEnd(), 'one')
})

test('the status of a share tells who has it open and what is not imported yet', async (t) => {
  const bench = new Bench(t)
  const { dir, link } = await shared(bench)
  const outside = bench.folder()

  const open = await bench.run(['status', dir, '--json'])
  const none = await bench.run(['status', outside, '--json'])
  const words = await bench.run(['status', '.'], { cwd: join(dir, 'b') })

  const [status] = open.events
  assert.equal(open.events.length, 1)
  assert.equal(status?.['role'], 'share')
  assert.equal(status?.['link'], link)
  assert.equal(status?.['writable'], true)
  assert.equal(status?.['version'], 6)
  assert.equal(status?.['files'], 5)
  assert.equal(status?.['have'], status?.['length'])
  assert.deepEqual(status?.['edits'], { changed: 0, missing: 0 })
  assert.match(JSON.stringify(status?.['holder']), /"pid":\d+/)
  assert.deepEqual(none.events, [{ event: 'status', role: 'none', dir: outside }])
  assert.equal(none.exit, 0)
  assert.match(words.stdout, /is shared\n {2}link +hyper:\/\/.*in use +by process \d+/s)
})

test('the status of a clone tells which files were edited', async (t) => {
  const bench = new Bench(t)
  const { link, entry } = await shared(bench)
  const copy = bench.folder()
  await bench.run(['clone', link, copy, ...entry])
  writeFileSync(join(copy, 'a.txt'), 'edited')

  const { events, exit } = await bench.run(['status', copy, '--json'])

  assert.equal(exit, 0)
  assert.equal(events[0]?.['role'], 'clone')
  assert.equal(events[0]?.['writable'], false)
  assert.deepEqual(events[0]?.['edits'], { changed: 1, missing: 0 })
  assert.equal(events[0]?.['holder'], null)
})

test('a reader that goes away ends the command quietly', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  const files = Array.from({ length: 5_000 }, (_, i) => [`a-name-that-fills-the-pipe-${i}`, ''])
  writeTree(dir, Object.fromEntries(files))
  await bench.run(['share', dir, '--once'])

  const list = bench.start(['ls', dir])
  list.hangUp()
  const { exit, stderr } = await list.ended

  assert.equal(exit, 0)
  assert.equal(stderr, '')
})
