/** A disk store on a fake disk and a clock that stands still, with one log. */

import { crc32 } from 'node:zlib'
import { openStore } from '../../src/store/open.ts'
import type { OpenStoreOptions } from '../../src/store/options.ts'
import type { Slot, Store } from '../../src/store/store.ts'
import { ManualClock, turn } from '../fakes/clock.ts'
import { FakeDisk } from '../fakes/disk.ts'
import type { Op } from '../fakes/disk-image.ts'
import { bytesOf, identityOf } from './helpers.ts'

export interface Rig {
  readonly disk: FakeDisk
  readonly clock: ManualClock
  readonly store: Store
  readonly slot: Slot
}

export async function rig(options: Partial<OpenStoreOptions> = {}): Promise<Rig> {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const store = await openStore({ disk, clock, crc32, ...options })
  const slot = await store.create(identityOf(1, { publicKey: bytesOf(32, 1) }))
  await turn()
  return { disk, clock, store, slot }
}

/** Operations since `from` of one kind. */
export function count(disk: FakeDisk, kind: Op['kind'], from = 0): number {
  return disk.ops.slice(from).filter((op) => op.kind === kind).length
}
