/**
 * From operations to the log: one at a time under the write lock, one append each.
 *
 * Owns: checking what is asked for, and the two ends of a write. The header goes before the first node. Conditions are
 * asked when it is known what stands there; while they think, nobody else writes.
 */

import { DatError } from '../../base/errors.ts'
import { TRIE_COMPONENTS_MAX, TRIE_KEY_BYTES_MAX } from '../../base/limits.ts'
import { Pace } from '../../base/pace.ts'
import { utf8 } from '../../bytes/bytes.ts'
import { Draft } from './draft.ts'
import { MISSING } from './find.ts'
import { encodeHeader } from './header.ts'
import { entryOf, FLAGS_MAX, type TrieNode } from './node.ts'
import { hasTooMany, normalized } from './path.ts'
import type { Shared } from './shared.ts'
import type { TrieCondition, TrieDelOptions, TrieOperation, TriePutOptions } from './types.ts'

/** Puts one key; the block written, or `undefined` if the condition refused. */
export function writePut(
  shared: Shared,
  key: string,
  value: Uint8Array | undefined,
  options: TriePutOptions,
): Promise<number | undefined> {
  return write(shared, (draft) => put(shared, draft, key, value, options))
}

/** Deletes one key; the block written, or `undefined` if it was not there or the condition refused. */
export function writeDel(
  shared: Shared,
  key: string,
  options: TrieDelOptions,
): Promise<number | undefined> {
  return write(shared, (draft) => del(shared, draft, key, options))
}

/** All operations in one append; the block of each. */
export function writeBatch(
  shared: Shared,
  operations: readonly TrieOperation[],
): Promise<(number | undefined)[]> {
  return write(shared, async (draft) => {
    const written: (number | undefined)[] = []
    const pace = new Pace(shared.clock)
    for (const operation of operations) {
      if (pace.due()) await pace.turn()
      const { key, hidden = false } = operation
      if (operation.type === 'del') written.push(await del(shared, draft, key, { hidden }))
      else {
        const { value, flags = 0 } = operation
        written.push(await put(shared, draft, key, value, { hidden, flags }))
      }
    }
    return written
  })
}

async function write<T>(shared: Shared, work: (draft: Draft) => Promise<T>): Promise<T> {
  shared.checkWritable()
  const release = await shared.lock.acquire()
  try {
    shared.checkWritable()
    await shared.prepare({})
    const { source, nodes } = shared
    const { length } = source
    const { epoch } = nodes
    // The header, if there is none yet, takes block 0.
    const base = Math.max(1, length)
    const head = base > 1 ? await fetched(shared, () => nodes.get(base - 1) ?? MISSING) : undefined
    const draft = new Draft(nodes, base, head?.isVoid ? undefined : head, shared.hash)
    const result = await work(draft)
    if (draft.blocks.length === 0) return result
    shared.checkWritable()
    if (source.length !== length || nodes.epoch !== epoch) throw interfered(base)
    const header = length === 0 ? [encodeHeader(shared.newHeader)] : []
    await source.append([...header, ...draft.blocks])
    return result
  } finally {
    release()
  }
}

async function put(
  shared: Shared,
  draft: Draft,
  key: string,
  value: Uint8Array | undefined,
  options: TriePutOptions,
): Promise<number | undefined> {
  const { hidden = false, flags = 0, condition, closest = false } = options
  checkFlags(flags)
  const path = draft.path(checkedKey(key), hidden)
  const { buckets, nearest } = await fetched(shared, () => draft.planPut(path))
  const previous = closest || nearest?.path.key === path.key ? nearest : undefined
  if (!(await agrees(condition, previous))) return undefined
  return draft.add(path, value, flags, buckets)
}

async function del(
  shared: Shared,
  draft: Draft,
  key: string,
  options: TrieDelOptions,
): Promise<number | undefined> {
  const { hidden = false, condition, closest = false } = options
  const path = draft.path(checkedKey(key), hidden)
  const plan = await fetched(shared, () => draft.planDel(path))
  const { node, nearest, neighbour } = plan
  if (node === undefined) {
    if (closest) await agrees(condition, nearest)
    return undefined
  }
  if (!(await agrees(condition, node))) return undefined
  const removal = await fetched(shared, () => draft.planRemoval(node, neighbour))
  return draft.add(removal.path, removal.value, removal.flags, removal.buckets)
}

function agrees(
  condition: TrieCondition | undefined,
  node: TrieNode | undefined,
): boolean | Promise<boolean> {
  return condition?.(node && entryOf(node)) ?? true
}

/** Calls `step` until nothing is missing any more. */
async function fetched<T>(shared: Shared, step: () => T | typeof MISSING): Promise<T> {
  for (;;) {
    const result = step()
    if (result !== MISSING) return result
    await shared.nodes.fetch({})
  }
}

function checkedKey(key: string): string {
  const path = normalized(key)
  if (path === '') {
    throw new DatError('BAD_ARGUMENT', 'A key is not empty: an empty one would hide all others.')
  }
  if (path.startsWith('/')) {
    throw new DatError('BAD_ARGUMENT', 'A key begins with one slash at most.', { key })
  }
  // A lone surrogate has no UTF-8: the key that is read would not be the one that was written.
  if (LONE_SURROGATE.test(path)) {
    throw new DatError('BAD_ARGUMENT', 'The key is no well-formed text.', { key })
  }
  if (utf8(path).length > TRIE_KEY_BYTES_MAX || hasTooMany(path)) {
    throw new DatError('BAD_ARGUMENT', 'The key is too long.', {
      bytesMax: TRIE_KEY_BYTES_MAX,
      componentsMax: TRIE_COMPONENTS_MAX,
    })
  }
  return path
}

const LONE_SURROGATE = /\p{Surrogate}/u

function checkFlags(flags: number): void {
  if (Number.isInteger(flags) && flags >= 0 && flags <= FLAGS_MAX) return
  throw new DatError('BAD_ARGUMENT', 'Flags are a whole number from 0 to 2^23 - 1.', { flags })
}

function interfered(version: number): DatError {
  return new DatError(
    'CONFLICT',
    `The log was changed from elsewhere while version ${version} of the trie was being written.`,
    { version },
  )
}
