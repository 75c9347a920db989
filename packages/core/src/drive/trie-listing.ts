/**
 * What is below a folder of a hyperdrive 10, drives inside it too.
 *
 * Owns: the way through mounts, and the order. A trie gives its entries in the order of hashes; a drive gives them in
 * that of their paths' bytes, so a listing is collected first: its memory is that of its entries. A drive that is mounted
 * inside itself is not entered again: its files are listed once. One listing goes into `MOUNTS_PER_LISTING_MAX`
 * drives, since a few blocks can mount millions.
 */

import { DatError } from '../base/errors.ts'
import { MOUNTS_PER_LISTING_MAX } from '../base/limits.ts'
import type { TrieEntry } from '../index/trie/trie.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { MountGraph, Place, Spot } from './mount-graph.ts'
import { MOUNT_FLAGS } from './mount-record.ts'
import { oldEntry } from './old-entry.ts'
import { sorted } from './sorted.ts'
import type { DriveEntry, FolderItem } from './types.ts'

/** The entry of a row, with the path that it has in the outermost drive. */
export function placedEntry(graph: MountGraph, place: Place, row: TrieEntry): DriveEntry {
  const path = `${place.base}/${row.key.endsWith('/') ? row.key.slice(0, -1) : row.key}`
  return graph.own(oldEntry({ path, seq: row.seq, version: row.seq + 1 }, row.value), place.files)
}

/** Everything below a spot, in order of the paths' bytes. */
export async function listBelow(
  graph: MountGraph,
  spot: Spot,
  options: WaitOptions & { readonly mounts?: boolean },
): Promise<DriveEntry[]> {
  const found = new Map<string, { entry: DriveEntry; depth: number }>()
  const open: Spot[] = [spot]
  let entered = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { place, key } = next
    const depth = place.chain.length
    for await (const row of place.reader.entries(key, { gt: true }, options)) {
      const entry = placedEntry(graph, place, row)
      const known = found.get(entry.path)
      // Where an outer drive has a file below a mount, that is what its path leads to.
      if (known === undefined || known.depth > depth) found.set(entry.path, { entry, depth })
      if (row.flags !== MOUNT_FLAGS || options.mounts === false) continue
      const inside = await graph.mounted(place, row.key, options)
      if (inside === undefined || isLoop(inside)) continue
      entered++
      if (entered > MOUNTS_PER_LISTING_MAX) throw tooMany()
      open.push({ place: inside, key: '' })
    }
  }
  return sorted(
    [...found.values()].map(({ entry }) => entry),
    (entry) => entry.path,
  )
}

/** Names directly below a spot, each once, in order of their bytes. */
export async function readBelow(
  graph: MountGraph,
  { place, key }: Spot,
  options: WaitOptions,
): Promise<FolderItem[]> {
  const base = key === '' ? '' : `${key}/`
  const items = new Map<string, FolderItem>()
  const { files, chain } = place
  // One version for all looks, or names may be lost between two of them.
  const reader = place.reader.snapshot()
  const fixed: Place = { files, reader, base: place.base, pinned: true, chain }
  for await (const row of reader.entries(key, { recursive: false, gt: true }, options)) {
    const [name = ''] = row.key.slice(base.length).split('/')
    const child = base + name
    // A row that nobody normalised (`/a//b`) has a part without a name.
    if (name === '' || items.has(name)) continue
    const own = row.key === child ? row : await reader.get(child, {}, options)
    const entry = own && placedEntry(graph, fixed, own)
    const folder =
      entry === undefined ||
      entry.stat.kind === 'folder' ||
      (await hasBelow({ place: fixed, key: child }, options))
    items.set(name, { name, path: `${place.base}/${child}`, folder, entry })
  }
  return sorted([...items.values()], (item) => item.name)
}

/** Does anything stand below a spot? Drives that are mounted there count as they are, not as what they hold. */
export async function hasBelow({ place, key }: Spot, options: WaitOptions): Promise<boolean> {
  for await (const _ of place.reader.entries(key, { gt: true, limit: 1 }, options)) return true
  return false
}

/** Is the last drive on the way one that was entered before? */
export function isLoop({ chain }: Place): boolean {
  return chain.indexOf(chain.at(-1) ?? '') < chain.length - 1
}

function tooMany(): DatError {
  return new DatError(
    'OVER_LIMIT',
    `More than ${MOUNTS_PER_LISTING_MAX} drives are mounted below this folder: list it without mounts, or a folder of it.`,
  )
}
