/** Stores for corestore tests: in memory, in one process, joined by pipes that carry real frames. */

import '../setup.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Connection } from '../../src/corestore/connection.ts'
import { Corestore } from '../../src/corestore/corestore.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
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
