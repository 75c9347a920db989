/**
 * Conversations about logs of generations 1 and 2, as those who hold the logs see them.
 *
 * Owns: the contract. Such conversations run on three carriers: byte streams of generations 1 and 2 (`feed-stream.ts`),
 * and a channel between Dat Rhino nodes on today's network (`feed-mux.ts`). All give a `Sender` and
 * call a `Handler` (`messages.ts`), so nobody above knows which it is.
 *
 * Always true: nothing about a log is said before the remote has opened it too; an error in one log's data ends the
 * conversation about that log, and never the connection.
 */

import type { Clock } from '../base/clock.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { LogChannel, LogOpening } from './gen3.ts'

/** A log that we want to talk about on a connection: as on today's wire, and a list of names. */
export interface FeedOpening extends LogOpening {
  /**
   * Names of extensions to announce at the beginning. Others are announced when the first message of their name is
   * sent. Default: none. Generation 1 has one list for the whole connection instead (`FeedStreamOptions`).
   */
  readonly extensions?: readonly string[]
}

/** Our side of the conversation, from the opening on. */
export type FeedChannel = LogChannel

/** A connection of generation 1 or 2. */
export interface FeedMuxer {
  /** Undefined until the first bytes have told. */
  readonly generation: 1 | 2 | undefined
  readonly isInitiator: boolean
  /**
   * 32 bytes. Generation 2: who the other end proved to be. Generation 1: what it calls itself, unproved. Empty before
   * that was said.
   */
  readonly remotePublicKey: Uint8Array
  readonly closed: boolean
  /** Conversations that are open on both sides. */
  readonly feedCount: number
  /** False while the connection owes more bytes than its budget. */
  readonly writable: boolean
  /**
   * Opens our side of the conversation about a log. Before the handshake is done it waits for it.
   *
   * @throws DatError CONFLICT if it is open already on this connection, CLOSED after the end
   */
  open(opening: FeedOpening): FeedChannel
  /** Is our side of the conversation about this log open? */
  has(discoveryKey: Uint8Array): boolean
  pause(): void
  resume(): void
  /** Ends the connection and all conversations on it. */
  close(error?: Error): void
}

/** How to speak on a byte stream. */
export interface FeedStreamOptions {
  /**
   * Which protocol. Undefined: whatever the first bytes of the other side say, which only the side that was dialled
   * can wait for.
   */
  readonly generation?: 1 | 2
  readonly isInitiator: boolean
  readonly clock: Clock
  /** Generation 2: our X25519 key pair (`feedKeyPair`). Default: somebody new. */
  readonly keyPair?: KeyPair
  /** Generation 1: what we call ourselves, 32 bytes. Default: a name for this connection only. */
  readonly id?: Uint8Array
  /** Generation 2: the handshake of hypercore 8 (7) instead of that of hypercore 9 (8, the default). */
  readonly protocol?: 7 | 8
  /** Ask for receipts of what we send. Default: false. */
  readonly acks?: boolean
  /** Generation 1: all names of extensions that will ever be used on this connection. Default: none. */
  readonly extensions?: readonly string[]
  /**
   * The remote opened a log that we have not: call `open` now or later and return true, or return false to refuse. The
   * remote proves that it knows the key (generation 2) when our side is opened; in generation 1 nobody proves
   * anything, but whoever does not know the key of the first log understands nothing.
   */
  readonly onFeed?: (discoveryKey: Uint8Array) => boolean
  /**
   * Logs may be opened, and as far as the protocol has a name for it, `remotePublicKey` is known. Comes once. In generation
   * 1 who dials hears it at once, because his first log is the first word; open that first.
   */
  readonly onReady?: () => void
  /**
   * The other end has finished its handshake, so it does speak what we speak. Comes once, with `remotePublicKey` as it is
   * from then on.
   */
  readonly onHandshake?: (remotePublicKey: Uint8Array) => void
  /** Told once, after all conversations, when the connection has ended. */
  readonly onClose?: (error: Error | undefined) => void
}
