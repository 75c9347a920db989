/**
 * From whatever was thrown to what a person and a program are told.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CODES, DatError, type Facts } from '@dat-rhino/core/base/errors'
import { exitCodeOf, explain, hintFor, toDatError } from '../src/errors.ts'
import { buildProgram } from '../src/program.ts'

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

test('an error of ours stays what it is', () => {
  const error = new DatError('NO_PEERS', 'Nobody there.')

  assert.equal(toDatError(error), error)
})

test('errors of the system and of libraries get a code of the table', () => {
  const abort = new DOMException('This operation was aborted', 'AbortError')
  const cases: [unknown, string][] = [
    [systemError('ENOSPC', 'no space left on device'), 'STORE_FULL'],
    [systemError('EDQUOT', 'quota'), 'STORE_FULL'],
    [systemError('EACCES', 'permission denied'), 'IO'],
    [systemError('ERR_INVALID_ARG_TYPE', 'wrong type'), 'INVARIANT'],
    [abort, 'ABORTED'],
    [new TypeError('x is not a function'), 'INVARIANT'],
    ['a text', 'INVARIANT'],
    [undefined, 'INVARIANT'],
  ]

  for (const [thrown, code] of cases) assert.equal(toDatError(thrown).code, code)
})

test('of two errors, the one that came first is told, not that of closing behind it', async () => {
  const first = new DatError('STORE_FULL', 'No room.')
  const failing = async (): Promise<void> => {
    await using _resource = {
      [Symbol.asyncDispose]: () => Promise.reject(new DatError('CLOSED', 'Closed.')),
    }
    throw first
  }

  const thrown: unknown = await failing().catch((error: unknown) => error)

  assert.notEqual(thrown, first)
  assert.equal(toDatError(thrown), first)
})

test('an interrupted command has the exit code that shells expect', () => {
  assert.equal(exitCodeOf(new DatError('ABORTED', 'Stopped.')), 130)
})

test('a full disk says that nothing is lost, a fault of ours asks for a report', () => {
  assert.match(hintFor(new DatError('STORE_FULL', '')) ?? '', /nothing is lost/)
  assert.match(hintFor(new DatError('STORE_FULL', '', { quotaBytes: 9 })) ?? '', /larger --quota/)
  assert.match(hintFor(new DatError('INVARIANT', '')) ?? '', /--verbose/)
})

test('where no secret key is missing, nobody is sent to look for one', () => {
  const hintOf = (facts: Facts): string | undefined =>
    hintFor(new DatError('NOT_WRITABLE', '', facts))

  assert.match(hintOf({}) ?? '', /secret key/)
  assert.match(hintOf({ reason: 'key' }) ?? '', /secret key/)
  assert.match(hintOf({ recoverable: true }) ?? '', /--recover/)
  assert.equal(hintOf({ reason: 'store' }), undefined)
})

test('the chain of causes is told down to its end', () => {
  const root = new Error('the root')
  const error = new DatError('IO', 'the top', {}, new Error('the middle', { cause: root }))

  const text = explain(error)

  assert.match(text, /the top[\s\S]*caused by: [\s\S]*the middle[\s\S]*caused by: [\s\S]*the root/)
})

const EXIT_CODES = [...new Set(Object.values(CODES).map(({ exit }) => exit))]

test('the help names every exit code', () => {
  const program = buildProgram(async () => undefined)
  let help = ''
  program.configureOutput({ writeOut: (text) => (help += text) })
  program.outputHelp()

  const missing = EXIT_CODES.filter((exit) => !new RegExp(`\\b${exit} [a-z]`).test(help))

  assert.deepEqual(missing, [])
})

test('the reference lists every code with its exit code', () => {
  const reference = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')

  const missing = Object.entries(CODES).filter(
    ([code, { exit }]) => !new RegExp(`\\| ${exit} \\|.*\`${code}\``).test(reference),
  )

  assert.deepEqual(missing, [])
})
