/**
 * From operations to the log: who holds the lock opens a draft, and commits it as one append.
 *
 * Owns: the two ends of a write. The tree that a commit leaves in memory serves the next draft, so that writing
 * one key after another does not load the same nodes again. The header is written with the first operation.
 */

import { DatError } from '../base/errors.ts'
import { Pace } from '../base/pace.ts'
import { encodeHeader } from './block.ts'
import { Draft } from './draft.ts'
import type { Keyspace } from './keyspace.ts'
import type { Shared } from './shared.ts'
import { Tree } from './tree.ts'
import { NOT_HERE } from './walk.ts'

/** A draft on the newest version. The caller holds the write lock. */
export async function openDraft(shared: Shared, keys: Keyspace): Promise<Draft> {
  shared.checkWritable()
  await shared.prepare({})
  const { blocks } = shared
  for (;;) {
    const { version } = shared
    const kept = shared.takeTree()
    const tree = kept ?? Tree.load(blocks, version)
    if (tree !== undefined) return new Draft(shared, keys, tree, version)
    await blocks.fetch({})
  }
}

/** Calls `step` until nothing is missing any more. */
export async function settled<T>(shared: Shared, step: () => T | typeof NOT_HERE): Promise<T> {
  for (;;) {
    const result = step()
    if (result !== NOT_HERE) return result
    await shared.blocks.fetch({})
  }
}

/** Appends everything, or nothing. */
export async function commit(shared: Shared, draft: Draft): Promise<void> {
  shared.checkWritable()
  const { blocks, writer } = shared
  const base = draft.version - draft.length
  const epoch = blocks.epoch
  const pace = new Pace(shared.clock)
  const encoded = begin(shared)
  while (!draft.encode(writer, encoded, () => pace.due())) await pace.turn()
  if (shared.version !== base || blocks.epoch !== epoch) throw interfered(base)
  await append(shared, draft, encoded)
}

/**
 * One operation where nothing need be waited for: on the tree that the last write left, or whose nodes are here. One
 * promise, that of the append, where waiting at each step would make six.
 *
 * The caller holds the write lock. `NOT_HERE`: nothing was changed, and the slow way has to be gone.
 *
 * @param step the operation: `undefined` if it has nothing to write
 */
export function writeNow(
  shared: Shared,
  keys: Keyspace,
  step: (draft: Draft) => number | undefined | typeof NOT_HERE,
): Promise<number | undefined> | typeof NOT_HERE {
  if (!shared.isReady()) return NOT_HERE
  const { version } = shared
  const tree = shared.takeTree() ?? Tree.load(shared.blocks, version)
  if (tree === undefined) return NOT_HERE
  const draft = new Draft(shared, keys, tree, version)
  const seq = step(draft)
  // Nodes that were loaded on the way are the same when they are loaded again.
  if (seq === NOT_HERE) return NOT_HERE
  const encoded = begin(shared)
  draft.encode(shared.writer, encoded, never)
  return append(shared, draft, encoded).then(() => seq)
}

/** Blocks to be appended: none yet, or the header of a new bee. */
function begin(shared: Shared): Uint8Array[] {
  shared.writer.reset()
  return shared.source.length === 0 ? [encodeHeader(shared.metadata)] : []
}

function append(shared: Shared, draft: Draft, encoded: readonly Uint8Array[]): Promise<void> {
  const keep = (): void => {
    const { tree, version } = draft
    if (draft.hasLooseMarks || !tree.isWorthKeeping) return
    tree.trim(version)
    shared.keepTree(tree, version)
  }
  if (encoded.length > 0) return shared.source.append(encoded).then(keep)
  keep()
  return Promise.resolve()
}

function never(): boolean {
  return false
}

function interfered(version: number): DatError {
  return new DatError(
    'CONFLICT',
    `The log was changed from elsewhere while version ${version} of the bee was being written.`,
    { version },
  )
}
