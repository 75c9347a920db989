/**
 * The part of hyperdht 6 that the network layer and its tests call. The package brings no types.
 */

declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events'

  interface DhtOptions {
    /** `host:port`, or objects. An empty list: this node is the first one. */
    bootstrap?: readonly (string | { host: string; port: number })[]
    host?: string
    port?: number
    anyPort?: boolean
    ephemeral?: boolean
    firewalled?: boolean
  }

  export default class DHT extends EventEmitter {
    constructor(options?: DhtOptions)
    readonly destroyed: boolean
    readonly online: boolean
    /** Of the socket in use; null before it is bound. */
    address(): { host: string; port: number } | null
    fullyBootstrapped(): Promise<void>
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
