/**
 * The conversations about logs on one connection, whatever carries them.
 *
 * Owns: the pairing of conversations with open logs. The logs that are held here are opened, in slices that leave
 * the event loop free; a log that the remote opens is answered if it is stored here; both only as far as the gate
 * (`gate.ts`) lets them, and again when its rules change. Always true: one conversation for each log at most; what
 * is wrong with one log ends the conversation about it and no other, and that log rests with this peer for a
 * while; when the connection has ended nothing of it is left.
 */

import type { Clock } from '../base/clock.ts'
import type { DatError } from '../base/errors.ts'
import { TURN_ITEMS, WITHHELD_MAX } from '../base/limits.ts'
import { TurnPace } from '../base/pace.ts'
import { copy, EMPTY, fromHex, hex } from '../bytes/bytes.ts'
import { ConnectionBudget } from '../replicator/budget.ts'
import type { Passage } from '../replicator/passage.ts'
import type { Muxer } from '../wire/channel.ts'
import type { LogChannel, LogOpening } from '../wire/gen3.ts'
import type { Gate } from './gate.ts'
import { LogTalks } from './log-talks.ts'
import type { OpenLog } from './open-log.ts'
import { isOffence } from './standing.ts'
import { OneTalk } from './talk.ts'

/** Generations of logs. */
export type Generations = ReadonlySet<number>

/** What connections ask of the store that they belong to. */
export interface Directory {
  readonly clock: Clock
  readonly gate: Gate
  /** The key of a stored log, if it is of one of these generations; valid until the next call. */
  keyOf(discoveryKey: Uint8Array, generations: Generations): Uint8Array | undefined
  /** Opens a stored log of one of these generations in memory. */
  openStored(discoveryKey: Uint8Array, generations: Generations): OpenLog | undefined
  /** A conversation has ended by the remote's fault; there is no other one for `restMs`. */
  onOffence(remotePublicKey: Uint8Array, log: OpenLog, error: DatError, restMs: number): void
}

/** A connection on which logs are spoken about. */
export interface Speaker {
  readonly closed: boolean
  /** The gate knows the peer by it. */
  readonly peerKey: Uint8Array
  /** Who the other end proved to be; empty if it proved nothing. */
  readonly remotePublicKey: Uint8Array
  /**
   * Opens our side of a conversation about the log: as a row (`Talks.rows`), or with an object (`Talks.openOne`). False if it
   * is open already, or there can be none here.
   */
  open(log: OpenLog): boolean
  /** What is sent by `task` goes out together. */
  together(task: () => void): void
}

/** A remote that thought us idle when we were not is asked again after this. */
const REOPEN_MS = 1_000

/** All conversations of one connection. */
export class Talks {
  readonly budget: ConnectionBudget = new ConnectionBudget()
  /** Those that are open on both sides. */
  count = 0
  readonly #speaker: Speaker
  readonly #directory: Directory
  /** Today's logs on today's connections. */
  readonly rows: LogTalks | undefined
  /** All others: old logs, each with an object. */
  readonly #ones = new Map<OpenLog, OneTalk>()
  /** Logs that are still to be opened. */
  #waiting: OpenLog[] = []
  /** So many of them have been. */
  #opened = 0
  #isOpening = false
  /** Stored logs that the remote asked for and is not offered: discovery key, and the generations meant. */
  #withheld = new Map<string, Generations>()

  constructor(speaker: Speaker, directory: Directory, mux?: Muxer) {
    this.#speaker = speaker
    this.#directory = directory
    this.rows = mux && new LogTalks(mux, this)
  }

  get remotePublicKey(): Uint8Array {
    return this.#speaker.remotePublicKey
  }

  /** Opens conversations about these logs, as fast as the event loop allows. */
  attach(logs: Iterable<OpenLog>): void {
    for (const log of logs) this.#waiting.push(log)
    if (!this.#isOpening) this.#openWaiting()
  }

  /** The log is being closed here: nothing more is said about it. */
  detach(log: OpenLog): void {
    this.#waiting = this.#waiting.slice(this.#opened).filter((other) => other !== log)
    this.#opened = 0
    this.rows?.close(log)
    this.#ones.get(log)?.channel?.close()
    this.#ones.delete(log)
  }

  /** The rules have changed: what is not offered any more ends, and what now is begins. */
  regulate(): void {
    this.rows?.regulate()
    for (const [log, one] of [...this.#ones]) {
      if (this.isOffered(log)) one.regulate(this.passage(log))
      else one.channel?.close()
    }
    const withheld = this.#withheld
    this.#withheld = new Map()
    for (const [id, generations] of withheld) this.openStored(fromHex(id), generations)
  }

  /** The connection has ended. */
  end(): void {
    this.#waiting = []
    this.#opened = 0
    this.#ones.clear()
  }

  /** The remote asks for a log that may be stored here. To be kept from it looks like not being here. */
  openStored(discoveryKey: Uint8Array, generations: Generations): boolean {
    if (!this.#mayOpen(discoveryKey, generations)) return false
    const log = this.#directory.openStored(discoveryKey, generations)
    return log !== undefined && this.#open(log)
  }

  #mayOpen(discoveryKey: Uint8Array, generations: Generations): boolean {
    if (this.#directory.gate.isBlind) return true
    const key = this.#directory.keyOf(discoveryKey, generations)
    if (key === undefined) return false
    if (this.#isOffered(copy(key))) return true
    if (this.#withheld.size < WITHHELD_MAX) this.#withheld.set(hex(discoveryKey), generations)
    return false
  }

  #isOffered(key: Uint8Array): boolean {
    return this.#directory.gate.offers(key, this.#speaker.peerKey)
  }

  isOffered(log: OpenLog): boolean {
    return this.#directory.gate.isBlind || this.#isOffered(log.key)
  }

  /** What may pass in a conversation about the log, as of now. */
  passage(log: OpenLog): Passage {
    const { gate } = this.#directory
    return gate.passage(gate.isBlind ? EMPTY : log.key, this.#speaker.peerKey)
  }

  #openWaiting(): void {
    this.#isOpening = true
    this.#speaker.together(() => this.#openSlice())
    this.#isOpening = this.#opened < this.#waiting.length
    if (!this.#isOpening) {
      this.#waiting = []
      this.#opened = 0
    }
    if (this.#isOpening) this.#directory.clock.soon(() => this.#openWaiting())
  }

  #openSlice(): void {
    const pace = TurnPace.on(this.#directory.clock)
    pace.begin()
    for (let items = 1; this.#opened < this.#waiting.length; items++) {
      const log = this.#waiting[this.#opened++]
      if (log !== undefined) this.#open(log)
      if (items % TURN_ITEMS === 0 && pace.isOver) return
    }
  }

  #open(log: OpenLog): boolean {
    const speaker = this.#speaker
    if (speaker.closed || log.replica.closed || !this.isOffered(log)) return false
    return speaker.open(log)
  }

  /** Opens a conversation that has an object. */
  openOne(log: OpenLog, open: (opening: LogOpening) => LogChannel): void {
    const one = new OneTalk(log, this, this.passage(log))
    one.channel = open(one)
    if (!one.channel.closed) this.#ones.set(log, one)
  }

  /** One of them has ended. */
  onEnd(log: OpenLog, passage: Passage, isRemoteIdle: boolean, error: Error | undefined): void {
    const { clock, gate } = this.#directory
    const { closed, peerKey, remotePublicKey } = this.#speaker
    this.#ones.delete(log)
    if (closed) return
    const isBroken = isOffence(error)
    if (!isBroken && (!isRemoteIdle || !passage.downloads)) return
    const restMs = isBroken ? gate.offence(log.key, peerKey) : REOPEN_MS
    if (isBroken) this.#directory.onOffence(remotePublicKey, log, error, restMs)
    clock.after(restMs, () => {
      if (log.isHeld) this.attach([log])
    })
  }
}
