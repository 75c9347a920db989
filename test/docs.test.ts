/**
 * What pages and comments say about the house, held to the house.
 *
 * Only what can be looked up is: names of files, and the table of layers. Whether the sentences are true is for readers.
 */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { test } from 'node:test'
import { FILES, SOURCES } from './sources.ts'

const PATHS = FILES.map(({ path }) => path)
const ARCHITECTURE = sourceText('docs/architecture.md')

interface Rule {
  readonly name: string
  readonly comment: string
}

/** Layer to what it may import, `(types)` behind those of which only types, as the checker of layers has it. */
function checkedLayers(): Map<string, string> {
  const rules: readonly Rule[] = createRequire(import.meta.url)(
    '../.dependency-cruiser.cjs',
  ).forbidden
  const layers = new Map<string, string>()
  for (const { name, comment } of rules) {
    const layer = /^(?:layer|package)-([a-z]+)$/.exec(name)?.[1]
    const may = /may import (.*)$/.exec(comment)?.[1]
    if (layer === undefined || may === undefined || layer === 'core') continue
    const typed = rules.flatMap((rule) => rule.name.split(`layer-${layer}-types-of-`)[1] ?? [])
    const names = may.startsWith('no') ? [] : may.split(', ')
    layers.set(layer, described(names, typed))
  }
  return layers
}

function described(names: readonly string[], typed: readonly string[]): string {
  return names
    .map((name) => (typed.includes(name) ? `${name} (types)` : name))
    .sort()
    .join(', ')
}

function sourceText(path: string): string {
  return FILES.find((source) => source.path === path)?.text ?? ''
}

/** The cells of all rows below a heading, up to the next one. */
function rowsBelow(heading: string): string[][] {
  const [, below = ''] = ARCHITECTURE.split(`\n## ${heading}\n`)
  const [section = ''] = below.split('\n## ')
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

test('the table of layers is the one that the checker holds', () => {
  const told = new Map(
    rowsBelow('Layers and what each may touch')
      .slice(2)
      .map(([layer = '', may = '']) => [
        layer,
        may === '–' ? '' : may.split(', ').sort().join(', '),
      ]),
  )

  assert.deepEqual([...told].sort(), [...checkedLayers()].sort())
})

test('every room that the architecture names is there', () => {
  const missing: string[] = []
  let folder = ''
  let named = 0
  for (const [first = '', second = ''] of rowsBelow('The rooms')) {
    if (second === '') folder = folderOf(first)
    const below = /^`([\w/]+\/)`$/.exec(first)
    let base = second !== '' && below !== null ? folder + below[1] : folder
    for (const [, name = ''] of second.matchAll(/`([a-z\d/-]+)`/g)) {
      named++
      if (!isThere(base, name)) missing.push(base + name)
      // `legacy/` is the folder of the names behind it.
      if (name.endsWith('/') && base !== folder) base += name
    }
  }

  assert.ok(named > 150)
  assert.deepEqual(missing, [])
})

function folderOf(cell: string): string {
  const name = cell.replaceAll('`', '')
  return /^(sdk|cli)\//.test(name)
    ? `packages/${name.replace('/', '/src/')}`
    : `packages/core/src/${name}`
}

function isThere(folder: string, name: string): boolean {
  return PATHS.some((path) => path.startsWith(folder + name))
}

test('every file on the ways of the data is there', () => {
  const [, ways = ''] = ARCHITECTURE.split('\n## Following the data\n')
  const named = [...ways.matchAll(/`([\w/-]+\.ts)`/g)].map(([, name = '']) => name)

  const missing = named.filter((name) => {
    const inside = /^(sdk|cli)\//.test(name) ? name.replace('/', '/src/') : `core/src/${name}`
    return !PATHS.includes(`packages/${inside}`)
  })

  assert.ok(named.length > 50)
  assert.deepEqual(missing, [])
})

test('a file that a comment or a page names is there', () => {
  const names = new Set(PATHS.map((path) => basename(path)))
  const pages = FILES.filter(({ path }) => /^(docs\/|CONTRIBUTING|README).*\.md$/.test(path))
  const comments = SOURCES.filter(({ path }) => path.startsWith('packages/')).map((source) => ({
    path: source.path,
    text: source.text.replace(/^(?!\s*(\/\/|\/\*|\*)).*$/gm, ''),
  }))

  const missing = [...pages, ...comments].flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![*.\w])[\w/-][\w./-]*\.(?:ts|md)\b/g)]
      .map(([name]) => name)
      .filter((name) => !names.has(basename(name)))
      .map((name) => `${path}: ${name}`),
  )

  assert.deepEqual(missing, [])
})

test('the index of the pages names every page', () => {
  const index = sourceText('docs/README.md')
  const pages = FILES.map(({ path }) => path)
    .filter((path) => /^docs\/(guide\/)?[\w-]+\.md$/.test(path) && path !== 'docs/README.md')
    .map((path) => path.replace('docs/', ''))

  assert.deepEqual(
    pages.filter((page) => !index.includes(`](${page})`)),
    [],
  )
})
