/**
 * Which files are left out: against what the old dat left out, and by the rules of git where those differ.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ignoreRules, tellingRules } from '../../src/files/ignore.ts'

interface Case {
  readonly name: string
  readonly datignore: string | null
  readonly options: {
    readonly ignoreHidden?: boolean
    readonly useDatIgnore?: boolean
    readonly ignore?: string[]
  }
  readonly ignored: string[]
  readonly kept: string[]
}

const vectors: { cases: Case[] } = JSON.parse(
  readFileSync(new URL('../vectors/datignore.json', import.meta.url), 'utf8'),
)

/** Is `path` left out, or a folder above it? As a walk from the root would find. */
function isLeftOut(rules: ReturnType<typeof ignoreRules>, path: string): boolean {
  const parts = path.split('/')
  return parts.some((_, i) => rules(parts.slice(0, i + 1).join('/'), i < parts.length - 1))
}

/**
 * Where we differ from dat-ignore 2.1.3, on purpose: a pattern without a slash is meant at any depth and one with a
 * slash in front from the root, as in git; the old one meant the root, and nothing. What lies in a folder that is left out stays out. Stores with secret keys and version control are left out even when hidden names
 * are shared.
 */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  'ignoreHidden false': ['sub/.dat/x', '.git/HEAD'],
  'log glob': ['sub/debug.log'],
  'folder that exists at the root': ['build/out.js'],
  'ignore option': ['sub/.well-known/dat'],
}

test('what the old dat left out is left out, but for what git means otherwise', () => {
  for (const { name, datignore, options, ignored, kept } of vectors.cases) {
    const rules = ignoreRules({
      datignore: options.useDatIgnore === false ? undefined : (datignore ?? undefined),
      hidden: options.ignoreHidden === false,
      ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    })

    const lost = ignored.filter((path) => !isLeftOut(rules, path))
    const extra = kept.filter((path) => isLeftOut(rules, path))

    assert.deepEqual([...lost, ...extra].sort(), [...(DIFFERENT[name] ?? [])].sort(), name)
  }
})

test('a rule takes a hidden file in again, but not out of a folder that is left out', () => {
  const rules = ignoreRules({ hidden: false, datignore: '!.htaccess\n!.config/keep\n' })

  assert.equal(isLeftOut(rules, '.htaccess'), false)
  assert.equal(isLeftOut(rules, 'sub/.htaccess'), false)
  assert.equal(isLeftOut(rules, '.config/keep'), true)
})

test('no rule takes in our own state, at any depth, nor the store of an old dat', () => {
  const rules = ignoreRules({ hidden: true, datignore: '!.dat-rhino\n!.dat\n!**\n' })

  for (const path of [
    '.dat-rhino/store/log',
    'sub/.dat-rhino/files',
    'sub/.dat-rhino-part',
    '.dat/metadata.key',
  ]) {
    assert.equal(isLeftOut(rules, path), true, path)
  }
})

test('rules of the option come before those of the file', () => {
  const rules = ignoreRules({ ignore: ['*.tmp'], datignore: '!keep.tmp' })

  assert.equal(isLeftOut(rules, 'a.tmp'), true)
  assert.equal(isLeftOut(rules, 'keep.tmp'), false)
})

test('a pattern with a slash at its end means folders only', () => {
  const rules = ignoreRules({ datignore: 'cache/\n' })

  assert.equal(isLeftOut(rules, 'cache/x'), true)
  assert.equal(isLeftOut(rules, 'cache'), false)
})

test('a byte order mark and Windows line ends do not spoil a rule', () => {
  const rules = ignoreRules({ datignore: '\uFEFF*.log\r\nbuild\r\n' })

  assert.equal(isLeftOut(rules, 'a.log'), true)
  assert.equal(isLeftOut(rules, 'build/x'), true)
})

test('what is left out is told, and which names are hidden', () => {
  const told: string[] = []
  let path = ''
  const rules = tellingRules({ datignore: '*.log\n' }, (why) => told.push(`${path} ${why}`))

  for (path of [
    'a',
    '.profile',
    '.git',
    'x.log',
    '.x.log',
    '.DS_Store',
    '.datignore',
    '.dat-rhino',
    '.dat',
  ]) {
    rules(path, false)
  }

  assert.deepEqual(told, [
    '.profile hidden',
    '.git ignored',
    'x.log ignored',
    '.x.log ignored',
    '.DS_Store ignored',
  ])
})
