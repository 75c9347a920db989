/**
 * The grammar of the command line: what arguments become, and what is said about wrong ones.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { helpText } from '../src/help.ts'
import { networkOptions, ratePolicy, roomOptions } from '../src/options.ts'
import { buildProgram, COMMANDS, packageVersion } from '../src/program.ts'
import { type Asked, readArguments } from '../src/read-arguments.ts'
import { helpFor } from '../src/usage.ts'

function read(...args: string[]): Asked {
  return readArguments(
    buildProgram(async () => undefined),
    args,
  )
}

/** What the command got, without running it. */
async function flagsOf(...args: string[]): Promise<Record<string, unknown>> {
  let got: Record<string, unknown> = {}
  const program = buildProgram(async (flags) => {
    got = { ...flags }
  })
  const asked = readArguments(program, args)
  assert.ok(asked.kind === 'run', JSON.stringify(asked))
  await asked.run()
  return got
}

/** What is said about wrong arguments. */
async function complaint(...args: string[]): Promise<string> {
  const asked = read(...args)
  assert.ok(asked.kind === 'wrong', 'Nothing was wrong.')
  return `${asked.message} ${helpFor(args)}`
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
      .map(({ flags }) => `${command.name} ${flags}`),
  )

  assert.deepEqual(
    commands.map((command) => command.name),
    COMMANDS,
  )
  assert.deepEqual(missing, [])
})

test('options stand anywhere behind the command, joined or apart, until there are none any more', async () => {
  const both = { recursive: true, long: true }

  for (const args of [['-lR'], ['-l', '-R'], ['--recursive', '--long']]) {
    const { recursive, long } = await flagsOf('ls', 'x', ...args)
    assert.deepEqual({ recursive, long }, both)
  }
  for (const args of [['-n5'], ['-n', '5'], ['--limit=5'], ['--limit', '5']]) {
    assert.equal((await flagsOf('log', ...args, 'x'))['limit'], 5)
  }
  assert.equal((await flagsOf('share', '--', '--json'))['json'], undefined)
  assert.equal((await flagsOf('share', '--no-watch'))['watch'], false)
  assert.equal((await flagsOf('share'))['watch'], true)
  assert.equal((await flagsOf('bench'))['seconds'], 2)
  assert.match(await complaint('share', '--once=yes'), /^Unknown option '--once=yes'/)
  assert.match(await complaint('log', 'x', '-x'), /^Unknown option '-x'/)
  assert.match(await complaint('log', 'x', '-n'), /^Option '-n, --limit <count>' argument missing/)
  assert.match(await complaint('log', 'x', '--limit='), /--limit .*""/)
})

test('arguments reach the command in their order, with what they are where nobody gives them', async () => {
  let got: unknown[] = []
  const program = buildProgram(async () => undefined)
  const share = program.commands.find(({ name }) => name === 'share')
  share?.action(async (...given: unknown[]) => {
    got = given.slice(0, -1)
  })
  const given = async (...args: string[]): Promise<unknown[]> => {
    const asked = readArguments(program, args)
    if (asked.kind === 'run') await asked.run()
    return got
  }

  assert.deepEqual(await given('share'), ['.'])
  assert.deepEqual(await given('share', 'photos', '--once'), ['photos'])
  assert.deepEqual(await given('share', '-1'), ['-1'])
  assert.deepEqual(await given('share', '--', '--once'), ['--once'])
})

test('help is asked for in several ways, and comes before what is wrong', () => {
  for (const args of [
    ['store', 'rm', '--help'],
    ['store', 'rm', 'a', 'b', 'c', '-h'],
    ['store', 'rm', '--fors', '--help'],
    ['help', 'store', 'rm'],
    ['store', 'help', 'rm'],
  ]) {
    const asked = read(...args)
    assert.ok(asked.kind === 'help', args.join(' '))
    assert.equal(asked.command.name, 'rm')
  }
  assert.equal(read('--help').kind, 'help')
  assert.equal(read('share', '--', '--help').kind, 'run')
  assert.equal(read('help', 'stor').kind, 'wrong')
  assert.equal(read('store').kind, 'nothing')
  assert.equal(read().kind, 'nothing')
})

test('help says each command, argument and option of the grammar, within the width of the terminal', () => {
  const program = buildProgram(async () => undefined)
  const rm = program.commands.find(({ name }) => name === 'store')?.commands[1]
  assert.ok(rm)

  const wide = helpText(rm, 200)
  const narrow = helpText(rm, 72)

  assert.match(
    wide,
    /^Usage: dat store rm \[options\] <log> \[dir\]\n\nDelete a log .*\n\nArguments:\n/,
  )
  assert.match(wide, /\n {2}dir +the folder \(default: "\."\)\n/)
  for (const { flags, help } of rm.options) {
    assert.ok(wide.includes(`  ${flags} `) && wide.includes(` ${help}\n`), flags)
  }
  assert.ok(narrow.split('\n').every((line) => line.length <= 72))
  assert.equal(narrow.replace(/\s+/g, ' '), wide.replace(/\s+/g, ' '))
  for (const { name } of program.commands)
    assert.match(helpText(program), new RegExp(`\n {2}${name} `))
})

test('help is answered by files of the command alone', () => {
  const seen = new Set<string>()
  const packages: string[] = []
  const follow = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')
    for (const [, from = ''] of text.matchAll(/^import (?!type )[^'(]*'([^']+)'/gm)) {
      if (from.startsWith('./')) follow(from.slice(2))
      else if (!from.startsWith('node:')) packages.push(`${file}: ${from}`)
    }
  }

  follow('bin.ts')
  follow('help.ts')

  assert.ok(seen.has('options.ts'))
  assert.deepEqual(packages, [])
})

test('the version is that of the package', () => {
  const record: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )

  assert.equal(read('--version').kind, 'version')
  assert.equal(read('-V').kind, 'version')
  assert.equal(packageVersion(), (record as { version: string }).version)
})
