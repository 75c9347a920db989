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
import { equal } from '../bytes/bytes.ts'
import type { MakeMuxer } from '../wire/channel.ts'
import { Mux } from '../wire/mux.ts'
import type { Transport } from '../wire/transport.ts'
import { type Directory, StoreConnection } from './connection.ts'
import type { CorestoreEvents } from './events.ts'
import type { Gate } from './gate.ts'
import type { OpenLog } from './open-log.ts'
import type { Policy } from './policy.ts'

/** What connections need of the store. */
export interface ConnectionsHost extends Pick<Directory, 'keyOf' | 'openStored'> {
  readonly clock: Clock
  readonly events: Emitter<CorestoreEvents>
  /** Open logs that somebody holds and this wire can speak about. */
  heldLogs(): OpenLog[]
}

export class Connections {
  readonly live: StoreConnection[] = []
  readonly gate: Gate
  readonly #host: ConnectionsHost
  readonly #directory: Directory
  #isSuspended = false

  constructor(host: ConnectionsHost, gate: Gate) {
    this.gate = gate
    this.#host = host
    this.#directory = {
      clock: host.clock,
      gate,
      keyOf: (discoveryKey) => host.keyOf(discoveryKey),
      openStored: (discoveryKey) => host.openStored(discoveryKey),
      onOffence: ({ remotePublicKey }, { key }, error, restMs) => {
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
    const makeMuxer: MakeMuxer =
      typeof carrier === 'function' ? carrier : (onClose) => new Mux(carrier, { clock, onClose })
    const connection = new StoreConnection(makeMuxer, this.#directory, (error) => {
      this.#ended(connection, error)
    })
    const { remotePublicKey } = connection
    const error = this.excludes(remotePublicKey)
    if (error !== undefined) {
      connection.close(error)
      this.#host.events.emit('peer-denied', { remotePublicKey, error })
      return connection
    }
    this.live.push(connection)
    this.gate.enter(remotePublicKey)
    connection.start()
    this.#host.events.emit('peer-add', { remotePublicKey })
    connection.attach(this.#host.heldLogs())
    return connection
  }

  attach(log: OpenLog): void {
    for (const connection of this.live) connection.attach([log])
  }

  detach(log: OpenLog): void {
    for (const connection of this.live) connection.detach(log)
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
      this.#closeAll((connection) => equal(connection.remotePublicKey, remotePublicKey))
    }
    return done
  }

  /** Ends all connections; nobody is let in before `resume`. */
  suspend(): void {
    this.#isSuspended = true
    this.#closeAll(() => true)
  }

  resume(): void {
    this.#isSuspended = false
  }

  close(): void {
    for (const connection of [...this.live]) connection.close()
    this.gate.close()
  }

  #regulate(): void {
    this.#closeAll(({ remotePublicKey }) => this.excludes(remotePublicKey) !== undefined)
    const held = this.#host.heldLogs()
    for (const connection of this.live) {
      if (connection.closed) continue
      connection.regulate()
      connection.attach(held)
    }
  }

  #closeAll(which: (connection: StoreConnection) => boolean): void {
    for (const connection of this.live.filter(which)) {
      connection.close(this.excludes(connection.remotePublicKey))
    }
  }

  #ended(connection: StoreConnection, error: Error | undefined): void {
    const at = this.live.indexOf(connection)
    if (at < 0) return
    this.live.splice(at, 1)
    const { remotePublicKey } = connection
    this.gate.leave(remotePublicKey, error)
    this.#host.events.emit('peer-remove', { remotePublicKey, error })
  }
}
