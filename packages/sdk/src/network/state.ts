/**
 * A network at one moment, as it is told.
 *
 * Owns: these shapes; they are values and change no more.
 */

/** One connection. */
export interface NetworkPeer {
  /** The network whose language is spoken. */
  readonly generation: 1 | 2 | 3
  /** The other device's public key, hex; empty where it proves none. */
  readonly key: string
  /** `host:port` where known. */
  readonly address: string
  /** Did we dial? */
  readonly isClient: boolean
  readonly bytesDown: number
  readonly bytesUp: number
}

/** A network at one moment. */
export interface NetworkState {
  readonly offline: boolean
  readonly host: string
  /** UDP port in use; 0 while there is no socket. */
  readonly port: number
  /** TCP port at which old programs find us; 0: none. */
  readonly legacyPort: number
  readonly peers: readonly NetworkPeer[]
  /** Of all connections, those that ended included. */
  readonly bytesDown: number
  readonly bytesUp: number
}
