/**
 * The part of hyperdht 6 that the network layer and its tests call. The package brings no types.
 */

declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events'
  import type { SwarmConnection } from 'hyperswarm'

  interface DhtOptions {
    /** `host:port`, or objects. An empty list: this node is the first one. */
    bootstrap?: readonly (string | { host: string; port: number })[]
    host?: string
    port?: number
    anyPort?: boolean
    ephemeral?: boolean
    firewalled?: boolean
  }

  interface DhtServer extends EventEmitter<{ connection: [SwarmConnection] }> {
    readonly publicKey: Uint8Array
    listen(): Promise<unknown>
  }

  export default class DHT extends EventEmitter {
    constructor(options?: DhtOptions)
    readonly destroyed: boolean
    readonly online: boolean
    /** Of the socket in use; null before it is bound. */
    address(): { host: string; port: number } | null
    fullyBootstrapped(): Promise<void>
    /** For tests: connections to a server by its public key, without topics. */
    createServer(): DhtServer
    connect(publicKey: Uint8Array): SwarmConnection
    /** For tests: who is announced under a topic. */
    lookup(
      topic: Uint8Array,
    ): AsyncIterable<{ readonly peers: { readonly publicKey: Uint8Array }[] }>
    destroy(options?: { force?: boolean }): Promise<void>
  }
}

declare module 'hyperdht/testnet.js' {
  import type DHT from 'hyperdht'

  interface Testnet {
    readonly bootstrap: { host: string; port: number }[]
    readonly nodes: DHT[]
    createNode(options?: object): DHT
    destroy(): Promise<void>
  }

  export default function createTestnet(size?: number, options?: object): Promise<Testnet>
}
