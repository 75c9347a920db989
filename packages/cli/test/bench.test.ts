/** `dat bench`: measures, tells, and leaves nothing behind. */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TASKS } from '../src/commands/bench-work.ts'
import { Bench } from './dat.ts'

test('bench measures each task, on the disk that it was told, and leaves nothing there', async (t) => {
  const bench = new Bench(t)
  const dir = bench.folder()
  const args = ['bench', '--json', '--seconds', '0.01', '--dir', dir]
  const { exit, events, stderr } = await bench.run(args)
  assert.equal(exit, 0, stderr)
  const results = events.filter(({ event }) => event === 'bench')
  assert.deepEqual(
    results.map(({ name }) => name),
    TASKS.map(({ name }) => name),
  )
  for (const { operations, ms, perSecond, bytesPerSecond } of results) {
    assert.ok(Number(operations) > 0 && Number(ms) > 0)
    assert.ok(Number(perSecond) > 0 && Number(bytesPerSecond) > Number(perSecond))
  }
  assert.deepEqual(readdirSync(dir), [])
})

test('bench says which tasks there are, and which folder it can not use', async (t) => {
  const bench = new Bench(t)
  const unknown = await bench.run(['bench', '--task', 'swim'])
  assert.equal(unknown.exit, 64)
  assert.match(unknown.stderr, /no task swim; there are append,/)
  const nowhere = await bench.run(['bench', '--dir', join(bench.folder(), 'not-there')])
  assert.equal(nowhere.exit, 66)
  assert.match(nowhere.stderr, /No folder can be made in/)
})
