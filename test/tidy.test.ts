/**
 * House rules that no linter has, about files and words. Each test lists what breaks its rule.
 *
 * The shape of the code (functions, docstrings, waiting) is in `shape.test.ts`; the walls between the
 * layers are in `.dependency-cruiser.cjs`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { code, FILES, SOURCES, type Source, sourcesIn } from './sources.ts'

const LINES_MAX = 500
const LINES_WITH_REASON = 400

const lineCount = ({ text }: Source): number => text.split('\n').length - 1

/** The comment at the top of a file, behind a `#!` line. */
function firstComment({ text }: Source): string | undefined {
  return /^(?:#!.*\n)?(\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(text)?.[1]
}

/** Lines of `sources` that match, as `path:line`. */
function matches(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  )
}

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const long = SOURCES.filter((source) => lineCount(source) > LINES_MAX)

  assert.deepEqual(
    long.map((source) => `${source.path}: ${lineCount(source)}`),
    [],
  )
})

test(`a file above ${LINES_WITH_REASON} lines says in its first comment "long because"`, () => {
  const silent = SOURCES.filter((source) => lineCount(source) > LINES_WITH_REASON).filter(
    (source) => !/long because/i.test((firstComment(source) ?? '').replace(/\s+\*?\s*/g, ' ')),
  )

  assert.deepEqual(
    silent.map((source) => `${source.path}: ${lineCount(source)}`),
    [],
  )
})

test('every file begins with a comment that says what it owns', () => {
  const bare = SOURCES.filter((source) => (firstComment(source) ?? '').length < 20)

  assert.deepEqual(
    bare.map(({ path }) => path),
    [],
  )
})

test('every limit is upheld by some code, and held to by some test', () => {
  const path = 'packages/core/src/base/limits.ts'
  const limits = sourcesIn(path).flatMap(({ text }) => text.match(/(?<=^export const )\w+/gm) ?? [])
  const sources = sourcesIn('packages/').filter((source) => source.path !== path)
  const wordsOf = (chosen: readonly Source[]): Set<string> =>
    new Set(chosen.flatMap(({ text }) => text.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []))
  const upheld = wordsOf(sources.filter((source) => source.path.includes('/src/')))
  // The table of threats names limits in texts, which tests nothing.
  const tests = sources.filter((source) => /\/test\/(?!threats\/rows)/.test(source.path))
  const tested = wordsOf(tests)

  assert.ok(limits.length > 100)
  assert.deepEqual(
    limits.filter((name) => !upheld.has(name)),
    [],
  )
  assert.deepEqual(
    limits.filter((name) => !tested.has(name)),
    [],
  )
})

test('nothing is left to be done or silenced', () => {
  // Put together, so that this line does not break the rule itself.
  const left = ['TO' + 'DO', 'FIX' + 'ME'].join('|')
  const silenced = ['ignore', 'expect-error', 'nocheck'].join('|')

  assert.deepEqual(matches(SOURCES, new RegExp(`\\b(${left})\\b|@ts-(${silenced})`)), [])
})

test('no test runs alone, is skipped without a reason, or puts a hook on all files', () => {
  // All files of a package run in one process, where a hook outside a test would be everybody's.
  const tests = SOURCES.filter(({ path }) => /(^|\/)test\//.test(path)).map(code)
  const alone = /\b(test|it|describe|suite)\.(only|skip|todo)\b|\b(only|skip): true/
  const hooks = /^(before|after|beforeEach|afterEach)\(/

  assert.deepEqual(matches(tests, alone), [])
  assert.deepEqual(matches(tests, hooks), [])
})

test('core and sdk print nothing', () => {
  const libraries = sourcesIn('packages/core/src/', 'packages/sdk/src/').map(code)

  assert.deepEqual(matches(libraries, /\bconsole\.|process\.(stdout|stderr)\b/), [])
})

test('core knows nothing of Node', () => {
  const core = sourcesIn('packages/core/src/')

  assert.deepEqual(matches(core, /from 'node:/), [])
  assert.deepEqual(matches(core.map(code), /\bBuffer\b|\bprocess\./), [])
})

test('no type is forced where the compiler had reason to object', () => {
  const sources = SOURCES.filter(({ path }) => path.includes('/src/')).map(code)

  assert.deepEqual(matches(sources, /\bas any\b|<any>|: any\b|\bas unknown as\b|\bas never\b/), [])
})

test('nobody asks which generation it is, but where one is chosen', () => {
  const choosing = new Set([
    'packages/core/src/log/generations.ts',
    'packages/core/src/wire/detect.ts',
  ])
  const sources = sourcesIn('packages/core/src/')
    .filter(({ path }) => !choosing.has(path))
    .map(code)
  const question =
    /\bgeneration(\.id)?\s*[!=]==|[!=]==\s*\w*\.?generation\b|\bgeneration\.id\s*[<>]|\.id\s*[!=]==\s*[123]\b|switch \(.*generation/

  assert.deepEqual(matches(sources, question), [])
})

test('the number of a generation is looked at by nobody who holds or replicates logs', () => {
  const writing = new Set([
    // Evidence for others says of which generation it is.
    'packages/core/src/log/conflict.ts',
  ])
  const sources = ['log', 'replicator']
    .flatMap((layer) => sourcesIn(`packages/core/src/${layer}/`))
    .filter(({ path }) => !writing.has(path))
    .map(code)
  const number = /\bgeneration\??\.id\b|\bid\b[^}]*\}\s*=\s*[\w.?]*\bgeneration\b/

  assert.deepEqual(matches(sources, number), [])
})

test('no file names a place on the machine it was written on', () => {
  const here = ['work', 'tmp', 'root', 'home', 'Users'].map((name) => `/${name}/`).join('|')
  const place = new RegExp(`(^|[\\s'"\`(=:])(${here})`)

  assert.deepEqual(matches(FILES, place), [])
})

test('each package carries the licence of the project', () => {
  const licences = FILES.filter(({ path }) => /(^|\/)LICENSE$/.test(path))

  assert.deepEqual(
    licences.map(({ path }) => path),
    ['LICENSE', 'packages/cli/LICENSE', 'packages/core/LICENSE', 'packages/sdk/LICENSE'],
  )
  assert.equal(new Set(licences.map(({ text }) => text)).size, 1)
})

test('no text file has a tab, trailing blanks or Windows line ends', () => {
  assert.deepEqual(matches(SOURCES, /\t|[ \r]$/), [])
})
