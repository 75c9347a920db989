/**
 * What is mounted in old archives: whoever reads one comes to it.
 *
 *   an archive ──▶ the drives and logs that are mounted in it, in every version of it that is shown
 *        ▲                            │
 *        └── those of which we have rows ◀── `bring`: is it here, or can it be?
 *
 * Owns: finding all of it. Always true: each drive is read once for each version that a mount shows, at however many paths
 * it is mounted and however drives are inside each other; nobody is asked for a drive that is not here; `MOUNTS_FOLLOWED_MAX`
 * are followed and it is told when there are more.
 */

import { asError, DatError } from '@dat-rhino/core/base/errors'
import { MOUNTS_FOLLOWED_MAX } from '@dat-rhino/core/base/limits'
import { Mutex } from '@dat-rhino/core/base/mutex'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { DriveReader, MountPoint } from '@dat-rhino/core/drive/drive'
import { TrieDrive } from '@dat-rhino/core/drive/trie-drive'
import type { LogProvider } from '@dat-rhino/core/drive/types'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'
import { AT_ONCE, asksNobody } from './alone.ts'
import { oldLink } from './choose.ts'

/** One drive or log that is mounted in an archive, or in what is mounted there. */
export interface FoundMount {
  readonly link: string
  /** Hex. */
  readonly key: string
  readonly kind: MountPoint['kind']
  /** Where it was met first, in the archive that was asked for. */
  readonly path: string
  /** Why it is not here, or what is mounted in it can't be told; `undefined` if it is here. */
  readonly problem: string | undefined
}

/** All that was found. */
export interface FoundMounts {
  /** In the order in which they were met, each once, without the archives that were asked for themselves. */
  readonly found: readonly FoundMount[]
  /** There are more than `MOUNTS_FOLLOWED_MAX`: the rest is not known. */
  readonly isCut: boolean
}

/** How mounts are looked for. */
export interface MountsSource {
  readonly store: LogProvider
  /** Called once for each drive or log that is met: is it in the store, or could it be brought there? */
  readonly bring: (key: Uint8Array, kind: MountPoint['kind']) => Promise<boolean>
  /** Are logs looked for that stand as files? Takes a look at every row. */
  readonly logs: boolean
}

/** Only a hyperdrive 10 has mounts. */
export function mayMount({ format, parts }: StoredArchive): boolean {
  return format === 'hypertrie' && parts.length > 1
}

/** These archives, and those of their store that may be mounted in them. */
export function mountable(
  { archives }: StoredStore,
  chosen: readonly StoredArchive[],
): readonly StoredArchive[] {
  return chosen.some(mayMount) ? archives : chosen
}

/** A drive that mounts are looked for in. */
export interface MountRoot {
  readonly key: Uint8Array
  /** Of its logs, and of all that is mounted in it. */
  readonly generation: StoredLog['generation']
}

/** Those of these archives that may have mounts. */
export function mountRoots(archives: readonly StoredArchive[]): MountRoot[] {
  return archives
    .filter(mayMount)
    .map(({ key, parts }) => ({ key, generation: parts[0]?.log.generation ?? 2 }))
}

/** A drive that is to be looked into. */
interface Visit extends MountRoot {
  readonly version: number | undefined
  /** Where it is, in the archive that was asked for. */
  readonly path: string
}

/** A look for what is mounted, that can be had again when something changed. */
export class Mounts {
  readonly #source: MountsSource
  readonly #roots: readonly Visit[]
  /** Open drives, by key. */
  readonly #drives = new Map<string, TrieDrive>()
  /** What `bring` said, by key. What was not here may come. */
  readonly #here = new Set<string>()
  readonly #mutex = new Mutex()

  constructor(source: MountsSource, roots: readonly MountRoot[]) {
    this.#source = source
    this.#roots = roots.map((root) => ({ ...root, version: undefined, path: '' }))
  }

  /** Drives that were read, by key in hex; they are open until this is closed. */
  get drives(): ReadonlyMap<string, TrieDrive> {
    return this.#drives
  }

  /**
   * Looks for all that is mounted now.
   *
   * @param wait for rows that are not here; nobody is asked for them by default
   */
  async look(wait: WaitOptions = AT_ONCE): Promise<FoundMounts> {
    const release = await this.#mutex.acquire()
    try {
      const walk = new Walk(this.#roots)
      for (let visit = walk.next(); visit !== undefined; visit = walk.next()) {
        await this.#visit(visit, walk, wait)
      }
      const { found, isCut } = walk
      return { found, isCut }
    } finally {
      release()
    }
  }

  async #visit(visit: Visit, walk: Walk, wait: WaitOptions): Promise<void> {
    try {
      const reader = await this.#reader(visit)
      const { logs } = this.#source
      for await (const point of reader.mounts({ ...wait, logs })) {
        const known = walk.add(visit, point)
        if (known !== undefined) known.problem ??= await this.#problemOf(point)
        if (known?.problem !== undefined) walk.drop(point)
        if (walk.isCut) return
      }
    } catch (error) {
      if (!(error instanceof DatError)) throw error
      walk.spoil(visit, `What is mounted in it is not known: ${error.message}`)
    }
  }

  async #reader({ key, generation, version }: Visit): Promise<DriveReader> {
    const store = asksNobody(this.#source.store)
    const name = hex(key)
    const open = this.#drives.get(name)
    const drive = open ?? (await TrieDrive.open({ store, key, generation, readOnly: true }))
    this.#drives.set(name, drive)
    return version === undefined ? drive : drive.checkout(version)
  }

  async #problemOf({ key, kind }: MountPoint): Promise<string | undefined> {
    const name = hex(key)
    try {
      if (!this.#here.has(name) && !(await this.#source.bring(key, kind))) return 'It is not here.'
      this.#here.add(name)
      return undefined
    } catch (error) {
      if (!(error instanceof DatError)) throw error
      return asError(error).message
    }
  }

  async close(): Promise<void> {
    const drives = [...this.#drives.values()]
    this.#drives.clear()
    await Promise.all(drives.map((drive) => drive.close()))
  }
}

/** One walk from the roots. */
class Walk {
  isCut = false
  readonly #roots: ReadonlySet<string>
  readonly #visits: Visit[]
  readonly #visited: Set<string>
  readonly #found = new Map<string, { -readonly [K in keyof FoundMount]: FoundMount[K] }>()

  constructor(roots: readonly Visit[]) {
    this.#roots = new Set(roots.map(({ key }) => hex(key)))
    this.#visits = [...roots]
    this.#visited = new Set(roots.map(nameOf))
  }

  get found(): readonly FoundMount[] {
    return [...this.#found.values()]
  }

  next(): Visit | undefined {
    return this.isCut ? undefined : this.#visits.shift()
  }

  /** What is mounted is looked into next, unless it was. Gives what is told of it, the first time. */
  add(
    { generation, path: base }: Visit,
    point: MountPoint,
  ): { problem: string | undefined } | undefined {
    const { key, kind, version } = point
    const path = base + point.path
    const visit: Visit = { key, generation, version, path }
    if (this.#visited.has(nameOf(visit))) return undefined
    if (this.#visited.size >= this.#roots.size + MOUNTS_FOLLOWED_MAX) {
      this.isCut = true
      return undefined
    }
    this.#visited.add(nameOf(visit))
    if (kind === 'drive') this.#visits.push(visit)
    const name = hex(key)
    if (this.#roots.has(name)) return undefined
    const link = oldLink({ key, generation })
    const known = this.#found.get(name) ?? { link, key: name, kind, path, problem: undefined }
    this.#found.set(name, known)
    return known
  }

  /** It is not looked into. */
  drop({ key }: MountPoint): void {
    const last = this.#visits.at(-1)
    if (last !== undefined && hex(last.key) === hex(key)) this.#visits.pop()
  }

  spoil({ key }: Visit, problem: string): void {
    const known = this.#found.get(hex(key))
    if (known !== undefined) known.problem ??= problem
  }
}

function nameOf({ key, version }: Visit): string {
  return `${hex(key)}+${version ?? ''}`
}
