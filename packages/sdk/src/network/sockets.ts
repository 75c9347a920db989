/**
 * Peer sockets of a node: topics, on the connections of all its stores, and looked for in the DHT.
 *
 * Owns: which network looks for the others of a topic. A drive or log is looked for where it is stored, under the same
 * name as for replication, so that its peers of now are its peers here too; anything else where what is opened by link
 * lives. The DHT sees what stands for a topic, never the topic (`sockets/topic.ts` of core).
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import {
  type EncodedJoinOptions,
  type JoinOptions,
  type Room,
  Sockets,
  type TopicLike,
} from '@dat-rhino/core/sockets/sockets'
import type { Station } from '../station.ts'
import type { Stations } from '../stations.ts'
import type { Topic } from './topic.ts'

/** One node's. */
export class NodeSockets {
  readonly #stations: Stations
  readonly #sockets: Sockets
  #isClosing = false

  constructor(stations: Stations, clock: Clock) {
    this.#stations = stations
    this.#sockets = new Sockets(clock)
  }

  /** Uses the connections of a store too. */
  serve(corestore: Corestore): void {
    this.#sockets.serve(corestore)
  }

  /**
   * Joins a topic: 32 bytes that those who meet share, a name for what needs no secret, or a drive, bee or log (by its
   * `key`). Read the room for its peers and each peer for its messages, or pass `onMessage`.
   *
   * @throws DatError BAD_ARGUMENT (no topic), CONFLICT (joined already), CLOSED
   */
  join<T>(topic: TopicLike, options: EncodedJoinOptions<T>): Promise<Room<T>>
  join(topic: TopicLike, options?: JoinOptions<Uint8Array>): Promise<Room<Uint8Array>>
  async join<T>(
    topic: TopicLike,
    options: EncodedJoinOptions<T> | JoinOptions<Uint8Array> = {},
  ): Promise<Room<T> | Room<Uint8Array>> {
    const main = await this.#stations.main()
    let looking: Topic | undefined
    const onLeave = async (): Promise<void> => {
      // The network is closed next, which says good-bye for all topics in bounded time.
      if (this.#isClosing) looking?.stop()
      else await looking?.leave()
      await options.onLeave?.()
    }
    const room =
      'decode' in options
        ? this.#sockets.join(topic, { ...options, onLeave })
        : this.#sockets.join(topic, { ...options, onLeave })
    try {
      const name = isKeyed(topic) ? discoveryKey(topic.key) : room.id
      const { network } = this.#holder(name) ?? main
      looking = network.join(name, { hasPeers: () => room.peers.length > 0 })
    } catch (error) {
      await room.leave()
      throw error
    }
    return room
  }

  /** Leaves all topics; the networks are to be closed next. */
  close(): Promise<void> {
    this.#isClosing = true
    return this.#sockets.close()
  }

  /** The station whose store has the log of that name, which therefore is looked for there. */
  #holder(name: Uint8Array): Station | undefined {
    for (const station of this.#stations.open) {
      if (station.corestore.store.find(name) !== undefined) return station
    }
    return undefined
  }
}

function isKeyed(topic: TopicLike): topic is { readonly key: Uint8Array } {
  return typeof topic === 'object' && 'key' in topic
}
