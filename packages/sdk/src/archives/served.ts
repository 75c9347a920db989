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
import { Serving } from '../network/serving.ts'
import { listenBytes } from '../platform/node/duplex-bytes.ts'
import type { Port } from '../platform/node/tcp-socket.ts'
import type { Station } from '../station.ts'
import { closing, type Ending } from './closing.ts'
import type { ImportOptions, TakenArchive } from './types.ts'

/** The port of the dat command, which its users may have opened in their routers. */
export const OLD_PORT = 3282

/** How old files are served. */
export interface ServeOptions extends ImportOptions {
  /** TCP port for programs of generations 1 and 2; 0: any. Default 3282, or any if that is taken. `false`: none. */
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
  /** Where old programs can connect; `undefined` without a port. */
  readonly address: { readonly host: string; readonly port: number } | undefined
  readonly #station: Station
  readonly #listener: Port | undefined
  readonly #servings: readonly Serving[]
  readonly #ending: Ending

  private constructor(
    setup: ServedSetup,
    listener: Port | undefined,
    servings: readonly Serving[],
  ) {
    this.path = setup.path
    this.archives = setup.taken
    this.address = listener && { host: listener.host, port: listener.port }
    this.announced = Promise.all(servings.map((serving) => serving.announced)).then(() => undefined)
    this.#station = setup.station
    this.#listener = listener
    this.#servings = servings
    this.#ending = closing(() => this.#close(setup.release))
  }

  /** @throws DatError CONFLICT if the port that was asked for is taken */
  static async open(setup: ServedSetup): Promise<ServedFolder> {
    const { station, taken, options } = setup
    const servings: Serving[] = []
    let listener: Port | undefined
    try {
      listener = options.port === false ? undefined : await listen(station, options)
      if (options.announce === true) {
        for (const { key, logs } of taken) {
          if (logs[0]?.report !== undefined) {
            servings.push(await Serving.open(station, fromHex(key)))
          }
        }
      }
      return new ServedFolder(setup, listener, servings)
    } catch (error) {
      listener?.close()
      for (const serving of servings) await serving.close()
      throw error
    }
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
      today: network.state.peers.length,
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
    for (const connection of this.#station.corestore.feedConnections) connection.close()
    await Promise.all(this.#servings.map((serving) => serving.close()))
    await release()
  }
}

function isOpen({ closed }: FeedConnection): boolean {
  return !closed
}

async function listen({ corestore }: Station, options: ServeOptions): Promise<Port> {
  const { port, host = '0.0.0.0' } = options
  const at = (wanted: number): Promise<Port> =>
    listenBytes({
      port: wanted,
      host,
      onBytes: (bytes, settled) => {
        const connection = corestore.connectFeeds(bytes, {
          isInitiator: false,
          onHandshake: settled,
        })
        void connection.ended.then(settled)
      },
    })
  if (port !== undefined && port !== false) return at(port)
  try {
    return await at(OLD_PORT)
  } catch (error) {
    if (!(error instanceof DatError)) throw error
    return at(0)
  }
}
