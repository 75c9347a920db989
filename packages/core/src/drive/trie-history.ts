/**
 * What changed in a hyperdrive 10.
 *
 * Owns: changes without the noise. A trie has no tombstones: a deletion writes some entry nearby once more. Here
 * an entry that was written again as it was is no change, and what is missing since is a deletion, found by comparing each
 * version with the one before. Hidden entries (tags, records of mounts) are no files. Source: generation 2
 * drives, section 7; hypertrie, sections 7 and 9.
 */

import { equal } from '../bytes/bytes.ts'
import type { HistoryRange, TrieDifference, TrieEntry, TrieReader } from '../index/trie/trie.ts'
import type { WaitOptions } from '../log/remote.ts'
import { sorted } from './sorted.ts'

/** One change, by the block that made it. */
export interface RowChange {
  readonly seq: number
  readonly key: string
  /** `undefined` for a deletion. */
  readonly entry: TrieEntry | undefined
}

/** Rows that are not the same in two versions of one trie, in order of their keys' bytes. */
export async function diffRows(
  left: TrieReader,
  right: TrieReader,
  prefix: string,
  options: WaitOptions,
): Promise<TrieDifference[]> {
  const differences: TrieDifference[] = []
  for await (const difference of left.diff(right, prefix, {}, options)) {
    if (isChange(difference)) differences.push(difference)
  }
  return sorted(differences, ({ key }) => key)
}

/** Changes in the order in which they were made; with `limit`, so many. */
export async function* rowChanges(
  reader: TrieReader,
  range: HistoryRange,
  options: WaitOptions,
): AsyncGenerator<RowChange, void, undefined> {
  const { limit = -1, ...blocks } = range
  let left = limit
  if (left === 0) return
  for await (const row of reader.history(blocks, options)) {
    if (row.hidden) continue
    const change = await changeOf(reader, row, options)
    if (change === undefined) continue
    yield change
    left--
    if (left === 0) return
  }
}

async function changeOf(
  reader: TrieReader,
  row: TrieEntry,
  options: WaitOptions,
): Promise<RowChange | undefined> {
  const { seq, key } = row
  const before = reader.checkout(seq)
  if (key !== '') {
    const right = await before.get(key, {}, options)
    if (isChange({ key, left: row, right })) return { seq, key, entry: row }
  }
  // Written again as it was: to take the place of an entry that was deleted.
  for await (const difference of reader.checkout(seq + 1).diff(before, '', {}, options)) {
    if (difference.left === undefined) return { seq, key: difference.key, entry: undefined }
  }
  return undefined
}

function isChange({ left, right }: TrieDifference): boolean {
  if (left?.value === undefined || right?.value === undefined) return true
  return left.flags !== right.flags || !equal(left.value, right.value)
}
