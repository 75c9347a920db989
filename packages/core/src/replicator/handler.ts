/**
 * One conversation, from the first status to the end: what a remote says goes to the room that it concerns.
 *
 * Owns: the order of work after a frame. What came is committed at its end; then, in the same turn unless many logs
 * have work, we answer the newest status, then the requests, and ask for more. So the answer to one frame is one
 * frame.
 */

import { asError } from '../base/errors.ts'
import { STATUSES_PER_SECOND_MAX } from '../base/limits.ts'
import type { Turns, Worker } from '../base/turns.ts'
import type { BlockRun } from '../tree/block-run.ts'
import { Proof } from '../tree/proof.ts'
import type { Handler, Request, Status } from '../wire/messages.ts'
import type { Announcer } from './announce.ts'
import type { ConnectionBudget } from './budget.ts'
import type { Challenges } from './challenges.ts'
import type { Copies } from './copies.ts'
import { Describer } from './describe.ts'
import type { Horizon } from './horizon.ts'
import { messengerOf } from './messenger.ts'
import { hear, isDone, reply, tell } from './negotiate.ts'
import type { Passage } from './passage.ts'
import type { Peer } from './peer.ts'
import type { Receiver } from './receive.ts'
import type { Reorgs } from './reorgs.ts'
import { Server } from './serve.ts'
import type { Shared } from './shared.ts'
import { Subscriptions } from './subscriptions.ts'

const SECOND_MS = 1_000

/** What a conversation needs of the log that it is about. */
export interface Rooms {
  readonly shared: Shared
  readonly announcer: Announcer
  readonly challenges: Challenges
  readonly copies: Copies
  readonly horizon: Horizon
  readonly receiver: Receiver
  readonly reorgs: Reorgs
  readonly turns: Turns
  /** Asks for whatever may be asked for, after what is going on now. */
  wake(): void
  /** Neither side wants anything: may the conversation end? */
  onStatus(peer: Peer): void
  /** What may pass with a peer has changed. */
  onPassage(): void
  onClose(peer: Peer, error: Error | undefined): void
}

/** One for all: what is kept of an answer is copied. */
const alone = new Proof()

/** Who opens a conversation, and what he wants to hear of it. Kept as long as it lasts. */
export interface AttachOptions {
  readonly remotePublicKey?: Uint8Array
  /** Shared by all logs of the connection. */
  readonly budget?: ConnectionBudget
  /** What may pass, as of the beginning; `PeerHandler.regulate` changes it. Default: everything. */
  readonly passage?: Passage
  /** The conversation has ended; did the remote end it because it wanted nothing itself? */
  onEnd?(isRemoteIdle: boolean, error: Error | undefined): void
}

export class PeerHandler implements Handler, Worker {
  readonly #peer: Peer
  readonly #rooms: Rooms
  #server: Server | undefined = undefined
  #describer: Describer | undefined = undefined
  /** What the remote holds has changed in this frame. */
  #isNews = false
  #isAsking = false
  /** The remote had all it came for. */
  #isLetGo = false
  /** The remote tells its status too often. */
  #isHeldBack = false

  readonly #options: AttachOptions

  constructor(peer: Peer, rooms: Rooms, options: AttachOptions) {
    this.#peer = peer
    this.#rooms = rooms
    this.#options = options
  }

  get priority(): number {
    return this.#peer.passage.priority
  }

  /** From now on this may pass. The remote is told of switches before what it asked for is refused. */
  regulate(passage: Passage): void {
    const peer = this.#peer
    const before = peer.passage
    if (peer.closed || before === passage) return
    if (this.#server !== undefined) before.up.leave(this.#server)
    peer.passage = passage
    const { shared } = this.#rooms
    if (!passage.downloads && peer.inFlight > 0) this.#cancelAll()
    const isSwitched = before.uploads !== passage.uploads || before.downloads !== passage.downloads
    if (isSwitched) tell(shared, peer)
    if (!passage.uploads) this.#server?.refuseAll()
    shared.version++
    this.#rooms.onPassage()
    this.#ask()
    this.#rooms.wake()
  }

  #cancelAll(): void {
    const { receiver } = this.#rooms
    this.#peer.requests.each((flight) => receiver.end(this.#peer, flight, 'cancelled'))
  }

  /** Requests of the remote that wait. */
  get queued(): number {
    return this.#server?.queued ?? 0
  }

  /** Every status is remembered, so that the newest counts; only so many a second are acted on. */
  onStatus(status: Readonly<Status>): void {
    const peer = this.#peer
    hear(peer, status)
    // Nobody serves what we have asked for any more, and that is no refusal to be held against it.
    if (!peer.uploading && peer.inFlight > 0) this.#cancelAll()
    if (++peer.statuses <= STATUSES_PER_SECOND_MAX || this.#isHeldBack) return
    const { clock } = this.#rooms.shared
    const sinceMs = clock.now() - peer.statusesFrom
    if (sinceMs >= SECOND_MS) {
      peer.statuses = 1
      peer.statusesFrom = clock.now()
      return
    }
    this.#isHeldBack = true
    clock.after(SECOND_MS - sinceMs, () => {
      this.#isHeldBack = false
      peer.statuses = 0
      peer.statusesFrom = clock.now()
      this.#ask()
      this.#rooms.wake()
    })
  }

  /** A receipt is a claim as any other: that the remote holds these blocks. */
  onHave(start: number, length: number): void {
    this.#peer.has.have(start, length)
    this.#rooms.copies.have(this.#peer, start, length)
    this.#isNews = true
  }

  onUnhave(start: number, length: number): void {
    this.#peer.has.unhave(start, length)
    this.#rooms.copies.unhave(this.#peer, start, length)
  }

  onBitfield(start: number, words: Uint32Array): void {
    this.#peer.has.words(start, words, this.#peer.length)
    this.#rooms.copies.bitfield(this.#peer, start, words)
    this.#isNews = true
  }

  onWant(start: number, length: number, any: boolean): void {
    this.#peer.subscriptions ??= new Subscriptions()
    this.#peer.subscriptions.add(start, length, any)
    const { shared, announcer } = this.#rooms
    this.#describer ??= new Describer(
      shared,
      this.#peer,
      () => announcer.contiguous,
      () => this.#ask(),
    )
    this.#describer.onWant(start, length, any)
  }

  onUnwant(start: number, length: number): void {
    this.#peer.subscriptions?.remove(start, length)
  }

  onRequest(request: Readonly<Request>): void {
    this.#server ??= new Server(this.#rooms.shared, this.#peer, () => this.#ask())
    this.#server.onRequest(request)
  }

  onCancel(id: number): void {
    this.#server?.onCancel(id)
  }

  onData(id: number, proof: Proof): void {
    if (id === 0) this.#rooms.reorgs.onHead(this.#peer, proof)
    else if (this.#rooms.challenges.onData(this.#peer, id, proof)) return
    else this.#rooms.receiver.onData(this.#peer, id, proof)
  }

  /** What is not plainly right is looked at alone, and so are answers to challenges. */
  onBlocks(run: BlockRun): void {
    const { receiver } = this.#rooms
    for (let i = 0; i < run.length && !this.#peer.closed; i++) {
      i = receiver.onBlocks(this.#peer, run, i)
      if (i === run.length) return
      alone.reset()
      run.copyTo(alone, i)
      this.onData(run.ids[i] ?? 0, alone)
    }
  }

  onRefusal(id: number): void {
    if (this.#rooms.challenges.onRefusal(this.#peer, id)) return
    this.#rooms.receiver.onRefusal(this.#peer, id)
  }

  onExtension(name: string, message: Uint8Array): void {
    const { replica } = this.#rooms.shared
    if (replica.extensions.listeners(name).length === 0) return
    messengerOf(replica, this.#peer).onMessage(name, message)
  }

  onFrameEnd(): void {
    const { shared, receiver } = this.#rooms
    if (this.#isNews) {
      shared.version++
      this.#rooms.horizon.look(this.#peer)
    }
    this.#isNews = false
    receiver.onFrameEnd()
    if (this.#isHeldBack && this.queued === 0) return
    if (this.#peer.statusDue || this.queued > 0 || this.#peer.isLeaving) this.#ask()
    this.#rooms.wake()
  }

  onWritable(): void {
    this.#peer.messenger?.onWritable()
    this.#ask()
  }

  /** A mistake of ours in answering one remote ends that conversation, and nothing else. */
  onTurn(): void {
    this.#isAsking = false
    if (this.#peer.closed) return
    try {
      this.#answer()
    } catch (error) {
      this.#peer.sender.close(asError(error))
    }
  }

  /** Asks for a turn. */
  #ask(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#rooms.turns.add(this)
  }

  #answer(): void {
    if (this.#peer.statusDue) {
      reply(this.#rooms.shared, this.#peer)
      this.#rooms.onStatus(this.#peer)
    }
    this.#describer?.run()
    this.#server?.run()
    this.#end()
    // Most conversations are idle most of the time, and an idle one keeps nothing.
    if (this.#server?.isSpare === true) this.#server = undefined
  }

  /** Who has all it came for, and would wait for us, is let go. */
  #end(): void {
    if (this.queued > 0 || !isDone(this.#rooms.shared, this.#peer)) return
    this.#isLetGo = true
    this.#peer.sender.close()
  }

  onClose(error: Error | undefined): void {
    if (this.#peer.closed) return
    this.#peer.closed = true
    this.#server?.close()
    this.#peer.messenger?.onClose()
    this.#rooms.onClose(this.#peer, error)
    const isIdle = error === undefined && this.#peer.heard && !this.#peer.downloading
    this.#options.onEnd?.(isIdle && !this.#isLetGo, error)
  }
}
