/**
 * How a node meets the network.
 *
 * Owns: the option shape. Whoever joins a topic tells strangers the topic, the device's public key and its
 * address; `announce: false` only looks up, `offline` opens no socket at all.
 */

import type { KeyPair } from '@dat-rhino/core/crypto/crypto'
import type { LegacyOptions } from './legacy/options.ts'

/** Everything has a default that works for a person at home. */
export interface NetworkOptions {
  /** Nodes to enter the DHT by: `host:port`, or as objects. Default: the public ones. `[]`: we are the first node. */
  readonly bootstrap?: readonly (string | { readonly host: string; readonly port: number })[]
  /** Address to bind to. `127.0.0.1` makes a network that never leaves this machine. Default: all. */
  readonly host?: string
  /** UDP port to bind to; another is taken if it is in use. Default: any. */
  readonly port?: number
  /** Let others find us. Default true; `false` reads without announcing. */
  readonly announce?: boolean
  /**
   * Be found on today's network for archives of the older ones, too. Default false: they are looked for, and once it is
   * known what they are they are not announced, unless one by one with `Rhino.serve`. Announced, everybody who knows
   * such an archive's link can learn that this device has it, its address and its public key; what the author once
   * shared with few on a network that is gone is on this one then.
   */
  readonly announceOld?: boolean
  /** No network: no socket is opened, and waits fail at once with `NO_PEERS`. Default false. */
  readonly offline?: boolean
  /** Who this device is. Default: derived from the store, so that peers recognise it. */
  readonly keyPair?: KeyPair
  /** Connections at most. Default 64. */
  readonly maxPeers?: number
  /** Programs of the older networks. Default: none are looked for. */
  readonly legacy?: LegacyOptions
}
