/**
 * One connection of a store: the multiplexer on it, and which logs are spoken about.
 *
 * Owns: which protocol speaks about logs of which generation. A log that the remote opens is answered if it is stored
 * here and the remote knows its key; the rest is the same on all connections (`talks.ts`).
 * What stands in memory for an idle log is a row in the arrays of the mux and of its talks (performance 4.7).
 */

import type { Clock } from '../base/clock.ts'
import type { MakeMuxer, Muxer } from '../wire/channel.ts'
import { hasFeed, openFeed, pairFeeds } from '../wire/feed-mux.ts'
import { pairLogs } from '../wire/gen3.ts'
import { OLD_GENERATIONS, withNames } from './feed-connection.ts'
import type { OpenLog } from './open-log.ts'
import { type Directory, type Generations, type Speaker, Talks } from './talks.ts'

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

/** A protocol that speaks about logs of some generations. */
interface LogProtocol {
  readonly generations: Generations
  /** False if it is open already. */
  open(mux: Muxer, log: OpenLog, talks: Talks, clock: Clock): boolean
  readonly pair: typeof pairLogs
}

const PROTOCOLS: readonly LogProtocol[] = [
  {
    generations: new Set([3]),
    open: (_mux, log, { rows }) => rows?.open(log) === true,
    pair: pairLogs,
  },
  {
    generations: OLD_GENERATIONS,
    // What peers keep of a log is worth knowing to who writes it.
    open: (mux, log, talks, clock) => {
      if (hasFeed(mux, log.discoveryKey)) return false
      const options = { clock, acks: log.replica.writable }
      talks.openOne(log, (opening) => openFeed(mux, withNames(log, opening), options))
      return true
    },
    pair: pairFeeds,
  },
]

/** The protocol for a log. */
function protocolOf(log: OpenLog): LogProtocol | undefined {
  return PROTOCOLS.find(({ generations }) => generations.has(log.replica.generation.id))
}

/** A connection as the store sees it: it also attaches logs to it and takes them off. */
export class StoreConnection implements Connection, Speaker {
  readonly mux: Muxer
  readonly ended: Promise<Error | undefined>
  readonly #directory: Directory
  readonly #talks: Talks

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
      this.#talks.end()
      end(error)
      onClose(error)
    })
    this.#talks = new Talks(this, directory, this.mux)
  }

  /** Speaks about logs from now on. A peer that is not let in never comes so far. */
  start(): void {
    for (const { generations, pair } of PROTOCOLS) {
      pair(this.mux, {
        keyOf: (discoveryKey) => this.#directory.keyOf(discoveryKey, generations),
        open: (discoveryKey) => this.#talks.openStored(discoveryKey, generations),
      })
    }
  }

  get remotePublicKey(): Uint8Array {
    return this.mux.remotePublicKey
  }

  get peerKey(): Uint8Array {
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

  attach(logs: Iterable<OpenLog>): void {
    this.#talks.attach(logs)
  }

  detach(log: OpenLog): void {
    this.#talks.detach(log)
  }

  /** The gate's rules have changed. */
  regulate(): void {
    this.#talks.regulate()
  }

  open(log: OpenLog): boolean {
    const protocol = protocolOf(log)
    return protocol?.open(this.mux, log, this.#talks, this.#directory.clock) === true
  }

  together(task: () => void): void {
    this.mux.cork()
    task()
    this.mux.uncork()
  }
}
