/**
 * One log among its peers: who has what, who is asked for what, and what everybody is told.
 *
 * The rooms: `negotiate` (lengths), `announce` and `describe` (what we hold), `serve` (their requests), `wants` (what
 * is waited for here), `schedule` and `ranges` (whom to ask), `exchange` (asking and being done with it), `receive`
 * (their answers), `overdue` (no answers), `reorgs` (other histories), `copies` (what peers claim to hold, over
 * restarts), `challenges` (whether that is so), `horizon` (how far it goes), `messenger` (what applications say to
 * one another). `handler` leads messages to them, `follow` what happens to the replica, and `pulse` says when it is
 * time to ask.
 *
 * Owns: the list of peers, and the rooms.
 * Nothing here knows a wire: a peer is a `Sender` that it writes to and a `Handler` that hears.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import { DISTRUST_MS, DISTRUSTED_MAX } from '../base/limits.ts'
import { EMPTY, hex } from '../bytes/bytes.ts'
import { forkedError } from '../log/conflict.ts'
import type { CopyClaim, ReplicatedOptions } from '../log/copies.ts'
import type { ExtensionPeer } from '../log/extensions.ts'
import type { Download, PeerStats, RangeRequest, Remote, Wait } from '../log/remote.ts'
import type { Replica } from '../log/replica.ts'
import type { Sender } from '../wire/messages.ts'
import { Announcer } from './announce.ts'
import { type Audit, audit } from './audit.ts'
import { ConnectionBudget } from './budget.ts'
import { Challenges } from './challenges.ts'
import { Copies } from './copies.ts'
import { Flights } from './flights.ts'
import { Follow } from './follow.ts'
import { type AttachOptions, PeerHandler, type Rooms } from './handler.ts'
import { holdings } from './holdings.ts'
import { Horizon } from './horizon.ts'
import { messengerOf } from './messenger.ts'
import { isSettled, tell } from './negotiate.ts'
import { OPEN } from './passage.ts'
import { Peer } from './peer.ts'
import { isLonely, Pulse } from './pulse.ts'
import { Receiver } from './receive.ts'
import { ownHeads, Reorgs } from './reorgs.ts'
import type { ReplicatorEvents, Shared } from './shared.ts'
import { isStillFull } from './store-rest.ts'
import { Turns } from './turns.ts'
import { Waiters } from './waiters.ts'
import { type WantKind, Wants } from './wants.ts'

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

/** How long a log that nobody holds here is still spoken about, at least and at most. */
const LINGER_MS = 20_000
const LINGER_MS_MAX = 40_000

export class Replicator implements Remote {
  readonly replica: Replica
  /** Those of the replica. */
  readonly events: Emitter<ReplicatorEvents>
  readonly #shared: Shared
  readonly #rooms: Rooms
  readonly #announcer: Announcer
  readonly #follow: Follow
  readonly #pulse: Pulse
  readonly #waiters: Waiters
  readonly #challenges: Challenges
  readonly #copies: Copies
  readonly #horizon: Horizon
  /** Peers that are not to be asked before a time, by public key. */
  readonly #distrusted = new Map<string, number>()
  #nextPeer = 1
  #closed = false
  #linger: Timer | undefined = undefined

  constructor(replica: Replica, options: ReplicatorOptions) {
    this.replica = replica
    this.events = replica.events
    this.#waiters = new Waiters(options.clock)
    const shared = this.#makeShared(options)
    this.#shared = shared
    this.#challenges = new Challenges(shared, () => receiver)
    this.#copies = new Copies(shared, this.#challenges)
    this.#horizon = new Horizon(shared, this.#copies)
    this.#announcer = new Announcer(shared)
    const reorgs = new Reorgs(shared, () => receiver)
    const receiver = new Receiver(shared, {
      onReorg: (peer, flight, proof) => reorgs.onData(peer, flight, proof),
      onSuspicion: (peer) => reorgs.onSuspicion(peer),
      onLiar: (peer) => this.#distrust(peer),
      onKept: () => this.#announcer.flush(),
    })
    this.#follow = new Follow(shared, this.#announcer, receiver, this.#copies, this.#horizon)
    this.#pulse = new Pulse(shared, this.#announcer, receiver, reorgs)
    this.#rooms = {
      shared,
      challenges: this.#challenges,
      copies: this.#copies,
      horizon: this.#horizon,
      announcer: this.#announcer,
      receiver,
      reorgs,
      turns: Turns.on(shared.clock),
      wake: () => this.#pulse.wake(),
      onStatus: (peer) => this.#endIfIdle(peer),
      onPassage: () => this.#pulse.prioritize(),
      onClose: (peer, error) => this.#detach(peer, error),
    }
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
    const { remotePublicKey = EMPTY, budget = new ConnectionBudget(), passage = OPEN } = options
    const { clock, peers } = this.#shared
    const pulse = this.#pulse
    const id = this.#nextPeer++
    const peer = new Peer(sender, remotePublicKey, budget, passage, pulse, id, clock.now())
    peer.distrustedUntil = this.#distrustedUntil(remotePublicKey)
    const handler = new PeerHandler(peer, this.#rooms, options)
    if (this.#closed || this.replica.frozen) {
      peer.closed = true
      sender.close()
      return handler
    }
    peers.push(peer)
    pulse.prioritize()
    this.#shared.version++
    tell(this.#shared, peer)
    this.#announcer.greet(peer)
    this.#follow.seal()
    this.events.emit('peer-add', { remotePublicKey })
    this.#pulse.wake()
    return handler
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
    return this.#horizon.length
  }

  copies(): CopyClaim[] {
    return this.#copies.list()
  }

  replicated(options: ReplicatedOptions): Promise<CopyClaim[]> {
    if (this.#closed) return Promise.reject(closedError())
    return this.#copies.replicated(options)
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
      this.#pulse.wake()
      return
    }
    const ms = LINGER_MS + this.#shared.random() * (LINGER_MS_MAX - LINGER_MS)
    this.#linger = this.#shared.clock.after(ms, () => {
      this.#shared.downloading = false
      for (const peer of [...this.#shared.peers]) {
        tell(this.#shared, peer)
        this.#endIfIdle(peer)
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
    if (isLonely(this.#shared)) return Promise.reject(this.#why('update', 0))
    const { length, fork } = this.replica
    return this.#wait(() => wants.update(length, fork, options))
  }

  seek(position: number, paddingBytes: number, options: Wait): Promise<void> {
    const { wants } = this.#shared
    return this.#wait(() => wants.seek(position, paddingBytes, options)).then(() => {})
  }

  range(range: RangeRequest): Download {
    if (this.#closed) throw closedError()
    const download = this.#shared.wants.range(range)
    this.#shared.version++
    this.#pulse.wake()
    return download
  }

  changed(): void {
    this.#follow.seal()
    this.#pulse.wake()
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
      this.#pulse.wake()
    }
  }

  /** A conversation is being opened (`1`): there may be one peer more; or that was answered (`-1`). */
  opening(change: 1 | -1): void {
    this.#shared.opening += change
    if (change < 0) this.#pulse.wake()
  }

  /** Ends all conversations; everybody who waits is told `error`, or `CLOSED`. */
  close(error?: DatError): void {
    if (this.#closed) return
    this.#closed = true
    this.#follow.close()
    this.#pulse.close()
    for (const peer of [...this.#shared.peers]) peer.sender.close(error)
    this.#announcer.close()
    const why = (): DatError => error ?? closedError()
    this.#copies.close(why)
    this.#shared.wants.close(why)
    this.#linger?.cancel()
    if (this.replica.remote === this) this.replica.remote = undefined
  }

  audit(): Audit {
    return audit(this.#shared, this.#waiters.size)
  }

  // ---- Inside ----

  #makeShared(options: ReplicatorOptions): Shared {
    const { clock, random = Math.random, wallNow = Date.now, downloading = true } = options
    const { replica } = this
    const shared: Shared = {
      replica,
      clock,
      events: this.events,
      flights: new Flights((node, trust) => replica.missingNodes(node, trust)),
      wants: new Wants(
        holdings(replica, () => shared.uncommitted),
        this.#waiters,
        {
          why: (what, index) => this.#why(what, index),
          onGone: () => this.#pulse.wake(),
        },
      ),
      peers: [],
      random,
      wallNow,
      upgrade: undefined,
      version: 0,
      downloading,
      finding: 0,
      lookedUp: false,
      opening: 0,
      uncommitted: [],
      conflict: [],
      restUntil: 0,
      full: undefined,
      wake: () => this.#pulse.wake(),
    }
    return shared
  }

  #wait(begin: () => Promise<boolean>): Promise<boolean> {
    if (this.#closed) return Promise.reject(closedError())
    const { replica } = this
    if (replica.frozen) return Promise.reject(forkedError(replica.conflict, replica.key))
    this.#pulse.wake()
    return begin()
  }

  /** Why a wait has run out. */
  #why(what: WantKind, index: number): DatError {
    const { peers } = this.#shared
    const facts = { index }
    if (peers.length === 0) return new DatError('NO_PEERS', 'No peer could be reached.', facts)
    const isLacked = peers.every((peer) => isSettled(this.#shared, peer) && !peer.holds(index))
    if ((what === 'block' || what === 'range') && isLacked) {
      return new DatError('NOT_AVAILABLE', 'No peer of the moment has the block.', facts)
    }
    return new DatError('TIMEOUT', 'No peer has delivered in the time given.', facts)
  }

  #detach(peer: Peer, error: Error | undefined): void {
    const { peers } = this.#shared
    this.#rooms.receiver.drop(peer)
    // What came in its last frame has no other end.
    this.#rooms.receiver.onFrameEnd()
    const at = peers.indexOf(peer)
    if (at >= 0) peers.splice(at, 1)
    if (!peers.some(({ passage }) => passage.down === peer.passage.down)) {
      peer.passage.down.leave(this.#pulse)
    }
    this.#pulse.prioritize()
    this.#shared.version++
    this.#challenges.drop(peer)
    this.#copies.peersChanged()
    this.events.emit('peer-remove', { remotePublicKey: peer.remotePublicKey, error })
    this.#pulse.wake()
  }

  /** Neither side wants anything of the other: the conversation ends, the next one begins when it is needed. */
  #endIfIdle(peer: Peer): void {
    if (this.#shared.downloading || !peer.heard || peer.downloading || peer.inFlight > 0) return
    if (this.#shared.wants.idle) peer.sender.close()
  }

  #distrust(peer: Peer): void {
    // A peer without a name can't be told from another one.
    if (peer.remotePublicKey.length === 0) return
    const now = this.#shared.clock.now()
    for (const [key, until] of this.#distrusted) if (until <= now) this.#distrusted.delete(key)
    const oldest = this.#distrusted.keys().next().value
    if (this.#distrusted.size >= DISTRUSTED_MAX && oldest !== undefined) {
      this.#distrusted.delete(oldest)
    }
    this.#distrusted.set(hex(peer.remotePublicKey), now + DISTRUST_MS)
  }

  #distrustedUntil(remotePublicKey: Uint8Array): number {
    if (this.#distrusted.size === 0) return 0
    return this.#distrusted.get(hex(remotePublicKey)) ?? 0
  }
}

function closedError(): DatError {
  return new DatError('CLOSED', 'The log was closed.')
}
