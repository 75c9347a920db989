/**
 * All we know of one remote in the conversation about one log.
 *
 * Owns: the remote's state as it tells it, what we told it, what it owes us and how it has behaved. It decides
 * nothing and sends nothing. Conversations are many (ten thousand logs on a connection) and most of them
 * idle, so whatever only a transfer needs is made when one begins.
 */

import { REFUSALS_MAX, REQUESTS_QUEUED_MAX, UNANSWERED_MAX } from '../base/limits.ts'
import type { ReaderMemory } from '../tree/digest.ts'
import type { Sender } from '../wire/messages.ts'
import { Availability } from './availability.ts'
import type { ConnectionBudget } from './budget.ts'
import type { Messenger } from './messenger.ts'
import type { Passage, Passenger } from './passage.ts'
import { Requests } from './requests.ts'
import type { Subscriptions } from './subscriptions.ts'
import { Window } from './window.ts'

/** What one frame asks for: a stock peer answers a frame when all its answers are ready (performance 4.5). */
const FRAME_BLOCKS = 128
const FRAME_BYTES = 1_048_576
/** Room in a remote's queue that stays free for what is urgent. */
const URGENT_BLOCKS = 64

export class Peer {
  readonly sender: Sender
  readonly remotePublicKey: Uint8Array
  readonly budget: ConnectionBudget
  /** What may pass between us; who asks on our side waits in its lanes. */
  passage: Passage
  readonly #asker: Passenger
  /** Distinguishes peers of one log; never reused. */
  readonly id: number
  closed = false

  // ---- What the remote told ----

  /** A status has come. */
  heard = false
  fork = 0
  length = 0
  /** The length of ours that it last heard, if on the same fork. */
  acknowledged = 0
  canUpgrade = false
  uploading = true
  downloading = true
  hasManifest = false
  readonly has: Availability = new Availability()
  /** Of what it holds below, we lacked nothing when we last looked. */
  matchedTo = 0
  /** A status came in this frame and was not looked at. */
  statusDue = false

  // ---- What we told ----

  toldCanUpgrade = true
  /** `have(0, n)` was sent. */
  toldContiguous = 0
  /** Batches of blocks that we sent a Want for. */
  wanted: Set<number> | undefined = undefined
  /** Blocks that it sent and wants a receipt for, as soon as they are on the disk. */
  receipts: Set<number> | undefined = undefined
  /** What it asked us to tell it. */
  subscriptions: Subscriptions | undefined = undefined
  /** When we last told where we are; the conversation begins with it. */
  toldAt = 0

  // ---- What is going on ----

  /** Made when applications first say something in this conversation. */
  messenger: Messenger | undefined = undefined
  #requests: Requests | undefined = undefined
  #window: Window | undefined = undefined
  /** Where it goes on in the range that it works at. */
  cursorRange: object | undefined = undefined
  cursor = 0
  /** Blocks that this round of the search has still to look at. */
  left = 0
  /** It looks only into chunks that nobody else works at. */
  alone = true
  /** Nothing to ask it for, as of this version of the work (`Shared.version`). */
  dryAt = -1
  /** What the frame that is being written asks for, since a remote may answer all of it at once. */
  frameBlocks = 0
  frameBytes = 0

  // ---- How it has behaved ----

  /** Answers that failed verification. */
  wrongProofs = 0
  /** Refusals since it last delivered. */
  refusals = 0
  /** Let a deadline pass and has delivered nothing since. */
  late = false
  /** Not asked for anything before this. */
  restUntil = 0
  /** It lied about this log before, too often: the same, whatever it says now. */
  distrustedUntil = 0
  /** The claim, a length or a fork, that it refused to prove or did not; and when it is asked about it again. */
  failedLength = -1
  failedFork = -1
  retryAt = 0
  /** Claims that failed since one was proved. */
  failures = 0
  conflictChecked = false
  /** What its requests have said that it holds of the tree, in generations where they say so. */
  reader: ReaderMemory | undefined = undefined
  /** Heads that it sent to be compared with ours. */
  heads = 0
  /** Statuses of this second, and when it began. */
  statuses = 0
  statusesFrom = 0

  blocksDown = 0
  bytesDown = 0
  blocksUp = 0
  bytesUp = 0
  /** When it last delivered anything. */
  deliveredAt = 0

  constructor(
    sender: Sender,
    remotePublicKey: Uint8Array,
    budget: ConnectionBudget,
    passage: Passage,
    asker: Passenger,
    id: number,
    now: number,
  ) {
    this.sender = sender
    this.remotePublicKey = remotePublicKey
    this.budget = budget
    this.passage = passage
    this.#asker = asker
    this.id = id
    this.toldAt = now
  }

  get requests(): Requests {
    this.#requests ??= new Requests()
    return this.#requests
  }

  get inFlight(): number {
    return this.#requests === undefined ? 0 : this.#requests.active
  }

  /** Lets go of what the next request would make anew. */
  rest(): void {
    if (this.#requests?.isSpare === true) this.#requests = undefined
  }

  get window(): Window | undefined {
    return this.#window
  }

  /** The first request of a log finds the way as wide as another one has left it, if it has it for itself. */
  windowOrNew(blockBytes: number): Window {
    const { asked, windowBytes } = this.budget
    this.#window ??= new Window(blockBytes, asked > 1 ? 0 : windowBytes)
    return this.#window
  }

  /** May it be asked for anything now? */
  askable(now: number): boolean {
    return (
      !this.closed &&
      this.heard &&
      this.uploading &&
      this.passage.downloads &&
      now >= this.restUntil &&
      now >= this.distrustedUntil &&
      this.budget.hasRoom &&
      (this.#requests === undefined || this.#requests.size < UNANSWERED_MAX)
    )
  }

  /** Does the window have room for a block of a range? */
  get hasRoom(): boolean {
    const window = this.#window
    if (!this.budget.hasRoom || !this.passage.down.admits(this.#asker)) return false
    if (window === undefined) return true
    return window.hasRoom && window.blocks < window.blocksMax - URGENT_BLOCKS
  }

  /** What a caller waits for may overdraw the bytes of the window, not the remote's queue. */
  get hasUrgentRoom(): boolean {
    if (!this.budget.hasRoom || this.inFlight >= REQUESTS_QUEUED_MAX) return false
    if (!this.passage.down.admits(this.#asker)) return false
    return this.#window === undefined || this.#window.hasUrgentRoom
  }

  /** A request for a block was written. A frame that asks for as much as a remote answers at once goes out. */
  asked(bytes: number): void {
    this.frameBlocks++
    this.frameBytes += bytes
    if (this.frameBlocks >= FRAME_BLOCKS || this.frameBytes >= FRAME_BYTES) this.endFrame()
  }

  /** What it has been asked goes out now. */
  endFrame(): void {
    this.frameBlocks = 0
    this.frameBytes = 0
    this.sender.flush()
  }

  /** Asked only if nobody better has it. */
  get suspect(): boolean {
    return this.late || this.wrongProofs > 0 || this.refusals >= REFUSALS_MAX
  }

  /** It came for something, downloads no more, and waits for us to end the conversation. */
  get isLeaving(): boolean {
    if (this.downloading || !this.sender.abilities.waitsForEnd) return false
    return this.subscriptions !== undefined || this.blocksUp > 0
  }

  /** Does it claim a block of our history? */
  holds(block: number): boolean {
    return block < this.length && this.has.has(block)
  }

  /** Does it claim every block of its length? */
  get complete(): boolean {
    return this.has.contiguous >= this.length
  }
}
