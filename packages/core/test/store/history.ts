/**
 * A history of a store on a disk that notes everything: for tests that cut it anywhere.
 *
 * Owns: running steps while noting, after each acknowledged commit, the state and how many operations of the disk had
 * happened; and, after each sync, up to which commit everything is on the disk.
 */

import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { openStore } from '../../src/store/open.ts'
import type { StoreSizes } from '../../src/store/options.ts'
import type { Durability, Store } from '../../src/store/store.ts'
import { FakeDisk } from '../fakes/disk.ts'
import { check, copyState, Driver, dropBeyond, type ModelState, type Step } from './model.ts'

/** A state that was acknowledged. */
export interface Moment {
  readonly state: ModelState
  /** Operations of the disk before it was acknowledged. */
  readonly ops: number
  /** Address behind it. */
  readonly address: number
}

export interface History {
  readonly disk: FakeDisk
  readonly moments: readonly Moment[]
  /** Number of the newest moment that was synced once so many operations had happened. */
  syncedBy(ops: number): number
}

export const SMALL: StoreSizes = {
  segmentBytes: 1_500,
  pageSegmentBytes: 3_000,
  checkpointBytes: 1_000_000,
  pageCacheBytes: 8_192,
  dirtyBytes: 1_000_000,
  recordBytes: 400,
}

/** Records of several sectors. */
export const LARGER: StoreSizes = { ...SMALL, segmentBytes: 3_000, recordBytes: 4_000 }

/** Little of everything, with two checkpoints. */
export const STORY: readonly Step[] = [
  { do: 'create' },
  { do: 'append', log: 0, sizes: [3, 20, 0] },
  { do: 'commit' },
  { do: 'create' },
  { do: 'append', log: 1, sizes: [5, 5, 5, 5, 5, 5] },
  { do: 'append', log: 0, sizes: [7] },
  { do: 'userData', log: 0, name: 1, size: 4 },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'truncate', log: 0, length: 2 },
  { do: 'append', log: 0, sizes: [9, 300, 300] },
  { do: 'commit' },
  { do: 'clear', log: 1, start: 1, length: 3 },
  { do: 'commit' },
  { do: 'fetch', log: 1, index: 9, size: 6 },
  { do: 'node', log: 1, index: 2 },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'append', log: 1, sizes: [1, 1] },
  { do: 'commit' },
  { do: 'remove', log: 0 },
  { do: 'commit' },
  { do: 'append', log: 0, sizes: [8, 8] },
  { do: 'commit' },
]

/** Blocks and commits of several sectors; segments that are emptied and deleted. */
export const HEAVY_STORY: readonly Step[] = [
  { do: 'create' },
  { do: 'create' },
  { do: 'append', log: 0, sizes: [2_000, 700, 1_500] },
  { do: 'commit' },
  { do: 'append', log: 1, sizes: [900, 900] },
  { do: 'append', log: 0, sizes: [600] },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'clear', log: 0, start: 0, length: 3 },
  { do: 'commit' },
  { do: 'append', log: 1, sizes: [1_200, 30, 1_200] },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'truncate', log: 1, length: 1 },
  { do: 'append', log: 1, sizes: [800, 800] },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'remove', log: 0 },
  { do: 'commit' },
  { do: 'append', log: 0, sizes: [50, 600] },
  { do: 'commit' },
  { do: 'checkpoint' },
  { do: 'append', log: 0, sizes: [1_100] },
  { do: 'commit' },
]

/** @param syncsEach - also waits for a sync after each commit */
export async function play(
  steps: readonly Step[],
  options: {
    durability?: Durability
    syncsEach?: boolean
    closes?: boolean
    sizes?: StoreSizes
  } = {},
): Promise<History> {
  const disk = new FakeDisk()
  const { durability = 'group', syncsEach = false, closes = false, sizes = SMALL } = options
  const store = await openStore({ disk, crc32, sizes, durability })
  const moments: Moment[] = []
  const syncs: { ops: number; address: number }[] = []
  const noteSync = (): void => {
    syncs.push({ ops: disk.ops.length, address: store.syncedAddress })
  }
  store.onSynced(noteSync)
  const driver = new Driver(store, async () => store)
  const note = (): void => {
    const state = copyState(driver.committed)
    moments.push({ state, ops: disk.ops.length, address: store.writtenAddress })
  }
  note()
  for (const step of steps) {
    await driver.run(step)
    if (!['create', 'commit', 'checkpoint'].includes(step.do)) continue
    if (syncsEach) await store.sync()
    note()
  }
  if (closes) await store.close()
  return {
    disk,
    moments,
    syncedBy(ops) {
      const reached = syncs.filter((sync) => sync.ops <= ops).map((sync) => sync.address)
      const address = Math.max(0, ...reached)
      return moments.findLastIndex((moment) => moment.address <= address)
    },
  }
}

/** Opens what is left after a crash. */
export function reopen(disk: FakeDisk): Promise<Store> {
  return openStore({ disk, crc32, sizes: SMALL })
}

/** Does the store show this state, as opening leaves it? */
export function shows(store: Store, moment: Moment): boolean {
  const state = copyState(moment.state)
  dropBeyond(state)
  try {
    check(store, state)
    return true
  } catch {
    return false
  }
}

/** Throws unless the store shows one of the moments `from .. to`, both included. Returns which. */
export function showsOneOf(
  store: Store,
  moments: readonly Moment[],
  from: number,
  to: number,
  what: string,
): number {
  for (let i = Math.min(to, moments.length - 1); i >= from; i--) {
    const moment = moments[i]
    if (moment !== undefined && shows(store, moment)) return i
  }
  const logs = [...store.logs()].map((log) => store.slot(log).head.length)
  assert.fail(`${what}: none of the states ${from} to ${to}; logs have ${logs.join()}`)
}
