/**
 * An old archive that is given to others again: with its own key and the signatures of its author.
 *
 * Owns: the life of that. The files were taken over before; nothing here reads them. Always true: nobody hears of it who
 * was not told, unless announcing was asked for: a TCP port that old programs can be pointed to says nothing to whoever does
 * not know the link.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { fromHex } from '@dat-rhino/core/bytes/bytes'
import type { FeedConnection } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { LEGACY_PORT } from '../network/legacy/legacy.ts'
import type { LegacyOptions } from '../network/legacy/options.ts'
import { Serving } from '../network/serving.ts'
import type { Topic } from '../network/topic.ts'
import { listenBytes } from '../platform/node/duplex-bytes.ts'
import type { Port } from '../platform/node/tcp-socket.ts'
import type { Station } from '../station.ts'
import { closing, type Ending } from './closing.ts'
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

/** What is served, and to whom. */
export interface ServedSetup {
  readonly path: string
  readonly station: Station
  readonly taken: readonly TakenArchive[]
  readonly options: ServeOptions
  /** The network's. */
  readonly legacy: LegacyOptions | undefined
  /** Called at the end of `close`. */
  readonly release: () => Promise<void>
}

/** Old archives that are being served; `Rhino.serveFolder` makes it. */
export class ServedFolder implements Ending {
  /** The old files. They are not needed any more. */
  readonly path: string
  /** What was taken over, and what could not be. */
  readonly archives: readonly TakenArchive[]
  /** Resolves, never rejects, when announcements are out; at once where there are none. */
  readonly announced: Promise<void>
  readonly #station: Station
  readonly #listener: Entrance | undefined
  readonly #servings: readonly Serving[]
  readonly #topics: readonly Topic[]
  readonly #ending: Ending

  private constructor(
    setup: ServedSetup,
    listener: Entrance | undefined,
    servings: readonly Serving[],
    topics: readonly Topic[],
  ) {
    this.path = setup.path
    this.archives = setup.taken
    const all = [
      ...servings.map(({ announced }) => announced),
      ...topics.map(({ lookedEverywhere }) => lookedEverywhere),
    ]
    this.announced = Promise.all(all).then(() => undefined)
    this.#station = setup.station
    this.#listener = listener
    this.#servings = servings
    this.#topics = topics
    this.#ending = closing(() => this.#close(setup.release))
  }

  /** @throws DatError CONFLICT if the port that was asked for is taken */
  static async open(setup: ServedSetup): Promise<ServedFolder> {
    const { station, taken, options } = setup
    const servings: Serving[] = []
    const topics: Topic[] = []
    let listener: Entrance | undefined
    try {
      const { port = hasPort(setup.legacy) ? false : undefined } = options
      listener = port === false ? undefined : await listen(station, { ...options, port })
      for (const { key, logs } of taken) {
        if (logs[0]?.report === undefined) continue
        if (options.announce === true) servings.push(await Serving.open(station, fromHex(key)))
        else if (setup.legacy !== undefined) topics.push(lookAround(station, fromHex(key)))
      }
      return new ServedFolder(setup, listener, servings, topics)
    } catch (error) {
      listener?.close()
      for (const serving of servings) await serving.close()
      throw error
    }
  }

  /** Where old programs can connect; `undefined` without a port. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const { host, port } = this.#listener ?? this.#station.network.state
    if (this.#listener !== undefined) return { host, port }
    const { legacyPort } = this.#station.network.state
    return legacyPort === 0 ? undefined : { host, port: legacyPort }
  }

  /** Links of what is served. */
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
    await Promise.all(this.#servings.map((serving) => serving.close()))
    await Promise.all(this.#topics.map((topic) => topic.leave()))
    await release()
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
