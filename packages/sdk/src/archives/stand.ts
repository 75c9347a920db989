/**
 * A store of ours stands on old files: rows are taken over at once, bytes of files when they are asked for.
 *
 * Owns: the handles that this needs. Always true: only what `adopt` proves comes in; what is mounted in an archive is there as far
 * as the files hold it; the files are never written to.
 */

import { DatError, isCode } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { type AdoptReport, adopt } from '@dat-rhino/core/log/adopt'
import type { Log } from '@dat-rhino/core/log/log'
import type { StoredLog } from '@dat-rhino/core/log/stored-log'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'
import { askFilesFirst, Part } from './files-remote.ts'
import { Mounts, mayMount, mountRoots } from './mounts.ts'
import { describe, handleOn, told } from './take.ts'
import type { TakenArchive, TakenLog } from './types.ts'

/** How a store stands on old files. */
interface StandOptions {
  /** Nobody else can be asked. */
  readonly isAlone: boolean
  readonly signal?: AbortSignal | undefined
}

/** A store that stands on old files, as long as those are open. */
export class Stand {
  readonly #corestore: Corestore
  readonly #options: StandOptions
  readonly #handles: Log[] = []
  #isClosed = false

  private constructor(corestore: Corestore, options: StandOptions) {
    this.#corestore = corestore
    this.#options = options
  }

  /** On these archives. */
  static async onAll(
    corestore: Corestore,
    archives: readonly StoredArchive[],
    options: StandOptions,
  ): Promise<{ readonly stand: Stand; readonly taken: readonly TakenArchive[] }> {
    const stand = new Stand(corestore, options)
    return stand.#orClose(async () => {
      const taken: TakenArchive[] = []
      for (const archive of archives) taken.push(await stand.#add(archive))
      return { stand, taken }
    })
  }

  /** On one archive, and on what is mounted in it. */
  static async onOne(
    corestore: Corestore,
    stored: StoredStore,
    archive: StoredArchive,
    options: StandOptions,
  ): Promise<{ readonly stand: Stand; readonly taken: TakenArchive }> {
    const stand = new Stand(corestore, options)
    return stand.#orClose(async () => {
      const taken = await stand.#add(archive)
      if (mayMount(archive)) await stand.#addMounts(stored, archive)
      return { stand, taken }
    })
  }

  /** Closes the handles, not the files. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const log of this.#handles) await log.close()
  }

  async #orClose<T>(build: () => Promise<T>): Promise<T> {
    try {
      return await build()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async #add(archive: StoredArchive): Promise<TakenArchive> {
    const { isAlone, signal } = this.#options
    const logs: TakenLog[] = []
    for (const part of archive.parts) {
      const log = await handleOn(this.#corestore, part.log, undefined)
      this.#handles.push(log)
      const end = part.role === 'metadata' ? part.log.length : 0
      logs.push(await told(part, () => takeHead(log, part.log, end)))
      const isClosed = (): boolean => this.#isClosed
      const source = {
        stored: part.log,
        problems: part.problems,
        get closed() {
          return isClosed()
        },
      }
      askFilesFirst(log, source, isAlone)
      checkGoesOn(signal)
    }
    return describe(archive, logs)
  }

  async #addMounts(stored: StoredStore, archive: StoredArchive): Promise<void> {
    const byKey = new Map(stored.archives.map((each) => [hex(each.key), each]))
    const bring = async (key: Uint8Array): Promise<boolean> => {
      const inside = byKey.get(hex(key))
      if (inside !== undefined) await this.#add(inside)
      return inside !== undefined
    }
    // Logs that the files do not hold need not be looked for.
    const logs = stored.archives.some(({ parts }) => parts.length === 1)
    const mounts = new Mounts({ store: this.#corestore, bring, logs }, mountRoots([archive]))
    try {
      await mounts.look()
    } finally {
      await mounts.close()
    }
  }
}

function checkGoesOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new DatError('ABORTED', 'Opening the old files was aborted.', {}, signal.reason)
}

/** The newest head, which is all that reading needs. Where it does not stand, whatever does. */
async function takeHead(log: Log, stored: StoredLog, end: number): Promise<AdoptReport> {
  try {
    const { length } = stored
    const report = await adopt(log.replica, new Part(stored, { length, end }))
    if (report.length === length && report.damagedCount === 0) return report
  } catch (error) {
    if (!isCode(error, 'BAD_SIGNATURE')) throw error
  }
  // Roots and nodes that are damaged are made again from the blocks.
  return adopt(log.replica, stored)
}
