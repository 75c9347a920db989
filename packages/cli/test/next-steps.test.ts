/** What can be done next, as commands that a shell takes as they are. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextForLink, quoted } from '../src/commands/next-steps.ts'

test('a path is one word for the shell, whatever its name', () => {
  assert.equal(quoted('/media/old-photos'), '/media/old-photos')
  assert.equal(quoted("it's; rm -r *"), `'it'\\''s; rm -r *'`)
  assert.equal(quoted(''), "''")
})

test('of a link that leads to no drive nothing can be listed', () => {
  const link = 'dat://ab'
  const report = { source: 'link', link, key: 'ab', generation: 1, writable: false } as const
  const rest = { logs: [], contents: undefined, contentsProblem: undefined } as const

  assert.deepEqual(nextForLink({ ...report, ...rest, kind: 'log', format: 'log' }), [])
  assert.deepEqual(nextForLink({ ...report, ...rest, kind: 'drive', format: 'hyperdrive 9' }), [
    'dat ls dat://ab',
    'dat clone dat://ab COPY',
  ])
})
