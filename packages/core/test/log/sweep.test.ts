/** Sweeps: what is named stays, the rest goes, and what stays can be served. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sweep } from '../../src/log/sweep.ts'
import { ManualClock } from '../fakes/clock.ts'
import { pattern } from '../tree/model.ts'
import { fetchBlock, openLog, openReader, upgrade } from './support.ts'

const blocks = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => pattern(i, 1 + (i % 5)))

test('exactly the blocks that are not named are dropped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 50 }),
      fc.array(fc.integer({ min: -3, max: 60 })),
      fc.array(fc.integer({ min: 0, max: 49 })),
      async (length, keep, gone) => {
        const log = await openLog()
        await log.append(blocks(length))
        for (const i of gone) await log.clear(i)
        const held = Array.from({ length }, (_, i) => log.has(i))

        const dropped = await sweep(log, keep)

        const left = held.map((was, i) => was && keep.includes(i))
        assert.deepEqual(
          held.map((_, i) => log.has(i)),
          left,
        )
        const count = (list: boolean[]): number => list.filter(Boolean).length
        assert.equal(dropped, count(held) - count(left))
      },
    ),
    { numRuns: 100 },
  )
})

test('what a sweep leaves is served as before, and the news tell what went', async () => {
  const log = await openLog()
  await log.append(blocks(20))
  await log.flush()
  const runs: number[][] = []
  log.on('clear', ({ start, length }) => runs.push([start, length]))

  await assert.rejects(sweep(log, [1.5]), { code: 'BAD_ARGUMENT' })
  await sweep(log, [3, 4, 17])

  assert.deepEqual(runs, [
    [0, 3],
    [5, 12],
    [18, 2],
  ])
  const reader = await openReader(log)
  await upgrade(reader, log.replica)
  for (const i of [3, 4, 17]) await fetchBlock(reader, log.replica, i)
  assert.deepEqual(reader.read(17), blocks(20)[17])
})

test('a long sweep leaves the event loop turns, and ends with its signal', async () => {
  const log = await openLog()
  await log.append(blocks(2_000))
  const clock = new ManualClock()
  const stop = new AbortController()
  log.on('clear', () => stop.abort())
  clock.now = () => performance.now() * 1_000
  const odd = Array.from({ length: 1_000 }, (_, i) => 2 * i + 1)

  await assert.rejects(sweep(log, odd, { clock, signal: stop.signal }), { code: 'ABORTED' })

  assert.ok(!log.has(0) && log.has(1) && log.has(1_998))
  const before = log.info().heldBlocks
  assert.equal(await sweep(log, odd, { clock }), before - 1_000)
})
