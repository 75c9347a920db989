/**
 * Many logs in one store: opened by key or name, shared by their handles, joined with connections.
 *
 * Owns: the view that users hold. Views of one store share everything below (`root.ts`) and differ in their
 * namespace and in the handles that they close. Always true: a handle belongs to the view that made it; a `get` that
 * fails leaves nothing behind, so that everything can be closed. Source: corestore 3 to 6.
 *
 * Long because it is the one place where people look for what a store can do: most methods are a sentence about what
 * they do and a call of who does it.
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import { childNamespace, deriveKeyPair, ROOT_NAMESPACE } from '../crypto/derive.ts'
import { type KeyLike, keyBytes } from '../crypto/links.ts'
import {
  type EncodedHandler,
  type Extension,
  type ExtensionHandler,
  openExtension,
} from '../log/extensions.ts'
import type { HandleOwner, Log, SessionOptions } from '../log/log.ts'
import { DEFAULT_WAIT_MS } from '../log/remote.ts'
import type { PeerStats } from '../replicator/replicator.ts'
import type { Store } from '../store/store.ts'
import type { ByteStream } from '../wire/byte-stream.ts'
import type { MakeMuxer } from '../wire/channel.ts'
import type { Transport } from '../wire/transport.ts'
import { auditStore, type LogAudit, type StoreAuditOptions } from './audit.ts'
import type { Connection } from './connection.ts'
import { isDeleted } from './deletion.ts'
import type { Dial, DialFunction } from './dial.ts'
import type { CorestoreEvents } from './events.ts'
import type { FeedConnection, FeedConnectOptions } from './feed-connection.ts'
import type { Traffic } from './gate.ts'
import { collectGarbage, type GcReport } from './gc.ts'
import { identify, type LogSelector, storedLog } from './identify.ts'
import { type LogRecord, listLogs } from './listing.ts'
import { OpenLog } from './open-log.ts'
import type { Policy } from './policy.ts'
import { Root } from './root.ts'

export type { KeyLike } from '../crypto/links.ts'
export type { CorestoreEvents } from './events.ts'
export type { FeedConnection, FeedConnectOptions } from './feed-connection.ts'
export type { Traffic } from './gate.ts'
export type { GcReport } from './gc.ts'
export type { LogSelector } from './identify.ts'
export type { LogRecord } from './listing.ts'
export type { Policy } from './policy.ts'

/** What a corestore stands on. */
export interface CorestoreOptions {
  readonly store: Store
  readonly clock?: Clock
  /** Sign each append at once, not only when somebody can see it. Slower. Default false. */
  readonly eagerSignature?: boolean
  /** What is offered to whom, and how fast. Default: everything to everybody. `setPolicy` changes it. */
  readonly policy?: Policy
  /** Milliseconds since 1970, for noting when a log was last used. Default: the machine's. */
  readonly wallNow?: () => number
}

/** How a log is opened, and what the handle on it may do. */
export interface GetOptions extends SessionOptions {
  /** `false` opens only what is stored, else `NOT_FOUND`. Default true (never for `discoveryKey`). */
  readonly createIfMissing?: boolean
  /** Ends waiting for a log of unknown generation: with `generation: 'unknown'` it is opened when that is settled. */
  readonly signal?: AbortSignal
}

export class Corestore {
  /** 32 bytes. */
  readonly namespaceKey: Uint8Array
  readonly #root: Root
  readonly #isRoot: boolean
  readonly #handles = new Set<Log>()
  readonly #owner: HandleOwner = {
    opened: (log) => this.#handles.add(log),
    closed: (log) => this.#handles.delete(log),
  }
  readonly #extensions = new Set<() => void>()
  #closed = false

  /** The store is closed with the corestore that is returned. */
  static open(options: CorestoreOptions): Promise<Corestore> {
    const { store, eagerSignature = false, ...more } = options
    const root = new Root(store, { ...more, signsNow: eagerSignature })
    root.deletions.resume()
    return Promise.resolve(new Corestore(root, ROOT_NAMESPACE, true))
  }

  private constructor(root: Root, namespaceKey: Uint8Array, isRoot: boolean) {
    this.#root = root
    this.namespaceKey = namespaceKey
    this.#isRoot = isRoot
  }

  get store(): Store {
    return this.#root.store
  }

  get events(): Emitter<CorestoreEvents> {
    return this.#root.events
  }

  get closed(): boolean {
    return this.#closed || this.#root.closed
  }

  /**
   * A handle on a log; close it when done. The log itself closes some time after its last handle.
   *
   * @throws DatError NOT_FOUND if it is to be opened only and is not stored; CONFLICT if it is open for reading and
   *   asked for with its secret key; of an unknown generation NO_PEERS, TIMEOUT or ABORTED before that is settled
   */
  get(selector: LogSelector, options: GetOptions = this.#root.usual): Promise<Log> {
    return this.#root.line.run(() => this.#get(selector, options))
  }

  #get(selector: LogSelector, options: GetOptions): Log | Promise<Log> {
    this.#checkOpen()
    const { createIfMissing = true, timeoutMs = DEFAULT_WAIT_MS, signal } = options
    const limits = signal === undefined ? { timeoutMs } : { timeoutMs, signal }
    const wanted = identify(this.store, this.namespaceKey, selector)
    const open = this.#root.get(wanted, createIfMissing, limits)
    if (open instanceof OpenLog) return open.handle(options, this.#owner)
    return open.then((log) => {
      this.#checkOpen()
      return log.handle(options, this.#owner)
    })
  }

  /** The same store under the derived namespace; closing the view closes the handles made by it. */
  namespace(name: string | Uint8Array): Corestore {
    this.#checkOpen()
    return new Corestore(this.#root, childNamespace(this.namespaceKey, name), false)
  }

  /** A view in this namespace with handles of its own. */
  session(): Corestore {
    this.#checkOpen()
    return new Corestore(this.#root, this.namespaceKey, false)
  }

  /** The key pair that `name` derives to in this namespace, without making a log. */
  keyPair(name: string): KeyPair {
    return deriveKeyPair(this.store.primaryKey, this.namespaceKey, name)
  }

  /**
   * All stored logs in order of discovery key; with a namespace, those named in it, in order of name. Nothing is opened
   * and no file is read for it, and many are gone through in slices that leave the event loop free.
   */
  async list(namespace?: Uint8Array): Promise<LogRecord[]> {
    this.#checkOpen()
    return listLogs(this.store, this.#root.clock, namespace)
  }

  /**
   * Speaks about all logs: held now, held later, or asked for by the remote. Those of generations 1 and 2 can be
   * spoken about with nodes of this project only.
   *
   * @param carrier a message pipe, on which a muxer of ours is set; or what makes the muxer, where the connection
   * has one already
   */
  connect(carrier: Transport | MakeMuxer): Connection {
    this.#checkOpen()
    return this.#root.net.connect(carrier)
  }

  /** Speaks with programs of generations 1 and 2 about all logs of these generations, on a byte stream. */
  connectFeeds(bytes: ByteStream, options: FeedConnectOptions): FeedConnection {
    this.#checkOpen()
    return this.#root.net.connectFeeds(bytes, options)
  }

  /**
   * Speaks under a name with all peers, in the conversations about any log, open now or later, until it or this view
   * is closed. Broadcasts reach each peer once, in the conversation about one of the logs.
   */
  extension<T>(name: string, handler: EncodedHandler<T>): Extension<T>
  extension(name: string, handler: ExtensionHandler<Uint8Array>): Extension<Uint8Array>
  extension<T>(
    name: string,
    handler: EncodedHandler<T> | ExtensionHandler<Uint8Array>,
  ): Extension<T> | Extension<Uint8Array> {
    this.#checkOpen()
    const root = this.#root
    const peers = () => root.extensionPeers()
    const extension = openExtension(root.extensions, name, handler, peers)
    const close = (): void => {
      extension.close()
      this.#extensions.delete(close)
    }
    this.#extensions.add(close)
    return { ...extension, close }
  }

  /** The live connections of this store. */
  get connections(): readonly Connection[] {
    return this.#root.net.live.filter((connection) => !connection.closed)
  }

  /** Those with programs of generations 1 and 2. */
  get feedConnections(): readonly FeedConnection[] {
    return this.#root.net.feeds
  }

  /**
   * Stays connected with an address: `dial` makes a connection, now and again whenever it has ended, after a second at
   * first and then ever less often, until the dial or the store is closed.
   */
  keepConnected(dial: DialFunction): Dial {
    this.#checkOpen()
    return this.#root.net.keepConnected(dial)
  }

  /** What holds for peers. Changed with `setPolicy`. */
  get policy(): Policy {
    return this.#root.net.gate.policy
  }

  /**
   * From now on this holds, in place of what held before, also on live connections: what is not allowed any more ends,
   * what now is begins, rates and switches change where they are. Nothing is stored: a program sets its policy
   * each time it opens the store.
   *
   * @throws DatError BAD_ARGUMENT, and the policy is as before
   */
  setPolicy(policy: Policy): void {
    this.#checkOpen()
    this.#root.net.setPolicy(policy)
  }

  /**
   * Ends every connection with a peer and lets it in no more, until `unban`. Holds at once, and over restarts when this
   * has resolved.
   */
  async ban(remotePublicKey: KeyLike): Promise<void> {
    this.#checkOpen()
    await this.#root.net.ban(keyBytes(remotePublicKey, "peer's key"), true)
  }

  async unban(remotePublicKey: KeyLike): Promise<void> {
    this.#checkOpen()
    await this.#root.net.ban(keyBytes(remotePublicKey, "peer's key"), false)
  }

  /** Keys of the peers that are banned. */
  get banned(): Uint8Array[] {
    return this.#root.net.gate.bans.list
  }

  /** Would a connection with this peer be let in now? For whoever can refuse it before it is made. */
  admits(remotePublicKey: KeyLike): boolean {
    return this.#root.net.excludes(keyBytes(remotePublicKey, "peer's key")) === undefined
  }

  /** What passed with all peers, with each, and about each log that has a rule; and how peers have behaved. */
  get traffic(): Traffic {
    return this.#root.net.gate.traffic()
  }

  /**
   * Quiet until `resume`: connections end, nobody is let in, and no timer of ours goes on. Resolves when everything
   * acknowledged is signed and on the disk. Reading and writing go on as before.
   */
  async suspend(): Promise<void> {
    this.#checkOpen()
    await this.#root.suspend()
  }

  /** Peers are let in again; what is kept connected is dialled at once. */
  resume(): void {
    this.#checkOpen()
    this.#root.resume()
  }

  /**
   * Somebody looks for peers (of one log, or of all): `update` waits for a peer until the returned function is
   * called, and after that fails with `NO_PEERS` when there is none.
   */
  findingPeers(discoveryKey?: KeyLike): () => void {
    this.#checkOpen()
    const key = discoveryKey === undefined ? undefined : keyBytes(discoveryKey, 'discovery key')
    return this.#root.findingPeers(key)
  }

  /** Peers that an open log is spoken about with, and what they sent and got. */
  peers(discoveryKey: KeyLike): PeerStats[] {
    return this.#root.find(keyBytes(discoveryKey, 'discovery key'))?.replicator.peers() ?? []
  }

  /**
   * Deletes a stored log with its name, data and drafts; handles on it are closed, and peers that it is spoken about
   * with are told that its blocks are gone. When this resolves, the file system has the bytes back. It goes in slices; a
   * crash between two of them leaves a log that nobody gets any more, and the rest follows when the store is opened.
   *
   * Of a log of our own a small record stays: whoever makes it again continues on a new fork, so that peers see a
   * replaced history and not a second one.
   *
   * @param which a key alone is its key
   * @throws DatError NOT_FOUND if it is not stored
   */
  async delete(which: LogSelector | KeyLike): Promise<void> {
    this.#checkOpen()
    const isKey = typeof which === 'string' || which instanceof Uint8Array
    const selector = isKey ? { key: which } : which
    const log = storedLog(this.store, identify(this.store, this.namespaceKey, selector))
    if (log === undefined || isDeleted(this.store.slot(log))) {
      throw new DatError('NOT_FOUND', 'This log is not in the store.')
    }
    await this.#root.deletions.delete(log)
    await this.store.reclaim()
  }

  /**
   * Gives back what nothing refers to: drafts without a log, deletions that were cut short, and, by writing again what
   * lives in files that are dead in part, the space between. Takes the time that copying takes.
   */
  async gc(): Promise<GcReport> {
    this.#checkOpen()
    return collectGarbage(this.#root)
  }

  /**
   * 32 bytes, a copy: what the keys of all named logs derive from. Whoever has it can write them all. It is imported
   * with `primaryKey` when a store is made. Two stores of one primary key must never write the same names: peers
   * that meet both histories freeze the log for good. Move it, or keep it for the day the store is lost.
   */
  exportPrimaryKey(): Uint8Array {
    this.#checkOpen()
    return copy(this.store.primaryKey)
  }

  /**
   * Audits all stored logs, one after the other, in order of discovery key; each is told as `log.audit` tells it, or why it
   * could not be looked at. Nobody hears of it.
   *
   * @throws DatError while iterating: ABORTED, CLOSED
   */
  audit(options: StoreAuditOptions = {}): AsyncIterable<LogAudit> {
    this.#checkOpen()
    const root = this.#root
    const { signal } = options
    return auditStore(
      {
        list: () => this.list(),
        identify: (discoveryKey) => identify(this.store, this.namespaceKey, { discoveryKey }),
        get: async (wanted) => root.get(wanted, false, signal === undefined ? {} : { signal }),
        release: async (log) => {
          if (log.isUnused && !root.closed) await root.closeLog(log)
        },
      },
      options,
    )
  }

  /** Resolves when everything acknowledged so far is signed and on the disk. */
  async flush(): Promise<void> {
    await this.#root.flush()
  }

  /** Closes the handles of this view; the first view also closes connections, logs and the store. */
  async close(): Promise<void> {
    this.#closed = true
    for (const close of [...this.#extensions]) close()
    // The first view takes all logs with it, and they their handles.
    if (this.#isRoot) return this.#root.close()
    await this.#root.line.each([...this.#handles], (log) => log.close())
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatError('CLOSED', 'This view of the store was closed.')
    this.#root.checkOpen()
  }
}
