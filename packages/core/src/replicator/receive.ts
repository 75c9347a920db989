/**
 * Answers to our requests: matched, verified, staged, and committed once per frame.
 *
 * 1. `onData` finds the request, checks that the answer is to it, and lets the replica verify and stage it.
 * 2. An answer that leans on one that has not come yet is kept (`Parked`) and tried again at the frame's end.
 * 3. `onFrameEnd` commits everything of the frame as one record. The replica's events then wake who waits.
 *
 * Owns: parked answers, and what happens to a peer that answers wrongly, refuses or is late. Always true: every
 * path through here ends the request by one call of `release`. A wrong answer costs the peer, never the log: the
 * block is asked for elsewhere, the liar rests longer each time, and is left at `PROOFS_WRONG_MAX`.
 */

import { DatError } from '../base/errors.ts'
import { PROOFS_WRONG_MAX } from '../base/limits.ts'
import { copy } from '../bytes/bytes.ts'
import type { BlockRun } from '../tree/block-run.ts'
import { CLAIM_BLOCK, CLAIM_HASH, CLAIM_NONE, Proof } from '../tree/proof.ts'
import { type Ending, release } from './exchange.ts'
import { claimFailed } from './negotiate.ts'
import type { Peer } from './peer.ts'
import type { Flight } from './requests.ts'
import type { Batch, Shared } from './shared.ts'
import { StoreRest } from './store-rest.ts'
import { lacks } from './want.ts'

/** First rest of a peer that refused or lied; twice as long each further time. */
const REST_MS = 100
const REST_MS_MAX = 10_000

interface Parked {
  readonly peer: Peer
  readonly flight: Flight
  readonly proof: Proof
}

/** What a wrong answer leads to beyond this conversation. */
export interface ReceiveHooks {
  /** A head of another fork, or hashes on the way to where histories part. */
  onReorg(peer: Peer, flight: Flight, proof: Proof): void
  /** The proof failed where honest mistakes don't: has the author signed two histories? */
  onSuspicion(peer: Peer): void
  /** The peer is not to be asked again for a long time. */
  onLiar(peer: Peer, error: DatError): void
  /** What a frame brought is committed. */
  onKept(): void
}

export class Receiver {
  readonly #shared: Shared
  readonly #hooks: ReceiveHooks
  readonly #storeRest: StoreRest
  #parked: Parked[] = []
  #batch: Batch = { lowest: Number.POSITIVE_INFINITY, blocks: 0, bytes: 0 }
  /** Something was staged since the last commit. */
  #staged = false
  /** When the answers of this frame came: the clock is read once for all of them. -1 before the first. */
  #now = -1

  constructor(shared: Shared, hooks: ReceiveHooks) {
    this.#shared = shared
    this.#hooks = hooks
    this.#storeRest = new StoreRest(shared, (peer, flight) => this.end(peer, flight, 'cancelled'))
  }

  onData(peer: Peer, id: number, proof: Proof): void {
    const flight = peer.requests.get(id)
    if (flight === undefined || flight.parked) return
    if (flight.reorg) this.#hooks.onReorg(peer, flight, proof)
    else if (proof.fork !== flight.fork || flight.fork !== this.#shared.replica.fork) {
      this.#refused(peer, flight)
    } else if (isLeafInstead(flight, proof)) this.onRefusal(peer, id)
    else if (!isAnswer(flight, proof, this.#headFromNodes)) this.#mismatch(peer, flight, proof)
    else this.#try(peer, flight, proof, false)
  }

  /** Takes answers from `from` on while each is plainly the right one; returns the first that is to be looked at alone. */
  onBlocks(peer: Peer, run: BlockRun, from: number): number {
    const { requests } = peer
    let to = from
    while (to < run.length && isPlain(requests.get(run.ids[to] ?? 0), run, to)) to++
    if (to === from) return from
    const end = this.#shared.replica.applyBlocks(run, from, to)
    for (let i = from; i < end; i++) {
      const flight = requests.get(run.ids[i] ?? 0)
      if (flight !== undefined) this.#delivered(peer, flight, run.sizes[i] ?? 0)
    }
    return end
  }

  onRefusal(peer: Peer, id: number): void {
    const flight = peer.requests.get(id)
    if (flight === undefined) return
    if (flight.parked) this.#unpark(flight)
    if (flight.block >= 0) lacks(peer, flight.block)
    this.#refused(peer, flight)
  }

  /** The answer is here, though not by way of a frame's normal end: a reorganisation's hash, a head. */
  end(peer: Peer, flight: Flight, ending: Ending): void {
    if (flight.parked) this.#unpark(flight)
    release(this.#shared, peer, flight, ending)
  }

  /** Tries parked answers, then commits what the frame brought. */
  onFrameEnd(): void {
    if (this.#parked.length > 0) this.#retry()
    this.#now = -1
    if (this.#staged) this.#commit()
  }

  /** Something was staged by others on behalf of a frame; the frame's commit covers it. */
  staged(): void {
    if (this.#staged) return
    this.#staged = true
    this.#shared.uncommitted.push(this.#batch)
  }

  /** The peer is gone: what it owed is free again. */
  drop(peer: Peer): void {
    peer.requests.each((flight) => this.end(peer, flight, 'gone'))
  }

  /** Gives up parked answers of old, whose promise will not be kept. */
  giveUp(peer: Peer, flight: Flight): void {
    this.end(peer, flight, 'refused')
  }

  wrong(peer: Peer, error: DatError): void {
    peer.wrongProofs++
    this.#shared.version++
    this.#rest(peer, peer.wrongProofs)
    const { events } = this.#shared
    events.emit('wrong-proof', { remotePublicKey: peer.remotePublicKey, error })
    if (peer.wrongProofs >= PROOFS_WRONG_MAX) {
      this.#hooks.onLiar(peer, error)
      peer.sender.close(error)
    }
  }

  get #headFromNodes(): boolean {
    return this.#shared.replica.generation.headFromNodes
  }

  // ---- One answer ----

  #try(peer: Peer, flight: Flight, proof: Proof, parked: boolean): boolean {
    const { replica } = this.#shared
    try {
      const result = replica.apply(proof)
      if (result === 'later') {
        if (!parked) this.#park(peer, flight, proof)
        return false
      }
      if (parked) this.#unpark(flight)
      if (result === 'applied' && flight.block >= 0 && !replica.has(flight.block)) {
        // Only what the log is came of it, or the head: the block is asked for again.
        this.end(peer, flight, 'refused')
        this.staged()
      } else if (result === 'applied') this.#delivered(peer, flight, proof.value?.length ?? 0)
      else this.end(peer, flight, 'refused')
    } catch (error) {
      if (parked) this.#unpark(flight)
      release(this.#shared, peer, flight, 'refused')
      if (!(error instanceof DatError) || error.fault === 'us') throw error
      if (error.fault !== 'remote') this.#storeRest.failed(error)
      else {
        if (flight.upgradeLength > 0) claimFailed(this.#shared, peer, false)
        this.#hooks.onSuspicion(peer)
        this.wrong(peer, error)
      }
    }
    return true
  }

  #delivered(peer: Peer, flight: Flight, bytes: number): void {
    const block = flight.block
    const copies =
      block >= 0 && this.#shared.flights.anyCopies && this.#shared.flights.copies(block) > 1
    if (this.#now < 0) this.#now = this.#shared.clock.now()
    release(this.#shared, peer, flight, 'delivered', bytes, this.#now)
    peer.refusals = 0
    peer.late = false
    peer.deliveredAt = this.#now
    peer.budget.deliveredAt = peer.deliveredAt
    if (flight.upgradeLength > 0) this.#upgraded(peer, flight)
    this.staged()
    if (block < 0) return
    if (peer.sender.wantsAcks) {
      peer.receipts ??= new Set()
      peer.receipts.add(block)
    }
    peer.blocksDown++
    peer.bytesDown += bytes
    const batch = this.#batch
    if (block < batch.lowest) batch.lowest = block
    batch.blocks++
    batch.bytes += bytes
    if (copies) this.#cancelCopies(block)
  }

  /** An older head than was claimed proves what came with it, but not the claim. */
  #upgraded(peer: Peer, flight: Flight): void {
    if (this.#shared.replica.length > flight.upgradeStart) peer.failures = 0
    else claimFailed(this.#shared, peer, false)
  }

  /** Others were asked for the block too, because this answer was slow. */
  #cancelCopies(block: number): void {
    for (const other of this.#shared.peers) {
      if (other.inFlight === 0) continue
      other.requests.each((flight) => {
        if (flight.block === block) this.end(other, flight, 'covered')
      })
    }
  }

  /** Not an answer to what was asked. A manifest alone is what stock peers send for want of more. */
  #mismatch(peer: Peer, flight: Flight, proof: Proof): void {
    const bare = proof.claim === CLAIM_NONE && !proof.hasUpgrade && proof.manifest !== undefined
    if (bare && flight.manifest) {
      flight.upgradeLength = 0
      claimFailed(this.#shared, peer, false)
      this.#try(peer, flight, proof, false)
      return
    }
    this.#refused(peer, flight)
    this.wrong(peer, new DatError('BAD_PROOF', 'A peer answered something else than was asked.'))
  }

  #refused(peer: Peer, flight: Flight): void {
    if (flight.upgradeLength > 0) claimFailed(this.#shared, peer, flight.reorg)
    this.end(peer, flight, 'refused')
    peer.refusals++
    this.#rest(peer, Math.floor(peer.refusals / 4))
  }

  #rest(peer: Peer, times: number): void {
    if (times === 0) return
    const ms = Math.min(REST_MS * 2 ** Math.min(times, 16), REST_MS_MAX)
    const until = this.#shared.clock.now() + ms
    if (until <= peer.restUntil) return
    peer.restUntil = until
    this.#shared.clock.after(ms, () => {
      if (peer.closed) return
      this.#shared.version++
      this.#shared.wake()
    })
  }

  // ---- Answers that came too early ----

  #park(peer: Peer, flight: Flight, proof: Proof): void {
    flight.parked = true
    this.#parked.push({ peer, flight, proof: copyOf(proof) })
  }

  #unpark(flight: Flight): void {
    flight.parked = false
    this.#parked = this.#parked.filter((parked) => parked.flight !== flight)
  }

  /** One pass is not enough: what one pass applies may be what the next one leans on. */
  #retry(): void {
    let progress = true
    while (progress && this.#parked.length > 0) {
      progress = false
      for (const { peer, flight, proof } of [...this.#parked]) {
        if (flight.parked && this.#try(peer, flight, proof, true)) progress = true
      }
    }
    // What an answer counted on was refused or is lost: it is asked for again, with all it needs.
    for (const { peer, flight } of [...this.#parked]) {
      if (this.#shared.flights.isBroken(flight.block)) this.giveUp(peer, flight)
    }
  }

  // ---- The end of a frame ----

  #commit(): void {
    const { replica, events, uncommitted } = this.#shared
    const batch = this.#batch
    this.#staged = false
    this.#batch = { lowest: Number.POSITIVE_INFINITY, blocks: 0, bytes: 0 }
    const done = (): void => {
      const at = uncommitted.indexOf(batch)
      if (at >= 0) uncommitted.splice(at, 1)
      this.#shared.wake()
    }
    const kept = (): void => {
      done()
      this.#storeRest.kept()
      this.#hooks.onKept()
    }
    replica.commit().then(kept, (error: unknown) => {
      done()
      this.#storeRest.failed(error, batch.lowest)
    })
    if (batch.blocks > 0 && events.has('download')) {
      events.emit('download', { blocks: batch.blocks, bytes: batch.bytes })
    }
  }
}

/** The hash of the leaf instead of its block: the peer has dropped the block, and has said so. */
function isLeafInstead(flight: Flight, proof: Proof): boolean {
  return flight.block >= 0 && proof.claim === CLAIM_HASH && proof.index === 2 * flight.block
}

/** Is the answer to a request for that block and nothing else, and not here already? */
function isPlain(flight: Flight | undefined, run: BlockRun, i: number): boolean {
  if (flight === undefined || flight.parked || flight.reorg) return false
  return (
    flight.block === run.indices[i] && flight.fork === run.forks[i] && flight.upgradeLength === 0
  )
}

/** @param headFromNodes nothing is spelt out in the answer but a leaf, its nodes and a signature */
function isAnswer(flight: Flight, proof: Proof, headFromNodes: boolean): boolean {
  if (flight.block >= 0) {
    if (proof.claim !== CLAIM_BLOCK || proof.index !== flight.block) return false
  } else if (flight.hash >= 0) {
    // There a position is answered by the leaf of the block that it lies in, whatever leaf was named.
    const isSought = headFromNodes && flight.seek !== undefined
    if (proof.claim !== CLAIM_HASH || !(isSought || proof.index === flight.hash)) return false
  } else if (proof.claim !== CLAIM_NONE) return false
  if (proof.seekBytes >= 0 && proof.seekBytes !== flight.seek?.position) return false
  return headFromNodes || proof.hasUpgrade === flight.upgradeLength > 0
}

/** A proof that outlives its frame. */
function copyOf(proof: Proof): Proof {
  const kept = new Proof()
  kept.fork = proof.fork
  kept.claim = proof.claim
  kept.index = proof.index
  kept.value = proof.value === undefined ? undefined : copy(proof.value)
  kept.nodes.pushAll(proof.nodes)
  kept.seekBytes = proof.seekBytes
  kept.seekNodes.pushAll(proof.seekNodes)
  return kept
}
