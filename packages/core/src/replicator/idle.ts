/**
 * The conversations of one connection in which there is nothing to ask and nothing to give: most of ten thousand. Each is a
 * row of flat arrays, which has the number that whoever carries it has for it.
 *
 *   opened ──▶ a row ──anything but lengths, or something happens here──▶ `PeerHandler`, with what was said so far
 *
 * Owns: what both sides have told each other until then: their lengths, and how far they hold the log from 0 on. The rules
 * are those of `negotiate` and `announce`, and what is said is the same to the last byte; but there is no replicator
 * with its rooms, no bookkeeping of requests and no timer. Always true: nobody waits for anything of the log of a row,
 * and nothing of ours waits for a signature or the disk; whoever wants the log's replicator finds this conversation in
 * it, and the row then says no more than who has taken it over.
 */

import { invariant } from '../base/errors.ts'
import { STATUSES_IDLE_MAX } from '../base/limits.ts'
import type { Replica } from '../log/replica.ts'
import type { BriefSender, Handler, Sender, Status } from '../wire/messages.ts'
import type { AttachOptions, PeerHandler } from './handler.ts'
import { type Claim, type IdleClaims, isNoted } from './idle-claims.ts'
import { IdlePeer } from './idle-peer.ts'
import type { Told } from './negotiate.ts'
import { OPEN, type Passage } from './passage.ts'
import type { Replicator } from './replicator.ts'

/** The log of idle conversations. */
export interface IdleHome {
  readonly replica: Replica
  /** Does somebody here want the log as it grows? */
  readonly downloading: boolean
  readonly claims: IdleClaims
  /** Made now if need be; then it takes over all idle conversations of the log, by `IdleRows.moveTo`. */
  readonly replicator: Replicator
  /** This conversation has ended. */
  idleEnded(rows: IdleRows, row: number): void
}

type Announced = Replica['announced']

/** What carries the conversations of a connection. */
export interface IdleCarrier {
  /** Who the other end proved to be; empty if it proved nothing. */
  readonly remotePublicKey: Uint8Array
  /** To say something at once: valid until the next call. */
  brief(row: number): BriefSender
  /** For the rest of the conversation, when there is more to say. */
  sender(row: number): Sender
  options(row: number): AttachOptions
}

/** What was said in a conversation while it was idle, for who goes on with it. */
export interface IdleState extends Told {
  readonly sender: Sender
  readonly options: AttachOptions
  readonly passage: Passage
  readonly contiguous: number
  readonly toldCanUpgrade: boolean
  readonly toldContiguous: number
}

/** May a new conversation about the log be idle? Not where something is to be signed, or to be told to who listens. */
export function mayBeIdle(replica: Replica): boolean {
  const { length, fork, announced, events } = replica
  return (
    announced.length === length &&
    announced.fork === fork &&
    !replica.frozen &&
    !replica.closed &&
    !events.has('remote-contiguous') &&
    !events.has('copies')
  )
}

// Numbers of a row.
const FORK = 0
const LENGTH = 1
/** The length of ours that the remote last heard. */
const ACKNOWLEDGED = 2
/** The remote holds every block below. */
const CONTIGUOUS = 3
const TOLD_CONTIGUOUS = 4
const NUMBERS = 5

// Flags of a row. What the remote told:
const HEARD = 1
const CAN_UPGRADE = 2
const UPLOADING = 4
const DOWNLOADING = 8
const HAS_MANIFEST = 16
/** It has told a status in this frame. */
const STATUS_DUE = 32
/** It has told in this frame that it holds more. */
const IS_NEWS = 64
// And what is true of ours:
const TOLD_CAN_UPGRADE = 128
/** What it holds is still to be noted in the log's record. */
const UNKEPT = 256
/** Statuses that came, counted in the bits above. */
const ONE_STATUS = 512

const told: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: false,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

/** Those of one connection. */
export class IdleRows {
  readonly carrier: IdleCarrier
  /** What the remote says in any of them is heard by this one. */
  readonly #peer: IdlePeer = new IdlePeer(this, 0)
  readonly #homes: (IdleHome | undefined)[] = []
  readonly #passages: Passage[] = []
  /** Who goes on with a conversation that is idle no more. */
  readonly #nexts: (PeerHandler | undefined)[] = []
  #flags = new Uint32Array(1)
  #numbers = new Float64Array(NUMBERS)

  constructor(carrier: IdleCarrier) {
    this.carrier = carrier
  }

  /** A conversation begins: tells where we are and what we hold. */
  begin(row: number, home: IdleHome, passage: Passage): void {
    this.#make(row, passage)
    this.#homes[row] = home
    const { replica } = home
    this.#tell(row, home)
    const end = Math.min(replica.slot.contiguousLength, replica.announced.length)
    this.#numbers[row * NUMBERS + TOLD_CONTIGUOUS] = end
    if (end > 0) this.carrier.brief(row).have(0, end)
  }

  /** A conversation begins that was never idle. */
  beginAwake(row: number, passage: Passage, handler: PeerHandler): void {
    this.#make(row, passage)
    this.#nexts[row] = handler
  }

  /** The conversation goes on in the log's replicator. */
  moveTo(row: number, replicator: Replicator): void {
    const state = this.#state(row)
    this.#homes[row] = undefined
    this.#flags[row] = 0
    this.#nexts[row] = replicator.takeOver(state)
  }

  /** Who goes on with it, if it is idle no more. */
  nextOf(row: number): PeerHandler | undefined {
    return this.#nexts[row]
  }

  /** How the conversation goes on when there is more to say. */
  awake(row: number): PeerHandler {
    // Its making moves us.
    void this.#homes[row]?.replicator
    const next = this.#nexts[row]
    invariant(next !== undefined, 'An idle conversation was not taken over.')
    return next
  }

  /** Who hears what the remote says; valid for one message. */
  handlerOf(row: number): Handler {
    const next = this.#nexts[row]
    if (next !== undefined) return next
    this.#peer.row = row
    return this.#peer
  }

  passage(row: number): Passage {
    return this.#passages[row] ?? OPEN
  }

  /** From now on this may pass; what is said changes with its switches only. */
  regulate(row: number, passage: Passage): void {
    const before = this.passage(row)
    this.#passages[row] = passage
    const { uploads, downloads } = before
    const home = this.#homes[row]
    if (home === undefined) this.#nexts[row]?.regulate(passage)
    else if (uploads !== passage.uploads || downloads !== passage.downloads) this.#tell(row, home)
  }

  /** Whether somebody holds the log has changed here. */
  tellAgain(row: number): void {
    const home = this.#homes[row]
    if (home === undefined) return
    this.#tell(row, home)
    this.#endIfUnwanted(row, home)
  }

  /**
   * The conversation has ended, and nothing of it is left here. Returns whether the remote ended it because it wanted
   * nothing itself; undefined if it was idle no more, and others tell that.
   */
  end(row: number, error: Error | undefined): boolean | undefined {
    const home = this.#homes[row]
    const next = this.#nexts[row]
    const flags = this.#flags[row] ?? 0
    const claim = this.takeClaim(row)
    this.#homes[row] = undefined
    this.#nexts[row] = undefined
    next?.onClose(error)
    if (home === undefined) return undefined
    if (claim !== undefined) home.claims.addEnded(claim)
    home.idleEnded(this, row)
    const { remotePublicKey } = this.carrier
    const { events } = home.replica
    if (events.has('peer-remove')) events.emit('peer-remove', { remotePublicKey, error })
    return error === undefined && (flags & (HEARD | DOWNLOADING)) === HEARD
  }

  // ---- From the remote, while it is idle

  /** False if so many have come that who is awake is to count them, and hold them back. */
  onStatus(row: number, status: Readonly<Status>): boolean {
    const before = (this.#flags[row] ?? 0) + ONE_STATUS
    if (before >= (STATUSES_IDLE_MAX + 1) * ONE_STATUS) return false
    const at = row * NUMBERS
    const numbers = this.#numbers
    numbers[at + FORK] = status.fork
    numbers[at + LENGTH] = status.length
    numbers[at + ACKNOWLEDGED] = status.remoteLength
    if (status.length < (numbers[at + CONTIGUOUS] ?? 0)) numbers[at + CONTIGUOUS] = status.length
    this.#flags[row] =
      (before & ~(CAN_UPGRADE | UPLOADING | DOWNLOADING | HAS_MANIFEST)) |
      (status.canUpgrade ? CAN_UPGRADE : 0) |
      (status.uploading ? UPLOADING : 0) |
      (status.downloading ? DOWNLOADING : 0) |
      (status.hasManifest ? HAS_MANIFEST : 0) |
      (HEARD | STATUS_DUE)
    return true
  }

  /** It holds every block below. */
  contiguous(row: number): number {
    return this.#numbers[row * NUMBERS + CONTIGUOUS] ?? 0
  }

  /** It holds every block below `end` from now on. */
  onContiguous(row: number, end: number): void {
    if (end <= this.contiguous(row)) return
    this.#numbers[row * NUMBERS + CONTIGUOUS] = end
    this.#flags[row] = (this.#flags[row] ?? 0) | IS_NEWS
  }

  /** False if what it has said is more than lengths can answer: it is behind us, and asks then; if it is ahead, we do. */
  onFrameEnd(row: number): boolean {
    const flags = this.#flags[row] ?? 0
    const home = this.#homes[row]
    if (home === undefined || (flags & (STATUS_DUE | IS_NEWS)) === 0) return true
    const isDue = (flags & STATUS_DUE) !== 0
    const { replica } = home
    const at = row * NUMBERS
    const theirs = this.#numbers[at + LENGTH] ?? 0
    if (isDue && (this.#numbers[at + FORK] !== replica.fork || theirs > replica.length))
      return false
    this.#flags[row] = flags & ~(STATUS_DUE | IS_NEWS)
    if ((flags & IS_NEWS) !== 0) this.#claimed(row, home)
    if (!isDue) return true
    const toldCanUpgrade = (flags & TOLD_CAN_UPGRADE) !== 0
    const { announced } = replica
    const isLonger = announced.length > theirs
    if (isLonger || this.#canUpgrade(row, replica, announced) !== toldCanUpgrade) {
      this.#tell(row, home)
    }
    this.#endIfUnwanted(row, home)
    return true
  }

  /** Does somebody listen to messages of this name? */
  isHeard(row: number, name: string): boolean {
    const extensions = this.#homes[row]?.replica.extensions
    return extensions !== undefined && extensions.listeners(name).length > 0
  }

  // ---- Claims

  #claimed(row: number, home: IdleHome): void {
    const flags = this.#flags[row] ?? 0
    if ((flags & UNKEPT) !== 0 || this.carrier.remotePublicKey.length === 0) return
    if (!isNoted(home.replica)) return
    this.#flags[row] = flags | UNKEPT
    home.claims.add(this, row)
  }

  /** What is to be noted of what the remote holds, once. */
  takeClaim(row: number): Claim | undefined {
    const flags = this.#flags[row] ?? 0
    const home = this.#homes[row]
    if (home === undefined || (flags & UNKEPT) === 0) return undefined
    this.#flags[row] = flags & ~UNKEPT
    const { remotePublicKey } = this.carrier
    const fork = this.#numbers[row * NUMBERS + FORK] ?? 0
    return { replica: home.replica, remotePublicKey, fork, end: this.contiguous(row) }
  }

  // ---- Inside

  #make(row: number, passage: Passage): void {
    while (this.#homes.length <= row) {
      this.#homes.push(undefined)
      this.#nexts.push(undefined)
      this.#passages.push(passage)
    }
    if (row >= this.#flags.length) this.#grow(row)
    this.#passages[row] = passage
    this.#flags[row] = UPLOADING | DOWNLOADING
    this.#numbers.fill(0, row * NUMBERS, (row + 1) * NUMBERS)
  }

  #grow(row: number): void {
    const rows = 2 * row
    const flags = new Uint32Array(rows)
    const numbers = new Float64Array(rows * NUMBERS)
    flags.set(this.#flags)
    numbers.set(this.#numbers)
    this.#flags = flags
    this.#numbers = numbers
  }

  #state(row: number): IdleState {
    const flags = this.#flags[row] ?? 0
    const has = (flag: number): boolean => (flags & flag) !== 0
    const number = (which: number): number => this.#numbers[row * NUMBERS + which] ?? 0
    return {
      sender: this.carrier.sender(row),
      options: this.carrier.options(row),
      passage: this.passage(row),
      heard: has(HEARD),
      fork: number(FORK),
      length: number(LENGTH),
      acknowledged: number(ACKNOWLEDGED),
      canUpgrade: has(CAN_UPGRADE),
      uploading: has(UPLOADING),
      downloading: has(DOWNLOADING),
      hasManifest: has(HAS_MANIFEST),
      statusDue: has(STATUS_DUE),
      contiguous: number(CONTIGUOUS),
      toldCanUpgrade: has(TOLD_CAN_UPGRADE),
      toldContiguous: number(TOLD_CONTIGUOUS),
    }
  }

  #canUpgrade(row: number, replica: Replica, { length, fork }: Announced): boolean {
    if (((this.#flags[row] ?? 0) & HEARD) === 0) return fork === 0
    const theirs = this.#numbers[row * NUMBERS + LENGTH] ?? 0
    return theirs === 0 || (theirs < length && replica.canProveUpgradeFrom(theirs))
  }

  #tell(row: number, home: IdleHome): void {
    const { replica } = home
    const { announced } = replica
    const { uploads, downloads } = this.passage(row)
    const flags = this.#flags[row] ?? 0
    told.fork = announced.fork
    told.length = announced.length
    told.remoteLength = (flags & HEARD) === 0 ? 0 : (this.#numbers[row * NUMBERS + LENGTH] ?? 0)
    told.canUpgrade = this.#canUpgrade(row, replica, announced)
    told.uploading = uploads
    told.downloading = downloads && home.downloading
    told.hasManifest = replica.hasManifest
    this.#flags[row] = told.canUpgrade ? flags | TOLD_CAN_UPGRADE : flags & ~TOLD_CAN_UPGRADE
    this.carrier.brief(row).status(told)
  }

  /** Neither side wants anything of the other: the next conversation begins when it is needed. */
  #endIfUnwanted(row: number, home: IdleHome): void {
    const isUnwanted = ((this.#flags[row] ?? 0) & (HEARD | DOWNLOADING)) === HEARD
    if (isUnwanted && !home.downloading) this.carrier.brief(row).close()
  }
}
