/** Two stores in one process with peer sockets, and the world that they are in. */

import '../setup.ts'
import type { Connection } from '../../src/corestore/connection.ts'
import type { Corestore } from '../../src/corestore/corestore.ts'
import { Sockets } from '../../src/sockets/sockets.ts'
import { connect, openStore } from '../corestore/fixtures.ts'
import { World } from '../sim/world.ts'

export interface Side {
  readonly store: Corestore
  readonly sockets: Sockets
}

export const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)

export async function side(world: World, n: number): Promise<Side> {
  const store = await openStore(n, world)
  const sockets = new Sockets(world)
  sockets.serve(store)
  return { store, sockets }
}

/** Two stores with sockets, not connected. */
export async function pair(): Promise<{ world: World; a: Side; b: Side }> {
  const world = new World(1)
  const a = await side(world, 1)
  const b = await side(world, 2)
  return { world, a, b }
}

/** Connects them, as the peers 1 and 2. */
export const join = (world: World, a: Side, b: Side): [Connection, Connection] =>
  connect(a.store, b.store, world, { keys: [key(1), key(2)] })
