/**
 * Following a higher fork, and finding out that an author has signed two histories.
 *
 * Owns: the one reorganisation that is under way for a log, and the conflict checks. A peer that claims a higher
 * fork is asked for its head, then, hash by hash, for the place where the histories part; the replica verifies and
 * applies. Always true: at most `REORG_PROOFS_MAX` proofs and `REORG_MS_MAX` are spent on one claim, and a claim that
 * could not be proved is not followed again until the peer claims another. Source: replication 8 and 9.
 */

import { DatError } from '../base/errors.ts'
import { PROOFS_WRONG_MAX, REORG_MS_MAX, REORG_PROOFS_MAX } from '../base/limits.ts'
import type { Reorg } from '../log/reorg.ts'
import { Proof } from '../tree/proof.ts'
import { NOTHING_ASKED } from '../tree/prove.ts'
import { ask, release } from './exchange.ts'
import { claimFailed, mayFollow } from './negotiate.ts'
import type { Peer } from './peer.ts'
import type { Receiver } from './receive.ts'
import type { Flight } from './requests.ts'
import { newOrder, type Order, type Shared } from './shared.ts'

interface Claim {
  readonly fork: number
  readonly peer: Peer
  readonly until: number
  proofs: number
  /** The request under way, and its place in the peer's order: entries of the table are reused. */
  flight: Flight | undefined
  sequence: number
  /** The peer that was asked last. */
  asked: Peer
  /** Once the head is verified. */
  reorg: Reorg | undefined
}

/** One log's. */
export class Reorgs {
  readonly #shared: Shared
  readonly #receiver: Receiver
  #claim: Claim | undefined = undefined

  constructor(shared: Shared, receiver: Receiver) {
    this.#shared = shared
    this.#receiver = receiver
  }

  /** Begins with a higher fork that is offered, or goes on with what is under way. */
  plan(peers: readonly Peer[]): void {
    const { replica, clock, wants, downloading } = this.#shared
    this.#check()
    if (this.#claim?.flight !== undefined) return
    if (this.#claim !== undefined && this.#askHash(this.#claim, peers)) return
    if (!downloading && wants.idle) return
    let best: Peer | undefined
    for (const peer of peers) {
      if (!mayFollow(this.#shared, peer)) continue
      if (best === undefined || isLikelier(peer, best)) best = peer
    }
    if (best === undefined) return
    const until = clock.now() + REORG_MS_MAX
    const claim: Claim = {
      fork: best.fork,
      peer: best,
      until,
      proofs: 0,
      flight: undefined,
      sequence: 0,
      asked: best,
      reorg: undefined,
    }
    this.#claim = claim
    const order = newOrder(best.fork)
    order.reorg = true
    order.upgradeLength = best.length
    order.manifest = replica.manifest === undefined && !replica.compat && best.hasManifest
    this.#ask(claim, best, order)
  }

  onData(peer: Peer, flight: Flight, proof: Proof): void {
    const claim = this.#claim
    release(this.#shared, peer, flight, 'delivered')
    if (claim?.flight !== flight) return
    claim.flight = undefined
    claim.proofs++
    try {
      if (proof.fork !== claim.fork) throw new DatError('BAD_PROOF', 'A head of another fork came.')
      if (claim.reorg === undefined) claim.reorg = this.#shared.replica.verifyReorg(proof)
      else claim.reorg.add(proof)
      if (!claim.reorg.done) return
      this.#claim = undefined
      claim.peer.failures = 0
      if (claim.reorg.apply()) this.#receiver.staged()
    } catch (error) {
      if (!(error instanceof DatError) || error.fault === 'us') throw error
      this.#giveUp(claim)
      this.#receiver.wrong(peer, error)
    }
  }

  /** Is a claim still being looked into? */
  isBusy(): boolean {
    return this.#claim !== undefined
  }

  /** An answer that nobody asked for under a number: a head to compare with ours. */
  onHead(peer: Peer, proof: Proof): void {
    const { replica } = this.#shared
    if (!proof.hasUpgrade || proof.upgradeStart !== 0 || proof.fork !== replica.fork) return
    if (++peer.heads > PROOFS_WRONG_MAX) return
    const heads = ownHeads(this.#shared)
    try {
      if (replica.checkConflict(proof) !== 'conflict') return
      this.#shared.conflict = heads
      this.#receiver.staged()
    } catch (error) {
      if (!(error instanceof DatError) || error.fault === 'us') throw error
      this.#receiver.wrong(peer, error)
    }
  }

  /** The peer's proofs fail: asks, once, for a signed head that can be compared with ours. */
  onSuspicion(peer: Peer): void {
    const { replica } = this.#shared
    const length = Math.min(peer.length, replica.length)
    if (peer.conflictChecked || peer.closed || length === 0 || peer.fork !== replica.fork) return
    peer.conflictChecked = true
    const { fork } = replica
    peer.sender.request({ ...NOTHING_ASKED, id: 0, fork, upgradeLength: length, priority: 0 })
  }

  /** Ends a claim that can't be pursued: its time or its proofs are used up, or its peer is gone. */
  #check(): void {
    const claim = this.#claim
    if (claim === undefined) return
    if (claim.flight !== undefined && !this.#inFlight(claim)) {
      // Refused, or its peer is gone. Without a head there is nothing; a hash another may have.
      claim.flight = undefined
      claim.proofs++
    }
    const lost = claim.flight === undefined && claim.reorg === undefined
    const over = this.#shared.clock.now() >= claim.until || claim.proofs >= REORG_PROOFS_MAX
    const moved = claim.fork <= this.#shared.replica.fork
    if (lost || over || moved || claim.peer.closed) this.#giveUp(claim)
  }

  #giveUp(claim: Claim): void {
    this.#claim = undefined
    if (claim.peer.fork === claim.fork && claim.fork > this.#shared.replica.fork) {
      claimFailed(this.#shared, claim.peer, true)
    }
    if (claim.flight !== undefined && this.#inFlight(claim)) {
      release(this.#shared, claim.asked, claim.flight, 'cancelled')
    }
  }

  /** False if nobody stands for the claim any more, which ends it. */
  #askHash(claim: Claim, peers: readonly Peer[]): boolean {
    const reorg = claim.reorg
    const able = peers.filter((peer) => peer.fork === claim.fork)
    const holder = able.find((peer) => {
      return reorg !== undefined && peer.has.nextHeld(reorg.start, reorg.end) < reorg.end
    })
    const peer = holder ?? able[0]
    if (reorg === undefined || peer === undefined) {
      this.#giveUp(claim)
      return false
    }
    const held = peer.has.nextHeld(reorg.start, reorg.end)
    const order = newOrder(claim.fork)
    order.reorg = true
    order.hash = 2 * (held < reorg.end ? held : reorg.start)
    order.nodes = reorg.nodes
    this.#ask(claim, peer, order)
    return true
  }

  #ask(claim: Claim, peer: Peer, order: Order): void {
    claim.flight = ask(this.#shared, peer, order)
    claim.sequence = claim.flight.sequence
    claim.asked = peer
  }

  #inFlight(claim: Claim): boolean {
    return claim.flight?.active === true && claim.flight.sequence === claim.sequence
  }
}

/** Who has failed less goes first, whatever others claim; then the higher fork. */
function isLikelier(a: Peer, b: Peer): boolean {
  return a.failures === b.failures ? a.fork > b.fork : a.failures < b.failures
}

/** Our head for each peer to compare. A frozen log proves nothing any more, so this is made before. */
export function ownHeads(shared: Shared): Shared['conflict'] {
  return shared.peers.map((peer) => ({ peer, head: ownHead(shared, peer) }))
}

/** Our own signed head, for a peer to compare. */
function ownHead(shared: Shared, peer: Peer): Proof | undefined {
  if (peer.fork !== shared.replica.fork) return undefined
  const proof = new Proof()
  const length = Math.min(peer.length, shared.replica.announcedLength)
  if (length === 0) return undefined
  const fork = shared.replica.announcedFork
  const why = shared.replica.prove({ ...NOTHING_ASKED, fork, upgradeLength: length }, proof)
  return why === undefined ? proof : undefined
}
