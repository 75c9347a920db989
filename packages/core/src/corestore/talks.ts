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
import { SLICE_ITEMS, SLICE_MS, WITHHELD_MAX } from '../base/limits.ts'
import { fromHex, hex } from '../bytes/bytes.ts'
import { ConnectionBudget } from '../replicator/budget.ts'
import type { IdlePeer } from '../replicator/idle.ts'
import type { Passage } from '../replicator/passage.ts'
import type { AttachOptions, PeerHandler } from '../replicator/replicator.ts'
import type { LogChannel, LogOpening } from '../wire/gen3.ts'
import type { Handler, Sender } from '../wire/messages.ts'
import type { Gate } from './gate.ts'
import type { OpenLog } from './open-log.ts'
import { isOffence } from './standing.ts'

/** Generations of logs. */
export type Generations = ReadonlySet<number>

/** What connections ask of the store that they belong to. */
export interface Directory {
  readonly clock: Clock
  readonly gate: Gate
  /** The key of a stored log, if it is of one of these generations. */
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
  /** Is our side of a conversation about this log open, or can there be none here? */
  isTaken(log: OpenLog): boolean
  open(log: OpenLog, opening: LogOpening): LogChannel
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
  readonly #talks = new Map<OpenLog, Talk>()
  /** Logs that are still to be opened. */
  #waiting: OpenLog[] = []
  /** So many of them have been. */
  #opened = 0
  #isOpening = false
  /** Stored logs that the remote asked for and is not offered: discovery key, and the generations meant. */
  #withheld = new Map<string, Generations>()

  constructor(speaker: Speaker, directory: Directory) {
    this.#speaker = speaker
    this.#directory = directory
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
    this.#talks.get(log)?.channel?.close()
    this.#talks.delete(log)
  }

  /** The rules have changed: what is not offered any more ends, and what now is begins. */
  regulate(): void {
    for (const talk of [...this.#talks.values()]) {
      if (this.#isOffered(talk.key)) talk.regulate(this.#passage(talk.log))
      else talk.channel?.close()
    }
    const withheld = this.#withheld
    this.#withheld = new Map()
    for (const [id, generations] of withheld) this.openStored(fromHex(id), generations)
  }

  /** The connection has ended. */
  end(): void {
    this.#waiting = []
    this.#opened = 0
    this.#talks.clear()
  }

  /** The remote asks for a log that may be stored here. To be kept from it looks like not being here. */
  openStored(discoveryKey: Uint8Array, generations: Generations): boolean {
    const key = this.#directory.keyOf(discoveryKey, generations)
    if (key === undefined) return false
    if (this.#isOffered(key)) {
      const log = this.#directory.openStored(discoveryKey, generations)
      return log !== undefined && this.#open(log)
    }
    if (this.#withheld.size < WITHHELD_MAX) this.#withheld.set(hex(discoveryKey), generations)
    return false
  }

  #isOffered(key: Uint8Array): boolean {
    return this.#directory.gate.offers(key, this.#speaker.peerKey)
  }

  #passage(log: OpenLog): Passage {
    return this.#directory.gate.passage(log.key, this.#speaker.peerKey)
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
    const { clock } = this.#directory
    const until = clock.now() + SLICE_MS
    for (let items = 1; this.#opened < this.#waiting.length; items++) {
      const log = this.#waiting[this.#opened++]
      if (log !== undefined) this.#open(log)
      if (items % SLICE_ITEMS === 0 && clock.now() >= until) return
    }
  }

  #open(log: OpenLog): boolean {
    const speaker = this.#speaker
    if (speaker.closed || log.replica.closed || speaker.isTaken(log)) return false
    if (!this.#isOffered(log.key)) return false
    const talk = new Talk(log, this, this.#passage(log))
    talk.channel = speaker.open(log, talk)
    if (!talk.channel.closed) this.#talks.set(log, talk)
    return true
  }

  /** One of them has ended. */
  onEnd(talk: Talk, isRemoteIdle: boolean, error: Error | undefined): void {
    const { log } = talk
    const { clock, gate } = this.#directory
    const { closed, peerKey, remotePublicKey } = this.#speaker
    this.#talks.delete(log)
    if (closed) return
    const isBroken = isOffence(error)
    if (!isBroken && (!isRemoteIdle || !talk.passage.downloads)) return
    const restMs = isBroken ? gate.offence(log.key, peerKey) : REOPEN_MS
    if (isBroken) this.#directory.onOffence(remotePublicKey, log, error, restMs)
    clock.after(restMs, () => {
      if (log.isHeld) this.attach([log])
    })
  }
}

/** One of them. One object, because there may be ten thousand on a connection. */
export class Talk implements LogOpening, AttachOptions {
  readonly log: OpenLog
  channel: LogChannel | undefined = undefined
  passage: Passage
  #handler: PeerHandler | IdlePeer | undefined = undefined
  readonly #talks: Talks

  constructor(log: OpenLog, talks: Talks, passage: Passage) {
    this.log = log
    this.#talks = talks
    this.passage = passage
    log.opening(1)
  }

  get key(): Uint8Array {
    return this.log.key
  }

  get discoveryKey(): Uint8Array {
    return this.log.discoveryKey
  }

  get remotePublicKey(): Uint8Array {
    return this.#talks.remotePublicKey
  }

  get budget(): ConnectionBudget {
    return this.#talks.budget
  }

  onOpen(sender: Sender): Handler {
    this.#talks.count++
    this.log.opening(-1)
    const handler = this.log.attach(sender, this)
    this.#handler = handler
    return handler
  }

  /** From now on this may pass. */
  regulate(passage: Passage): void {
    this.passage = passage
    this.#handler?.regulate(passage)
  }

  onRefused(error: Error | undefined): void {
    this.log.opening(-1)
    this.#talks.onEnd(this, false, error)
  }

  onEnd(isRemoteIdle: boolean, error: Error | undefined): void {
    this.#talks.count--
    this.#talks.onEnd(this, isRemoteIdle, error)
  }
}
