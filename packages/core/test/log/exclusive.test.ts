/** Waiting for one's turn to write. */

import '../setup.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/bytes/bytes.ts'
import { exclusive } from '../../src/log/exclusive.ts'
import { turn } from '../fakes/clock.ts'
import { openLog } from './support.ts'

test('those who want a log for themselves have it one behind the other', async () => {
  const log = await openLog()
  const order: string[] = []
  const write = async (name: string): Promise<void> => {
    await using session = await exclusive(log)
    order.push(`${name} in`)
    await session.append(utf8(name))
    await turn()
    order.push(`${name} out`)
  }

  await Promise.all(['a', 'b', 'c'].map(write))

  assert.deepEqual(order, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  assert.equal(log.length, 3)
  assert.equal((await exclusive(log, { timeoutMs: 5 })).writable, true)
})

test('whoever stops waiting lets the next one in', async () => {
  const log = await openLog()
  const other = log.session()
  const holder = await exclusive(log)
  const stop = new AbortController()

  const aborted = exclusive(log, { signal: stop.signal })
  const closed = exclusive(other)
  const last = exclusive(log)
  stop.abort()
  await other.close()
  await assert.rejects(aborted, { code: 'ABORTED' })
  await assert.rejects(closed, { code: 'CLOSED' })
  await assert.rejects(exclusive(log, { signal: stop.signal }), { code: 'ABORTED' })
  await assert.rejects(exclusive(log.session({ writable: false })), { code: 'NOT_WRITABLE' })
  let isIn = false
  void last.then(() => {
    isIn = true
  })
  await turn()
  assert.equal(isIn, false)

  await holder.close()
  assert.equal((await last).closed, false)
})
