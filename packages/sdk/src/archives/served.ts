/**
 * An old archive that is given to others again: with its own key and the signatures of its author.
 *
 * Owns: the life of that. The files were taken over before; `served-mounts.ts` alone reads them again. What is mounted in an
 * archive is served with it, and in the same way. Always true: nobody hears of it who
 * was not told, unless announcing was asked for: a TCP port that old programs can be pointed to says nothing to whoever does
 * not know the link.
 */

import { Emitter } from '@dat-rhino/core/base/emitter'
import { DatError } from '@dat-rhino/core/base/errors'
import { fromHex } from '@dat-rhino/core/bytes/bytes'
import type { FeedConnection } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { StoredArchive, StoredStore } from '../migrate/types.ts'
import { LEGACY_PORT } from '../network/legacy/legacy.ts'
import type { LegacyOptions } from '../network/legacy/options.ts'
import { Serving } from '../network/serving.ts'
import type { Topic } from '../network/topic.ts'
import { listenBytes } from '../platform/node/duplex-bytes.ts'
import type { Port } from '../platform/node/tcp-socket.ts'
import type { Station } from '../station.ts'
import { closing, type Ending } from './closing.ts'
import { MountsServer, type ServedMounts } from './served-mounts.ts'
import type { ImportOptions, TakenArchive } from './types.ts'

/** How old files are served. */
export interface ServeOptions extends ImportOptions {
  /**
   * TCP port for programs of generations 1 and 2; 0: any. Default 3282, or any if that is taken, unless the network's
   * `legacy` options have one already. `false`: none.
   */
  readonly port?: number | false | undefined
  /** Address that the port is bound to. Default: that of the network, or else all. */
  readonly host?: string | undefined
  /**
   * Be found on today's network: strangers who know the link learn this device's address. Default false. See
   * `NetworkOptions.announceOld`.
   */
  readonly announce?: boolean | undefined
}

/** What a served folder tells. */
export interface ServedEvents {
  /** Something was mounted in what is served, or is not any more. */
  readonly mounts: ServedMounts
}

/** What is served, and to whom. */
export interface ServedSetup {
  readonly station: Station
  readonly taken: readonly TakenArchive[]
  readonly options: ServeOptions
  /** Where the archives came from, open. */
  readonly stored: StoredStore
  readonly archives: readonly StoredArchive[]
  /** The network's. */
  readonly legacy: LegacyOptions | undefined
  /** Called at the end of `close`. */
  readonly release: () => Promise<void>
}

/** Old archives that are being served; `Rhino.serveFolder` makes it. */
export class ServedFolder implements Ending {
  /** The old files. They are needed again only if more of what they hold is mounted later. */
  readonly path: string
  /** What was taken over, and what could not be. */
  readonly archives: readonly TakenArchive[]
  /** Resolves, never rejects, when announcements are out; at once where there are none. */
  readonly announced: Promise<void>
  /** News of what is mounted. Nothing has to listen: it is served in any case. */
  readonly events: Emitter<ServedEvents>
  readonly #station: Station
  readonly #listener: Entrance | undefined
  readonly #reach: Reach
  readonly #mounts: MountsServer
  readonly #ending: Ending

  private constructor(setup: ServedSetup, parts: ServedParts) {
    this.path = setup.stored.found.path
    this.archives = setup.taken
    this.events = parts.events
    this.announced = parts.reach.announced
    this.#station = setup.station
    this.#listener = parts.listener
    this.#reach = parts.reach
    this.#mounts = parts.mounts
    this.#ending = closing(() => this.#close(setup.release))
  }

  /** @throws DatError CONFLICT if the port that was asked for is taken */
  static async open(setup: ServedSetup): Promise<ServedFolder> {
    const { station, taken, options, legacy } = setup
    const { port = hasPort(legacy) ? false : undefined } = options
    const listener = port === false ? undefined : await listen(station, { ...options, port })
    const reach = new Reach(station, options.announce === true, legacy !== undefined)
    const events = new Emitter<ServedEvents>()
    try {
      for (const { key, logs } of taken) {
        if (logs[0]?.report !== undefined) await reach.add(key)
      }
      const mounts = await MountsServer.open(
        { ...setup, corestore: station.corestore },
        { serve: (key) => reach.add(key), changed: (now) => events.emit('mounts', now) },
      )
      return new ServedFolder(setup, { listener, reach, mounts, events })
    } catch (error) {
      listener?.close()
      await reach.close()
      throw error
    }
  }

  /** What is mounted in what is served, and is served with it, or is not here. */
  get mounts(): ServedMounts {
    return this.#mounts.now
  }

  /** Where old programs can connect; `undefined` without a port. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const { host, port } = this.#listener ?? this.#station.network.state
    if (this.#listener !== undefined) return { host, port }
    const { legacyPort } = this.#station.network.state
    return legacyPort === 0 ? undefined : { host, port: legacyPort }
  }

  /** Links of what is served, without what is only mounted in it. */
  get links(): readonly string[] {
    return this.archives.filter(({ logs }) => logs[0]?.report !== undefined).map(({ link }) => link)
  }

  /** Connections with old programs, and with nodes of today. */
  get peers(): { readonly old: number; readonly today: number } {
    const { corestore, network } = this.#station
    return {
      old: corestore.feedConnections.filter(isOpen).length,
      today: network.state.peers.filter(({ generation }) => generation === 3).length,
    }
  }

  get closed(): Promise<void> {
    return this.#ending.closed
  }

  close(): Promise<void> {
    return this.#ending.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(release: () => Promise<void>): Promise<void> {
    this.#listener?.close()
    // Only those that came by this port: others may be served by the same store.
    for (const connection of this.#listener?.connections ?? []) connection.close()
    await this.#mounts.close()
    await this.#reach.close()
    await release()
  }
}

/** What a served folder is made of. */
interface ServedParts {
  readonly listener: Entrance | undefined
  readonly reach: Reach
  readonly mounts: MountsServer
  readonly events: Emitter<ServedEvents>
}

/** Who can find the logs that are served. */
class Reach {
  readonly #station: Station
  readonly #isAnnounced: boolean
  readonly #looksAround: boolean
  readonly #servings: Serving[] = []
  readonly #topics: Topic[] = []

  /** @param looksAround on old networks */
  constructor(station: Station, isAnnounced: boolean, looksAround: boolean) {
    this.#station = station
    this.#isAnnounced = isAnnounced
    this.#looksAround = looksAround
  }

  /** Resolves, never rejects, when all that was added so far is announced. */
  get announced(): Promise<void> {
    const all = [
      ...this.#servings.map(({ announced }) => announced),
      ...this.#topics.map(({ lookedEverywhere }) => lookedEverywhere),
    ]
    return Promise.all(all).then(() => undefined)
  }

  async add(key: string): Promise<void> {
    if (this.#isAnnounced) this.#servings.push(await Serving.open(this.#station, fromHex(key)))
    else if (this.#looksAround) this.#topics.push(lookAround(this.#station, fromHex(key)))
  }

  async close(): Promise<void> {
    await Promise.all(this.#servings.map((serving) => serving.close()))
    await Promise.all(this.#topics.map((topic) => topic.leave()))
  }
}

/** A port, and the old programs that came in by it. */
interface Entrance extends Port {
  readonly connections: ReadonlySet<FeedConnection>
}

/** Do the options for old networks open a port? */
function hasPort(legacy: LegacyOptions | undefined): boolean {
  return legacy?.announce === true || legacy?.port !== undefined
}

/** Looked for, and found by old programs where the network's options say so, but not announced on today's network. */
function lookAround({ corestore, network }: Station, key: Uint8Array): Topic {
  const name = discoveryKey(key)
  return network.join(name, { hasPeers: () => corestore.peers(name).length > 0 })
}

function isOpen({ closed }: FeedConnection): boolean {
  return !closed
}

async function listen({ corestore }: Station, options: ServeOptions): Promise<Entrance> {
  const { port, host = '0.0.0.0' } = options
  const connections = new Set<FeedConnection>()
  const at = async (wanted: number): Promise<Entrance> => {
    const opened = await listenBytes({
      port: wanted,
      host,
      onBytes: (bytes, settled) => {
        const connection = corestore.connectFeeds(bytes, {
          isInitiator: false,
          onHandshake: settled,
        })
        connections.add(connection)
        void connection.ended.then(() => {
          connections.delete(connection)
          settled()
        })
      },
    })
    return { port: opened.port, host: opened.host, connections, close: () => opened.close() }
  }
  if (port !== undefined && port !== false) return at(port)
  try {
    return await at(LEGACY_PORT)
  } catch (error) {
    if (!(error instanceof DatError)) throw error
    return at(0)
  }
}
