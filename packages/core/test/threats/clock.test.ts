/** The clock of the machine may jump: nothing but what is told of times follows it. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import type { Clock } from '../../src/base/clock.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { openStore } from '../../src/store/open.ts'
import { numbered, text } from '../corestore/fixtures.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { transports } from '../sim/transports.ts'

/** Waits take a fiftieth of their time. */
const clock: Clock = {
  now: () => 50 * performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs / 50)
    return { cancel: () => clearTimeout(timer) }
  },
  soon: (task) => void setImmediate(task),
}

const YEAR_MS = 365 * 86_400_000
const NOW_MS = Date.UTC(2026, 0, 1)
const JUMPS = [0, -10 * YEAR_MS, 50 * YEAR_MS, -60 * YEAR_MS, 0]

test('ten years back and fifty forth: logs are written, synced, claimed and stored as ever', async () => {
  const disk = new FakeDisk()
  let nowMs = NOW_MS
  const wallNow = (): number => nowMs
  const open = async (): Promise<Corestore> =>
    Corestore.open({ store: await openStore({ disk, crc32, clock }), clock, wallNow })
  const others = await Corestore.open({
    store: await openStore({ disk: new FakeDisk(), crc32, clock }),
    clock,
    wallNow,
  })
  for (const [round, jump] of JUMPS.entries()) {
    nowMs = NOW_MS + jump
    const corestore = await open()
    const log = await corestore.get({ name: 'mine' })
    const [left, right] = transports(clock, {})
    const connection = corestore.connect(left)
    others.connect(right)
    const reader = await others.get({ key: log.key })
    nowMs -= YEAR_MS
    await log.append(numbered(10 * round, 10 * round + 10))
    await reader.download({ start: 0, end: 10 * round + 10 }).done()
    nowMs += 2 * YEAR_MS
    const claims = await log.replicated({ copies: 1, verify: true })

    assert.deepEqual(claims[0]?.ranges, [{ start: 0, end: 10 * round + 10 }])
    for (let i = 0; i < log.length; i++) assert.equal(text(reader.peek(i)), `block ${i}`)
    const [record] = await corestore.list()
    assert.equal(record?.length, 10 * round + 10)
    connection.close()
    await corestore.close()
  }
  const again = await open()
  const log = await again.get({ name: 'mine' })

  assert.equal(log.length, 10 * JUMPS.length)
  assert.equal((await log.audit()).findingCount, 0)
  assert.equal(log.copies().length, 1)
  await again.close()
  await others.close()
})
