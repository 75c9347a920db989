/**
 * What goes wrong with one file, and what goes wrong with all of them.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { DatError, isCode } from '@dat-rhino/core/base/errors'
import type { BeeDrive } from '@dat-rhino/core/drive/bee-drive'
import { ImportPass } from '../../src/files/import.ts'
import { Ledger } from '../../src/files/ledger.ts'
import { fileError, isMissing, systemCode } from '../../src/files/problems.ts'
import { Teller } from '../../src/files/teller.ts'
import { handClock } from '../hand-clock.ts'
import { tempFolder, writeTree } from '../temp.ts'

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it happened`), { code })
}

test('errors of the system become ours, with the path and a sentence', () => {
  const codes = ['EACCES', 'ENOSPC', 'ENOENT', 'ELOOP', 'ENAMETOOLONG', 'EWHATEVER']

  const errors = codes.map((code) => fileError(systemError(code), '/a'))

  assert.deepEqual(
    errors.map(({ code }) => code),
    ['IO', 'STORE_FULL', 'NOT_FOUND', 'CONFLICT', 'BAD_CONTENT', 'IO'],
  )
  assert.equal(errors[0]?.message, '/a: permission denied.')
  assert.deepEqual(errors[0]?.facts, { path: '/a', system: 'EACCES' })
  assert.equal(isMissing(systemError('ENOENT')), true)
})

test('an error of ours stays what it is, and is none of the system', () => {
  const error = new DatError('STORE_FULL', 'There is no room.')

  assert.equal(fileError(error, '/a'), error)
  assert.equal(systemCode(error), undefined)
  assert.equal(isMissing(new DatError('NOT_FOUND', 'gone')), false)
})

test('a store without room ends an import; it is no problem of the file', async (t) => {
  const root = tempFolder(t)
  writeTree(root, { 'data/a': '1', 'data/b': '2' })
  const full = async (): Promise<void> => {
    throw new DatError('STORE_FULL', 'There is no room.')
  }
  // The few members that an import touches before it stores something.
  const drive = { version: 1, entry: async () => undefined, batch: () => ({ put: full }) }
  const teller = new Teller(handClock(), () => ({
    have: 0,
    length: 0,
    version: 1,
    bytesDown: 0,
    bytesUp: 0,
    peers: [],
  }))
  const ledger = await Ledger.open(join(root, 'ledger'), 'test')
  t.after(() => ledger.close())
  const pass = new ImportPass(
    {
      root: join(root, 'data'),
      drive: drive as unknown as BeeDrive,
      ledger,
      teller,
      signal: new AbortController().signal,
    },
    {
      ignores: () => false,
      verify: false,
      patient: false,
      onfolder: () => undefined,
      isWatched: () => false,
    },
  )

  await assert.rejects(pass.run([{ folder: '/', deep: true }]), (e) => isCode(e, 'STORE_FULL'))

  assert.equal(teller.report().skipped, 0)
})
