/**
 * The message pipe that a network gives us.
 *
 * Owns: the contract between a connection (a secret stream of ours, a hyperswarm socket, the simulator)
 * and what runs on it. Messages arrive whole, in order and authenticated. Writing is never refused, but
 * whoever writes asks first (`writable`) and stops at its budget. Nothing is delivered from inside `send`,
 * nor while paused. `onClose` comes exactly once and last, also after our own `close`.
 */

/** Our end of one authenticated connection. */
export interface Transport {
  /** Did this side dial? Decides which capability constant is whose. */
  readonly isInitiator: boolean
  /** The Noise handshake hash, 64 bytes; both sides hold the same. */
  readonly handshakeHash: Uint8Array
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  /** False while the pipe owes more than it should; `onWritable` tells when that ends. */
  readonly writable: boolean
  /** Sends one message. The bytes may be reused by the caller after the call. */
  send(message: Uint8Array): void
  /** Stop and go on reading from the remote (back pressure). */
  pause(): void
  resume(): void
  /** Ends the connection. With an error it is the reason, kept for events and logs. */
  close(error?: Error): void
  /** Set once by whoever runs on the pipe. `message` is a view that is valid during the call only. */
  handler: TransportHandler | undefined
}

/** What a connection tells whoever runs on it. A `message` is valid until the call returns. */
export interface TransportHandler {
  onMessage(message: Uint8Array): void
  onWritable(): void
  onClose(error: Error | undefined): void
}
