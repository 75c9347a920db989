/**
 * Damaged copies of every fixture: each file of each is taken away, cut and altered, one at a time.
 *
 * What must hold: nothing is thrown but a `DatError`; a block that passes for good is the block that it was; and where
 * anything of the content is lost, the inspection says so.
 */

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { DatError } from '@dat-rhino/core/base/errors'
import { fromHex, hex } from '@dat-rhino/core/bytes/bytes'
import fc from 'fast-check'
import { inspect } from '../../src/migrate/inspect.ts'
import { openStored } from '../../src/migrate/open.ts'
import type { Inspection, LogInspection } from '../../src/migrate/types.ts'
import { tempFolder, writeTree } from '../temp.ts'
import { copyOf, filesIn, NO_SECRETS, partsOf, readAll, STORES } from './bed.ts'

/** Blocks by the key of their log. */
type Content = Map<string, (string | null)[]>

interface Seen {
  readonly content: Content
  readonly inspection: Inspection
}

async function look(dir: string): Promise<Seen> {
  const options = { secretKeys: NO_SECRETS }
  const inspection = await inspect(dir, options)
  const content: Content = new Map()
  if (inspection.archives.length === 0) return { content, inspection }
  const store = await openStored(dir, options)
  for (const { log } of partsOf(store)) content.set(hex(log.key), readAll(log))
  await store.close()
  return { content, inspection }
}

const logsOf = ({ archives }: Inspection): LogInspection[] => archives.flatMap(({ logs }) => logs)

/** All that an inspection says of the state of things, but not in which words. */
const report = ({ archives, problems }: Inspection): string =>
  JSON.stringify([
    problems.length,
    archives.map(({ key, isComplete, logs }) => [key, isComplete, logs.map(reportOf)]),
  ])

const reportOf = (log: LogInspection): unknown => [
  [log.key, log.length, log.blocks, log.missing, log.signedLength, log.secretKey],
  [log.problems.length, log.damagedCount, log.damagedNodes, log.wrongSignatures],
]

/** Blocks that pass for good by the inspection, and are not what they were. */
function wrongBlocks(before: Seen, after: Seen): string[] {
  return logsOf(after.inspection).flatMap((log) => {
    if (log.signedLength === 0) return []
    const bad = new Set(log.damaged.map(({ block }) => block))
    const was = before.content.get(log.key)
    return (after.content.get(log.key) ?? []).flatMap((block, i) => {
      const isWrong = block !== null && !bad.has(i) && i < log.signedLength && block !== was?.[i]
      // A block whose bit was lost may come back: then it was not seen before, and its hash is right.
      return isWrong && was?.[i] !== null ? [`${log.key} ${i}`] : []
    })
  })
}

/** Looks at a damaged copy. `undefined` if it was refused. */
async function lookAtDamaged(dir: string): Promise<Seen | undefined> {
  try {
    return await look(dir)
  } catch (error) {
    assert.ok(error instanceof DatError, `not a DatError: ${String(error)}`)
    assert.notEqual(error.code, 'INVARIANT')
    return undefined
  }
}

/** Without these a log cannot be what it was, so their loss must be told. */
const NEEDED = new Set(['key', 'tree', 'signatures', 'bitfield', 'data', 'oplog', 'master_key'])
const isNeeded = (file: string): boolean => NEEDED.has(basename(file).split('.').at(-1) ?? '')

/** Byte positions to alter: ends, middle, and where entries of each format begin. */
const positions = (size: number): number[] =>
  [...new Set([0, 9, 33, 64, Math.floor(size / 2), size - 1])].filter((at) => at >= 0 && at < size)

/** All damages of a file, or, where a store has many files, a few that change from file to file. */
function damagesOf(bytes: Uint8Array, number: number, isMany: boolean): [string, Uint8Array][] {
  const cuts = [0, Math.floor(bytes.length / 2), bytes.length - 1].map((size) => {
    return [`is cut to ${size} bytes`, bytes.subarray(0, Math.max(0, size))] as [string, Uint8Array]
  })
  const alterations = positions(bytes.length).map((at) => {
    const altered = Uint8Array.from(bytes)
    altered[at] = (altered[at] ?? 0) ^ 0x55
    return [`has another byte at ${at}`, altered] as [string, Uint8Array]
  })
  if (!isMany) return [...cuts, ...alterations]
  return [cuts, alterations].flatMap((list) => list.slice(number % list.length).slice(0, 1))
}

for (const name of STORES) {
  test(`${name}: whichever file is damaged, it is told, and nothing wrong passes for good`, async (t) => {
    const dir = copyOf(t, name)
    const before = await look(dir)
    const whole = report(before.inspection)
    const files = filesIn(dir).filter((path) => basename(path) !== 'expected.json')
    const silent: string[] = []

    for (const [number, file] of files.entries()) {
      const path = join(dir, file)
      const bytes = readFileSync(path)
      const check = async (what: string, mustTell: boolean): Promise<void> => {
        const after = await lookAtDamaged(dir)
        if (after === undefined) return
        assert.deepEqual(wrongBlocks(before, after), [], `${file} ${what}`)
        const isLost = JSON.stringify([...after.content]) !== JSON.stringify([...before.content])
        if ((mustTell || isLost) && report(after.inspection) === whole)
          silent.push(`${file} ${what}`)
      }
      rmSync(path)
      await check('is gone', isNeeded(file))
      for (const [what, damaged] of damagesOf(bytes, number, files.length > 20)) {
        writeFileSync(path, damaged)
        await check(what, isNeeded(file) && damaged.length === 0)
      }
      writeFileSync(path, bytes)
    }

    assert.deepEqual(silent, [])
    assert.equal(report((await look(dir)).inspection), whole)
  })
}

test('files full of anything are refused or told, and nothing passes for good', async (t) => {
  const dir = tempFolder(t)
  const key = new Uint8Array(32).fill(7)
  const bytes = fc.uint8Array({ maxLength: 8_000 })
  const headed = (header: string) =>
    bytes.map((rest) => Uint8Array.from([...fromHex(header.padEnd(64, '0')), ...rest]))
  const files = fc.record({
    tree: headed('0502570200002807424c414b453262'),
    bitfield: headed('05025700000e00'),
    signatures: headed('050257010000400745643235353139'),
    data: bytes,
  })

  await fc.assert(
    fc.asyncProperty(files, async (contents) => {
      writeTree(dir, { ...contents, key })
      const seen = await lookAtDamaged(dir)
      for (const log of seen === undefined ? [] : logsOf(seen.inspection)) {
        assert.equal(log.signedLength, 0)
        assert.ok(log.length <= 8 * 8_192)
        assert.ok(log.length === 0 || speaks(seen?.inspection.problems.length ?? 0, log))
      }
    }),
    { numRuns: 60 },
  )
})

const speaks = (problems: number, log: LogInspection): boolean =>
  problems + log.problems.length + log.damagedCount + log.wrongSignatures > 0
