/**
 * The rooms of one log's replicator, and the doors between them.
 *
 * Owns: making them, and what one room asks of another: each is a method here and not a function of its own, because ten
 * thousand logs have all of this, and most of them rest. Also here: whom not to ask for a while, why a wait has run out,
 * and the end of a conversation.
 */

import { DatError } from '../base/errors.ts'
import { DISTRUST_MS, DISTRUSTED_MAX } from '../base/limits.ts'
import { Turns } from '../base/turns.ts'
import { hex } from '../bytes/bytes.ts'
import type { Replica } from '../log/replica.ts'
import type { Proof } from '../tree/proof.ts'
import { Announcer } from './announce.ts'
import { Challenges } from './challenges.ts'
import { Copies } from './copies.ts'
import { Flights } from './flights.ts'
import { Follow } from './follow.ts'
import type { Rooms } from './handler.ts'
import { KeptHoldings } from './holdings.ts'
import { Horizon } from './horizon.ts'
import { isSettled } from './negotiate.ts'
import type { Peer } from './peer.ts'
import { Pulse } from './pulse.ts'
import { type ReceiveHooks, Receiver } from './receive.ts'
import { Reorgs } from './reorgs.ts'
import type { ReplicatorOptions } from './replicator.ts'
import type { Flight } from './requests.ts'
import type { Shared } from './shared.ts'
import { Waiters } from './waiters.ts'
import { type WantHooks, type WantKind, Wants } from './wants.ts'

export class LogRooms implements Rooms, ReceiveHooks, WantHooks {
  readonly shared: Shared
  readonly challenges: Challenges
  readonly copies: Copies
  readonly horizon: Horizon
  readonly announcer: Announcer
  readonly receiver: Receiver
  readonly reorgs: Reorgs
  readonly follow: Follow
  readonly pulse: Pulse
  readonly waiters: Waiters
  readonly turns: Turns
  /** Peers that are not to be asked before a time, by public key. Made with the first. */
  #distrusted: Map<string, number> | undefined = undefined

  constructor(replica: Replica, options: ReplicatorOptions) {
    this.waiters = new Waiters(options.clock)
    const shared = this.#makeShared(replica, options)
    this.shared = shared
    this.turns = Turns.on(options.clock)
    this.challenges = new Challenges(shared, this)
    this.copies = new Copies(shared, this.challenges)
    this.horizon = new Horizon(shared, this.copies)
    this.announcer = new Announcer(shared)
    this.receiver = new Receiver(shared, this)
    this.reorgs = new Reorgs(shared, this.receiver)
    const { announcer, receiver } = this
    this.follow = new Follow(shared, announcer, receiver, this.copies, this.horizon)
    this.pulse = new Pulse(shared, announcer, receiver, this.reorgs)
  }

  #makeShared(replica: Replica, options: ReplicatorOptions): Shared {
    const { clock, random = Math.random, wallNow = Date.now, downloading = true } = options
    return {
      replica,
      clock,
      events: replica.events,
      flights: new Flights((node, trust) => replica.missingNodes(node, trust)),
      wants: new Wants(new KeptHoldings(this), this.waiters, this),
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
      fullUntil: 0,
      wake: () => this.pulse.wake(),
    }
  }

  /** Asks for whatever may be asked for, after what is going on now. */
  wake(): void {
    this.pulse.wake()
  }

  // ---- Peers ----

  onPassage(): void {
    this.pulse.prioritize()
  }

  /** Neither side wants anything of the other: the conversation ends, the next one begins when it is needed. */
  onStatus(peer: Peer): void {
    const { downloading, wants } = this.shared
    if (downloading || !peer.heard || peer.downloading || peer.inFlight > 0) return
    if (wants.idle) peer.sender.close()
  }

  onClose(peer: Peer, error: Error | undefined): void {
    const { peers, events } = this.shared
    this.receiver.drop(peer)
    // What came in its last frame has no other end.
    this.receiver.onFrameEnd()
    const at = peers.indexOf(peer)
    if (at >= 0) peers.splice(at, 1)
    if (!peers.some(({ passage }) => passage.down === peer.passage.down)) {
      peer.passage.down.leave(this.pulse)
    }
    this.pulse.prioritize()
    this.shared.version++
    this.challenges.drop(peer)
    this.copies.peersChanged()
    events.emit('peer-remove', { remotePublicKey: peer.remotePublicKey, error })
    this.pulse.wake()
  }

  // ---- What comes of answers ----

  onReorg(peer: Peer, flight: Flight, proof: Proof): void {
    this.reorgs.onData(peer, flight, proof)
  }

  onSuspicion(peer: Peer): void {
    this.reorgs.onSuspicion(peer)
  }

  onKept(): void {
    this.announcer.flush()
  }

  onLiar(peer: Peer): void {
    // A peer without a name can't be told from another one.
    if (peer.remotePublicKey.length === 0) return
    const now = this.shared.clock.now()
    this.#distrusted ??= new Map()
    const distrusted = this.#distrusted
    for (const [key, until] of distrusted) if (until <= now) distrusted.delete(key)
    const oldest = distrusted.keys().next().value
    if (distrusted.size >= DISTRUSTED_MAX && oldest !== undefined) distrusted.delete(oldest)
    distrusted.set(hex(peer.remotePublicKey), now + DISTRUST_MS)
  }

  /** The time before which a peer is not to be asked; 0 for one that has done nothing. */
  distrustedUntil(remotePublicKey: Uint8Array): number {
    return this.#distrusted?.get(hex(remotePublicKey)) ?? 0
  }

  // ---- Who waits ----

  onGone(): void {
    this.pulse.wake()
  }

  /** Why a wait has run out. */
  why(what: WantKind, index: number): DatError {
    const { peers } = this.shared
    const facts = { index }
    if (peers.length === 0) return new DatError('NO_PEERS', 'No peer could be reached.', facts)
    const isLacked = peers.every((peer) => isSettled(this.shared, peer) && !peer.holds(index))
    if ((what === 'block' || what === 'range') && isLacked) {
      return new DatError('NOT_AVAILABLE', 'No peer of the moment has the block.', facts)
    }
    return new DatError('TIMEOUT', 'No peer has delivered in the time given.', facts)
  }
}
