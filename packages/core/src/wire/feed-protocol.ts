/**
 * What a connection's generation decides below the conversations: handshake and opening of channels.
 *
 * Owns: the contract between `FeedStream`, which has the channels, and `gen1-protocol.ts` and `gen2-protocol.ts`, which
 * have the bytes of the beginning.
 */

import type { Reader } from '../bytes/cursor.ts'
import type { StreamChannel } from './feed-channels.ts'
import type { FeedDialect } from './feed-dialect.ts'
import type { FeedOptions } from './feed-messages.ts'
import type { FeedPipe } from './feed-pipe.ts'

/** One connection's beginning and its control messages. */
export interface FeedProtocol {
  readonly dialect: FeedDialect
  /** The handshake needs a log: that which is opened first. */
  readonly beginsWithLog: boolean
  /** Says the first word, if it is ours to say. */
  begin(): void
  /** A message of the handshake. Throws what ends the connection. */
  onHandshake(payload: Uint8Array): void
  /** One of our channels was opened, or the first could be: says what can be said. Before the end of the handshake too. */
  onLocalOpen(): void
  /** Tells the remote of a channel of ours that got its number. */
  writeOpen(channel: StreamChannel): void
  /** Tells the remote that a channel of ours has ended. */
  writeClose(channel: StreamChannel): void
  /** Tells the remote that its opening is not answered. */
  refuse(discoveryKey: Uint8Array): void
  /** Does what came with the remote's opening show that it knows the key? */
  check(key: Uint8Array, proof: Reader): boolean
  /** True if the message was not for a conversation. */
  onControl(channel: number, type: number, body: Reader): boolean
}

/** What a protocol asks of the connection. */
export interface FeedHost {
  readonly pipe: FeedPipe
  readonly isInitiator: boolean
  /** What we want and know, for the handshake. */
  readonly ours: FeedOptions
  /** Our channels, in the order of opening. */
  channels(): StreamChannel[]
  find(discoveryKey: Uint8Array): StreamChannel | undefined
  number(): number
  /** Asks the owner of the connection for a log that the remote has opened; false refuses. */
  ask(discoveryKey: Uint8Array): boolean
  /** The handshake is done: channels are opened from now on. */
  ready(remotePublicKey: Uint8Array): void
  /** The remote has said what it wants and knows for the whole connection. */
  heard(theirs: FeedOptions): void
  onRemoteOpen(remoteId: number, discoveryKey: Uint8Array, proof: Uint8Array): void
  /** @param discoveryKey of the opening that the remote refuses; undefined for the channel with that number */
  onRemoteClose(remoteId: number, discoveryKey: Uint8Array | undefined): void
}
