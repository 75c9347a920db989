/**
 * One connection of generation 1 or 2 of a store: which old logs are spoken about on it.
 *
 * Owns: the pairing of conversations with open logs, as `connection.ts` does it for today's network. A log that is held
 * here is opened on it; one that is only stored is opened when the remote asks for it. Always true: one
 * conversation for each log at most; what is wrong with one log ends the conversation about it and no other;
 * when the connection has ended nothing of it is left.
 */

import type { ByteStream } from '../wire/byte-stream.ts'
import type { FeedStreamOptions } from '../wire/feeds.ts'

/** What `Corestore.connectFeeds` gives. */
export interface FeedConnection {
  /** Undefined until the first bytes have told. */
  readonly generation: 1 | 2 | undefined
  readonly isInitiator: boolean
  /** 32 bytes: who the other end proved to be, or in generation 1 calls itself. Empty before that was said. */
  readonly remotePublicKey: Uint8Array
  /** Logs with a conversation that is open on both sides. */
  readonly logCount: number
  readonly closed: boolean
  /** Resolves, never rejects, when the connection has ended; with the error that ended it. */
  readonly ended: Promise<Error | undefined>
  close(error?: Error): void
}

/** How to speak on a byte stream; what is left out is the store's to say. */
export type FeedConnectOptions = Pick<
  FeedStreamOptions,
  'generation' | 'isInitiator' | 'keyPair' | 'protocol' | 'extensions'
>

/** A byte stream to speak on. */
export interface FeedCarrier {
  readonly bytes: ByteStream
  readonly options: FeedConnectOptions
}
