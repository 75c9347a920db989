/**
 * A node: stores and networks behind the verbs that people use.
 *
 * Owns: which store serves which verb. With `storage`, everything lives there, behind one network. Without it a folder
 * carries its own store (`DIR/.dat-rhino`), so that it can be moved, and what is opened by link lives in memory.
 *
 * Long because it is the one place where people look for what a node can do: most verbs are a sentence about what they do
 * and a call of who does it.
 */

import { join, resolve } from 'node:path'
import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import type { Corestore, Policy } from '@dat-rhino/core/corestore/corestore'
import { parseLink } from '@dat-rhino/core/crypto/links'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Bee } from '@dat-rhino/core/index/bee'
import type { Log } from '@dat-rhino/core/log/log'
import type { Durability } from '@dat-rhino/core/store/store'
import { Archives, type CloneSource } from './archives/archives.ts'
import { linkOrPath } from './archives/choose.ts'
import type { InspectedFiles, InspectedLink } from './archives/look.ts'
import { passingPlace } from './archives/place.ts'
import type { ServedFolder, ServeOptions } from './archives/served.ts'
import type { ImportOptions, OldOptions, Opened, TakenArchive } from './archives/types.ts'
import { beeByKey, driveByKey, logByKey, type ReadOptions } from './by-key.ts'
import { Clone } from './files/clone.ts'
import { Folder } from './files/folder.ts'
import {
  checkIsNoStore,
  checkRole,
  type FolderPlace,
  folderPlace,
  readRole,
} from './files/folder-role.ts'
import type { CloneOptions, ShareOptions } from './files/options.ts'
import { existingFolder, madeFolder } from './files/place.ts'
import { Share } from './files/share.ts'
import type { NetworkState } from './network/network.ts'
import type { NetworkOptions } from './network/options.ts'
import { Serving } from './network/serving.ts'
import { NodeSockets } from './network/sockets.ts'
import { IN_MEMORY } from './platform/node/storage.ts'
import { Station, type StationOptions } from './station.ts'

/** How a node is opened. */
export interface OpenOptions {
  /** Folder for everything, or `':memory:'`. Default: see `Rhino`. */
  readonly storage?: string
  /** `false` is short for `{ offline: true }`. */
  readonly network?: NetworkOptions | false
  /** Default `group`. */
  readonly durability?: Durability
  /** Open existing stores for reading only: no lock is taken, nothing is written. Default false. */
  readonly readOnly?: boolean
  /**
   * The user's word that a store which was copied, restored or damaged may be written again. Whoever gives it knows that
   * no other copy is written: two of them would sign two histories. Default false: such a store opens read-only.
   */
  readonly recover?: boolean
  /**
   * Bytes that each store of this node may take on the disk. At that, appends fail with `STORE_FULL` and nothing more is fetched;
   * reading and serving go on. Default: no quota.
   */
  readonly quotaBytes?: number
  /** Bytes that are left free on the disk, in the same way. Default 64 MiB. */
  readonly keepFreeBytes?: number
  /** What is offered to whom, and how fast; of each store of this node. Default: everything to everybody. */
  readonly policy?: Policy
  readonly clock?: Clock
}

/** Opens a node. No socket is opened before something needs one. */
export async function open(options: OpenOptions = {}): Promise<Rhino> {
  return Rhino.open(options)
}

/** An open node; `open` makes it. */
export class Rhino implements AsyncDisposable {
  /** Messages between peers of a topic, on the connections of this node. */
  readonly sockets: NodeSockets
  readonly #storage: string | undefined
  #options: StationOptions
  readonly #stations = new Set<Station>()
  readonly #folders = new Set<Share | Clone>()
  readonly #archives: Archives
  /** The store of everything that is no folder with a store of its own. */
  #main: Promise<Station> | undefined
  #isSuspended = false
  #closing: Promise<void> | undefined

  private constructor(options: OpenOptions) {
    const { storage, network = {}, clock = systemClock } = options
    this.#storage = storage === undefined || storage === IN_MEMORY ? storage : resolve(storage)
    this.#options = {
      network: network === false ? { offline: true } : network,
      durability: options.durability ?? 'group',
      readOnly: options.readOnly ?? false,
      recover: options.recover ?? false,
      quotaBytes: options.quotaBytes,
      keepFreeBytes: options.keepFreeBytes,
      policy: options.policy ?? {},
      clock,
    }
    this.sockets = new NodeSockets({ open: this.#stations, main: () => this.#mainStation() }, clock)
    this.#archives = new Archives({
      isKeeping: this.#isKeeping,
      legacy: this.#options.network.legacy,
      main: () => this.#mainStation(),
      folder: (dir) => this.folder(dir),
      passing: (bytes) => this.#passingStation(bytes, { network: { offline: true } }),
      passingOnline: (bytes) => this.#passingStation(bytes, {}),
    })
  }

  /** Is there a store that outlives the node? */
  get #isKeeping(): boolean {
    return this.#storage !== undefined && this.#storage !== IN_MEMORY
  }

  /** See `open`. */
  static async open(options: OpenOptions = {}): Promise<Rhino> {
    const node = new Rhino(options)
    // A store that cannot be opened is told now, not at the first use.
    if (node.#storage !== undefined) await node.#mainStation()
    return node
  }

  /**
   * Shares a folder. The same folder later gives the same link.
   *
   * Resolves when the link is known; the import goes on (`Share.done`).
   *
   * @throws DatError NOT_FOUND, CONFLICT (it is a clone), STORE_LOCKED, NOT_WRITABLE, UNSUPPORTED …
   */
  async share(dir: string, options: ShareOptions = {}): Promise<Share> {
    const folder = existingFolder(dir)
    const { place, station, release } = await this.#folderStation(folder, (place) => {
      checkIsNoStore(folder)
      checkRole(folder, readRole(place), 'share')
    })
    const namespace = station === (await this.#main) ? `folder ${folder}` : undefined
    return this.#opened(release, (done) =>
      Share.open({ dir: folder, place, station, namespace, options, release: done }),
    )
  }

  /**
   * Clones a drive into a folder, which is made if it is not there; a clone that is there is gone on with. An old archive
   * on this machine can be the source too, by the folder of its store: it is not written to, and what it lacks is asked
   * from peers unless the node is offline.
   *
   * Resolves when the folder is ready; looking for peers and writing go on (`Clone.done`).
   *
   * @throws DatError BAD_LINK, CONFLICT (it is something else), STORE_LOCKED, and for folders as `open` …
   */
  async clone(from: string, dir: string, options: CloneOptions & OldOptions = {}): Promise<Clone> {
    const link = linkOrPath(from)
    if (link === undefined) {
      const source = await this.#archives.source(from, dir, options)
      return this.#clone(source.key, dir, options, source)
    }
    const { key, version } = link
    return this.#clone(key, dir, version === undefined ? options : { version, ...options })
  }

  async #clone(
    key: Uint8Array,
    dir: string,
    options: CloneOptions,
    source?: CloneSource,
  ): Promise<Clone> {
    try {
      const folder = madeFolder(dir)
      const { place, station, release } = await this.#folderStation(
        folder,
        (place) => checkRole(folder, readRole(place), 'clone', key),
        // The store of a clone holds nothing of its own: what is missing or damaged in a copy comes from peers again.
        { recover: true },
      )
      const end = async (): Promise<void> => {
        await source?.close()
        await release()
      }
      return await this.#opened(end, async (done) => {
        await source?.stand(station)
        return Clone.open({ dir: folder, place, station, key, options, release: done })
      })
    } catch (error) {
      await source?.close()
      throw error
    }
  }

  /**
   * Opens whatever a link or a path leads to, and says what it is. A path may be a folder that was shared or cloned here, or
   * an old store of any kind: its files are read where they lie and never written to, nothing of them is kept, and
   * nobody is asked for what they lack. Close it when done.
   *
   * @throws DatError as `drive`; NOT_FOUND, UNSUPPORTED; BAD_ARGUMENT where several archives lie (`archive` says which);
   *   CORRUPT_STORE if nothing in the files is proved
   */
  async open(where: string, options: ReadOptions & OldOptions = {}): Promise<Opened> {
    const link = linkOrPath(where)
    if (link === undefined) return this.#archives.openPath(where, options)
    return this.#archives.openLink(await this.#mainStation(), link.key, options)
  }

  /**
   * What something is, how complete, whose, which versions it has and what is damaged: of old files everything is read and
   * hashed, of a link its rows are fetched. Changes nothing.
   *
   * @throws DatError as `open`, but not for what is damaged, is several archives, or is none: the report says so
   */
  async inspect(
    where: string,
    options: ReadOptions & OldOptions = {},
  ): Promise<InspectedFiles | InspectedLink> {
    return this.#archives.inspect(where, options, (link) => this.open(link, options))
  }

  /**
   * Takes the old archives at a path (or one of them: `archive`) into the store of this node, with their keys and the
   * signatures of their authors, so that they outlive the files. All of it is verified; what could not be proved is told.
   *
   * @throws DatError NOT_FOUND, UNSUPPORTED, CORRUPT_STORE, CONFLICT (another history is stored here), ABORTED
   */
  import(path: string, options: ImportOptions = {}): Promise<TakenArchive[]> {
    return this.#archives.import(path, options)
  }

  /**
   * Serves the old archives at a path to old programs and to nodes of today, until it or the node is closed: with
   * their keys and signatures. Without `storage` it is taken over anew each time. Nobody is told of it unless `announce`.
   *
   * @throws DatError as `import`; IO if the port that was asked for is taken
   */
  serveFolder(path: string, options: ServeOptions = {}): Promise<ServedFolder> {
    return this.#archives.serve(path, options)
  }

  /**
   * What is stored about a folder that was shared or cloned here, for reading.
   *
   * Works while another process has the folder open.
   *
   * @throws DatError NOT_FOUND when the folder is neither
   */
  async folder(dir: string): Promise<Folder> {
    const folder = existingFolder(dir)
    const place = this.#place(folder)
    const role = readRole(place)
    if (role === undefined) {
      throw new DatError('NOT_FOUND', `${folder} is neither shared nor a clone.`, { dir: folder })
    }
    const isMain = this.#isKeeping
    const station = isMain
      ? await this.#mainStation()
      : await this.#newStation(place.store, { readOnly: true })
    const release = isMain ? async () => undefined : () => this.#release(station)
    try {
      return await Folder.open({ dir: folder, place, role, station, release })
    } catch (error) {
      await release()
      throw error
    }
  }

  /**
   * A drive by link: `dat://…`, `hyper://…`, or the bare key in hex or z-base-32. Close it when done.
   *
   * It may have any format (`Drive.format`). Its first block tells, and is waited for in any case. A version in the link
   * is not looked at: `checkout` gives any. Looks for peers until the node is closed.
   *
   * @throws DatError BAD_LINK, NO_PEERS, TIMEOUT, UNSUPPORTED (the link leads to something else) …
   */
  async drive(link: string, options: ReadOptions = {}): Promise<Drive> {
    const { key } = parseLink(link)
    return driveByKey(await this.#mainStation(), key, options)
  }

  /** A bee by link. As `drive`. */
  async bee(link: string, options: ReadOptions = {}): Promise<Bee> {
    const { key } = parseLink(link)
    return beeByKey(await this.#mainStation(), key, options)
  }

  /** A plain log by link. As `drive`. */
  async log(link: string, options: ReadOptions = {}): Promise<Log> {
    const { key } = parseLink(link)
    return logByKey(await this.#mainStation(), key, options)
  }

  /**
   * Serves what is stored in `storage` under a link, of whatever generation, until it or the node is closed. Archives
   * of the older networks are announced on today's by this: what that makes public is said at `NetworkOptions.announceOld`.
   *
   * @throws DatError BAD_LINK, NOT_FOUND if it is not stored here
   */
  async serve(link: string): Promise<Serving> {
    const { key } = parseLink(link)
    return Serving.open(await this.#mainStation(), key)
  }

  /** The logs of `storage` (in memory without it), for everything that has no verb here. Closed with the node. */
  async corestore(): Promise<Corestore> {
    return (await this.#mainStation()).corestore
  }

  /** Peers and counters of all networks that this node has open. */
  get network(): NetworkState {
    const states = [...this.#stations].map((station) => station.network.state)
    const first = states.find((state) => state.port !== 0) ?? states[0]
    const { offline = false, host = '0.0.0.0' } = this.#options.network
    return {
      offline,
      host: first?.host ?? host,
      port: first?.port ?? 0,
      legacyPort: states.find((state) => state.legacyPort !== 0)?.legacyPort ?? 0,
      peers: states.flatMap((state) => state.peers),
      bytesDown: states.reduce((sum, state) => sum + state.bytesDown, 0),
      bytesUp: states.reduce((sum, state) => sum + state.bytesUp, 0),
    }
  }

  /** From now on this holds in each store of this node, also on live connections. See `Corestore.setPolicy`. */
  setPolicy(policy: Policy): void {
    for (const { corestore } of this.#stations) corestore.setPolicy(policy)
    this.#options = { ...this.#options, policy }
  }

  /**
   * Quiet until `resume`, for a laptop that sleeps or an app that goes to the background: connections end, sockets and
   * timers of the network rest, and everything acknowledged is on the disk when this resolves. Folders are still watched.
   */
  async suspend(): Promise<void> {
    this.#isSuspended = true
    await Promise.all([...this.#stations].map((station) => station.suspend()))
  }

  /** Announces again, looks for peers at once, and goes on. */
  async resume(): Promise<void> {
    this.#isSuspended = false
    await Promise.all([...this.#stations].map((station) => station.resume()))
  }

  /** Closes everything that was opened here. Everything acknowledged is on the disk when this resolves. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.sockets.close()
    await Promise.all([...this.#folders].map((folder) => folder.close()))
    await this.#archives.close()
    await Promise.all([...this.#stations].map((station) => station.close()))
  }

  // ---- Stations ----------------------------------------------------------------------------------

  #mainStation(): Promise<Station> {
    const path =
      this.#storage === undefined || this.#storage === IN_MEMORY
        ? IN_MEMORY
        : join(this.#storage, 'store')
    this.#main ??= this.#newStation(path, {})
    return this.#main
  }

  async #newStation(path: string, options: Partial<StationOptions>): Promise<Station> {
    if (this.#closing !== undefined) throw new DatError('CLOSED', 'The node is closed.')
    const station = await Station.open(path, { ...this.#options, ...options })
    this.#stations.add(station)
    if (this.#isSuspended) await station.suspend()
    this.sockets.serve(station.corestore)
    return station
  }

  /** A store that is gone when it is released. */
  async #passingStation(
    bytes: number,
    options: Partial<StationOptions>,
  ): Promise<{ station: Station; release: () => Promise<void> }> {
    const place = passingPlace(bytes)
    const fresh = { durability: 'none', readOnly: false, recover: false } as const
    const station = await this.#newStation(place.path, { ...fresh, ...options })
    const release = async (): Promise<void> => {
      await this.#release(station)
      place.remove()
    }
    return { station, release }
  }

  async #release(station: Station): Promise<void> {
    await station.close()
    this.#stations.delete(station)
  }

  #place(folder: string): FolderPlace {
    return folderPlace(folder, this.#storage === IN_MEMORY ? undefined : this.#storage)
  }

  /** The store of a folder, after `check` found no reason against it. */
  async #folderStation(
    folder: string,
    check: (place: FolderPlace) => void,
    options: Partial<StationOptions> = {},
  ): Promise<{ place: FolderPlace; station: Station; release: () => Promise<void> }> {
    const place = this.#place(folder)
    check(place)
    if ([...this.#folders].some(({ dir }) => dir === folder)) {
      throw new DatError('CONFLICT', `${folder} is open in this program already.`, { dir: folder })
    }
    if (this.#isKeeping) {
      return { place, station: await this.#mainStation(), release: async () => undefined }
    }
    const station = await this.#newStation(place.store, options)
    return { place, station, release: () => this.#release(station) }
  }

  async #opened<F extends Share | Clone>(
    release: () => Promise<void>,
    openFolder: (release: () => Promise<void>) => Promise<F>,
  ): Promise<F> {
    try {
      const folder: F = await openFolder(async () => {
        this.#folders.delete(folder)
        await release()
      })
      this.#folders.add(folder)
      return folder
    } catch (error) {
      await release()
      throw error
    }
  }
}
