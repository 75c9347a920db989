/**
 * One log among its peers: who has what, who is asked for what, and what everybody is told.
 *
 * The rooms: `negotiate` (lengths), `announce` and `describe` (what we hold), `serve` (their requests), `wants` (what
 * is waited for here), `schedule` and `ranges` (whom to ask), `exchange` (asking and being done with it), `receive`
 * (their answers), `overdue` (no answers), `reorgs` (other histories), `copies` (what peers claim to hold, over
 * restarts), `challenges` (whether that is so), `horizon` (how far it goes), `messenger` (what applications say to
 * one another). `handler` leads messages to them, `follow` what happens to the replica, and `pulse` says when it is
 * time to ask. `rooms` has the doors between them.
 *
 * Owns: the list of peers, and the rooms.
 * Nothing here knows a wire: a peer is a `Sender` that it writes to and a `Handler` that hears.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { EMPTY } from '../bytes/bytes.ts'
import { forkedError } from '../log/conflict.ts'
import type { CopyClaim, ReplicatedOptions } from '../log/copies.ts'
import type { ExtensionPeer } from '../log/extensions.ts'
import type { Fetching, PeerStats, RangeRequest, Remote, Wait } from '../log/remote.ts'
import type { Replica } from '../log/replica.ts'
import type { Sender } from '../wire/messages.ts'
import { type Audit, audit } from './audit.ts'
import { ConnectionBudget } from './budget.ts'
import type { Follow } from './follow.ts'
import { type AttachOptions, PeerHandler } from './handler.ts'
import type { IdleState } from './idle.ts'
import { inherit } from './inherit.ts'
import { messengerOf } from './messenger.ts'
import { lingerMs, tell } from './negotiate.ts'
import { OPEN, type Passage } from './passage.ts'
import { Peer } from './peer.ts'
import { isLonely } from './pulse.ts'
import { ownHeads } from './reorgs.ts'
import { LogRooms } from './rooms.ts'
import type { ReplicatorEvents, Shared } from './shared.ts'
import { isStillFull } from './store-rest.ts'
import type { RangeWant } from './wants.ts'

export type { PeerStats } from '../log/remote.ts'
export type { AttachOptions, PeerHandler } from './handler.ts'
export type { ReplicatorEvents } from './shared.ts'

/** What a replicator is given from outside: time, chance, and whether its log is wanted. */
export interface ReplicatorOptions {
  readonly clock: Clock
  /** Numbers in 0 .. 1: where non-linear ranges begin, how long an idle log lingers. Default `Math.random`. */
  readonly random?: () => number
  /** Milliseconds since 1970, for what is remembered over restarts. Default `Date.now`. */
  readonly wallNow?: () => number
  /** Does somebody here want the log as it grows? Default true; `setDownloading` changes it. */
  readonly downloading?: boolean
}

export class Replicator implements Remote {
  readonly replica: Replica
  /** Those of the replica. */
  readonly events: Emitter<ReplicatorEvents>
  readonly #shared: Shared
  readonly #rooms: LogRooms
  #nextPeer = 1
  #closed = false
  #linger: Timer | undefined = undefined

  constructor(replica: Replica, options: ReplicatorOptions) {
    this.replica = replica
    this.events = replica.events
    this.#rooms = new LogRooms(replica, options)
    this.#shared = this.#rooms.shared
    replica.remote = this
  }

  // ---- Peers ----

  get peerCount(): number {
    return this.#shared.peers.length
  }

  /** Nobody is here and nothing is waited for: the log may be closed. */
  get idle(): boolean {
    const { peers, wants, uncommitted } = this.#shared
    return peers.length === 0 && wants.idle && uncommitted.length === 0
  }

  get downloading(): boolean {
    return this.#shared.downloading
  }

  /** A new conversation about this log; give the handler to the wire that `sender` writes to. */
  attach(sender: Sender, options: AttachOptions = {}): PeerHandler {
    const peer = this.#newPeer(sender, options, options.passage ?? OPEN)
    const handler = new PeerHandler(peer, this.#rooms, options)
    if (!this.#enter(peer)) return handler
    tell(this.#shared, peer)
    this.#rooms.announcer.greet(peer)
    this.#rooms.follow.seal()
    this.events.emit('peer-add', { remotePublicKey: peer.remotePublicKey })
    this.#rooms.pulse.wake()
    return handler
  }

  /** Goes on with a conversation that was idle, from where it is. */
  takeOver(idle: IdleState): PeerHandler {
    const { sender, options, passage } = idle
    const peer = this.#newPeer(sender, options, passage)
    const handler = new PeerHandler(peer, this.#rooms, options)
    if (!this.#enter(peer)) return handler
    inherit(this.#rooms, peer, idle)
    this.#rooms.follow.seal()
    this.#rooms.pulse.wake()
    return handler
  }

  #newPeer(sender: Sender, options: AttachOptions, passage: Passage): Peer {
    const { remotePublicKey = EMPTY, budget = new ConnectionBudget() } = options
    const { clock } = this.#shared
    const { pulse } = this.#rooms
    const id = this.#nextPeer++
    const peer = new Peer(sender, remotePublicKey, budget, passage, pulse, id, clock.now())
    peer.distrustedUntil = this.#rooms.distrustedUntil(remotePublicKey)
    return peer
  }

  /** False if nothing is said about this log any more. */
  #enter(peer: Peer): boolean {
    if (this.#closed || this.replica.frozen) {
      peer.closed = true
      peer.sender.close()
      return false
    }
    this.#shared.peers.push(peer)
    this.#rooms.pulse.prioritize()
    this.#shared.version++
    return true
  }

  /** Hears what happens to the replica, for who has heard it until now; `length` is that of before. */
  following(length: number): Follow {
    this.#rooms.follow.goOnFrom(length)
    return this.#rooms.follow
  }

  peers(): PeerStats[] {
    return this.#shared.peers.map((peer) => ({
      remotePublicKey: peer.remotePublicKey,
      length: peer.length,
      fork: peer.fork,
      blocksDown: peer.blocksDown,
      bytesDown: peer.bytesDown,
      blocksUp: peer.blocksUp,
      bytesUp: peer.bytesUp,
      inFlight: peer.inFlight,
      answerMs: peer.window?.answerMs ?? 0,
      wrongProofs: peer.wrongProofs,
    }))
  }

  get remoteContiguousLength(): number {
    return this.#rooms.horizon.length
  }

  copies(): CopyClaim[] {
    return this.#rooms.copies.list()
  }

  replicated(options: ReplicatedOptions): Promise<CopyClaim[]> {
    if (this.#closed) return Promise.reject(closedError())
    return this.#rooms.copies.replicated(options)
  }

  extensionPeers(): ExtensionPeer[] {
    return this.#shared.peers.map((peer) => messengerOf(this.replica, peer))
  }

  /**
   * Does somebody here want this log? When nobody does any more it lingers for a while, because the next one
   * often comes soon; then peers are told, and conversations that neither side needs end.
   */
  setDownloading(wanted: boolean): void {
    this.#linger?.cancel()
    this.#linger = undefined
    if (wanted === this.#shared.downloading) return
    if (wanted) {
      this.#shared.downloading = true
      for (const peer of this.#shared.peers) tell(this.#shared, peer)
      this.#rooms.pulse.wake()
      return
    }
    this.#linger = this.#shared.clock.after(lingerMs(this.#shared.random()), () => {
      this.#shared.downloading = false
      for (const peer of [...this.#shared.peers]) {
        tell(this.#shared, peer)
        this.#rooms.onStatus(peer)
      }
    })
  }

  // ---- What callers wait for ----

  block(index: number, options: Wait): Promise<void> {
    const { full } = this.#shared
    if (full !== undefined && isStillFull(this.#shared)) return Promise.reject(full)
    return this.#wait(() => this.#shared.wants.block(index, options)).then(() => {})
  }

  update(options: Wait): Promise<boolean> {
    const { wants } = this.#shared
    if (isLonely(this.#shared)) return Promise.reject(this.#rooms.why('update', 0))
    const { length, fork } = this.replica
    return this.#wait(() => wants.update(length, fork, options))
  }

  seek(position: number, paddingBytes: number, options: Wait): Promise<void> {
    const { wants } = this.#shared
    return this.#wait(() => wants.seek(position, paddingBytes, options)).then(() => {})
  }

  range(range: RangeRequest): Fetching {
    if (this.#closed) throw closedError()
    const want = this.#shared.wants.range(range)
    this.#shared.version++
    this.#rooms.pulse.wake()
    return new RangeFetching(this.#rooms, want)
  }

  changed(): void {
    this.#rooms.follow.seal()
    this.#rooms.pulse.wake()
  }

  freezing(): void {
    this.#shared.conflict = ownHeads(this.#shared)
  }

  /**
   * Somebody looks for peers: until the returned function is called, `update` waits for one. After that it fails
   * with `NO_PEERS` when there is none.
   */
  findingPeers(): () => void {
    this.#shared.finding++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#shared.finding--
      this.#shared.lookedUp = true
      this.#rooms.pulse.wake()
    }
  }

  /** So many more conversations are being opened: there may be as many peers more; fewer when they were answered. */
  opening(change: number): void {
    this.#shared.opening += change
    if (change < 0) this.#rooms.pulse.wake()
  }

  /** Ends all conversations; everybody who waits is told `error`, or `CLOSED`. */
  close(error?: DatError): void {
    if (this.#closed) return
    this.#closed = true
    this.#rooms.follow.close()
    this.#rooms.pulse.close()
    for (const peer of [...this.#shared.peers]) peer.sender.close(error)
    this.#rooms.announcer.close()
    const why = (): DatError => error ?? closedError()
    this.#rooms.copies.close(why)
    this.#shared.wants.close(why)
    this.#linger?.cancel()
    if (this.replica.remote === this) this.replica.remote = undefined
  }

  audit(): Audit {
    return audit(this.#shared, this.#rooms.waiters.size)
  }

  // ---- Inside ----

  #wait(begin: () => Promise<boolean>): Promise<boolean> {
    if (this.#closed) return Promise.reject(closedError())
    const { replica } = this
    if (replica.frozen) return Promise.reject(forkedError(replica.conflict, replica.key))
    this.#rooms.pulse.wake()
    return begin()
  }
}

/** A range that is fetched, for who asked for it: one object, because thousands of logs may have one each. */
class RangeFetching implements Fetching {
  readonly #rooms: LogRooms
  readonly #want: RangeWant

  constructor(rooms: LogRooms, want: RangeWant) {
    this.#rooms = rooms
    this.#want = want
  }

  done(options: Wait = {}): Promise<unknown> {
    const { pulse, shared } = this.#rooms
    // The next pass tells whoever waits if the store takes nothing.
    pulse.wake()
    return shared.wants.rangeDone(this.#want, options)
  }

  cancel(): void {
    this.#rooms.shared.wants.cancelRange(this.#want)
  }
}

function closedError(): DatError {
  return new DatError('CLOSED', 'The log was closed.')
}
