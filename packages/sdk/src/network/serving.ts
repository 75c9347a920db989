/**
 * A log of our store that is served to whoever looks for it, because somebody said so.
 *
 * Owns: the life of one such log: open, announced, and at the end withdrawn and closed. This is the word that archives of
 * the older networks are waiting for: they are announced on today's only where it was given. What becomes public is in `docs/legacy-network.md`.
 */

import { DatError } from '@dat-rhino/core/base/errors'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { formatLink } from '@dat-rhino/core/crypto/links'
import type { Log } from '@dat-rhino/core/log/log'
import type { Station } from '../station.ts'
import type { Topic } from './topic.ts'

/** One log that is served; `Rhino.serve` makes it. */
export class Serving implements AsyncDisposable {
  readonly link: string
  /** Closed with this. */
  readonly log: Log
  /** Resolves, never rejects, when the announcement is out and those who were found were tried. */
  readonly announced: Promise<void>
  readonly #topic: Topic
  readonly #station: Station
  #closing: Promise<void> | undefined

  private constructor(station: Station, log: Log, topic: Topic) {
    this.#station = station
    this.#topic = topic
    this.log = log
    this.link = formatLink({ key: log.key })
    this.announced = topic.lookedEverywhere
    // A node that closes takes its logs with it.
    log.on('closed', () => void this.close())
  }

  /**
   * @param key of a log that is stored there
   * @throws DatError NOT_FOUND
   */
  static async open(station: Station, key: Uint8Array): Promise<Serving> {
    const name = discoveryKey(key)
    const { corestore, network } = station
    if (corestore.store.find(name) === undefined) {
      const message = 'Only what is in the store can be served: clone it first, or take it in.'
      throw new DatError('NOT_FOUND', message, { link: formatLink({ key }) })
    }
    const log = await corestore.get({ discoveryKey: name })
    const hasPeers = (): boolean => corestore.peers(name).length > 0
    return new Serving(station, log, network.join(name, { hasPeers, isAsked: true }))
  }

  /** Peers that it is spoken about with, now. */
  get peerCount(): number {
    return this.#station.corestore.peers(this.log.discoveryKey).length
  }

  /** Takes the announcement back and closes the log. What is stored stays, and connections do. */
  close(): Promise<void> {
    this.#closing ??= this.#topic.leave().then(() => this.log.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
