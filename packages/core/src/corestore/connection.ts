/**
 * One connection of a store: the multiplexer on it, and which logs are spoken about.
 *
 * Owns: the pairing of channels with logs.
 */

import type { Mux } from '../wire/mux.ts'

/** What `Corestore.connect` gives: close it, count it, or run further protocols beside ours on `mux`. */
export interface Connection {
  readonly remotePublicKey: Uint8Array
  readonly isInitiator: boolean
  /** The protomux of this connection: open further protocols on it before or after. */
  readonly mux: Mux
  /** Logs with an open channel. */
  readonly logCount: number
  readonly closed: boolean
  /** Resolves, never rejects, when the connection has ended; with the error that ended it. */
  readonly ended: Promise<Error | undefined>
  close(error?: Error): void
}
