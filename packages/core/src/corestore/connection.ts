/**
 * One connection of a store: the multiplexer on it, and which logs are spoken about.
 *
 * Owns: the pairing of channels with open logs. The logs that are held here are opened on it, in slices that leave
 * the event loop free; a log that the remote opens is answered if it is stored here and the remote knows its
 * key; both only as far as the gate (`gate.ts`) lets them, and again when its rules change. Always true: one
 * channel for each log at most; what is wrong with one log ends its channel and no other, and that log rests
 * with this peer for a while; when the connection has ended nothing of it is left.
 * What stands in memory for an idle log is its channel and its peer, a few hundred bytes (performance 4.7).
 */

import type { Clock } from '../base/clock.ts'
import type { DatError } from '../base/errors.ts'
import { SLICE_ITEMS, SLICE_MS, WITHHELD_MAX } from '../base/limits.ts'
import { fromHex, hex } from '../bytes/bytes.ts'
import { ConnectionBudget } from '../replicator/budget.ts'
import type { Passage } from '../replicator/passage.ts'
import type { AttachOptions, PeerHandler } from '../replicator/replicator.ts'
import type { MakeMuxer, Muxer } from '../wire/channel.ts'
import { hasLog, type LogChannel, type LogOpening, openLog, pairLogs } from '../wire/gen3.ts'
import type { Handler, Sender } from '../wire/messages.ts'
import type { Gate } from './gate.ts'
import type { OpenLog } from './open-log.ts'
import { isOffence } from './standing.ts'

/** What `Corestore.connect` gives: close it, count it, or run further protocols beside ours on `mux`. */
export interface Connection {
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  readonly isInitiator: boolean
  /** The multiplexer of this connection: open further protocols on it at any time. */
  readonly mux: Muxer
  /** Logs with a channel that is open on both sides. */
  readonly logCount: number
  readonly closed: boolean
  /** Resolves, never rejects, when the connection has ended; with the error that ended it. */
  readonly ended: Promise<Error | undefined>
  close(error?: Error): void
}

/** What a connection asks of the store that it belongs to. */
export interface Directory {
  readonly clock: Clock
  readonly gate: Gate
  /** The key of a stored log of this network's generation. */
  keyOf(discoveryKey: Uint8Array): Uint8Array | undefined
  /** Opens a stored log in memory. */
  openStored(discoveryKey: Uint8Array): OpenLog | undefined
  /** A conversation has ended by the remote's fault; there is no other one for `restMs`. */
  onOffence(connection: StoreConnection, log: OpenLog, error: DatError, restMs: number): void
}

/** Generations of logs that this wire can speak about. */
export const SPOKEN: ReadonlySet<number> = new Set([3])
/** A remote that thought us idle when we were not is asked again after this. */
const REOPEN_MS = 1_000

/** A connection as the store sees it: it also attaches logs to it and takes them off. */
export class StoreConnection implements Connection {
  readonly mux: Muxer
  readonly ended: Promise<Error | undefined>
  readonly #directory: Directory
  readonly #channels = new Map<OpenLog, Talk>()
  readonly #talks: Talks
  /** Logs that are still to be opened. */
  #waiting: OpenLog[] = []
  #isOpening = false
  /** Stored logs whose key the remote knows and that it is not offered, by discovery key. */
  #withheld = new Set<string>()

  constructor(
    makeMuxer: MakeMuxer,
    directory: Directory,
    onClose: (error: Error | undefined) => void,
  ) {
    this.#directory = directory
    let end: (error: Error | undefined) => void = () => {}
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    this.mux = makeMuxer((error) => {
      this.#waiting = []
      this.#channels.clear()
      end(error)
      onClose(error)
    })
    this.#talks = {
      remotePublicKey: this.mux.remotePublicKey,
      budget: new ConnectionBudget(),
      count: 0,
      onEnd: (talk, isRemoteIdle, error) => this.#ended(talk, isRemoteIdle, error),
    }
  }

  /** Speaks about logs from now on. A peer that is not let in never comes so far. */
  start(): void {
    pairLogs(this.mux, {
      keyOf: (discoveryKey) => this.#directory.keyOf(discoveryKey),
      open: (discoveryKey) => this.#openStored(discoveryKey),
    })
  }

  get remotePublicKey(): Uint8Array {
    return this.mux.remotePublicKey
  }

  get isInitiator(): boolean {
    return this.mux.isInitiator
  }

  get logCount(): number {
    return this.#talks.count
  }

  get closed(): boolean {
    return this.mux.closed
  }

  close(error?: Error): void {
    this.mux.close(error)
  }

  /** Opens channels for these logs, as fast as the event loop allows. */
  attach(logs: Iterable<OpenLog>): void {
    for (const log of logs) this.#waiting.push(log)
    if (!this.#isOpening) this.#openWaiting()
  }

  /** The log is being closed here: nothing more is said about it. */
  detach(log: OpenLog): void {
    this.#waiting = this.#waiting.filter((other) => other !== log)
    this.#channels.get(log)?.channel?.close()
    this.#channels.delete(log)
  }

  /** The rules have changed: what is not offered any more ends, and what now is begins. */
  regulate(): void {
    for (const talk of [...this.#channels.values()]) {
      if (this.#isOffered(talk.key)) talk.regulate(this.#passage(talk.log))
      else talk.channel?.close()
    }
    const withheld = this.#withheld
    this.#withheld = new Set()
    for (const id of withheld) this.#openStored(fromHex(id))
  }

  #isOffered(key: Uint8Array): boolean {
    return this.#directory.gate.offers(key, this.remotePublicKey)
  }

  #passage(log: OpenLog): Passage {
    return this.#directory.gate.passage(log.key, this.remotePublicKey)
  }

  /** The remote knows the key of a log that is stored here. To be kept from it looks like not being here. */
  #openStored(discoveryKey: Uint8Array): void {
    const key = this.#directory.keyOf(discoveryKey)
    if (key === undefined) return
    if (this.#isOffered(key)) {
      const log = this.#directory.openStored(discoveryKey)
      if (log !== undefined) this.#open(log)
    } else if (this.#withheld.size < WITHHELD_MAX) this.#withheld.add(hex(discoveryKey))
  }

  #openWaiting(): void {
    const clock = this.#directory.clock
    const until = clock.now() + SLICE_MS
    this.#isOpening = true
    this.mux.cork()
    let items = 0
    for (const log of this.#waiting.splice(0)) {
      if (items < 0) this.#waiting.push(log)
      else {
        this.#open(log)
        if (++items % SLICE_ITEMS === 0 && clock.now() >= until) items = -1
      }
    }
    this.mux.uncork()
    this.#isOpening = this.#waiting.length > 0
    if (this.#isOpening) clock.soon(() => this.#openWaiting())
  }

  #open(log: OpenLog): void {
    if (this.mux.closed || log.replica.closed || hasLog(this.mux, log.discoveryKey)) return
    if (!this.#isOffered(log.key)) return
    const talk = new Talk(log, this.#talks, this.#passage(log))
    talk.channel = openLog(this.mux, talk)
    if (!talk.channel.closed) this.#channels.set(log, talk)
  }

  #ended(talk: Talk, isRemoteIdle: boolean, error: Error | undefined): void {
    const { log } = talk
    const { clock, gate } = this.#directory
    this.#channels.delete(log)
    if (this.mux.closed) return
    const isBroken = isOffence(error)
    if (!isBroken && (!isRemoteIdle || !talk.passage.downloads)) return
    const restMs = isBroken ? gate.offence(log.key, this.remotePublicKey) : REOPEN_MS
    if (isBroken) this.#directory.onOffence(this, log, error, restMs)
    clock.after(restMs, () => {
      if (log.isHeld) this.attach([log])
    })
  }
}

/** What all talks on one connection have in common. */
interface Talks {
  readonly remotePublicKey: Uint8Array
  readonly budget: ConnectionBudget
  /** Talks that are open on both sides. */
  count: number
  onEnd(talk: Talk, isRemoteIdle: boolean, error: Error | undefined): void
}

/** One log on this connection. One object, because there may be ten thousand of them. */
class Talk implements LogOpening, AttachOptions {
  readonly log: OpenLog
  channel: LogChannel | undefined = undefined
  passage: Passage
  #handler: PeerHandler | undefined = undefined
  readonly #talks: Talks

  constructor(log: OpenLog, talks: Talks, passage: Passage) {
    this.log = log
    this.#talks = talks
    this.passage = passage
    log.replicator.opening(1)
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
    this.log.replicator.opening(-1)
    this.#handler = this.log.replicator.attach(sender, this)
    return this.#handler
  }

  /** From now on this may pass. */
  regulate(passage: Passage): void {
    this.passage = passage
    this.#handler?.regulate(passage)
  }

  onRefused(error: Error | undefined): void {
    this.log.replicator.opening(-1)
    this.#talks.onEnd(this, false, error)
  }

  onEnd(isRemoteIdle: boolean, error: Error | undefined): void {
    this.#talks.count--
    this.#talks.onEnd(this, isRemoteIdle, error)
  }
}
