/** Reading what is here in a loop leaves others their turns. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import '../setup.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { SLICE_ITEMS, SLICE_MS } from '../../src/base/limits.ts'
import { utf8 } from '../../src/bytes/bytes.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { Bee } from '../../src/index/bee.ts'
import { openMemoryStore } from '../../src/store/memory.ts'

/** The machine's clock, on which each look at the time costs a millisecond, so that slices end by work alone. */
function busyClock(): Clock & { turns: number } {
  let now = 0
  const clock = {
    turns: 0,
    now: () => ++now,
    after: systemClock.after,
    soon: (task: () => void) => {
      clock.turns++
      systemClock.soon(task)
    },
  }
  return clock
}

/** Does `step` give up the event loop now and then? */
async function turnsDuring(
  clock: { turns: number },
  step: (i: number) => Promise<unknown>,
): Promise<number> {
  const before = clock.turns
  for (let i = 0; i < 10 * SLICE_ITEMS * SLICE_MS; i++) await step(i)
  return clock.turns - before
}

test('a loop over blocks that are here does not keep the event loop for itself', async () => {
  const clock = busyClock()
  const store = await Corestore.open({ store: openMemoryStore(), clock })
  const log = await store.get({ name: 'log' })
  await log.append(Array.from({ length: 100 }, (_, i) => utf8(`block ${i}`)))

  assert.ok((await turnsDuring(clock, (i) => log.get(i % 100))) >= 8)
  const walk = async (): Promise<void> => {
    for await (const block of log.blocks()) assert.ok(block.length > 0)
  }
  assert.ok((await turnsDuring(clock, walk)) >= 8)
  await store.close()
})

test('a loop over keys that are here does not keep the event loop for itself', async () => {
  const clock = busyClock()
  const store = await Corestore.open({ store: openMemoryStore(), clock })
  const bee = Bee.open(await store.get({ name: 'bee' }), { clock })
  for (let i = 0; i < 50; i++) await bee.put(utf8(`key ${i}`), utf8('value'))

  assert.ok((await turnsDuring(clock, (i) => bee.get(utf8(`key ${i % 50}`)))) >= 8)
  await store.close()
})
