/**
 * How runs begin and end: wrong usage, help, signals.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatLink } from '@dat-rhino/core/crypto/links'
import { writeTree } from '../../sdk/test/temp.ts'
import { Bench } from './dat.ts'

const NOBODYS_LINK = formatLink({ key: new Uint8Array(32).fill(9) })

test('wrong usage is an error like any other, for people and for programs', async (t) => {
  const bench = new Bench(t)

  const people = await bench.run(['clon'])
  const programs = await bench.run(['clone', '--json'])
  const value = await bench.run(['share', '--port', 'x', '--json'])

  assert.deepEqual([people.exit, programs.exit, value.exit], [64, 64, 64])
  assert.match(people.stderr, /^dat: Unknown command 'clon' \(Did you mean clone\?\)\n/)
  assert.equal(people.stdout, '')
  assert.equal(programs.events[0]?.['code'], 'BAD_ARGUMENT')
  assert.equal(value.events[0]?.['code'], 'BAD_ARGUMENT')
  assert.equal(programs.stderr + value.stderr, '')
})

test('without a command the help is shown as an error; asked for, it is the result', async (t) => {
  const bench = new Bench(t)

  const none = await bench.run([])
  const help = await bench.run(['--help'])
  const version = await bench.run(['--version'])

  assert.equal(none.exit, 64)
  assert.match(none.stderr, /^Usage: dat /)
  assert.equal(none.stdout, '')
  assert.equal(help.exit, 0)
  assert.match(help.stdout, /^Usage: dat .*Examples:.*Exit codes:/s)
  const { version: said } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  assert.equal(version.stdout, `${said}\n`)
})

test('each command has help with examples', async (t) => {
  const bench = new Bench(t)

  for (const command of ['share', 'clone', 'ls', 'cat', 'log', 'status']) {
    const { exit, stdout } = await bench.run([command, '--help'])
    assert.equal(exit, 0)
    assert.match(stdout, new RegExp(`Usage: dat ${command} .*Examples:`, 's'))
  }
})

test('a clone that is interrupted says that the same command goes on', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()
  const dir = join(bench.folder(), 'copy')

  const clone = bench.start(['clone', NOBODYS_LINK, dir, '--timeout', '0', '--json', ...entry])
  await clone.event('phase', ({ phase }) => phase === 'looking')
  const { exit, events } = await clone.interrupt()

  assert.equal(exit, 130)
  assert.equal(events.at(-1)?.['code'], 'ABORTED')
  assert.match(String(events.at(-1)?.['message']), /same command goes on/)
})

test('looking for a drive can be interrupted', async (t) => {
  const bench = new Bench(t)
  const entry = await bench.entry()

  const list = bench.start(['ls', NOBODYS_LINK, '--timeout', '0', '--json', ...entry])
  await list.event('progress', ({ phase }) => phase === 'looking')

  assert.equal((await list.interrupt()).exit, 130)
})

test('a polite end from outside is one for a share, which keeps its link', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  writeTree(dir, { a: 'a' })

  const share = bench.start(['share', dir, '--offline', '--json'])
  const { link } = await share.event('link')
  await share.event('sharing')
  share.signal('SIGTERM')
  const { exit } = await share.ended
  const again = await bench.run(['share', dir, '--once'])

  assert.equal(exit, 0)
  assert.equal(again.stdout, `${link}\n`)
})

test('what caused an error is told when asked for, and only then', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()

  const short = await bench.run(['ls', dir])
  const long = await bench.run(['ls', dir, '--verbose'])

  assert.doesNotMatch(short.stderr, /\n {4}at /)
  assert.match(long.stderr, /\n {4}at /)
})
