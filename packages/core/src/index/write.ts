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

/** Nodes that stay in memory from one draft to the next: some 20 MB. */
const KEPT_NODES_MAX = 32_768

/** A draft on the newest version. The caller holds the write lock. */
export async function openDraft(shared: Shared, keys: Keyspace): Promise<Draft> {
  shared.checkWritable()
  await shared.prepare({})
  const { blocks } = shared
  for (;;) {
    const { version } = shared
    const kept = shared.takeTree()
    const tree = kept ?? Tree.load(blocks, version)
    if (tree !== undefined) return new Draft(blocks, keys, tree, version)
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
  const { source, blocks } = shared
  const base = draft.version - draft.length
  const epoch = blocks.epoch
  const encoded = await draft.encode(new Pace(shared.clock))
  if (shared.version !== base || blocks.epoch !== epoch) throw interfered(base)
  if (source.length === 0) encoded.unshift(encodeHeader(shared.metadata))
  if (encoded.length > 0) await source.append(encoded)
  if (draft.hasLooseMarks || draft.tree.size > KEPT_NODES_MAX) return
  shared.keepTree(draft.tree, draft.version)
}

function interfered(version: number): DatError {
  return new DatError(
    'CONFLICT',
    `The log was changed from elsewhere while version ${version} of the bee was being written.`,
    { version },
  )
}
