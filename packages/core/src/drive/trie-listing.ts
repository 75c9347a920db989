/**
 * What is below a folder of a hyperdrive 10, drives inside it too.
 *
 * Owns: the way through mounts, and the order. A trie gives its entries in the order of hashes; a drive gives them in
 * that of their paths' bytes, so a listing is collected first: its memory is that of its entries. A drive that is mounted
 * inside itself is not entered again: its files are listed once. One listing goes into `MOUNTS_PER_LISTING_MAX`
 * drives and takes `MOUNTED_ENTRIES_MAX` entries from them, since a few blocks can mount millions.
 */

import { type Code, DatError } from '../base/errors.ts'
import { MOUNTED_ENTRIES_MAX, MOUNTS_PER_LISTING_MAX } from '../base/limits.ts'
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

/**
 * Everything below a spot, in order of the paths' bytes.
 *
 * @param entriesMax so many at most out of mounted drives; the mount that brings more is listed as invalid
 */
export async function listBelow(
  graph: MountGraph,
  spot: Spot,
  options: WaitOptions & { readonly mounts?: boolean },
  entriesMax: number = MOUNTED_ENTRIES_MAX,
): Promise<DriveEntry[]> {
  const listing = new Listing(graph, options, options.mounts ?? true, entriesMax)
  await listing.add(spot)
  await listing.enterMounts()
  return sorted(listing.entries(), (entry) => entry.path)
}

/** Everything in a drive that is mounted, and in those mounted in it: all of it counts as taken out of a mount. */
export async function listInside(
  graph: MountGraph,
  spot: Spot,
  options: WaitOptions,
): Promise<DriveEntry[]> {
  const listing = new Listing(graph, options, true, MOUNTED_ENTRIES_MAX)
  await listing.addMounted(spot)
  await listing.enterMounts()
  return listing.entries()
}

/** A drive that is mounted somewhere in what was listed, and has to be listed too. */
interface Pending {
  readonly place: Place
  readonly key: string
  /** Where it is mounted. */
  readonly path: string
}

class Listing {
  readonly #graph: MountGraph
  readonly #wait: WaitOptions
  readonly #mounts: boolean
  readonly #entriesMax: number
  readonly #found = new Map<string, { entry: DriveEntry; readonly depth: number }>()
  readonly #pending: Pending[] = []
  #entered = 0
  /** Entries that came out of mounted drives: of those a few blocks can make any number. */
  #mounted = 0

  constructor(graph: MountGraph, wait: WaitOptions, mounts: boolean, entriesMax: number) {
    this.#entriesMax = entriesMax
    this.#graph = graph
    this.#wait = wait
    this.#mounts = mounts
  }

  entries(): DriveEntry[] {
    return [...this.#found.values()].map(({ entry }) => entry)
  }

  async addMounted(spot: Spot): Promise<void> {
    this.#entered++
    await this.add(spot)
  }

  /** Takes in what one drive has below a key. */
  async add({ place, key }: Spot): Promise<void> {
    const depth = place.chain.length
    for await (const row of place.reader.entries(key, { gt: true }, this.#wait)) {
      const entry = placedEntry(this.#graph, place, row)
      const { path } = entry
      const known = this.#found.get(path)
      // Where an outer drive has a file below a mount, that is what its path leads to.
      if (known !== undefined && known.depth <= depth) continue
      if (this.#entered > 0) this.#mounted++
      if (this.#mounted > this.#entriesMax) throw tooMany(`${this.#entriesMax} entries`)
      this.#found.set(path, { entry, depth })
      if (row.flags === MOUNT_FLAGS && this.#mounts)
        this.#pending.push({ place, key: row.key, path })
    }
  }

  /** One that can't be entered does not spoil the others: its mount is listed, and says why. */
  async enterMounts(): Promise<void> {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#entered++
      if (this.#entered > MOUNTS_PER_LISTING_MAX) throw tooMany(`${MOUNTS_PER_LISTING_MAX} drives`)
      try {
        await this.#enter(next)
      } catch (error) {
        const known = this.#found.get(next.path)
        const why = whyNotEntered(error)
        if (why === undefined || known === undefined) throw error
        known.entry = { ...known.entry, invalid: why }
      }
    }
  }

  async #enter({ place, key }: Pending): Promise<void> {
    const inside = await this.#graph.mounted(place, key, this.#wait)
    if (inside !== undefined && !isLoop(inside)) await this.add({ place: inside, key: '' })
  }
}

/** For a person; `undefined` if it is not the mounted drive's fault. */
export function whyNotEntered(error: unknown): string | undefined {
  if (!(error instanceof DatError) || !OF_ONE_MOUNT.has(error.code)) return undefined
  return `the drive that is mounted here can't be read (${error.message})`
}

const OF_ONE_MOUNT: ReadonlySet<Code> = new Set<Code>([
  'BAD_CONTENT',
  'NOT_AVAILABLE',
  'NO_PEERS',
  'OVER_LIMIT',
  'SNAPSHOT_GONE',
  'TIMEOUT',
  'UNSUPPORTED',
])

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

function tooMany(what: string): DatError {
  return new DatError(
    'OVER_LIMIT',
    `There are more than ${what} in drives that are mounted below this folder: list it without mounts, or a folder of it.`,
  )
}
