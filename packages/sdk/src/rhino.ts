/**
 * A node: stores and networks behind the verbs that people use.
 *
 * Owns: which store serves which verb. With `storage`, everything lives there, behind one network. Without it a folder
 * carries its own store (`DIR/.dat-rhino`), so that it can be moved, and what is opened by link lives in memory.
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
      policy: options.policy ?? {},
      clock,
    }
    this.sockets = new NodeSockets({ open: this.#stations, main: () => this.#mainStation() }, clock)
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
   * Clones a drive into a folder, which is made if it is not there; a clone that is there is gone on with.
   *
   * Resolves when the folder is ready; looking for peers and writing go on (`Clone.done`).
   *
   * @throws DatError BAD_LINK, CONFLICT (it is something else), STORE_LOCKED …
   */
  async clone(link: string, dir: string, options: CloneOptions = {}): Promise<Clone> {
    const { key, version } = parseLink(link)
    const folder = madeFolder(dir)
    const { place, station, release } = await this.#folderStation(
      folder,
      (place) => checkRole(folder, readRole(place), 'clone', key),
      // The store of a clone holds nothing of its own: what is missing or damaged in a copy comes from peers again.
      { recover: true },
    )
    const all = version === undefined ? options : { version, ...options }
    return this.#opened(release, (done) =>
      Clone.open({ dir: folder, place, station, key, options: all, release: done }),
    )
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
    const isMain = this.#storage !== undefined && this.#storage !== IN_MEMORY
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
    if (this.#storage !== undefined && this.#storage !== IN_MEMORY) {
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
