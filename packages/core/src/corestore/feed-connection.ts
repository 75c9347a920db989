/**
 * One connection of generation 1 or 2 of a store: old logs that are spoken about on it.
 *
 * Owns: what differs from a connection of today: who the peer is comes late or never, and the remote of generation 1
 * proves nothing, so that for the gate each such connection is a peer of its own. The rest is the same on all
 * connections (`talks.ts`): a forged log ends the conversation about itself, and the others finish.
 */

import { copy, EMPTY } from '../bytes/bytes.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { ByteStream } from '../wire/byte-stream.ts'
import { openFeedStream } from '../wire/feed-stream.ts'
import type { FeedMuxer, FeedOpening, FeedStreamOptions } from '../wire/feeds.ts'
import type { LogOpening } from '../wire/gen3.ts'
import type { OpenLog } from './open-log.ts'
import { type Directory, type Generations, type Speaker, Talks } from './talks.ts'

/** What `Corestore.connectFeeds` gives. */
export interface FeedConnection {
  /** Undefined until the first bytes have told. */
  readonly generation: 1 | 2 | undefined
  readonly isInitiator: boolean
  /** 32 bytes: who the other end proved to be; empty before that, and in generation 1, where it proves nothing. */
  readonly remotePublicKey: Uint8Array
  /** Logs with a conversation that is open on both sides. */
  readonly logCount: number
  readonly closed: boolean
  /** Resolves, never rejects, when the connection has ended; with the error that ended it. */
  readonly ended: Promise<Error | undefined>
  close(error?: Error): void
}

/** How to speak on a byte stream; what is left out is the store's to say. */
export interface FeedConnectOptions
  extends Pick<
    FeedStreamOptions,
    'generation' | 'isInitiator' | 'keyPair' | 'id' | 'protocol' | 'onHandshake'
  > {
  /**
   * Generation 1: all names of extensions that will ever be used on this connection. Default: those that somebody listens
   * to now, on any log that is open here.
   */
  readonly extensions?: readonly string[]
  /**
   * Discovery key of the log to begin with. In generation 1 who dials has to begin with one that is known at the other
   * end, or nothing is understood there. Default: any that is open here.
   */
  readonly first?: Uint8Array
}

/** Generations of logs that old protocols can speak about: each of them about both. */
export const OLD_GENERATIONS: Generations = new Set([1, 2])

/** Does a peer prove who it is, as it does not where it only says so? */
const PROVES: Readonly<Record<1 | 2, boolean>> = { 1: false, 2: true }

/** What a connection tells the store. */
export interface FeedHost {
  readonly directory: Directory
  /** The peer is known: false if it may not come in. */
  onReady(connection: StoreFeedConnection): boolean
  onClose(connection: StoreFeedConnection, error: Error | undefined): void
}

/** Names that somebody listens to, for the opening of a conversation. */
export function withNames(log: OpenLog, opening: LogOpening): FeedOpening {
  const { key, discoveryKey } = opening
  return {
    key,
    discoveryKey,
    extensions: log.replica.extensions.names(),
    onOpen: (sender) => opening.onOpen(sender),
    onRefused: (error) => opening.onRefused(error),
  }
}

/** Peers that prove nothing, each a number of its own. */
let nameless = 0

/** A connection as the store sees it: it also attaches logs to it and takes them off. */
export class StoreFeedConnection implements FeedConnection, Speaker {
  readonly ended: Promise<Error | undefined>
  /** Discovery key of the log to begin with. */
  readonly first: Uint8Array | undefined
  readonly #muxer: FeedMuxer
  readonly #talks: Talks
  readonly #host: FeedHost
  readonly #number: number = nameless++
  /** May it speak? Undefined until the peer is known. */
  #isAdmitted: boolean | undefined

  constructor(bytes: ByteStream, options: FeedConnectOptions, host: FeedHost) {
    this.#host = host
    this.#talks = new Talks(this, host.directory)
    let end: (error: Error | undefined) => void = () => {}
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    const { first, ...spoken } = options
    this.first = first
    this.#muxer = openFeedStream(bytes, {
      ...spoken,
      clock: host.directory.clock,
      // What peers keep is worth knowing to who writes a log, and which logs those are is not known yet.
      acks: true,
      onFeed: (discoveryKey) => this.#onFeed(discoveryKey),
      onReady: () => this.#begin(),
      onClose: (error) => {
        this.#talks.end()
        end(error)
        host.onClose(this, error)
      },
    })
  }

  get generation(): 1 | 2 | undefined {
    return this.#muxer.generation
  }

  get isInitiator(): boolean {
    return this.#muxer.isInitiator
  }

  get remotePublicKey(): Uint8Array {
    const { generation = 1, remotePublicKey } = this.#muxer
    return PROVES[generation] ? remotePublicKey : EMPTY
  }

  get peerKey(): Uint8Array {
    const { remotePublicKey } = this
    return remotePublicKey.length > 0 ? remotePublicKey : numbered(this.#number)
  }

  get logCount(): number {
    return this.#talks.count
  }

  get closed(): boolean {
    return this.#muxer.closed
  }

  close(error?: Error): void {
    this.#muxer.close(error)
  }

  attach(logs: Iterable<OpenLog>): void {
    if (this.#isAdmitted === true) this.#talks.attach(logs)
  }

  detach(log: OpenLog): void {
    this.#talks.detach(log)
  }

  /** The gate's rules have changed. */
  regulate(): void {
    this.#talks.regulate()
  }

  open(log: OpenLog): boolean {
    const isOld = OLD_GENERATIONS.has(log.replica.generation.id)
    if (!isOld || this.#muxer.has(log.discoveryKey)) return false
    this.#talks.openOne(log, (opening) => this.#muxer.open(withNames(log, opening)))
    return true
  }

  together(task: () => void): void {
    task()
  }

  /** In generation 1 the first log is named before its peer is. */
  #onFeed(discoveryKey: Uint8Array): boolean {
    return this.#begin() && this.#talks.openStored(copy(discoveryKey), OLD_GENERATIONS)
  }

  #begin(): boolean {
    this.#isAdmitted ??= this.#host.onReady(this)
    return this.#isAdmitted
  }
}

/** 32 bytes that no public key is. */
function numbered(number: number): Uint8Array {
  const name = new Uint8Array(KEY_BYTES).fill(0xff)
  new DataView(name.buffer).setFloat64(0, number)
  return name
}
