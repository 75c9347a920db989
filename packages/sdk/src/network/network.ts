/**
 * The network of one store: hyperswarm, wrapped for what it leaves to its users.
 *
 * Owns: the swarm, its connections, and the topics that are joined (`topic.ts`). Invariants: no socket is opened
 * before the first topic is joined; every stream has an error handler from its first moment; `close` takes less
 * than a second, whether or not the other nodes answer. Source: the network specification, sections 1 to 4.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import { Emitter } from '@dat-rhino/core/base/emitter'
import { DatError } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import { OLD_GENERATIONS } from '@dat-rhino/core/corestore/feed-connection'
import DHT from 'hyperdht'
import Hyperswarm, { type SwarmConnection } from 'hyperswarm'
import { Legacy } from './legacy/legacy.ts'
import type { NetworkOptions } from './options.ts'
import { carrierOn } from './protomux-muxer.ts'
import type { NetworkPeer, NetworkState } from './state.ts'
import { Topic } from './topic.ts'
import { within } from './within.ts'

export type { NetworkPeer, NetworkState } from './state.ts'

/** How a topic is joined. */
export interface JoinTopicOptions {
  /** Is somebody connected for this topic? Then nobody is looked for. */
  readonly hasPeers: () => boolean
  /** The user's word that it is announced whatever it is, archives of the older networks included. Default false. */
  readonly isAsked?: boolean
}

/** News of a network. */
export interface NetworkEvents {
  'peer-added': { readonly peer: NetworkPeer }
  'peer-removed': { readonly peer: NetworkPeer; readonly error: Error | undefined }
  /** A look-up or an announcement failed; it is tried again. */
  warning: { readonly error: DatError }
}

/** Longest wait for peers where there is no network. (0 would be without limit.) */
export const AT_ONCE_MS = 1

/** For saying good-bye to the DHT, and then for closing sockets. */
const GOODBYE_MS = 600
const CLOSE_MS = 250
const MAX_PEERS = 64
/**
 * Connections that are attempted at the same time. Hyperswarm's own three are held for eight seconds by three
 * peers that died without a word, while those who live wait behind them: records of the dead last for 20 minutes.
 */
const MAX_ATTEMPTS = 24

/** The one network of a store. */
export class Network {
  readonly events: Emitter<NetworkEvents> = new Emitter()
  readonly #corestore: Corestore
  readonly #options: NetworkOptions
  readonly #clock: Clock
  readonly #topics = new Set<Topic>()
  readonly #connections = new Set<SwarmConnection>()
  readonly #legacy: Legacy | undefined
  #swarm: Hyperswarm | undefined
  #bytesDown = 0
  #bytesUp = 0
  #isSuspended = false
  /** Suspending and resuming, one after the other. */
  #changing: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** @throws DatError BAD_ARGUMENT if the options for older networks cannot be met */
  constructor(corestore: Corestore, options: NetworkOptions, clock: Clock) {
    this.#corestore = corestore
    this.#options = options
    this.#clock = clock
    const { legacy, host } = options
    if (legacy === undefined) return
    if (this.offline) {
      throw new DatError('BAD_ARGUMENT', 'Old programs are met on a network: it is off.')
    }
    this.#legacy = new Legacy(legacy, {
      corestore,
      clock,
      host,
      onPeer: (peer) => this.events.emit('peer-added', { peer }),
      onEnd: (peer, error) => this.events.emit('peer-removed', { peer, error }),
      onProblem: (error) => this.events.emit('warning', { error }),
    })
  }

  get offline(): boolean {
    return this.#options.offline ?? false
  }

  get state(): NetworkState {
    const address = this.#swarm?.dht.address()
    const peers = [...this.#connections].map(describe)
    const { calls, port: legacyPort = 0 } = this.#legacy ?? {}
    return {
      offline: this.offline,
      host: address?.host ?? this.#options.host ?? '0.0.0.0',
      port: address?.port ?? 0,
      legacyPort,
      peers: [...peers, ...(calls?.peers ?? [])],
      bytesDown:
        peers.reduce((sum, peer) => sum + peer.bytesDown, this.#bytesDown) +
        (calls?.bytesDown ?? 0),
      bytesUp:
        peers.reduce((sum, peer) => sum + peer.bytesUp, this.#bytesUp) + (calls?.bytesUp ?? 0),
    }
  }

  /**
   * Looks for others who have a log, and lets them find us unless the network's options say otherwise.
   *
   * Offline this finds nobody, at once.
   *
   * @param discoveryKey the topic; strangers learn it
   */
  join(discoveryKey: Uint8Array, options: JoinTopicOptions): Topic {
    if (this.#closing !== undefined) throw new DatError('CLOSED', 'The network is closed.')
    const { hasPeers, isAsked = false } = options
    const { announce = true, announceOld = false } = this.#options
    const old = this.#legacy?.join(discoveryKey, hasPeers)
    const topic = new Topic(this.offline ? undefined : this.#open(), discoveryKey, this.#clock, {
      hasPeers,
      mayAnnounce: () => announce && (isAsked || announceOld || !this.#isOld(discoveryKey)),
      elsewhere: old?.looked,
      onsettle: () => old?.changed(),
      onproblem: (error) => this.events.emit('warning', { error }),
      onleave: () => {
        old?.leave()
        this.#topics.delete(topic)
      },
    })
    this.#topics.add(topic)
    if (this.#isSuspended) topic.pause()
    return topic
  }

  /** Is it known that the log is one of the older networks? */
  #isOld(discoveryKey: Uint8Array): boolean {
    const { store } = this.#corestore
    const log = store.find(discoveryKey)
    return log !== undefined && OLD_GENERATIONS.has(store.slot(log).identity.generation)
  }

  /** Says good-bye, ends all connections and lets the sockets rest, until `resume`. Topics stay joined. */
  suspend(): Promise<void> {
    this.#isSuspended = true
    for (const topic of this.#topics) topic.pause()
    this.#legacy?.suspend()
    this.#changing = this.#changing.then(async () => {
      if (this.#swarm === undefined || !this.#isSuspended) return
      // Whoever does not hear the good-bye finds out by himself.
      await within(
        this.#clock,
        GOODBYE_MS,
        this.#swarm.suspend().catch(() => undefined),
      )
    })
    return this.#changing
  }

  /** Announces again, and looks for others at once. */
  resume(): Promise<void> {
    this.#isSuspended = false
    this.#changing = this.#changing.then(async () => {
      if (this.#isSuspended || this.#closing !== undefined) return
      await this.#swarm?.resume().catch(() => undefined)
      this.#legacy?.resume()
      for (const topic of this.#topics) topic.resume()
    })
    return this.#changing
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #open(): Hyperswarm {
    if (this.#swarm !== undefined) return this.#swarm
    const { keyPair, maxPeers } = this.#options
    const swarm = new Hyperswarm({
      dht: new DHT(dhtOptions(this.#options)),
      keyPair: keyPair ?? this.#corestore.keyPair('noise'),
      maxPeers: maxPeers ?? MAX_PEERS,
      maxParallel: MAX_ATTEMPTS,
      // Whom the store does not let in is refused before there is a connection.
      firewall: (remotePublicKey) => !this.#corestore.admits(remotePublicKey),
    })
    // The swarm refuses for good whom it has refused once; whom we let in later is to be asked about again.
    swarm.on('ban', (info) => info.ban(false))
    swarm.on('connection', (connection) => this.#onConnection(connection))
    this.#swarm = swarm
    if (this.#isSuspended) void this.suspend()
    return swarm
  }

  #onConnection(stream: SwarmConnection): void {
    let error: Error | undefined
    // Without a handler an aborted peer would end the process.
    stream.on('error', (reason: Error) => {
      error = reason
    })
    this.#connections.add(stream)
    stream.on('close', () => {
      this.#connections.delete(stream)
      this.#bytesDown += stream.rawBytesRead
      this.#bytesUp += stream.rawBytesWritten
      this.events.emit('peer-removed', { peer: describe(stream), error })
    })
    this.#corestore.connect(carrierOn(stream, this.#clock))
    this.events.emit('peer-added', { peer: describe(stream) })
  }

  /** Unannounces if the DHT answers in time; closes all the same. */
  async #close(): Promise<void> {
    for (const topic of this.#topics) topic.stop()
    this.#legacy?.close()
    const swarm = this.#swarm
    if (swarm !== undefined) {
      for (const stream of this.#connections) stream.destroy()
      const goodbye = swarm.destroy().catch(() => undefined)
      if (!(await within(this.#clock, GOODBYE_MS, goodbye))) {
        await within(
          this.#clock,
          CLOSE_MS,
          swarm.destroy({ force: true }).catch(() => undefined),
        )
      }
    }
    this.events.removeAll()
  }
}

function dhtOptions(options: NetworkOptions): ConstructorParameters<typeof DHT>[0] {
  const { bootstrap, host, port } = options
  // With nobody to enter by we are the network: then others must be able to enter by us.
  const isFirst = bootstrap?.length === 0
  // Nothing stands between two processes of one machine. Without being told, hyperdht tries to find out which kind
  // of firewall does; with a handful of nodes it cannot, and then gives up every second connection.
  const isOpen = isFirst || host?.startsWith('127.') === true
  return {
    ...(isFirst ? { ephemeral: false } : {}),
    ...(isOpen ? { firewalled: false } : {}),
    ...(bootstrap === undefined ? {} : { bootstrap: bootstrap.map(checkNode) }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  }
}

function checkNode(
  node: string | { readonly host: string; readonly port: number },
): string | { host: string; port: number } {
  const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536
  if (typeof node !== 'string') {
    if (isPort(node.port)) return { host: node.host, port: node.port }
  } else {
    const colon = node.lastIndexOf(':')
    if (colon > 0 && isPort(Number(node.slice(colon + 1)))) return node
  }
  throw new DatError('BAD_ARGUMENT', 'A bootstrap node is written host:port.', {
    node: typeof node === 'string' ? node : `${node.host}:${node.port}`,
  })
}

function describe(stream: SwarmConnection): NetworkPeer {
  const { remoteHost, remotePort } = stream.rawStream ?? {}
  return {
    generation: 3,
    key: hex(stream.remotePublicKey),
    address: remoteHost === undefined ? '' : `${remoteHost}:${remotePort}`,
    isClient: stream.isInitiator,
    bytesDown: stream.rawBytesRead,
    bytesUp: stream.rawBytesWritten,
  }
}
