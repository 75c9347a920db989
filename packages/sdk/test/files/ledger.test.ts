/**
 * The ledger against a plain map: whatever is recorded, in whatever order, is what cursors give back, also after
 * opening again, and also when the end of the file is lost.
 */

import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ledger, type LedgerBatch } from '../../src/files/ledger.ts'
import type { LedgerRow } from '../../src/files/ledger-row.ts'
import { comparePaths, isBelow } from '../../src/files/paths.ts'
import { tempFolder } from '../temp.ts'

function row(path: string, seq = 1): LedgerRow {
  const stat = {
    size: seq,
    mtimeMs: 1e12 + seq / 8,
    ctimeMs: 5,
    inode: 77,
    executable: seq % 2 === 0,
  }
  return { path, kind: 'file', stat, seq }
}

function rowsOf(ledger: Ledger, folder = '/'): LedgerRow[] {
  const rows: LedgerRow[] = []
  for (const cursor = ledger.cursor(folder); cursor.row !== undefined; cursor.advance()) {
    rows.push(cursor.row)
  }
  return rows
}

const name = fc.constantFrom(
  'a',
  'b',
  'a-b',
  'a0',
  'é',
  '\uFFFD',
  '😀',
  'with space',
  'line\nbreak',
  'back\\n',
)
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
const batch = fc.record({ rows: fc.uniqueArray(path), removed: fc.uniqueArray(path) })

test('what was recorded is there, in order of the bytes of paths, now and after opening again', async (t) => {
  const dir = tempFolder(t)
  let n = 0
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 6 }), async (batches) => {
      const file = join(dir, `ledger-${n++}`)
      let ledger = await Ledger.open(file, 'test')
      const model = new Map<string, LedgerRow>()
      for (const [i, { rows, removed }] of batches.entries()) {
        for (const gone of removed) model.delete(gone)
        for (const added of rows) model.set(added, row(added, i + 1))
        ledger.record({ rows: rows.map((added) => row(added, i + 1)), removed, version: i + 2 })
      }
      const expected = [...model.values()].sort((a, b) =>
        Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
      )

      assert.deepEqual(rowsOf(ledger), expected)
      ledger.close()
      ledger = await Ledger.open(file, 'test')
      assert.deepEqual(rowsOf(ledger), expected)
      assert.equal(ledger.version, batches.length === 0 ? 0 : batches.length + 1)
      const below = expected.filter((known) => isBelow(known.path, '/a'))
      assert.deepEqual(rowsOf(ledger, '/a'), below)
      for (const probe of ['/a', '/a/b', '/zz']) {
        assert.deepEqual(ledger.get(probe), model.get(probe))
      }
      ledger.close()
    }),
    { numRuns: 60 },
  )
})

test('a file too large for one piece is searched by halving', async (t) => {
  const ledger = await Ledger.open(join(tempFolder(t), 'ledger'), 'test')
  const paths = Array.from({ length: 20_000 }, (_, i) => `/folder ${i >> 7}/file ${i}`).sort(
    comparePaths,
  )
  for (let i = 0; i < paths.length; i += 1_000) {
    ledger.record({ rows: paths.slice(i, i + 1_000).map((p) => row(p)), removed: [], version: 3 })
  }

  for (const i of [0, 1, 4_321, 19_998, 19_999]) {
    const cursor = ledger.cursor()
    cursor.seek(paths[i] ?? '')
    assert.equal(cursor.row?.path, paths[i])
    cursor.advance()
    assert.equal(cursor.row?.path, paths[i + 1])
  }
  assert.equal(rowsOf(ledger, '/folder 100').length, 128)
  assert.equal(ledger.get('/folder 100/nothing'), undefined)
  ledger.close()
})

test('a cursor goes on while batches are recorded', async (t) => {
  const ledger = await Ledger.open(join(tempFolder(t), 'ledger'), 'test')
  ledger.record({ rows: [row('/b'), row('/d'), row('/f')], removed: [], version: 1 })
  const seen: string[] = []

  for (const cursor = ledger.cursor(); cursor.row !== undefined; cursor.advance()) {
    seen.push(cursor.row.path)
    ledger.record({ rows: [row(`/a${seen.length}`)], removed: [], version: 1 })
  }

  assert.deepEqual(seen, ['/b', '/d', '/f'])
  assert.equal(rowsOf(ledger).length, 6)
  ledger.close()
})

test('whatever end of the file is lost, what is left are whole batches', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  let ledger = await Ledger.open(file, 'test')
  const batches: LedgerBatch[] = [
    { rows: [row('/a'), row('/b')], removed: [], version: 2 },
    { rows: [row('/c'), row('/d')], removed: [], version: 3 },
    { rows: [row('/a', 2)], removed: ['/b'], version: 4 },
  ]
  for (const each of batches) ledger.record(each)
  ledger.close()
  const whole = readFileSync(file)
  const allowed = [[], ['/a', '/b'], ['/a', '/b', '/c', '/d'], ['/a', '/c', '/d']]

  for (let size = 0; size <= whole.length; size++) {
    writeFileSync(file, whole)
    truncateSync(file, size)
    ledger = await Ledger.open(file, 'test')
    const paths = rowsOf(ledger).map((known) => known.path)
    assert.deepEqual(paths, allowed[Math.max(0, ledger.version - 1)] ?? [], `cut at ${size}`)
    ledger.record({ rows: [row('/z')], removed: [], version: 9 })
    assert.equal(rowsOf(ledger).at(-1)?.path, '/z')
    ledger.close()
  }
})

test('a ledger that was closed is opened without reading its sorted part, and one that does not fit is read', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  let ledger = await Ledger.open(file, 'test')
  ledger.record({ rows: [row('/a'), row('/line\nbreak')], removed: [], version: 2 })
  ledger.record({ rows: [row('/a', 2)], removed: [], version: 3 })
  ledger.close()
  const closed = readFileSync(file, 'utf8')
  const seen = async (text: string): Promise<[number, string[]]> => {
    writeFileSync(file, text)
    ledger = await Ledger.open(file, 'test')
    const paths = rowsOf(ledger).map((known) => `${known.path} ${known.seq}`)
    ledger.close()
    return [ledger.version, paths]
  }
  const whole = [3, ['/a 2', '/line\nbreak 1']]

  assert.match(closed, /\nS \d+ \d+ 2 \/line\\nbreak\n$/)
  assert.deepEqual(await seen(closed), whole)
  assert.equal(readFileSync(file, 'utf8'), closed)
  // What is not read is not looked at: a batch that ends before its time ends nothing.
  assert.deepEqual(await seen(closed.replace('/a\n', '/a\nX\n').replace('F 1 ', 'F ')), whole)
  // Read from the beginning, the same is damaged; and so is what lies behind the line.
  for (const end of [' ', 'V 9\n', 'D /a\nV 9\n']) {
    assert.deepEqual(await seen(closed + end), whole)
  }
  assert.deepEqual(await seen(closed.replace(/S \d+ /, 'S 40 ')), whole)
  assert.deepEqual(await seen(closed.replace('V 2', 'X 2')), [0, []])
})

test('a row that is not in its place is not known, and those beside it are', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  let ledger = await Ledger.open(file, 'test')
  ledger.record({ rows: [row('/a'), row('/b'), row('/c'), row('/d')], removed: [], version: 2 })
  ledger.close()

  writeFileSync(file, readFileSync(file, 'utf8').replace('/c\n', '/A\n'))
  ledger = await Ledger.open(file, 'test')

  assert.deepEqual(
    rowsOf(ledger).map(({ path }) => path),
    ['/a', '/b', '/d'],
  )
  ledger.close()
})

test('a row whose numbers are damaged is not known, and those beside it are', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  let ledger = await Ledger.open(file, 'test')
  ledger.record({ rows: [row('/a'), row('/b'), row('/c')], removed: [], version: 2 })
  ledger.close()
  const text = readFileSync(file, 'utf8')
  const [line = ''] = text.match(/^F .* \/b$/m) ?? []

  for (const damaged of [line.replace(/^F \d+/, 'F x'), line.replace(' ', ' 1 '), 'F /b']) {
    writeFileSync(file, text.replace(line, damaged))
    ledger = await Ledger.open(file, 'test')
    assert.deepEqual(
      rowsOf(ledger).map(({ path }) => path),
      ['/a', '/c'],
      damaged,
    )
    assert.equal(ledger.get('/b'), undefined)
    ledger.close()
  }
})

test('many changes out of order are brought into order on the disk', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  const ledger = await Ledger.open(file, 'test')
  const paths = Array.from({ length: 21_000 }, (_, i) => `/${(i * 7_919) % 21_000}`)
  for (let i = 0; i < paths.length; i += 3_000) {
    ledger.record({ rows: paths.slice(i, i + 3_000).map((p) => row(p)), removed: [], version: 2 })
  }
  const before = rowsOf(ledger)

  await ledger.compact()

  const lines = readFileSync(file, 'utf8').split('\n')
  assert.deepEqual(rowsOf(ledger), before)
  assert.equal(lines.filter((line) => line.startsWith('V')).length, 1)
  const onDisk = lines
    .filter((line) => line.includes('/'))
    .map((line) => line.slice(line.indexOf('/')))
  assert.deepEqual(onDisk, [...onDisk].sort(comparePaths))
  ledger.close()
})

test('the ledger of another drive is not believed', async (t) => {
  const file = join(tempFolder(t), 'ledger')
  let ledger = await Ledger.open(file, 'one')
  ledger.record({ rows: [row('/a')], removed: [], version: 5 })
  ledger.close()

  ledger = await Ledger.open(file, 'two')

  assert.equal(ledger.isEmpty, true)
  assert.equal(ledger.version, 0)
  ledger.close()
})
