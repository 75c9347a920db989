/**
 * Is it there? Blocks that a peer claims to hold, asked for to see them.
 *
 * Owns: the requests for that, under numbers of their own, and their end. Each block that comes is hashed against our
 * tree and dropped; nothing of it is kept. A challenge is passed when every block of it came in `CHALLENGE_MS_MAX`.
 * Which blocks is not known to the peer beforehand. Always true: one challenge for each peer at a time; whatever
 * happens, it ends once.
 */

import type { Timer } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { CHALLENGE_MS_MAX } from '../base/limits.ts'
import { CLAIM_BLOCK, type Proof } from '../tree/proof.ts'
import { NOTHING_ASKED } from '../tree/prove.ts'
import type { Peer } from './peer.ts'
import type { Receiver } from './receive.ts'
import type { Shared } from './shared.ts'

/** Far above the numbers of other requests, which are used again. */
const ID_MIN = 2 ** 30

/** How a challenge ended. `lacks`: the peer refused a block. `late` also if it is gone. */
export type Outcome = 'passed' | 'lacks' | 'lied' | 'late'

interface Challenge {
  readonly peer: Peer
  /** Blocks that have not come, by the number of their request. */
  readonly blocks: Map<number, number>
  readonly timer: Timer
  readonly onEnd: (outcome: Outcome, block: number) => void
}

export class Challenges {
  readonly #shared: Shared
  readonly #rooms: { readonly receiver: Receiver }
  /** Made with the first: most logs are never challenged. */
  #open: Map<Peer, Challenge> | undefined
  #nextId = ID_MIN

  /** @param rooms gets its receiver later than this */
  constructor(shared: Shared, rooms: { readonly receiver: Receiver }) {
    this.#shared = shared
    this.#rooms = rooms
  }

  isOpen(peer: Peer): boolean {
    return this.#open?.has(peer) === true
  }

  /** Asks for `count` blocks of `start .. end`, or all if they are not more. `onEnd` gets the block that failed, or -1. */
  begin(
    peer: Peer,
    start: number,
    end: number,
    count: number,
    onEnd: (outcome: Outcome, block: number) => void,
  ): void {
    const { clock, replica } = this.#shared
    const timer = clock.after(CHALLENGE_MS_MAX, () => this.#end(challenge, 'late', -1))
    const challenge: Challenge = { peer, blocks: new Map(), timer, onEnd }
    this.#open ??= new Map()
    this.#open.set(peer, challenge)
    for (const block of this.#choose(start, end, count)) {
      const id = this.#nextId++
      challenge.blocks.set(id, block)
      peer.budget.asked++
      peer.sender.request({
        ...NOTHING_ASKED,
        id,
        fork: replica.fork,
        block,
        nodes: replica.missingNodes(2 * block),
        digest: replica.generation.digest(replica.slot, block),
        priority: 0,
      })
    }
    if (challenge.blocks.size === 0) this.#end(challenge, 'passed', -1)
  }

  /** Was it an answer to a challenge? */
  onData(peer: Peer, id: number, proof: Proof): boolean {
    if (id < ID_MIN) return false
    const challenge = this.#open?.get(peer)
    const block = challenge?.blocks.get(id)
    if (challenge === undefined || block === undefined) return true
    const { replica } = this.#shared
    if (proof.fork !== replica.fork) {
      this.#end(challenge, 'late', block)
      return true
    }
    try {
      if (proof.claim !== CLAIM_BLOCK || proof.index !== block || !replica.isBlock(proof)) {
        throw new DatError('BAD_PROOF', 'A peer claims a block and has another one.', { block })
      }
    } catch (error) {
      if (!(error instanceof DatError) || error.fault !== 'remote') throw error
      this.#end(challenge, 'lied', block)
      this.#rooms.receiver.wrong(peer, error)
      return true
    }
    challenge.blocks.delete(id)
    peer.budget.answered()
    if (challenge.blocks.size === 0) this.#end(challenge, 'passed', -1)
    return true
  }

  /** Was it the refusal of a challenge? */
  onRefusal(peer: Peer, id: number): boolean {
    if (id < ID_MIN) return false
    const challenge = this.#open?.get(peer)
    const block = challenge?.blocks.get(id)
    if (challenge !== undefined && block !== undefined) this.#end(challenge, 'lacks', block)
    return true
  }

  /** The peer is gone. */
  drop(peer: Peer): void {
    const challenge = this.#open?.get(peer)
    if (challenge !== undefined) this.#end(challenge, 'late', -1)
  }

  #end(challenge: Challenge, outcome: Outcome, block: number): void {
    const { peer, blocks, timer, onEnd } = challenge
    if (this.#open?.get(peer) !== challenge) return
    this.#open?.delete(peer)
    timer.cancel()
    for (const id of blocks.keys()) {
      peer.budget.answered()
      if (!peer.closed && peer.sender.abilities.cancel) peer.sender.cancel(id)
    }
    onEnd(outcome, block)
  }

  #choose(start: number, end: number, count: number): Iterable<number> {
    const blocks = new Set<number>()
    if (end - start <= count) for (let block = start; block < end; block++) blocks.add(block)
    while (blocks.size < Math.min(count, end - start)) {
      blocks.add(Math.min(end - 1, start + Math.floor(this.#shared.random() * (end - start))))
    }
    return blocks
  }
}
