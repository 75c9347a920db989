/**
 * The grammar of the command line: what arguments become, and what is said about wrong ones.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isCode } from '@dat-rhino/core/base/errors'
import { CommanderError } from 'commander'
import { networkOptions, ratePolicy, roomOptions } from '../src/options.ts'
import { buildProgram, COMMANDS } from '../src/program.ts'
import { usageError } from '../src/usage.ts'

/** What the command got, without running it. */
async function flagsOf(...args: string[]): Promise<Record<string, unknown>> {
  let got: Record<string, unknown> = {}
  const program = buildProgram(async (flags) => {
    got = { ...flags }
  })
  await program.parseAsync(args, { from: 'user' })
  return got
}

/** What is said about wrong arguments. */
async function complaint(...args: string[]): Promise<string> {
  try {
    await flagsOf(...args)
  } catch (thrown) {
    if (isCode(thrown, 'BAD_ARGUMENT')) return thrown.message
    assert.ok(thrown instanceof CommanderError)
    const { error, hint } = usageError(thrown, args)
    assert.equal(error.code, 'BAD_ARGUMENT')
    return `${error.message} ${hint}`
  }
  throw new Error('Nothing was wrong.')
}

test('an option that may be repeated swallows no argument', async () => {
  const flags = await flagsOf('share', '--ignore', '*.tmp', '--ignore', 'old/', 'photos')

  assert.deepEqual(flags['ignore'], ['*.tmp', 'old/'])
})

test('network options become what the SDK understands', async () => {
  const given = ['--bootstrap', '127.0.0.1:5000', '--bootstrap', 'example.org:6000']
  const flags = await flagsOf(
    'share',
    ...given,
    '--host',
    '127.0.0.1',
    '--port',
    '7000',
    '--no-announce',
  )

  assert.deepEqual(networkOptions(flags), {
    bootstrap: ['127.0.0.1:5000', 'example.org:6000'],
    host: '127.0.0.1',
    port: 7000,
    announce: false,
  })
})

test('old programs are met only by who asks for it, and looking is not being found', async () => {
  const legacy = async (...args: string[]) => networkOptions(await flagsOf('clone', 'x', ...args))
  const peers = ['127.0.0.1:3282', 'example.org:4000']

  assert.deepEqual(await legacy(), {})
  assert.deepEqual(await legacy('--peer', peers[0] ?? '', '--peer', peers[1] ?? ''), {
    legacy: { peers },
  })
  assert.deepEqual(await legacy('--legacy', 'lan'), { legacy: { lan: true, dht: false } })
  assert.deepEqual(await legacy('--legacy', 'all', '--legacy-announce'), {
    legacy: { lan: true, dht: true, announce: true },
  })
  assert.deepEqual(await legacy('--announce-old'), { announceOld: true })
  assert.match(await complaint('clone', 'x', '--peer', 'localhost'), /--peer .*HOST:PORT/)
  assert.match(await complaint('clone', 'x', '--legacy', 'moon'), /--legacy .*lan, all/)
})

test('seconds on the command line are milliseconds inside, and 0 is no limit', async () => {
  assert.equal((await flagsOf('clone', 'x', '--timeout', '1.5'))['timeout'], 1_500)
  assert.equal((await flagsOf('clone', 'x', '--timeout', '0'))['timeout'], 0)
})

test('rates are bytes a second, with the units of a thousand, and become a policy', async () => {
  const rates = async (...args: string[]) => ratePolicy(await flagsOf('share', ...args))

  assert.deepEqual(await rates('--limit-up', '500k'), { policy: { uploadRate: 500_000 } })
  assert.deepEqual(await rates('--limit-down', '1.5M', '--limit-up', '9'), {
    policy: { uploadRate: 9, downloadRate: 1_500_000 },
  })
  assert.deepEqual(await rates(), {})
  for (const text of ['0', '-1', 'fast', '5 k', '5kB', '']) {
    const said = await complaint('clone', 'x', '--limit-down', text)
    assert.ok(said.includes(`--limit-down`) && said.includes(`"${text}"`), said)
  }
})

test('how much of the disk is taken is told in thousands or in 1,024s, and becomes the quota of each store', async () => {
  const room = async (...args: string[]) => roomOptions(await flagsOf('share', ...args))

  assert.deepEqual(await room(), {})
  assert.deepEqual(await room('--quota', '10GB'), { quotaBytes: 10_000_000_000 })
  assert.deepEqual(await room('--quota', '1.5tib', '--keep-free', '0'), {
    quotaBytes: 1.5 * 1_024 ** 4,
    keepFreeBytes: 0,
  })
  assert.deepEqual(await room('--keep-free', '64MiB', '--quota', '500'), {
    quotaBytes: 500,
    keepFreeBytes: 64 * 1_024 ** 2,
  })
  assert.deepEqual(await room('--quota', '2k'), { quotaBytes: 2_000 })
  for (const text of ['-1', 'much', '5 apples', '1e3', '', '9e9TB', '99999999TB']) {
    const said = await complaint('clone', 'x', '--quota', text)
    assert.ok(said.includes('--quota') && said.includes(`"${text}"`), said)
  }
  for (const command of [
    ['clone', 'x'],
    ['serve', 'x'],
  ]) {
    assert.deepEqual(roomOptions(await flagsOf(...command, '--quota', '1M')), {
      quotaBytes: 1_000_000,
    })
  }
})

test('a wrong value is told with the option that it was given to', async () => {
  assert.match(await complaint('clone', 'x', '--timeout', 'soon'), /--timeout .*"soon"/)
  assert.match(await complaint('clone', 'x', '--checkout', '0'), /--checkout .*"0"/)
  assert.match(await complaint('log', 'x', '--limit', '-1'), /--limit .*"-1"/)
  assert.match(await complaint('share', '--port', '65536'), /--port .*65535/)
  assert.match(await complaint('share', '--bootstrap', 'localhost'), /--bootstrap .*HOST:PORT/)
})

test('wrong usage is told in one sentence, with the help that helps', async () => {
  assert.equal(
    await complaint('clon', 'x'),
    "Unknown command 'clon' (Did you mean clone?) dat --help shows what there is.",
  )
  assert.match(
    await complaint('clone'),
    /^Missing required argument 'link\|folder'\. See dat clone --help/,
  )
  assert.match(await complaint('clone', 'a', 'b', 'c'), /^Too many arguments/)
  assert.match(await complaint('share', '--onse'), /Did you mean --once\?/)
})

test('the reference describes every option of every command', () => {
  const reference = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  const { commands } = buildProgram(async () => undefined)

  const missing = commands.flatMap((command) =>
    command.options
      .filter(({ flags }) => !reference.includes(`\`${flags}\``))
      .map(({ flags }) => `${command.name()} ${flags}`),
  )

  assert.deepEqual(
    commands.map((command) => command.name()),
    COMMANDS,
  )
  assert.deepEqual(missing, [])
})

test('the version is that of the package', async () => {
  const record: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )

  const program = buildProgram(async () => undefined)

  assert.equal(program.version(), (record as { version: string }).version)
})

test('help loads the grammar and what reads it, and nothing that works or tells', () => {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const follow = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')
    for (const [, from = ''] of text.matchAll(/^import (?!type )[^'(]*'([^']+)'/gm)) {
      if (from.startsWith('./')) follow(from.slice(2))
      else if (!from.startsWith('node:')) packages.add(from)
    }
  }

  follow('bin.ts')

  assert.deepEqual(
    [...seen].sort(),
    ['bin.ts', 'main.ts', 'options.ts', 'program-archives.ts', 'program.ts'].sort(),
  )
  assert.deepEqual([...packages].sort(), ['@dat-rhino/core/base/errors', 'commander'])
})
