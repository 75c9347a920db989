/**
 * The stations that one node has open.
 *
 * Owns: which store serves what, and what holds for all of them: the options, the policy of now, whether the node sleeps.
 * With `storage`, everything lives in one store, behind one network. Without it a folder carries its own store
 * (`DIR/.dat-rhino`), so that it can be moved, and what is opened by link lives in memory.
 *
 * Always true: once `close` was called no store is opened any more.
 */

import { join, resolve } from 'node:path'
import { DatError } from '@dat-rhino/core/base/errors'
import type { Policy } from '@dat-rhino/core/corestore/corestore'
import { passingPlace } from './archives/place.ts'
import { type FolderPlace, folderPlace } from './files/folder-role.ts'
import type { NetworkState } from './network/state.ts'
import { IN_MEMORY } from './platform/node/storage.ts'
import { Station, type StationOptions } from './station.ts'

/** A station that somebody uses until he calls `release`. */
export interface UsedStation {
  readonly station: Station
  readonly release: () => Promise<void>
}

export class Stations {
  readonly #storage: string | undefined
  #options: StationOptions
  readonly #onOpened: (station: Station) => void
  readonly #open = new Set<Station>()
  /** The store of everything that is no folder with a store of its own. */
  #main: Promise<Station> | undefined
  #isSuspended = false
  #isClosing = false

  /**
   * @param storage folder for everything, `IN_MEMORY`, or none
   * @param onOpened called with each one before anybody uses it
   */
  constructor(
    storage: string | undefined,
    options: StationOptions,
    onOpened: (station: Station) => void,
  ) {
    this.#storage = storage === undefined || storage === IN_MEMORY ? storage : resolve(storage)
    this.#options = options
    this.#onOpened = onOpened
  }

  /** Is there a store that outlives the node? */
  get isKeeping(): boolean {
    return this.#storage !== undefined && this.#storage !== IN_MEMORY
  }

  /** Those of now. */
  get open(): Iterable<Station> {
    return this.#open
  }

  // ---- Getting one -------------------------------------------------------------------------------

  /** The one for what belongs to no folder; opened if need be. */
  main(): Promise<Station> {
    const storage = this.#storage ?? IN_MEMORY
    this.#main ??= this.#openAt(storage === IN_MEMORY ? IN_MEMORY : join(storage, 'store'), {})
    return this.#main
  }

  /** Where a folder's store and state are. */
  place(folder: string): FolderPlace {
    return folderPlace(folder, this.#storage === IN_MEMORY ? undefined : this.#storage)
  }

  /** The one for a folder: its own, opened with these options, or that for everything. */
  async ofFolder(place: FolderPlace, options: Partial<StationOptions> = {}): Promise<UsedStation> {
    if (this.isKeeping) return { station: await this.main(), release: async () => undefined }
    const station = await this.#openAt(place.store, options)
    return { station, release: () => this.#release(station) }
  }

  /** One whose store is gone when it is released. @param bytes about how much it will hold */
  async passing(bytes: number, options: Partial<StationOptions>): Promise<UsedStation> {
    const place = passingPlace(bytes)
    const fresh = { durability: 'none', readOnly: false, recover: false } as const
    try {
      const station = await this.#openAt(place.path, { ...fresh, ...options })
      const release = async (): Promise<void> => {
        await this.#release(station)
        place.remove()
      }
      return { station, release }
    } catch (error) {
      place.remove()
      throw error
    }
  }

  async #openAt(path: string, options: Partial<StationOptions>): Promise<Station> {
    if (this.#isClosing) throw new DatError('CLOSED', 'The node is closed.')
    const station = await Station.open(path, { ...this.#options, ...options })
    this.#open.add(station)
    if (this.#isSuspended) await station.suspend()
    this.#onOpened(station)
    return station
  }

  async #release(station: Station): Promise<void> {
    await station.close()
    this.#open.delete(station)
  }

  // ---- All of them -------------------------------------------------------------------------------

  /** Peers and counters of all networks together. */
  get network(): NetworkState {
    const states = [...this.#open].map((station) => station.network.state)
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

  setPolicy(policy: Policy): void {
    for (const { corestore } of this.#open) corestore.setPolicy(policy)
    this.#options = { ...this.#options, policy }
  }

  async suspend(): Promise<void> {
    this.#isSuspended = true
    await Promise.all([...this.#open].map((station) => station.suspend()))
  }

  async resume(): Promise<void> {
    this.#isSuspended = false
    await Promise.all([...this.#open].map((station) => station.resume()))
  }

  /** From now on no store is opened; those that are open stay so until `close`. */
  seal(): void {
    this.#isClosing = true
  }

  async close(): Promise<void> {
    this.seal()
    await Promise.all([...this.#open].map((station) => station.close()))
  }
}
