/**
 * Who hears what: people on two streams, programs on one.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatError } from '@dat-rhino/core/base/errors'
import { type Output, openOutput, type Stream } from '../src/output.ts'

/** A stream that remembers, and a clock that is moved by hand. */
class Listener implements Stream {
  readonly isTTY: boolean
  readonly columns = 40
  text = ''
  isFull = false
  readonly #waiting = new Map<string, () => void>()

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(chunk: string | Uint8Array): boolean {
    this.text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
    return !this.isFull
  }

  once(event: string, listener: () => void): void {
    this.#waiting.set(event, listener)
  }

  off(event: string): void {
    this.#waiting.delete(event)
  }

  happens(event: string): void {
    this.#waiting.get(event)?.()
  }
}

interface Run {
  readonly output: Output
  readonly stdout: Listener
  readonly stderr: Listener
  pass(ms: number): void
}

function run(options: { json?: boolean; quiet?: boolean; terminal?: boolean } = {}): Run {
  const { json = false, quiet = false, terminal = false } = options
  const stdout = new Listener(terminal)
  const stderr = new Listener(terminal)
  let now = 5_000
  const output = openOutput({ json, quiet }, { stdout, stderr, now: () => now })
  const pass = (ms: number): void => {
    now += ms
  }
  return { output, stdout, stderr, pass }
}

test('people get results on standard output and everything else on standard error', () => {
  const { output, stdout, stderr } = run()

  output.result('link', { link: 'hyper://a' }, 'hyper://a')
  output.note('imported', { files: 3 }, '3 files')
  output.note('phase', { phase: 'done' })
  output.warn('conflict', { path: '/a' }, 'Kept your /a.')
  output.fail(new DatError('NO_PEERS', 'Nobody there.'), 'Wait longer.')

  assert.equal(stdout.text, 'hyper://a\n')
  assert.equal(stderr.text, '3 files\nKept your /a.\ndat: Nobody there.\nWait longer.\n')
})

test('quiet leaves results, warnings and errors', () => {
  const { output, stdout, stderr, pass } = run({ quiet: true, terminal: true })

  output.result('link', {}, 'hyper://a')
  output.note('imported', {}, '3 files')
  pass(60_000)
  output.progress({}, 'half')
  output.warn('conflict', {}, 'Kept your /a.')

  assert.equal(stdout.text, 'hyper://a\n')
  assert.equal(stderr.text, 'Kept your /a.\n')
})

test('programs get one JSON object a line on standard output, and nothing elsewhere', () => {
  const { output, stdout, stderr, pass } = run({ json: true })

  output.result('link', { link: 'hyper://a' }, 'hyper://a')
  output.note('phase', { phase: 'done' })
  output.warn('conflict', { path: '/a' }, 'Kept your /a.')
  pass(2_000)
  output.progress({ files: 1 }, 'half')
  output.fail(new DatError('NO_PEERS', 'Nobody there.', { peers: 0 }), 'Wait longer.')

  const events = stdout.text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  assert.deepEqual(events, [
    { event: 'link', link: 'hyper://a' },
    { event: 'phase', phase: 'done' },
    { event: 'conflict', path: '/a' },
    { event: 'progress', files: 1 },
    {
      event: 'error',
      code: 'NO_PEERS',
      fault: 'nobody',
      exit: 68,
      message: 'Nobody there.',
      hint: 'Wait longer.',
      facts: { peers: 0 },
    },
  ])
  assert.equal(stderr.text, '')
})

test('what ends within a second shows no progress', () => {
  const { output, stderr, pass } = run({ terminal: true })

  pass(999)
  output.progress({}, '1 of 2')
  assert.equal(stderr.text, '')

  pass(1)
  output.progress({}, '1 of 2')
  assert.equal(stderr.text, '\r1 of 2\u001b[K')
})

test('the progress line is redrawn ten times a second at most, fits, and makes room for a sentence', () => {
  const { output, stderr, pass } = run({ terminal: true })

  pass(1_000)
  output.progress({}, 'first')
  pass(50)
  output.progress({}, 'too soon')
  pass(50)
  output.progress({}, 'x'.repeat(100))
  output.note('sharing', {}, 'Sharing.')
  output.end()

  const line = `\r${'x'.repeat(39)}\u001b[K`
  assert.equal(stderr.text, `\rfirst\u001b[K${line}\r\u001b[KSharing.\n`)
})

test('without a terminal, progress is a line every five seconds, and none for what has no end', () => {
  const { output, stderr, pass } = run()

  pass(4_999)
  output.progress({}, '1 of 3')
  pass(1)
  output.progress({}, '2 of 3')
  pass(5_000)
  output.progress({}, '2 of 3')
  output.progress({}, '2 peers', { steady: true })
  output.progress({}, '3 of 3')

  assert.equal(stderr.text, '2 of 3\n3 of 3\n')
})

test('programs hear of progress once a second, and only of news', () => {
  const { output, stdout, pass } = run({ json: true })

  for (let i = 0; i < 40; i++) {
    pass(100)
    output.progress({ done: Math.min(i, 25) }, '')
  }

  const done = stdout.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).done)
  assert.deepEqual(done, [9, 19, 25])
})

test('programs hear of what has no end every ten seconds', () => {
  const { output, stdout, pass } = run({ json: true })

  for (let second = 1; second <= 25; second++) {
    pass(1_000)
    output.progress({ second }, '', { steady: true })
  }

  assert.deepEqual(stdout.text.match(/\d+/g), ['10', '20'])
})

test('a name cannot end its line or drive the terminal', () => {
  const { output, stdout, stderr } = run({ terminal: true })

  output.result('entry', {}, ['a\nb', 'c\u001b[2J'])
  output.warn('file-skipped', {}, `Left out: /x\r${'y'.repeat(1_000)}`)

  assert.equal(stdout.text, 'a\\u000ab\nc\\u001b[2J\n')
  assert.match(stderr.text, /^Left out: \/x\\u000dy+…\n$/)
  assert.ok(stderr.text.length < 600)
})

test('bytes wait for room, and for nobody who has gone', async () => {
  const { output, stdout } = run()
  stdout.isFull = true

  const waiting = output.bytes(new TextEncoder().encode('abc'))
  const first = await Promise.race([waiting.then(() => 'room'), Promise.resolve('waiting')])
  stdout.happens('drain')
  await waiting
  const again = output.bytes(new TextEncoder().encode('def'))
  stdout.happens('close')
  await again

  assert.equal(first, 'waiting')
  assert.equal(stdout.text, 'abcdef')
})
