/**
 * What a look from outside tells about a folder since its last pass.
 */

import assert from 'node:assert/strict'
import { appendFileSync, lstatSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { localEdits } from '../../src/files/edits.ts'
import { Ledger } from '../../src/files/ledger.ts'
import { fileStat } from '../../src/files/stat.ts'
import { tempFolder, writeTree } from '../temp.ts'

const NAMES = ['edited', 'gone', 'link-now', 'retouched', 'same']

/** A folder of files that a ledger beside it knows as they are. */
async function knownFolder(dir: string): Promise<{ root: string; ledgerPath: string }> {
  const root = join(dir, 'folder')
  const ledgerPath = join(dir, 'files')
  writeTree(root, Object.fromEntries(NAMES.map((name) => [name, `text of ${name}`])))
  const ledger = await Ledger.open(ledgerPath, 'test')
  const rows = NAMES.map((name) => {
    const stat = fileStat(lstatSync(join(root, name)))
    return { path: `/${name}`, kind: 'file', stat, seq: 1 } as const
  })
  ledger.record({ rows, removed: [], version: 7 })
  ledger.close()
  return { root, ledgerPath }
}

test('files that nobody touched are as they were left', async (t) => {
  const { root, ledgerPath } = await knownFolder(tempFolder(t))

  const edits = await localEdits(root, ledgerPath)

  assert.deepEqual({ ...edits, at: 0 }, { version: 7, at: 0, files: 5, changed: 0, missing: 0 })
})

test('content, time, kind and absence are seen from outside', async (t) => {
  const { root, ledgerPath } = await knownFolder(tempFolder(t))
  appendFileSync(join(root, 'edited'), ' and more')
  utimesSync(join(root, 'retouched'), 1, 1)
  rmSync(join(root, 'gone'))
  rmSync(join(root, 'link-now'))
  symlinkSync('same', join(root, 'link-now'))

  const edits = await localEdits(root, ledgerPath)

  assert.equal(edits?.changed, 3)
  assert.equal(edits?.missing, 1)
})

test('a folder without ledger has had no pass', async (t) => {
  const dir = tempFolder(t)

  assert.equal(await localEdits(dir, join(dir, 'files')), undefined)
})

test('looking changes nothing, not even where the ledger ends in the middle of a batch', async (t) => {
  const { root, ledgerPath } = await knownFolder(tempFolder(t))
  appendFileSync(ledgerPath, 'F 1 1 1 1 1 /half-writ')
  const before = readFileSync(ledgerPath)

  const edits = await localEdits(root, ledgerPath)

  assert.equal(edits?.files, 5)
  assert.deepEqual(readFileSync(ledgerPath), before)
})
