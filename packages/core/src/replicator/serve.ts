/**
 * Answering one remote's requests, only as fast as it reads.
 *
 * 1. `onRequest` puts a request into the queue; nothing is read for it yet.
 * 2. At the end of the frame `run` takes the urgent ones first, then the others in order.
 * 3. The proof is made, and the block's bytes are copied from the store straight into the outgoing frame.
 *
 * Owns: the queue and the counts of what a remote asked in vain. Always true: nothing is read for a remote that
 * cannot take it, so a slow one costs a queue of numbers and never a queue of blocks; only what is on the disk is
 * sent; each request is answered or refused once, unless it was cancelled before; what a rate does not let through
 * waits in its lane (`passage.ts`) and holds nobody else up. Source: replication 7.4, 7.8, performance 4.5,
 * threat-model 5.
 */

import { DatError } from '../base/errors.ts'
import {
  CONNECTION_REQUESTS_MAX,
  REQUESTS_INVALID_MAX,
  REQUESTS_QUEUED_MAX,
  SLICE_ITEMS,
  SLICE_MS,
} from '../base/limits.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../tree/proof.ts'
import type { Refusal, Request } from '../wire/messages.ts'
import { ANSWER_BYTES, type Passenger } from './passage.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'
import { Warming } from './warming.ts'

/** Answers that a part has, where what somebody waits for goes out in parts: a frame costs as much as a few of them. */
const PART_MIN = 8
const PART_MAX = 64
/** Blocks that are brought into memory together when the disk is cold. */
const WARM_BLOCKS = 64

/** While nothing is served. Of any other reason stock peers count 32, and then never ask again. */
const NOT_NOW: Refusal = 'none'

/** One for all: a proof is made and sent in one go, so no two are under way. */
const proof = new Proof()

/**
 * Requests that were answered, for those to come, whoever asks: a conversation that has nothing to answer keeps nothing, and
 * begins anew with each frame.
 */
const spare: Request[] = []

export class Server implements Passenger {
  readonly #shared: Shared
  readonly #peer: Peer
  /** Has `run` called again, in a turn of its own. */
  readonly #again: () => void
  /** Waiting requests by id; an id in use again replaces. A taken entry leaves. */
  readonly #waiting = new Map<number, Request>()
  #urgent: Request[] = []
  #normal: Request[] = []
  /** Position of the next entry of `#normal`. */
  #next = 0
  #invalid = 0
  /** A later turn of the loop, or the disk, will call `run`. */
  #pausing = false
  #filled = 0
  readonly #fill = (into: Uint8Array, at: number): void => {
    this.#shared.replica.slot.readInto(this.#filled, into, at)
  }

  constructor(shared: Shared, peer: Peer, again: () => void) {
    this.#shared = shared
    this.#peer = peer
    this.#again = again
  }

  get queued(): number {
    return this.#waiting.size
  }

  /** Is nothing lost if this is made anew for the next request? */
  get isSpare(): boolean {
    return this.#waiting.size === 0 && !this.#pausing && this.#invalid === 0
  }

  get priority(): number {
    return this.#peer.passage.priority
  }

  onRoom(): void {
    this.#again()
  }

  onRequest(request: Readonly<Request>): void {
    this.onCancel(request.id)
    if (!this.#peer.passage.uploads) {
      this.#refuse(request.id, NOT_NOW)
      return
    }
    const { budget } = this.#peer
    if (this.#waiting.size >= REQUESTS_QUEUED_MAX || budget.queued >= CONNECTION_REQUESTS_MAX) {
      this.#refuse(request.id, 'invalid')
      return
    }
    const kept = spare.pop() ?? { ...request }
    copyRequest(request, kept)
    this.#waiting.set(kept.id, kept)
    budget.queued++
    if (request.priority > 0) this.#urgent.push(kept)
    else this.#normal.push(kept)
  }

  onCancel(id: number): void {
    if (!this.#waiting.delete(id)) return
    this.#peer.budget.queued--
  }

  /** Answers what it can; called at the end of a frame, when the connection has room, and after a pause. */
  run(): void {
    if (this.#pausing || this.#peer.closed) return
    const { clock, events } = this.#shared
    const { blocksUp, bytesUp } = this.#peer
    const { up } = this.#peer.passage
    const now = clock.now()
    const until = now + SLICE_MS
    const part = partOf(this.#urgent.length)
    let items = 0
    let answers = 0
    while (this.#waiting.size > 0 && this.#peer.sender.writable) {
      if (up.isLimited && !up.admits(this)) {
        up.wait(this)
        break
      }
      if (++items % SLICE_ITEMS === 0 && clock.now() >= until) {
        this.#pause()
        break
      }
      const request = this.#take()
      if (request === undefined) break
      if (this.#isCold(request)) break
      this.#waiting.delete(request.id)
      this.#peer.budget.queued--
      const bytes = this.#answer(request)
      if (up.isLimited) up.passed(bytes + ANSWER_BYTES, clock.now())
      else answers++
      if (spare.length < REQUESTS_QUEUED_MAX) spare.push(request)
      if (items % part === 0) this.#peer.sender.flush()
    }
    if (answers > 0) up.passed(this.#peer.bytesUp - bytesUp + answers * ANSWER_BYTES, now)
    if (this.#peer.blocksUp > blocksUp && events.has('upload')) {
      const blocks = this.#peer.blocksUp - blocksUp
      events.emit('upload', { blocks, bytes: this.#peer.bytesUp - bytesUp })
    }
  }

  /** Nothing is served any more: what waits is refused. */
  refuseAll(): void {
    const ids = [...this.#waiting.keys()]
    this.close()
    for (const id of ids) this.#refuse(id, NOT_NOW)
  }

  /** The conversation is over. */
  close(): void {
    this.#peer.passage.up.leave(this)
    this.#peer.budget.queued -= this.#waiting.size
    this.#waiting.clear()
    this.#urgent = []
    this.#normal = []
    this.#next = 0
  }

  /** The next request that was neither cancelled nor replaced; it stays in `#waiting`. */
  #take(): Request | undefined {
    while (this.#urgent.length > 0) {
      const request = this.#urgent.shift()
      if (request !== undefined && this.#waiting.get(request.id) === request) return request
    }
    while (this.#next < this.#normal.length) {
      const request = this.#normal[this.#next++]
      if (request !== undefined && this.#waiting.get(request.id) === request) return request
    }
    this.#normal.length = 0
    this.#next = 0
    return undefined
  }

  /** Is the block on a cold disk? Then it is brought into memory, and the request waits at the front. */
  #isCold(request: Request): boolean {
    const { replica } = this.#shared
    if (request.block < 0 || !replica.slot.isCold(request.block, request.block + 1)) return false
    this.#urgent.unshift(request)
    this.#pausing = true
    Warming.on(replica.store).add(() => this.#warm(request))
    return true
  }

  /** Undefined if the block can be read at once by now, or nobody asks for it any more. */
  #warm(request: Request): Promise<void> | undefined {
    const { slot, length } = this.#shared.replica
    const { block } = request
    const goOn = (): void => {
      this.#pausing = false
      this.#again()
    }
    if (this.#peer.closed || !slot.isCold(block, block + 1)) {
      goOn()
      return undefined
    }
    return slot.warm(block, Math.min(block + WARM_BLOCKS, length)).then(goOn, () => {
      // What can't be read is refused, and the others go on; the store reports its own damage.
      if (this.#urgent[0] === request) this.#urgent.shift()
      if (this.#waiting.get(request.id) === request) {
        this.onCancel(request.id)
        this.#refuse(request.id, 'unavailable')
      }
      goOn()
    })
  }

  #pause(): void {
    this.#pausing = true
    this.#shared.clock.soon(() => {
      this.#pausing = false
      this.#again()
    })
  }

  /** Returns the bytes of the block that was sent. */
  #answer(request: Request): number {
    const { replica } = this.#shared
    let why: Refusal | undefined
    let bytes = 0
    try {
      const peer = this.#peer
      peer.reader ??= replica.generation.newReader()
      why = replica.prove(request, proof, peer.reader)
      if (why === undefined) {
        if (proof.claim === CLAIM_BLOCK) bytes = replica.blockBytes(proof.index) ?? 0
        this.#filled = proof.index
        // The block is gone, and a hash is all that there is in its place.
        const isGone = request.block >= 0 && proof.claim === CLAIM_HASH
        if (isGone) peer.sender.unhave(request.block, 1)
        peer.sender.data(request.id, proof, bytes, this.#fill)
      }
    } catch (error) {
      if (!(error instanceof DatError) || error.fault !== 'disk') throw error
      why = 'unavailable'
    }
    if (why !== undefined) {
      this.#refuse(request.id, why)
      return 0
    }
    if (proof.claim === CLAIM_BLOCK) {
      this.#peer.blocksUp++
      this.#peer.bytesUp += bytes
    }
    return bytes
  }

  /** What can't be met is refused; what makes no sense only after a while, and not for ever. */
  #refuse(id: number, why: Refusal): void {
    const { sender } = this.#peer
    if (why !== 'invalid') {
      sender.refuse(id, why)
      return
    }
    const { remotePublicKey } = this.#peer
    const count = ++this.#invalid
    this.#shared.events.emit('invalid-request', { remotePublicKey })
    if (count >= REQUESTS_INVALID_MAX) {
      sender.close(new DatError('OVER_LIMIT', 'Too many requests that make no sense.', { count }))
      return
    }
    const delayMs = count >= 40 ? 5_000 : count >= 5 ? 1_000 : count >= 2 ? 500 : 200
    this.#shared.clock.after(delayMs, () => {
      if (!this.#peer.closed) sender.refuse(id, why)
    })
  }
}

/**
 * How many answers go out together, of so many that somebody waits for: half of them, so that he works on these while we
 * make the others, and asks again meanwhile. All at once, each side would stand still while the other works.
 */
function partOf(urgent: number): number {
  const half = Math.ceil(urgent / 2)
  return half < PART_MIN ? Number.POSITIVE_INFINITY : Math.min(half, PART_MAX)
}

/** Field by field: a generic copy costs as much as finding the proof. */
function copyRequest(from: Readonly<Request>, to: Request): void {
  to.id = from.id
  to.fork = from.fork
  to.block = from.block
  to.hash = from.hash
  to.nodes = from.nodes
  to.digest = from.digest
  to.seekBytes = from.seekBytes
  to.seekPadding = from.seekPadding
  to.upgradeStart = from.upgradeStart
  to.upgradeLength = from.upgradeLength
  to.manifest = from.manifest
  to.priority = from.priority
}
