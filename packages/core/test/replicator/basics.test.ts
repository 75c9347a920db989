/** Two and three peers on a quiet network: what is asked for arrives, and nothing else is sent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Replica } from '../../src/log/replica.ts'
import { Replicator } from '../../src/replicator/replicator.ts'
import { openReader, openWriter } from '../log/support.ts'
import { join } from '../sim/pipe.ts'
import { World } from '../sim/world.ts'

const block = (i: number): Uint8Array => new TextEncoder().encode(`block ${i}`)
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

async function writerWith(count: number): Promise<Replica> {
  const replica = await openWriter()
  if (count > 0) {
    replica.append(Array.from({ length: count }, (_, i) => block(i)))
    await replica.commit()
  }
  return replica
}

test('a reader learns the length and fetches a block', async () => {
  const world = new World(1)
  const writer = await writerWith(10)
  const reader = await openReader(writer)
  const a = new Replicator(writer, { clock: world })
  const b = new Replicator(reader, { clock: world })

  join(world, a, b)
  let isThere = false
  void b.block(7, {}).then(() => {
    isThere = true
  })
  await world.run(1_000, () => isThere)

  assert.equal(reader.length, 10)
  assert.equal(text(reader.read(7)), 'block 7')
  assert.equal(reader.has(6), false)
})

test('a whole log comes over', async () => {
  const world = new World(1)
  const writer = await writerWith(3_000)
  const reader = await openReader(writer)
  const a = new Replicator(writer, { clock: world })
  const b = new Replicator(reader, { clock: world })

  const joint = join(world, a, b)
  let isDone = false
  void b
    .range({ start: 0, end: 3_000 })
    .done()
    .then(() => {
      isDone = true
    })
  await world.run(10_000, () => isDone)

  assert.equal(reader.slot.contiguousLength, 3_000)
  for (let i = 0; i < 3_000; i += 77) assert.equal(text(reader.read(i)), `block ${i}`)
})
