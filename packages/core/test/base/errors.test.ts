/** The one error class and its table. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, DatError, invariant, isCode } from '../../src/base/errors.ts'

test('every code names who must act, an HTTP error status and a failing exit code', () => {
  for (const [code, row] of Object.entries(CODES)) {
    assert.ok(row.http >= 400 && row.http < 600, code)
    assert.ok(row.exit > 0 && row.exit < 256, code)
    const error = new DatError(code as keyof typeof CODES, 'x')
    assert.equal(error.fault, row.fault)
  }
})

test('an error carries code, facts and cause, and is recognised by its code', () => {
  const cause = new Error('below')

  const error = new DatError('IO', 'Could not write.', { path: 'x' }, cause)

  assert.equal(error.name, 'DatError')
  assert.equal(error.message, 'Could not write.')
  assert.deepEqual(error.facts, { path: 'x' })
  assert.equal(error.cause, cause)
  assert.ok(isCode(error, 'IO'))
  assert.ok(!isCode(error, 'CLOSED'))
  assert.ok(!isCode(cause, 'IO'))
  assert.ok(!('cause' in new DatError('IO', 'Without a cause there is none.')))
})

test('an invariant throws only where it does not hold', () => {
  invariant(true, 'fine')
  assert.throws(() => invariant(false, 'broken', { index: 3 }), {
    code: 'INVARIANT',
    message: 'broken',
    facts: { index: 3 },
  })
})
