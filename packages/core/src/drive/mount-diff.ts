/**
 * What is not the same in two versions of a hyperdrive 10.
 *
 * Owns: the differences, of the drive's own rows, and of what its mounts show. A mount whose row is the same in both versions shows
 * the same in both: at its version, or the newest. One that was made or taken away brings or takes all that is in it; one that
 * shows another version of the same drive differs as that drive does. What can't be read is told by the mount's row
 * (`invalid`) and does not spoil the rest.
 */

import type { TrieEntry } from '../index/trie/trie.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { MountGraph, Place, Spot } from './mount-graph.ts'
import { MOUNT_FLAGS } from './mount-record.ts'
import { sorted } from './sorted.ts'
import { diffRows } from './trie-history.ts'
import { isLoop, listInside, placedEntry, whyNotEntered } from './trie-listing.ts'
import type { DriveDifference, DriveEntry } from './types.ts'

/** Rows of the drive itself, in order of their paths' bytes. Both spots are in one drive. */
export async function diffAlone(
  graph: MountGraph,
  left: Spot,
  right: Spot,
  options: WaitOptions,
): Promise<DriveDifference[]> {
  const rows = await diffRows(left.place.reader, right.place.reader, left.key, options)
  return rows.map((row) => {
    const leftEntry = row.left && placedEntry(graph, left.place, row.left)
    const rightEntry = row.right && placedEntry(graph, right.place, row.right)
    const path = leftEntry?.path ?? rightEntry?.path ?? ''
    return { path, left: leftEntry, right: rightEntry }
  })
}

/** The same, and of the drives that are mounted there. */
export async function diffThrough(
  graph: MountGraph,
  left: Spot,
  right: Spot,
  options: WaitOptions,
): Promise<DriveDifference[]> {
  const comparison = new Comparison(graph, options)
  await comparison.add(left, right)
  return sorted(comparison.differences(), ({ path }) => path)
}

type Side = 'left' | 'right'

class Comparison {
  readonly #graph: MountGraph
  readonly #wait: WaitOptions
  readonly #found = new Map<string, { left?: DriveEntry; right?: DriveEntry }>()

  constructor(graph: MountGraph, wait: WaitOptions) {
    this.#graph = graph
    this.#wait = wait
  }

  differences(): DriveDifference[] {
    return [...this.#found].map(([path, { left, right }]) => ({ path, left, right }))
  }

  async add(left: Spot, right: Spot): Promise<void> {
    const isOne = left.place.files === right.place.files && left.key === right.key
    if (isOne) await this.#compare(left, right)
    else {
      await this.#all('left', left)
      await this.#all('right', right)
    }
  }

  /** Two versions of one drive. */
  async #compare(left: Spot, right: Spot): Promise<void> {
    const rows = await diffRows(left.place.reader, right.place.reader, left.key, this.#wait)
    for (const row of rows) {
      if (row.left !== undefined) this.#put('left', left.place, row.left)
      if (row.right !== undefined) this.#put('right', right.place, row.right)
      await this.#enter(left.place, right.place, row)
    }
  }

  /** Goes into what is mounted under a row that differs. */
  async #enter(
    left: Place,
    right: Place,
    row: { readonly left: TrieEntry | undefined; readonly right: TrieEntry | undefined },
  ): Promise<void> {
    const leftInside = await this.#inside('left', left, row.left)
    const rightInside = await this.#inside('right', right, row.right)
    if (leftInside !== undefined && rightInside !== undefined) {
      await this.add({ place: leftInside, key: '' }, { place: rightInside, key: '' })
    } else if (leftInside !== undefined) await this.#all('left', { place: leftInside, key: '' })
    else if (rightInside !== undefined) await this.#all('right', { place: rightInside, key: '' })
  }

  async #inside(side: Side, place: Place, row: TrieEntry | undefined): Promise<Place | undefined> {
    if (row === undefined || row.flags !== MOUNT_FLAGS) return undefined
    try {
      const inside = await this.#graph.mounted(place, row.key, this.#wait)
      return inside === undefined || isLoop(inside) ? undefined : inside
    } catch (error) {
      this.#spoil(side, `${place.base}/${row.key}`, error)
      return undefined
    }
  }

  /** Everything that one side has there, and the other has not. */
  async #all(side: Side, spot: Spot): Promise<void> {
    try {
      for (const entry of await listInside(this.#graph, spot, this.#wait)) this.#set(side, entry)
    } catch (error) {
      this.#spoil(side, spot.place.base, error)
    }
  }

  #put(side: Side, place: Place, row: TrieEntry): void {
    this.#set(side, placedEntry(this.#graph, place, row))
  }

  #set(side: Side, entry: DriveEntry): void {
    const both = this.#found.get(entry.path) ?? {}
    // Where an outer drive has a file below a mount, that is what its path leads to.
    both[side] ??= entry
    this.#found.set(entry.path, both)
  }

  /** The row of a mount says that it can't be read, if that is the mounted drive's fault. */
  #spoil(side: Side, path: string, error: unknown): void {
    const why = whyNotEntered(error)
    const entry = this.#found.get(path)?.[side]
    if (why === undefined || entry === undefined) throw error
    this.#found.set(path, { ...this.#found.get(path), [side]: { ...entry, invalid: why } })
  }
}
