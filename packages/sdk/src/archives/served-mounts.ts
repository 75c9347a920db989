/**
 * What is mounted in archives that are served is served too, also what is mounted while they are.
 *
 *   a served drive grew ──▶ did a mount come or go? ──▶ look again ──▶ what is new is taken out of the files and served
 *   what was missing came into the store ───────────────────▲
 *
 * Owns: which mounts those are, and the watching. Always true: what was served once stays so until the end, whether it is
 * still mounted or not; what is neither in the files nor in the store is told and asked of nobody, and is looked for again
 * whenever a mount changes or some of it comes into the store by another way.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { openStored } from '../migrate/open.ts'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'
import { AT_ONCE } from './alone.ts'
import { Arrivals } from './arrivals.ts'
import { type FoundMount, Mounts, mountRoots } from './mounts.ts'
import { takeAll } from './take.ts'
import type { ImportOptions, TakenArchive } from './types.ts'

/** One drive or log that is served because it is mounted; with a `problem` it is not. */
export interface ServedMount extends FoundMount {
  /** What of it was taken over; `undefined` if it was in the store. */
  readonly taken: TakenArchive | undefined
}

/** All that is mounted in what is served, without what is served by itself. */
export interface ServedMounts {
  readonly found: readonly ServedMount[]
  /** There are more than `MOUNTS_FOLLOWED_MAX`: the rest is not known, and not served. */
  readonly isCut: boolean
}

/** Where mounted archives come from. */
export interface MountedFiles {
  readonly corestore: Corestore
  /** The files that the archives came out of; they are opened again for what is mounted later. */
  readonly stored: StoredStore
  readonly archives: readonly StoredArchive[]
  readonly options: ImportOptions
}

/** What is done with what is found. */
export interface MountsUser {
  /** Called once for each key. */
  readonly serve: (key: string) => Promise<void>
  readonly changed: (mounts: ServedMounts) => void
}

/** Who brought a longer history has its rows too. */
const PATIENT = { timeoutMs: 10_000 }

const NONE: ServedMounts = { found: [], isCut: false }

export class MountsServer {
  readonly #files: MountedFiles
  readonly #mounts: Mounts
  readonly #user: MountsUser
  readonly #inFiles: ReadonlySet<string>
  readonly #taken = new Map<string, TakenArchive>()
  readonly #served = new Set<string>()
  readonly #followed = new Map<Drive, Promise<void>>()
  readonly #end = new AbortController()
  readonly #arrivals: Arrivals
  /** Something came: there is another look to be had. */
  #isLookDue = false
  #looking: Promise<void> | undefined
  #hasFilesOpen = true
  #now: ServedMounts = NONE

  private constructor(files: MountedFiles, user: MountsUser) {
    this.#files = files
    this.#user = user
    this.#inFiles = new Set(files.stored.archives.map(({ key }) => hex(key)))
    const source = {
      store: files.corestore,
      bring: (key: Uint8Array) => this.#bring(key),
      logs: true,
    }
    this.#mounts = new Mounts(source, mountRoots(files.archives))
    this.#arrivals = new Arrivals(files.corestore, () => this.#arrived())
  }

  /** Resolves when all that is mounted now is served. The files are not needed open after that. */
  static async open(files: MountedFiles, user: MountsUser): Promise<MountsServer> {
    const server = new MountsServer(files, user)
    try {
      await server.#look(AT_ONCE)
      server.#hasFilesOpen = false
      server.#expectMissing()
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  get now(): ServedMounts {
    return this.#now
  }

  async close(): Promise<void> {
    this.#end.abort()
    await this.#arrivals.close()
    await Promise.all([...this.#followed.values(), this.#looking])
    await this.#mounts.close()
  }

  async #look(wait: WaitOptions): Promise<void> {
    let versions = -1
    // What was mounted behind the look's back is found by another one.
    while (versions !== this.#versions()) {
      versions = this.#versions()
      const { found, isCut } = await this.#mounts.look(wait)
      for (const { key, problem } of found) {
        if (problem !== undefined || this.#served.has(key)) continue
        this.#served.add(key)
        await this.#user.serve(key)
      }
      const all = found.map((mount) => ({ ...mount, taken: this.#taken.get(mount.key) }))
      this.#now = { found: all, isCut }
      for (const drive of this.#mounts.drives.values()) this.#startFollowing(drive)
    }
  }

  #expectMissing(): void {
    if (this.#end.signal.aborted) return
    this.#arrivals.expect(this.#now.found.filter(isMissing).map(({ key }) => key))
  }

  /** The same, and tells if something is not as it was. */
  async #lookAgain(): Promise<void> {
    const before = this.#now
    await this.#look({ ...PATIENT, signal: this.#end.signal })
    if (!isSame(before, this.#now)) this.#user.changed(this.#now)
    this.#expectMissing()
  }

  #arrived(): void {
    this.#isLookDue = true
    this.#looking ??= unlessOver(this.#lookWhileDue()).finally(() => {
      this.#looking = undefined
    })
  }

  async #lookWhileDue(): Promise<void> {
    while (this.#isLookDue && !this.#end.signal.aborted) {
      this.#isLookDue = false
      await this.#lookAgain()
    }
  }

  /** Grows whenever a drive does, or there is another one. */
  #versions(): number {
    let sum = 0
    for (const { version } of this.#mounts.drives.values()) sum += version
    return sum
  }

  #startFollowing(drive: Drive): void {
    if (this.#followed.has(drive)) return
    this.#followed.set(drive, unlessOver(this.#follow(drive)))
  }

  async #follow(drive: Drive): Promise<void> {
    const { signal } = this.#end
    for await (const { previousVersion } of drive.watch({ signal })) {
      if (await concernsMounts(drive, previousVersion, { ...PATIENT, signal })) {
        await this.#lookAgain()
      }
    }
  }

  // ---- What is met --------------------------------------------------------------------------------

  /** Is it in the store? What the files have of it is taken over first. */
  async #bring(key: Uint8Array): Promise<boolean> {
    const name = hex(key)
    if (this.#inFiles.has(name) && !this.#taken.has(name)) {
      const taken = await this.#take(name)
      if (taken !== undefined) this.#taken.set(name, taken)
    }
    const { corestore } = this.#files
    if (corestore.store.find(discoveryKey(key)) === undefined) return false
    const log = await corestore.get({ discoveryKey: discoveryKey(key) })
    const { length } = log
    await log.close()
    return length > 0
  }

  async #take(name: string): Promise<TakenArchive | undefined> {
    const { corestore, stored, options } = this.#files
    const open = this.#hasFilesOpen ? stored : await openStored(stored.found, options)
    try {
      const archive = open.archives.find(({ key }) => hex(key) === name)
      const [taken] = archive === undefined ? [] : await takeAll(corestore, [archive], options)
      await corestore.flush()
      return taken
    } finally {
      if (open !== stored) await open.close()
    }
  }
}

function isMissing({ problem }: FoundMount): boolean {
  return problem !== undefined
}

/** Ends quietly when what is watched is closed. */
async function unlessOver(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isCode(error, 'CLOSED') && !isCode(error, 'ABORTED')) throw error
  }
}

/** Is a mount among what changed? Where that can't be told, one may be. */
async function concernsMounts(
  drive: Drive,
  previousVersion: number,
  wait: WaitOptions,
): Promise<boolean> {
  try {
    for await (const { left, right } of drive.diff(previousVersion, '/', wait)) {
      if (left?.mount !== undefined || right?.mount !== undefined) return true
    }
    return false
  } catch (error) {
    const isOver = isCode(error, 'CLOSED') || isCode(error, 'ABORTED')
    if (error instanceof DatError && !isOver) return true
    throw error
  }
}

function isSame(one: ServedMounts, other: ServedMounts): boolean {
  if (one.isCut !== other.isCut || one.found.length !== other.found.length) return false
  return one.found.every(({ key, path, problem }, i) => {
    const now = other.found[i]
    return now?.key === key && now.path === path && now.problem === problem
  })
}
