/**
 * A node: stores and networks behind the verbs that people use.
 *
 * Owns: the verbs, and that everything opened by one ends with the node. Which store serves what is said in `stations.ts`;
 * what a verb does, where it is done: `files/`, `archives/`, `by-key.ts`, `network/`.
 */

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
import type { ServedFolder, ServeOptions } from './archives/served.ts'
import type { ImportOptions, OldOptions, Opened, TakenArchive } from './archives/types.ts'
import { beeByKey, driveByKey, logByKey, type ReadOptions } from './by-key.ts'
import { Clone } from './files/clone.ts'
import { Folder } from './files/folder.ts'
import { checkIsNoStore, checkRole, type FolderPlace, readRole } from './files/folder-role.ts'
import type { CloneOptions, ShareOptions } from './files/options.ts'
import { existingFolder, madeFolder } from './files/place.ts'
import { Share } from './files/share.ts'
import type { NetworkState } from './network/network.ts'
import type { NetworkOptions } from './network/options.ts'
import { Serving } from './network/serving.ts'
import { NodeSockets } from './network/sockets.ts'
import type { StationOptions } from './station.ts'
import { Stations, type UsedStation } from './stations.ts'

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
  readonly #stations: Stations
  readonly #folders = new Set<Share | Clone>()
  readonly #archives: Archives
  #closing: Promise<void> | undefined

  private constructor(options: OpenOptions) {
    const { storage, network: wanted = {}, clock = systemClock } = options
    const network = wanted === false ? { offline: true } : wanted
    const stationOptions: StationOptions = {
      network,
      durability: options.durability ?? 'group',
      readOnly: options.readOnly ?? false,
      recover: options.recover ?? false,
      quotaBytes: options.quotaBytes,
      keepFreeBytes: options.keepFreeBytes,
      policy: options.policy ?? {},
      clock,
    }
    const stations = new Stations(storage, stationOptions, ({ corestore }) =>
      this.sockets.serve(corestore),
    )
    this.#stations = stations
    this.sockets = new NodeSockets(stations, clock)
    this.#archives = new Archives({
      isKeeping: stations.isKeeping,
      legacy: network.legacy,
      main: () => stations.main(),
      folder: (dir) => this.folder(dir),
      passing: (bytes) => stations.passing(bytes, { network: { offline: true } }),
      passingOnline: (bytes) => stations.passing(bytes, {}),
    })
  }

  /** See `open`. */
  static async open(options: OpenOptions = {}): Promise<Rhino> {
    const node = new Rhino(options)
    // A store that cannot be opened is told now, not at the first use.
    if (options.storage !== undefined) await node.#stations.main()
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
    const namespace = this.#stations.isKeeping ? `folder ${folder}` : undefined
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
    return this.#archives.openLink(await this.#stations.main(), link.key, options)
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
    const place = this.#stations.place(folder)
    const role = readRole(place)
    if (role === undefined) {
      throw new DatError('NOT_FOUND', `${folder} is neither shared nor a clone.`, { dir: folder })
    }
    const { station, release } = await this.#stations.ofFolder(place, { readOnly: true })
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
    return driveByKey(await this.#stations.main(), key, options)
  }

  /** A bee by link. As `drive`. */
  async bee(link: string, options: ReadOptions = {}): Promise<Bee> {
    const { key } = parseLink(link)
    return beeByKey(await this.#stations.main(), key, options)
  }

  /** A plain log by link. As `drive`. */
  async log(link: string, options: ReadOptions = {}): Promise<Log> {
    const { key } = parseLink(link)
    return logByKey(await this.#stations.main(), key, options)
  }

  /**
   * Serves what is stored in `storage` under a link, of whatever generation, until it or the node is closed. Archives
   * of the older networks are announced on today's by this: what that makes public is said at `NetworkOptions.announceOld`.
   *
   * @throws DatError BAD_LINK, NOT_FOUND if it is not stored here
   */
  async serve(link: string): Promise<Serving> {
    const { key } = parseLink(link)
    return Serving.open(await this.#stations.main(), key)
  }

  /** The logs of `storage` (in memory without it), for everything that has no verb here. Closed with the node. */
  async corestore(): Promise<Corestore> {
    return (await this.#stations.main()).corestore
  }

  /** Peers and counters of all networks that this node has open. */
  get network(): NetworkState {
    return this.#stations.network
  }

  /** From now on this holds in each store of this node, also on live connections. See `Corestore.setPolicy`. */
  setPolicy(policy: Policy): void {
    this.#stations.setPolicy(policy)
  }

  /**
   * Quiet until `resume`, for a laptop that sleeps or an app that goes to the background: connections end, sockets and
   * timers of the network rest, and everything acknowledged is on the disk when this resolves. Folders are not watched; what is being
   * imported is imported to its end.
   */
  suspend(): Promise<void> {
    return this.#stations.suspend()
  }

  /** Announces again, looks for peers at once, compares shared folders with their drives, and goes on. */
  resume(): Promise<void> {
    return this.#stations.resume()
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
    this.#stations.seal()
    await this.sockets.close()
    await Promise.all([...this.#folders].map((folder) => folder.close()))
    await this.#archives.close()
    await this.#stations.close()
  }

  // ---- Folders -----------------------------------------------------------------------------------

  /** The store of a folder, after `check` found no reason against it. */
  async #folderStation(
    folder: string,
    check: (place: FolderPlace) => void,
    options: Partial<StationOptions> = {},
  ): Promise<UsedStation & { readonly place: FolderPlace }> {
    const place = this.#stations.place(folder)
    check(place)
    if ([...this.#folders].some(({ dir }) => dir === folder)) {
      throw new DatError('CONFLICT', `${folder} is open in this program already.`, { dir: folder })
    }
    return { place, ...(await this.#stations.ofFolder(place, options)) }
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
