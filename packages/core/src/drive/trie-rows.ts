/**
 * The rows of a hyperdrive 10, as `view.ts` reads them.
 *
 * Owns: paths into keys of the trie and of those mounted in it (`mount-graph.ts`). A fixed version fixes the outermost
 * drive; drives mounted in it without a version show their newest. Source: generation 2 drives, sections 3 to 5 and 7.
 */

import { DatError } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { diffAlone, diffThrough } from './mount-diff.ts'
import type { MountGraph, Place, Spot } from './mount-graph.ts'
import { mountPoints } from './mount-points.ts'
import { rowChanges } from './trie-history.ts'
import { hasBelow, listBelow, placedEntry, readBelow } from './trie-listing.ts'
import type {
  DiffOptions,
  DriveDifference,
  DriveEntry,
  DriveHistoryEntry,
  FolderItem,
  HistoryRange,
  ListOptions,
  MountPoint,
  MountsOptions,
} from './types.ts'
import type { Rows } from './view.ts'

export class TrieRows implements Rows {
  readonly #graph: MountGraph
  readonly #root: Place

  constructor(graph: MountGraph, root: Place) {
    this.#graph = graph
    this.#root = root
  }

  get version(): number {
    return this.#root.reader.version
  }

  get log(): Log {
    return this.#root.files.log
  }

  get length(): number {
    return this.version
  }

  async find(path: string, options: WaitOptions): Promise<DriveEntry | undefined> {
    const { place, entry } = await this.#graph.find(this.#spot(path), options)
    return entry && placedEntry(this.#graph, place, entry)
  }

  async hasBelow(path: string, options: WaitOptions): Promise<boolean> {
    return hasBelow(await this.#graph.enter(this.#spot(path), options), options)
  }

  async *below(folder: string, options: ListOptions): AsyncGenerator<DriveEntry, void, undefined> {
    const spot = await this.#graph.enter(this.#spot(folder), options)
    yield* await listBelow(this.#graph, spot, options)
  }

  async *children(
    folder: string,
    options: WaitOptions,
  ): AsyncGenerator<FolderItem, void, undefined> {
    const spot = await this.#graph.enter(this.#spot(folder), options)
    yield* await readBelow(this.#graph, spot, options)
  }

  async *diff(
    version: number,
    folder: string,
    options: DiffOptions,
  ): AsyncGenerator<DriveDifference, void, undefined> {
    const left = await this.#graph.enter(this.#spot(folder), options)
    if (options.mounts !== true && left.place.chain.length > 1) {
      throw new DatError(
        'UNSUPPORTED',
        `${folder} is in a drive that is mounted at ${left.place.base}, which has versions of its own: open it by its key, or look through mounts (mounts: true).`,
        { path: folder },
      )
    }
    const other = this.#graph.root(this.#root.files.trie.checkout(version), true)
    const right = { place: other, key: left.key }
    if (options.mounts === true) {
      const there = await this.#graph.enter({ place: other, key: folder.slice(1) }, options)
      yield* await diffThrough(this.#graph, left, there, options)
    } else yield* await diffAlone(this.#graph, left, right, options)
  }

  mounts(options: MountsOptions): AsyncIterable<MountPoint> {
    return mountPoints(this.#graph, this.#root, options)
  }

  async *history(
    range: HistoryRange,
    options: WaitOptions,
  ): AsyncGenerator<DriveHistoryEntry, void, undefined> {
    for await (const { seq, key, entry } of rowChanges(this.#root.reader, range, options)) {
      const placed = entry && placedEntry(this.#graph, this.#root, entry)
      yield { version: seq + 1, path: placed?.path ?? `/${key}`, entry: placed }
    }
  }

  async content(entry: DriveEntry, options: WaitOptions): Promise<Blobs> {
    if (entry.mount?.kind === 'log') return this.#graph.log(entry.mount.key)
    const owner = this.#graph.ownerOf(entry)
    if (owner !== undefined) return owner.content(options)
    // An entry that somebody made, or copied: its path says whose it is.
    const { place } = await this.#graph.find(this.#spot(entry.path), options)
    return place.files.content(options)
  }

  #spot(path: string): Spot {
    return { place: this.#root, key: path.slice(1) }
  }
}
