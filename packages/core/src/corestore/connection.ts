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
import type { MakeMuxer, Muxer } from '../wire/channel.ts'
import { hasLog, type LogChannel, openLog, pairLogs } from '../wire/gen3.ts'
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

export class StoreConnection implements Connection {
  readonly mux: Muxer
  readonly ended: Promise<Error | undefined>
  readonly #clock: Clock
  readonly #budget = new ConnectionBudget()
  readonly #channels = new Map<OpenLog, LogChannel>()
  #logCount = 0
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
    return this.#logCount
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
    this.#channels.get(log)?.close()
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
    const opened = log.replicator.openingPeer()
    const channel = openLog(this.mux, {
      key: log.key,
      discoveryKey: log.discoveryKey,
      onOpen: (sender) => {
        this.#logCount++
        opened()
        return log.replicator.attach(sender, {
          remotePublicKey: this.remotePublicKey,
          budget: this.#budget,
          onEnd: (isRemoteIdle) => this.#ended(log, isRemoteIdle),
        })
      },
      onRefused: () => {
        this.#channels.delete(log)
        opened()
      },
    })
    if (!channel.closed) this.#channels.set(log, channel)
  }

  #ended(log: OpenLog, isRemoteIdle: boolean): void {
    this.#logCount--
    this.#channels.delete(log)
    if (!isRemoteIdle || this.mux.closed) return
    this.#clock.after(REOPEN_MS, () => {
      if (log.isHeld) this.attach([log])
    })
  }
}
