/**
 * The verbs of a node for what is not (only) of today: open, inspect, import, serve.
 *
 * Owns: what a text means, and that everything that was opened by a verb ends with the node. Old files are read where they
 * lie and never written to; where they are taken over, the store of the node has them, or one that ends with what was opened.
 */

import { isAbsolute, relative, resolve } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Log } from '@dat-rhino/core/log/log'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import { encryption, joined, type ReadOptions } from '../by-key.ts'
import { detectPath } from '../migrate/detect.ts'
import { openStored } from '../migrate/open.ts'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'
import type { LegacyOptions } from '../network/legacy/options.ts'
import type { Station } from '../station.ts'
import type { UsedStation } from '../stations.ts'
import { chosen, linkOrPath, matching, oldLink } from './choose.ts'
import { closing, type Ending } from './closing.ts'
import { type InspectedFiles, type InspectedLink, lookAtFiles, lookAtOpened } from './look.ts'
import { mountable } from './mounts.ts'
import { openOldFiles, type StationMaker, storedOptions } from './old-files.ts'
import { openKnown } from './open-known.ts'
import { ServedFolder, type ServeOptions } from './served.ts'
import { Stand } from './stand.ts'
import { bytesOf, checkProved, takeAll } from './take.ts'
import type { ImportOptions, OldOptions, Opened, TakenArchive } from './types.ts'

/** What these verbs need of a node. */
export interface ArchivesHost extends StationMaker {
  /** Does the node keep things? Then `main` is where. */
  readonly isKeeping: boolean
  /** How the node meets old networks. */
  readonly legacy: LegacyOptions | undefined
  main(): Promise<Station>
  /** The same as `passing`, but with the network of the node. */
  passingOnline(bytes: number): Promise<UsedStation>
  /** The drive of a folder of ours. */
  folder(
    dir: string,
  ): Promise<{ readonly link: string; readonly drive: Drive; close(): Promise<void> }>
}

/** An old archive that a clone is made of. */
export interface CloneSource {
  readonly key: Uint8Array
  /** The station's logs get their blocks from the files, until it is closed. */
  stand(station: Station): Promise<void>
  close(): Promise<void>
}

export class Archives {
  readonly #host: ArchivesHost
  readonly #open = new Set<Ending>()

  constructor(host: ArchivesHost) {
    this.#host = host
  }

  /** What lies at a path, of any age. */
  async openPath(path: string, options: ReadOptions & OldOptions): Promise<Opened> {
    const found = detectPath(path)
    if (found.kind !== 'rhino') {
      return this.#held(await openOldFiles(this.#host, found, options))
    }
    const folder = await this.#host.folder(found.path)
    const { link, drive } = folder
    const common = { link, source: 'folder', log: drive.log, taken: undefined } as const
    return this.#held<Opened>({ kind: 'drive', drive, ...common, ...closing(() => folder.close()) })
  }

  /** What a link leads to. */
  async openLink(station: Station, key: Uint8Array, options: ReadOptions): Promise<Opened> {
    const { corestore: store } = station
    const crypt = encryption(options)
    return joined<Opened>(station, key, options, {
      open: async (wait) => {
        const log = await openUnknown(store, key, wait, crypt)
        try {
          const known = await openKnown(log, { store, wait, ...crypt })
          const link = oldLink({ key, generation: log.generation.id })
          const end = (): Promise<void> =>
            known.kind === 'drive' ? known.drive.close() : log.close()
          return { ...known, link, source: 'link', log, taken: undefined, ...closing(end) }
        } catch (error) {
          await log.close()
          throw error
        }
      },
      logOf: ({ log }) => log,
      update: async (opened, wait) => {
        if (opened.kind === 'drive') await opened.drive.ready(wait)
        await opened.log.update(wait)
      },
    })
  }

  async inspect(
    where: string,
    options: OldOptions & WaitOptions,
    openLink: (link: string) => Promise<Opened>,
  ): Promise<InspectedFiles | InspectedLink> {
    if (linkOrPath(where) === undefined) return lookAtFiles(this.#host, where, options)
    const opened = await openLink(where)
    try {
      return await lookAtOpened(opened, options)
    } finally {
      await opened.close()
    }
  }

  /** All archives at a path, or one of them, into the node's store. */
  async import(path: string, options: ImportOptions): Promise<TakenArchive[]> {
    const stored = await openStored(path, storedOptions(options))
    try {
      const archives = someOf(path, matching(stored, options.archive), () =>
        chosen(stored, options.archive),
      )
      const { corestore } = await this.#host.main()
      const taken = await takeAll(corestore, archives, options)
      await corestore.flush()
      return taken
    } finally {
      await stored.close()
    }
  }

  /** Takes over what lies at a path, and serves it until that, or the node, is closed. */
  async serve(path: string, options: ServeOptions): Promise<ServedFolder> {
    const stored = await openStored(path, storedOptions(options))
    let release = (): Promise<void> => Promise.resolve()
    try {
      const archives = someOf(path, matching(stored, options.archive), () =>
        chosen(stored, options.archive),
      )
      const place = this.#host.isKeeping
        ? { station: await this.#host.main(), release }
        : await this.#host.passingOnline(bytesOf(mountable(stored, archives)))
      release = place.release
      const { station } = place
      const taken = await takeAll(station.corestore, archives, options)
      if (archives.length === 1) checkProved(taken[0], path)
      await station.corestore.flush()
      const { legacy } = this.#host
      const setup = { station, stored, archives, taken, options, legacy, release }
      return this.#held(await ServedFolder.open(setup))
    } catch (error) {
      await release()
      throw error
    } finally {
      await stored.close()
    }
  }

  /** The archive at a path, as something that can be cloned; its files stay open until it is closed. */
  async source(path: string, dir: string, options: OldOptions): Promise<CloneSource> {
    const stored = await openStored(path, storedOptions(options))
    try {
      checkIsOutside(dir, stored)
      const archive = chosen(stored, options.archive)
      let closeHandles = (): Promise<void> => Promise.resolve()
      return {
        key: archive.key,
        async stand({ corestore, network }) {
          const { signal } = options
          const isAlone = network.offline
          const { stand, taken } = await Stand.onOne(corestore, stored, archive, {
            isAlone,
            signal,
          })
          closeHandles = () => stand.close()
          checkProved(taken, stored.found.path)
        },
        async close() {
          await closeHandles()
          await stored.close()
        },
      }
    } catch (error) {
      await stored.close()
      throw error
    }
  }

  /** Ends all that the verbs gave and nobody has closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((opened) => opened.close()))
  }

  /** Remembers it until it is closed. */
  #held<T extends Ending>(opened: T): T {
    this.#open.add(opened)
    void opened.closed.then(() => this.#open.delete(opened))
    return opened
  }
}

/** Throws where a clone would be written into the files that it is made of. */
function checkIsOutside(dir: string, { found }: StoredStore): void {
  const target = resolve(dir)
  const stores = found.kind === 'folder' ? found.nested : [found]
  for (const { path } of stores) {
    const way = relative(path, target)
    if (way.startsWith('..') || isAbsolute(way)) continue
    const message = `${target} is part of the old archive, which is never written to. Clone into another folder.`
    throw new DatError('CONFLICT', message, { dir: target, path })
  }
}

/** The log of a key of whatever generation: it is there when a head has been verified. */
async function openUnknown(
  store: Corestore,
  key: Uint8Array,
  wait: WaitOptions,
  crypt: { readonly encryptionKey?: Uint8Array },
): Promise<Log> {
  const settled = await store.get({ key, generation: 'unknown' }, { ...wait, ...crypt })
  try {
    // How long that may take is no limit of later waits.
    return await store.get({ key }, crypt)
  } finally {
    await settled.close()
  }
}

/** At least one; else the error that says why there is none. */
function someOf(
  path: string,
  archives: readonly StoredArchive[],
  explain: () => StoredArchive,
): readonly StoredArchive[] {
  if (archives.length > 0) return archives
  explain()
  throw new DatError('NOT_FOUND', `Nothing can be taken over from ${path}.`, { path })
}
