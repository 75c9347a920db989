/**
 * A conversation in which there is nothing to ask and nothing to give: most of ten thousand on a connection.
 *
 *   opened ──▶ idle ──anything but lengths, or something happens here──▶ `PeerHandler`, with what was said so far
 *
 * Owns: what both sides have told each other until then: their lengths, and how far they hold the log from 0 on. The rules
 * are those of `negotiate` and `announce`, and what is said is the same to the last byte; but there is no replicator
 * with its rooms, no bookkeeping of requests and no timer. Always true: nobody here waits for anything of this log, and
 * nothing of ours waits for a signature or the disk; whoever wants the log's replicator finds this conversation in it.
 */

import { invariant } from '../base/errors.ts'
import { STATUSES_IDLE_MAX } from '../base/limits.ts'
import type { Replica } from '../log/replica.ts'
import type { BlockRun } from '../tree/block-run.ts'
import type { Proof } from '../tree/proof.ts'
import type { Handler, Refusal, Request, Sender, Status } from '../wire/messages.ts'
import type { AttachOptions, PeerHandler } from './handler.ts'
import type { IdleClaims } from './idle-claims.ts'
import { note, type Told } from './negotiate.ts'
import { OPEN, type Passage } from './passage.ts'
import type { Replicator } from './replicator.ts'

/** The log of idle conversations. */
export interface IdleHome {
  readonly replica: Replica
  /** Does somebody here want the log as it grows? */
  readonly downloading: boolean
  readonly claims: IdleClaims
  /** Made now if need be; then it takes over all idle conversations of the log, by `IdlePeer.moveTo`. */
  readonly replicator: Replicator
  /** This conversation has ended. */
  idleEnded(idle: IdlePeer): void
}

/** May a new conversation about the log be idle? Not where something is to be signed, or to be told to who listens. */
export function mayBeIdle(replica: Replica, sender: Sender): boolean {
  const { announcedLength, announcedFork, length, fork, events } = replica
  return (
    announcedLength === length &&
    announcedFork === fork &&
    !replica.frozen &&
    !replica.closed &&
    !sender.abilities.waitsForEnd &&
    !sender.wantsAcks &&
    !events.has('remote-contiguous') &&
    !events.has('copies')
  )
}

const told: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: false,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

/** One of them. */
export class IdlePeer implements Handler, Told {
  readonly sender: Sender
  readonly options: AttachOptions
  /** What may pass; what is said changes with its switches only. */
  passage: Passage
  readonly #home: IdleHome
  /** Who hears what is said from now on. */
  #next: PeerHandler | undefined = undefined

  // ---- What the remote told ----

  heard = false
  fork = 0
  length = 0
  /** The length of ours that it last heard. */
  acknowledged = 0
  canUpgrade = false
  uploading = true
  downloading = true
  hasManifest = false
  /** It holds every block below. */
  contiguous = 0
  /** It has told a status in this frame. */
  statusDue = false
  #statuses = 0
  #isNews = false

  // ---- What we told ----

  toldCanUpgrade = false
  toldContiguous = 0

  constructor(home: IdleHome, sender: Sender, options: AttachOptions) {
    this.#home = home
    this.sender = sender
    this.options = options
    this.passage = options.passage ?? OPEN
  }

  get replica(): Replica {
    return this.#home.replica
  }

  /** Is it no more idle, so that others answer for what it claims? */
  get isMoved(): boolean {
    return this.#next !== undefined
  }

  /** Tells where we are and what we hold. */
  begin(): void {
    const { announcedLength, slot } = this.#home.replica
    this.#tell()
    const end = Math.min(slot.contiguousLength, announcedLength)
    this.toldContiguous = end
    if (end > 0) this.sender.have(0, end)
  }

  /** The conversation goes on in the log's replicator. */
  moveTo(replicator: Replicator): void {
    this.#next = replicator.takeOver(this)
  }

  /** From now on this may pass. */
  regulate(passage: Passage): void {
    const { uploads, downloads } = this.passage
    this.passage = passage
    if (this.#next !== undefined) this.#next.regulate(passage)
    else if (uploads !== passage.uploads || downloads !== passage.downloads) this.#tell()
  }

  /** Whether somebody holds the log has changed here. */
  tellAgain(): void {
    this.#tell()
    this.#endIfUnwanted()
  }

  /** How the conversation goes on when there is more to say. */
  get awake(): PeerHandler {
    // Its making moves us.
    if (this.#next === undefined) void this.#home.replicator
    const next = this.#next
    invariant(next !== undefined, 'An idle conversation was not taken over.')
    return next
  }

  // ---- From the remote

  onStatus(status: Readonly<Status>): void {
    // Who talks so much is counted, and held back.
    if (this.#next !== undefined || ++this.#statuses > STATUSES_IDLE_MAX) {
      this.awake.onStatus(status)
      return
    }
    if (status.length < this.contiguous) this.contiguous = status.length
    note(this, status)
  }

  onHave(start: number, length: number): void {
    if (this.#next !== undefined || start > this.contiguous) {
      this.awake.onHave(start, length)
      return
    }
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER)
    if (end <= this.contiguous) return
    this.contiguous = end
    this.#isNews = true
  }

  onFrameEnd(): void {
    if (this.#next !== undefined || (this.statusDue && !this.#isIdle)) {
      this.awake.onFrameEnd()
      return
    }
    if (this.#isNews) this.#claimed()
    if (this.statusDue) this.#reply()
  }

  onUnhave(start: number, length: number): void {
    if (this.#next !== undefined || start < this.contiguous) this.awake.onUnhave(start, length)
  }

  onBitfield(start: number, words: Uint32Array): void {
    this.awake.onBitfield(start, words)
  }

  onWant(start: number, length: number, any: boolean): void {
    this.awake.onWant(start, length, any)
  }

  onUnwant(start: number, length: number): void {
    this.#next?.onUnwant(start, length)
  }

  onRequest(request: Readonly<Request>): void {
    this.awake.onRequest(request)
  }

  onCancel(id: number): void {
    this.#next?.onCancel(id)
  }

  onData(id: number, proof: Proof): void {
    this.awake.onData(id, proof)
  }

  onBlocks(run: BlockRun): void {
    this.awake.onBlocks(run)
  }

  onRefusal(id: number, _reason: Refusal): void {
    this.#next?.onRefusal(id)
  }

  onExtension(name: string, message: Uint8Array): void {
    if (this.#home.replica.extensions.listeners(name).length > 0) {
      this.awake.onExtension(name, message)
    }
  }

  onWritable(): void {
    this.#next?.onWritable()
  }

  onClose(error: Error | undefined): void {
    if (this.#next !== undefined) {
      this.#next.onClose(error)
      return
    }
    const { options } = this
    this.#home.idleEnded(this)
    const { remotePublicKey } = options
    if (remotePublicKey !== undefined) {
      this.#home.replica.events.emit('peer-remove', { remotePublicKey, error })
    }
    options.onEnd?.(error === undefined && this.heard && !this.downloading, error)
  }

  // ---- Inside

  /** The remote may be behind us, and asks then; if it is ahead, we do. */
  get #isIdle(): boolean {
    const { fork, length } = this.#home.replica
    return this.fork === fork && this.length <= length
  }

  #canUpgrade(): boolean {
    const { replica } = this.#home
    if (!this.heard) return replica.announcedFork === 0
    if (this.length === 0) return true
    return this.length < replica.announcedLength && replica.canProveUpgradeFrom(this.length)
  }

  #tell(): void {
    const { replica, downloading } = this.#home
    const { uploads, downloads } = this.passage
    told.fork = replica.announcedFork
    told.length = replica.announcedLength
    told.remoteLength = this.heard ? this.length : 0
    told.canUpgrade = this.#canUpgrade()
    told.uploading = uploads
    told.downloading = downloads && downloading
    told.hasManifest = replica.hasManifest
    this.toldCanUpgrade = told.canUpgrade
    this.sender.status(told)
  }

  #reply(): void {
    this.statusDue = false
    const isLonger = this.#home.replica.announcedLength > this.length
    if (isLonger || this.#canUpgrade() !== this.toldCanUpgrade) this.#tell()
    this.#endIfUnwanted()
  }

  /** Neither side wants anything of the other: the next conversation begins when it is needed. */
  #endIfUnwanted(): void {
    if (this.heard && !this.downloading && !this.#home.downloading) this.sender.close()
  }

  #claimed(): void {
    this.#isNews = false
    const { remotePublicKey } = this.options
    if (remotePublicKey !== undefined && remotePublicKey.length > 0) this.#home.claims.add(this)
  }
}
