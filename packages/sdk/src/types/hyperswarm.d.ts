/**
 * The part of hyperswarm 4 that the network layer calls. The package brings no types.
 *
 * Modules whose declarations name these types refer to this file by path (`preserve`), so that programs which
 * install the package have them too.
 */

/// <reference path="./hyperdht.d.ts" />

declare module 'hyperswarm' {
  import type { EventEmitter } from 'node:events'
  import type { Duplex } from 'node:stream'
  import type DHT from 'hyperdht'

  /** One secret stream to one peer, whatever the number of topics. */
  export interface SwarmConnection extends Duplex {
    readonly isInitiator: boolean
    readonly publicKey: Uint8Array
    readonly remotePublicKey: Uint8Array
    readonly handshakeHash: Uint8Array
    readonly rawBytesRead: number
    readonly rawBytesWritten: number
    /** The UDX stream below; knows the remote's address. */
    readonly rawStream: {
      readonly remoteHost?: string
      readonly remotePort?: number
      /** Of the network, whether or not anybody has read them. */
      readonly bytesReceived?: number
    } | null
    /** Whatever the users of the connection agree on; a protomux, if one runs on it. */
    userData: unknown
    /** Memory for a message of this length, in which it will be encrypted; for the next `write`. */
    alloc(bytes: number): Uint8Array
  }

  export interface PeerInfo {
    readonly publicKey: Uint8Array
    /** Topics by which we found it; empty for those that found us. */
    readonly topics: Uint8Array[]
    ban(banned?: boolean): void
  }

  export interface Discovery {
    readonly isClient: boolean
    readonly isServer: boolean
    /** The announce or the first look-up under way is done; false if it failed. */
    flushed(): Promise<boolean>
    /** Looks up and announces now. */
    refresh(options?: { client?: boolean; server?: boolean }): Promise<boolean>
    destroy(): Promise<void>
  }

  interface SwarmOptions {
    dht?: DHT
    keyPair?: { publicKey: Uint8Array; secretKey: Uint8Array }
    maxPeers?: number
    maxParallel?: number
    /** True refuses; asked for both directions. Who is refused is banned by the swarm. */
    firewall?: (remotePublicKey: Uint8Array) => boolean
  }

  interface SwarmEvents {
    connection: [connection: SwarmConnection, info: PeerInfo]
    update: []
    ban: [info: PeerInfo, error: Error]
  }

  export default class Hyperswarm extends EventEmitter<SwarmEvents> {
    constructor(options?: SwarmOptions)
    readonly dht: DHT
    readonly connections: Set<SwarmConnection>
    readonly connecting: number
    readonly destroyed: boolean
    join(topic: Uint8Array, options?: { server?: boolean; client?: boolean }): Discovery
    leave(topic: Uint8Array): Promise<void>
    joinPeer(publicKey: Uint8Array): void
    leavePeer(publicKey: Uint8Array): void
    flush(): Promise<boolean>
    /** Closes all connections, unannounces and lets sockets and timers rest. */
    suspend(): Promise<void>
    resume(): Promise<void>
    destroy(options?: { force?: boolean }): Promise<void>
  }
}
