/** Stores for corestore tests: in memory, in one process, joined by pipes that carry real frames. */

import '../setup.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Connection } from '../../src/corestore/connection.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { plainIdentity } from '../../src/log/identity.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import { openReplica, testKeyPair, write } from '../log/support.ts'
import { type PipeOptions, transports } from '../sim/transports.ts'

/** A store whose primary key is the byte `n`, 32 times. */
export function openStore(n = 1, clock: Clock = systemClock): Promise<Corestore> {
  return Corestore.open({
    store: openMemoryStore({ primaryKey: new Uint8Array(32).fill(n) }),
    clock,
  })
}

/** Joins two stores; the first has dialled. */
export function connect(
  a: Corestore,
  b: Corestore,
  clock: Clock = systemClock,
  options: PipeOptions = {},
): [Connection, Connection] {
  const [left, right] = transports(clock, options)
  return [a.connect(left), b.connect(right)]
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (from: Uint8Array | undefined): string => new TextDecoder().decode(from)
export const numbered = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => bytes(`block ${from + i}`))

/** Stores a log under a key that nobody here can sign for: another one's tree, with a signature that is none. */
export async function forge(store: Corestore, stolen: Uint8Array): Promise<void> {
  const source = await openReplica(plainIdentity(2, { keyPair: testKeyPair(8) }))
  await write(source, numbered(0, 3))
  const slot = await store.store.create(plainIdentity(2, { key: stolen }))
  for (let node = 0; node < 5; node++) {
    if (!source.slot.findNode(node)) continue
    const { nodeSize, nodeBytes, nodeAt } = source.slot
    slot.putNode(node, nodeSize, nodeBytes, nodeAt)
  }
  for (let i = 0; i < 3; i++) {
    const block = source.read(i) ?? bytes('')
    const at = slot.reserve(i, block.length)
    slot.staging.set(block, at)
    slot.putBlock(i)
  }
  const signature = new Uint8Array(64).fill(7)
  slot.putSignature(3, signature)
  slot.stageHead({ ...source.slot.head, signature })
  await store.store.commit()
}
