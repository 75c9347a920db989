/**
 * The network as the rest of the SDK sees it.
 */

/** One connection. */
export interface NetworkPeer {
  /** The other device's public key, hex. */
  readonly key: string
  /** `host:port` where known. */
  readonly address: string
  readonly bytesDown: number
  readonly bytesUp: number
}

export interface NetworkState {
  readonly offline: boolean
  /** UDP port in use; 0 while offline. */
  readonly port: number
  readonly host: string
  readonly peers: readonly NetworkPeer[]
  readonly bytesDown: number
  readonly bytesUp: number
}
