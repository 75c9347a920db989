/**
 * One store with its logs and its network: what a folder, or everything of a node, stands on.
 *
 * Owns: the order of opening and closing. Nothing is sent any more when the logs close, and the store closes last.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import { Corestore, type Policy } from '@dat-rhino/core/corestore/corestore'
import type { Durability } from '@dat-rhino/core/store/store'
import { Network } from './network/network.ts'
import type { NetworkOptions } from './network/options.ts'
import { openStorage } from './platform/node/storage.ts'

/** What a node was opened with, as its stations need it. */
export interface StationOptions {
  readonly network: NetworkOptions
  readonly durability: Durability
  readonly readOnly: boolean
  readonly recover: boolean
  readonly quotaBytes: number | undefined
  readonly keepFreeBytes: number | undefined
  readonly policy: Policy
  readonly clock: Clock
}

/** What works on a station by itself, and rests while that is suspended. */
export interface Resting {
  suspend(): void
  resume(): void
}

export class Station {
  readonly corestore: Corestore
  readonly network: Network
  readonly clock: Clock
  readonly #resting = new Set<Resting>()
  #isSuspended = false
  #closing: Promise<void> | undefined

  private constructor(corestore: Corestore, options: StationOptions) {
    this.corestore = corestore
    this.clock = options.clock
    this.network = new Network(corestore, options.network, options.clock)
  }

  /** @param path folder of the store, or `IN_MEMORY` */
  static async open(path: string, options: StationOptions): Promise<Station> {
    const { clock, policy } = options
    const store = await openStorage(path, options)
    try {
      return new Station(await Corestore.open({ store, clock, policy }), options)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** From now on this rests with the station. Returns how to end that. */
  restWith(resting: Resting): () => void {
    this.#resting.add(resting)
    if (this.#isSuspended) resting.suspend()
    return () => this.#resting.delete(resting)
  }

  /** Quiet until `resume`: see `Corestore.suspend`. */
  async suspend(): Promise<void> {
    this.#isSuspended = true
    for (const resting of this.#resting) resting.suspend()
    await this.network.suspend()
    await this.corestore.suspend()
  }

  async resume(): Promise<void> {
    this.#isSuspended = false
    this.corestore.resume()
    for (const resting of this.#resting) resting.resume()
    await this.network.resume()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.network.close()
    await this.corestore.close()
  }
}
