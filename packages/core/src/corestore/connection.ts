/**
 * One connection of a store: the multiplexer on it, and which logs are spoken about.
 *
 * Owns: the pairing of channels with open logs. The logs that are held here are opened on it, in slices that leave
 * the event loop free; a log that the remote opens is answered if it is stored here and the remote knows its
 * key. Always true: one channel for each log at most; when the connection has ended nothing of it is left.
 * What stands in memory for an idle log is its channel and its peer, a few hundred bytes (performance 4.7).
 */

import type { Clock } from '../base/clock.ts'
import { SLICE_ITEMS, SLICE_MS } from '../base/limits.ts'
import { ConnectionBudget } from '../replicator/budget.ts'
import type { AttachOptions } from '../replicator/replicator.ts'
import type { MakeMuxer, Muxer } from '../wire/channel.ts'
import { hasLog, type LogChannel, type LogOpening, openLog, pairLogs } from '../wire/gen3.ts'
import type { Handler, Sender } from '../wire/messages.ts'
import type { OpenLog } from './open-log.ts'

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
  /** The key of a stored log of this network's generation. */
  keyOf(discoveryKey: Uint8Array): Uint8Array | undefined
  /** Opens a stored log in memory. */
  openStored(discoveryKey: Uint8Array): OpenLog | undefined
}

/** Generations of logs that this wire can speak about. */
export const SPOKEN: ReadonlySet<number> = new Set([3])
/** A remote that thought us idle when we were not is asked again after this. */
const REOPEN_MS = 1_000

/** A connection as the store sees it: it also attaches logs to it and takes them off. */
export class StoreConnection implements Connection {
  readonly mux: Muxer
  readonly ended: Promise<Error | undefined>
  readonly #clock: Clock
  readonly #channels = new Map<OpenLog, Talk>()
  readonly #talks: Talks
  /** Logs that are still to be opened. */
  #waiting: OpenLog[] = []
  #isOpening = false

  constructor(
    makeMuxer: MakeMuxer,
    clock: Clock,
    directory: Directory,
    onClose: (error: Error | undefined) => void,
  ) {
    this.#clock = clock
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
      onEnd: (log, isRemoteIdle) => this.#ended(log, isRemoteIdle),
    }
    pairLogs(this.mux, {
      keyOf: (discoveryKey) => directory.keyOf(discoveryKey),
      open: (discoveryKey) => {
        const log = directory.openStored(discoveryKey)
        if (log !== undefined) this.#open(log)
      },
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

  #openWaiting(): void {
    const until = this.#clock.now() + SLICE_MS
    this.#isOpening = true
    this.mux.cork()
    let items = 0
    for (const log of this.#waiting.splice(0)) {
      if (items < 0) this.#waiting.push(log)
      else {
        this.#open(log)
        if (++items % SLICE_ITEMS === 0 && this.#clock.now() >= until) items = -1
      }
    }
    this.mux.uncork()
    this.#isOpening = this.#waiting.length > 0
    if (this.#isOpening) this.#clock.soon(() => this.#openWaiting())
  }

  #open(log: OpenLog): void {
    if (this.mux.closed || log.replica.closed || hasLog(this.mux, log.discoveryKey)) return
    const talk = new Talk(log, this.#talks)
    talk.channel = openLog(this.mux, talk)
    if (!talk.channel.closed) this.#channels.set(log, talk)
  }

  #ended(log: OpenLog, isRemoteIdle: boolean): void {
    this.#channels.delete(log)
    if (!isRemoteIdle || this.mux.closed) return
    this.#clock.after(REOPEN_MS, () => {
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
  onEnd(log: OpenLog, isRemoteIdle: boolean): void
}

/** One log on this connection. One object, because there may be ten thousand of them. */
class Talk implements LogOpening, AttachOptions {
  readonly log: OpenLog
  channel: LogChannel | undefined = undefined
  readonly #talks: Talks

  constructor(log: OpenLog, talks: Talks) {
    this.log = log
    this.#talks = talks
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
    return this.log.replicator.attach(sender, this)
  }

  onRefused(): void {
    this.log.replicator.opening(-1)
    this.#talks.onEnd(this.log, false)
  }

  onEnd(isRemoteIdle: boolean): void {
    this.#talks.count--
    this.#talks.onEnd(this.log, isRemoteIdle)
  }
}
