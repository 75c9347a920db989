/** The table of threats names tests and limits that are there. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as limits from '../../src/base/limits.ts'
import { type Row, WIRE } from './rows.ts'
import { CONTENT } from './rows-content.ts'
import { LOGS } from './rows-logs.ts'
import { OLD_WIRES } from './rows-old-wires.ts'
import { STORE } from './rows-store.ts'

const GROUPS: Readonly<Record<string, readonly Row[]>> = {
  wire: WIRE,
  logs: LOGS,
  'old wires': OLD_WIRES,
  store: STORE,
  content: CONTENT,
}

const PAGE = readFileSync(new URL('../../../../docs/threats.md', import.meta.url), 'utf8')

for (const [group, rows] of Object.entries(GROUPS)) {
  for (const { from, limits: names, tests, missing = '' } of rows) {
    const except = missing === '' ? '' : ` (not: ${missing})`
    test(`${group}: ${from}, is held by tests that are there${except}`, () => {
      assert.ok(tests.length > 0)
      for (const [file, ...titles] of tests) {
        const source = readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8')
        assert.ok(titles.length > 0, file)
        for (const title of titles) assert.ok(source.includes(title), `${file}: ${title}`)
      }
      for (const name of names) assert.ok(name in limits, name)
    })
  }
}

test('the page of threats has each row, with its limits and the files of its tests', () => {
  const lines = PAGE.split('\n').filter(
    (line) => line.startsWith('| ') && line.includes('.test.ts'),
  )

  const expected = Object.values(GROUPS).flatMap((rows) => rows.map(lineOf))
  assert.deepEqual(lines, expected)
})

/** A row as the page shows it: paths from the folder `packages`, without what all of them have in common. */
function lineOf({ from, limits: names, tests }: Row): string {
  const files = tests.map(([file]) => `\`${file.replace(/^packages\/(\w+)\/test\//, '$1/')}\``)
  return `| ${from} | ${names.map((name) => `\`${name}\``).join(', ')} | ${files.join(', ')} |`
}

test('no row stands twice', () => {
  const all = Object.values(GROUPS).flatMap((rows) => rows.map(({ from }) => from))

  assert.equal(new Set(all).size, all.length)
})
