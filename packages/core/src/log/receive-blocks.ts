/**
 * What a run of plain answers does to a log: the short way of `receive.ts`.
 *
 *   value into the staging buffer, leaf hash there ──▶ up to a stored node ──▶ block and nodes staged, next one
 *
 * Owns: how far such a run is taken. Always true: a block is staged only if it was led to a node of ours, and the first
 * that is not ends the run, without a word about why. So nothing of it has to be taken back but room in the staging
 * buffer, and what is wrong, early, held already or refused by the store is told apart where that is always done.
 */

import { DatError } from '../base/errors.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import { BlockClimb } from '../tree/block-climb.ts'
import type { BlockRun } from '../tree/block-run.ts'
import type { News } from './news.ts'
import type { LogState } from './state.ts'

/** One for all logs: a verification never waits, so no two are under way. */
const climber = new BlockClimb()

/** Verifies and stages answers `from .. to`; returns the first that was not taken. */
export function stageBlocks(
  state: LogState,
  run: BlockRun,
  from: number,
  to: number,
  news: News,
): number {
  if (state.frozen) return from
  const { store } = state
  const mark = store.mark()
  let i = from
  try {
    while (i < to && stageBlock(state, run, i)) i++
  } catch (error) {
    // One by one it will be seen what the store makes of each.
    store.rewind(mark)
    if (error instanceof DatError) return from
    throw error
  }
  for (let n = from; n < i; n++) {
    const index = run.indices[n] ?? 0
    news.held(index, index + 1)
  }
  return i
}

function stageBlock(state: LogState, run: BlockRun, i: number): boolean {
  const { slot, hash } = state
  const index = run.indices[i] ?? 0
  const size = run.sizes[i] ?? 0
  if (run.forks[i] !== state.fork || index >= slot.length || slot.has(index)) return false
  const from = run.valueAt[i] ?? 0
  const at = slot.reserve(index, size)
  slot.staging.set(run.bytes.subarray(from, from + size), at)
  hash.leafInPlace(slot.staging, at, size)
  if (!climber.climb(run, i, slot, hash)) return false
  slot.putBlock(index)
  const { fresh } = climber
  for (let n = 0; n < fresh.length; n++) {
    slot.putNode(fresh.indices[n] ?? 0, fresh.sizes[n] ?? 0, fresh.hashes, n * HASH_BYTES)
  }
  return true
}
