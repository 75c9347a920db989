/**
 * The live connections of a store: who is let in, what holds for them, and their end.
 *
 * Owns: the list, and every moment in which the gate is asked about whole connections: when one begins, when the policy
 * or the bans change, and while the store is suspended, when nobody is let in. Always true: what is in the list
 * was let in by the rules of now; a peer that is kept out hears nothing about any log.
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { TurnPace } from '../base/pace.ts'
import { equal } from '../bytes/bytes.ts'
import type { ByteStream } from '../wire/byte-stream.ts'
import type { MakeMuxer } from '../wire/channel.ts'
import { Mux } from '../wire/mux.ts'
import type { Transport } from '../wire/transport.ts'
import { StoreConnection } from './connection.ts'
import { Dial, type DialFunction } from './dial.ts'
import type { CorestoreEvents } from './events.ts'
import { type FeedConnectOptions, type FeedHost, StoreFeedConnection } from './feed-connection.ts'
import type { Gate } from './gate.ts'
import type { OpenLog } from './open-log.ts'
import type { Policy } from './policy.ts'
import type { Directory } from './talks.ts'

/** What connections need of the store. */
export interface ConnectionsHost extends Pick<Directory, 'keyOf' | 'openStored'> {
  readonly clock: Clock
  readonly events: Emitter<CorestoreEvents>
  /** Open logs that somebody holds. */
  heldLogs(): OpenLog[]
}

/** Any connection of a store. */
type AnyConnection = StoreConnection | StoreFeedConnection

export class Connections {
  readonly live: StoreConnection[] = []
  /** Those of generations 1 and 2 whose peer was let in. */
  readonly feeds: StoreFeedConnection[] = []
  readonly gate: Gate
  readonly #host: ConnectionsHost
  readonly #directory: Directory
  /** Addresses that are kept connected. */
  readonly #dials = new Set<Dial>()
  #isSuspended = false

  constructor(host: ConnectionsHost, gate: Gate) {
    this.gate = gate
    this.#host = host
    this.#directory = {
      clock: host.clock,
      gate,
      keyOf: (discoveryKey, generations) => host.keyOf(discoveryKey, generations),
      openStored: (discoveryKey, generations) => host.openStored(discoveryKey, generations),
      onOffence: (remotePublicKey, { key }, error, restMs) => {
        host.events.emit('offence', { key, remotePublicKey, error, restMs })
      },
    }
  }

  get isSuspended(): boolean {
    return this.#isSuspended
  }

  /** Why there may be no connection with this peer now. */
  excludes(remotePublicKey: Uint8Array): DatError | undefined {
    if (!this.#isSuspended) return this.gate.excludes(remotePublicKey)
    return new DatError('CLOSED', 'The store is suspended; `resume` lets peers in again.')
  }

  /** A peer that is not let in gets a connection that is closed. */
  connect(carrier: Transport | MakeMuxer): StoreConnection {
    const { clock } = this.#host
    // What is made for the connection, and a look at all logs, are part of what this turn does.
    TurnPace.on(clock).begin()
    const makeMuxer: MakeMuxer =
      typeof carrier === 'function' ? carrier : (onClose) => new Mux(carrier, { clock, onClose })
    const connection = new StoreConnection(makeMuxer, this.#directory, (error) => {
      this.#ended(connection, error)
    })
    const { remotePublicKey } = connection
    if (!this.#admit(connection)) return connection
    this.live.push(connection)
    connection.start()
    this.#host.events.emit('peer-add', { remotePublicKey })
    connection.attach(this.#host.heldLogs())
    return connection
  }

  /** See `Corestore.keepConnected`. */
  keepConnected(dial: DialFunction): Dial {
    const kept = new Dial(
      dial,
      {
        clock: this.#host.clock,
        random: Math.random,
        connect: (carrier) => this.connect(carrier),
        closed: (closed) => this.#dials.delete(closed),
      },
      this.#isSuspended,
    )
    this.#dials.add(kept)
    return kept
  }

  /** Speaks about old logs on a byte stream. A peer that is not let in hears nothing about any. */
  connectFeeds(bytes: ByteStream, options: FeedConnectOptions): StoreFeedConnection {
    const host: FeedHost = {
      directory: this.#directory,
      onReady: (connection) => this.#feedReady(connection),
      onClose: (connection, error) => this.#ended(connection, error),
    }
    const { extensions = this.#heardNames() } = options
    return new StoreFeedConnection(bytes, { ...options, extensions }, host)
  }

  /** Names that somebody here listens to: in generation 1 they are told once, when a connection begins. */
  #heardNames(): string[] {
    const names = new Set<string>()
    for (const { replica } of this.#host.heldLogs()) {
      for (const name of replica.extensions.names()) names.add(name)
    }
    return [...names]
  }

  #feedReady(connection: StoreFeedConnection): boolean {
    if (!this.#admit(connection)) return false
    this.feeds.push(connection)
    this.#host.events.emit('peer-add', { remotePublicKey: connection.remotePublicKey })
    // Whoever opens a connection has it in hand before anything is said on it.
    this.#host.clock.soon(() => {
      const { first } = connection
      const held = this.#host.heldLogs()
      if (first === undefined) connection.attach(held)
      else {
        const isFirst = ({ discoveryKey }: OpenLog): boolean => equal(discoveryKey, first)
        connection.attach(held.filter(isFirst))
        connection.attach(held.filter((log) => !isFirst(log)))
      }
    })
    return true
  }

  #admit(connection: AnyConnection): boolean {
    const { peerKey, remotePublicKey } = connection
    const error = this.excludes(peerKey)
    if (error === undefined) {
      this.gate.enter(peerKey)
      return true
    }
    connection.close(error)
    this.#host.events.emit('peer-denied', { remotePublicKey, error })
    return false
  }

  get #all(): AnyConnection[] {
    return [...this.live, ...this.feeds]
  }

  attach(log: OpenLog): void {
    for (const connection of this.#all) connection.attach([log])
  }

  detach(log: OpenLog): void {
    for (const connection of this.#all) connection.detach(log)
  }

  /** Holds at once, on what is connected too. */
  setPolicy(policy: Policy): void {
    this.gate.setPolicy(policy)
    this.#regulate()
  }

  /** Holds at once, and ends what is connected; resolves when it is on the disk. */
  ban(remotePublicKey: Uint8Array, isBanned: boolean): Promise<void> {
    const done = this.gate.bans.set(remotePublicKey, isBanned)
    if (isBanned) {
      this.#closeAll(({ peerKey }) => equal(peerKey, remotePublicKey))
    }
    return done
  }

  /** Ends all connections; nobody is let in before `resume`. */
  suspend(): void {
    this.#isSuspended = true
    for (const dial of this.#dials) dial.pause()
    this.#closeAll(() => true)
  }

  resume(): void {
    this.#isSuspended = false
    for (const dial of this.#dials) dial.resume()
  }

  close(): void {
    for (const dial of [...this.#dials]) dial.close()
    for (const connection of this.#all) connection.close()
    this.gate.close()
  }

  #regulate(): void {
    this.#closeAll(({ peerKey }) => this.excludes(peerKey) !== undefined)
    const held = this.#host.heldLogs()
    for (const connection of this.#all) {
      if (connection.closed) continue
      connection.regulate()
      connection.attach(held)
    }
  }

  #closeAll(which: (connection: AnyConnection) => boolean): void {
    for (const connection of this.#all.filter(which)) {
      connection.close(this.excludes(connection.peerKey))
    }
  }

  #ended(connection: AnyConnection, error: Error | undefined): void {
    if (!remove(this.live, connection) && !remove(this.feeds, connection)) return
    const { peerKey, remotePublicKey } = connection
    this.gate.leave(peerKey, error)
    this.#host.events.emit('peer-remove', { remotePublicKey, error })
  }
}

function remove(from: AnyConnection[], connection: AnyConnection): boolean {
  const at = from.indexOf(connection)
  if (at >= 0) from.splice(at, 1)
  return at >= 0
}
