/**
 * The rows of a hyperdrive 9, as `view.ts` reads them.
 *
 * Owns: entries out of an append-tree. It is read through its own index, so what old programs showed is what is shown
 * here. Source: generation 1 drives, section 2.
 */

import type {
  AppendTreeEntry,
  AppendTreeHistoryRange,
  AppendTreeReader,
} from '../index/append-tree/append-tree.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Blobs } from './blobs.ts'
import { oldEntry } from './old-entry.ts'
import { sorted } from './sorted.ts'
import type {
  DriveDifference,
  DriveEntry,
  DriveHistoryEntry,
  FolderItem,
  HistoryRange,
} from './types.ts'
import type { Rows } from './view.ts'

/** Block n makes version n: block 0 is the header. */
function treeEntry({ name, seq, value }: AppendTreeEntry): DriveEntry {
  return oldEntry({ path: name, seq, version: seq }, value)
}

export class TreeRows implements Rows {
  readonly log: Log
  readonly #tree: AppendTreeReader
  readonly #content: (options: WaitOptions) => Promise<Blobs>

  constructor(log: Log, tree: AppendTreeReader, content: (options: WaitOptions) => Promise<Blobs>) {
    this.log = log
    this.#tree = tree
    this.#content = content
  }

  get version(): number {
    return this.#tree.version
  }

  /** The header is the first block. */
  get length(): number {
    return this.version + 1
  }

  async find(path: string, options: WaitOptions): Promise<DriveEntry | undefined> {
    const row = await this.#tree.get(path, options)
    return row && treeEntry(row)
  }

  async hasBelow(path: string, options: WaitOptions): Promise<boolean> {
    return ((await this.#tree.list(path, options)) ?? []).length > 0
  }

  async *below(folder: string, options: WaitOptions): AsyncGenerator<DriveEntry, void, undefined> {
    const entries: DriveEntry[] = []
    for await (const row of this.#tree.entries(folder, options)) {
      if (row.name !== folder) entries.push(treeEntry(row))
    }
    yield* sorted(entries, ({ path }) => path)
  }

  async *children(
    folder: string,
    options: WaitOptions,
  ): AsyncGenerator<FolderItem, void, undefined> {
    const base = folder === '/' ? folder : `${folder}/`
    // One version for all looks, or names may be lost between two of them.
    const tree = this.#tree.snapshot()
    const items: FolderItem[] = []
    for (const { name, entry: newest } of (await tree.list(folder, options)) ?? []) {
      const path = base + name
      const row = newest.name === path ? newest : await tree.get(path, options)
      const entry = row && treeEntry(row)
      const isFolder = entry === undefined || entry.stat.kind === 'folder'
      const holdsMore = isFolder || ((await tree.list(path, options)) ?? []).length > 0
      items.push({ name, path, folder: holdsMore, entry })
    }
    yield* sorted(items, ({ name }) => name)
  }

  async *diff(
    version: number,
    folder: string,
    options: WaitOptions,
  ): AsyncGenerator<DriveDifference, void, undefined> {
    const differences: DriveDifference[] = []
    for await (const { name, left, right } of this.#tree.diff(version, folder, options)) {
      if (name === folder) continue
      differences.push({
        path: name,
        left: left && treeEntry(left),
        right: right && treeEntry(right),
      })
    }
    yield* sorted(differences, ({ path }) => path)
  }

  async *history(
    range: HistoryRange,
    options: WaitOptions,
  ): AsyncGenerator<DriveHistoryEntry, void, undefined> {
    const versions = versionRange(range, this.length)
    if (versions === undefined) return
    for await (const row of this.#tree.history(versions, options)) {
      const entry = row.type === 'put' ? treeEntry(row) : undefined
      yield { version: row.seq, path: row.name, entry }
    }
  }

  content(_entry: DriveEntry, options: WaitOptions): Promise<Blobs> {
    return this.#content(options)
  }
}

/** Bounds on blocks as bounds on versions; `undefined` if nothing is in them. */
function versionRange(range: HistoryRange, length: number): AppendTreeHistoryRange | undefined {
  const { gt, gte = 1, lt, lte, reverse = false, limit, live = false } = range
  const at = (block: number): number => (block < 0 ? block + length : block)
  const start = Math.max(1, gt === undefined ? at(gte) : at(gt) + 1)
  const last = lt === undefined ? (lte === undefined ? undefined : at(lte)) : at(lt) - 1
  if (last !== undefined && last < start) return undefined
  return {
    start,
    reverse,
    live,
    ...(limit === undefined || limit === -1 ? {} : { limit }),
    ...(last === undefined || last >= length ? {} : { end: last }),
  }
}
