/**
 * The networks of 2017 and 2020, beside today's: everything that is only there when somebody asks for it.
 *
 * Owns: which ways of finding are on, the port that we listen at, and what holds for a log: one that is known to be of
 * today is not looked for here, and one that is not known to be of an older network is not announced here. Always true:
 * what goes wrong here is told as a problem and stays here; no socket is opened before the first log is looked for.
 * What becomes public is in `docs/legacy-network.md`.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { LEGACY_CONNECTIONS_MAX } from '@dat-rhino/core/base/limits'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { BytesListener } from '../../platform/node/duplex-bytes.ts'
import { connectBytes, listenBytes } from '../../platform/node/duplex-bytes.ts'
import { type CallEvents, Calls } from './calls.ts'
import { openDatagrams } from './datagrams.ts'
import { Dialler, type DiallerLog } from './dialler.ts'
import type { Finder, Search, Wire } from './finder.ts'
import { Lan } from './lan.ts'
import { Mainline } from './mainline.ts'
import { type LegacyAddress, type LegacyOptions, legacyAddress } from './options.ts'

/** Where old programs listen. */
export const LEGACY_PORT = 3_282
/** Attempts to connect are waited for so long at most, by looks at whether somebody is there. */
const TRY_MS = 10_000
const STEP_MS = 50

/** Wires that logs of a generation are mostly spoken about on. */
const WIRES: ReadonlyMap<number, readonly Wire[]> = new Map<number, readonly Wire[]>([
  [1, ['hypercore 7']],
  [2, ['hypercore 9', 'hypercore 8']],
])

/** What the old networks need of today's. */
export interface LegacyHost extends CallEvents {
  readonly corestore: Corestore
  readonly clock: Clock
  /** Address to bind to. Default: all. */
  readonly host: string | undefined
  onProblem(error: DatError): void
}

/** Those of one node's store. */
export class Legacy {
  readonly calls: Calls
  readonly #host: LegacyHost
  readonly #options: LegacyOptions
  readonly #peers: readonly LegacyAddress[]
  readonly #topics = new Set<LegacyTopic>()
  #finders: readonly Finder[] = []
  #dialler: Dialler
  #listener: BytesListener | undefined
  /** Resolves when we listen, or do not. */
  #listening: Promise<void> = Promise.resolve()
  #isOpen = false
  #isSuspended = false
  #isClosed = false

  /** @throws DatError BAD_ARGUMENT if an address is none */
  constructor(options: LegacyOptions, host: LegacyHost) {
    this.#options = options
    this.#host = host
    this.#peers = (options.peers ?? []).map(legacyAddress)
    this.calls = new Calls(host.corestore, host.clock, LEGACY_CONNECTIONS_MAX, {
      onPeer: (peer) => host.onPeer(peer),
      onEnd: (peer, error) => {
        host.onEnd(peer, error)
        this.#dialler.wake()
      },
    })
    this.#dialler = this.#newDialler()
    this.#checkOptions()
  }

  /** The TCP port that we listen at; 0: none. */
  get port(): number {
    return this.#listener?.port ?? 0
  }

  /** Looks for a log, and lets old programs find us for it where the options and what it is allow that. */
  join(discoveryKey: Uint8Array, hasPeers: () => boolean): LegacyTopic {
    const topic = new LegacyTopic(discoveryKey, hasPeers, {
      clock: this.#host.clock,
      generation: () => this.#generation(discoveryKey),
      announcedPort: () => (this.#options.announce === true ? this.#listener?.port : undefined),
      left: () => this.#topics.delete(topic),
    })
    this.#topics.add(topic)
    if (!this.#isSuspended) {
      this.#open()
      this.#start(topic)
    }
    return topic
  }

  /** Ends searches and attempts and closes the sockets; topics stay. Connections are ended by the store. */
  suspend(): void {
    this.#isSuspended = true
    this.#shut()
  }

  resume(): void {
    if (!this.#isSuspended || this.#isClosed) return
    this.#isSuspended = false
    if (this.#topics.size > 0) this.#open()
    for (const topic of this.#topics) this.#start(topic)
  }

  close(): void {
    this.#isClosed = true
    this.#shut()
    this.calls.close()
  }

  #start(topic: LegacyTopic): void {
    topic.start(this.#dialler, this.#finders, this.#peers, this.#listening)
  }

  // ---- Sockets

  #open(): void {
    if (this.#isOpen || this.#isClosed) return
    this.#isOpen = true
    this.#dialler = this.#newDialler()
    this.#finders = this.#newFinders()
    const { announce = false, port } = this.#options
    if (announce || port !== undefined) this.#listening = this.#listen(port)
  }

  #shut(): void {
    this.#isOpen = false
    for (const topic of this.#topics) topic.stop()
    for (const finder of this.#finders) finder.close()
    this.#finders = []
    this.#dialler.close()
    this.#listener?.close()
    this.#listener = undefined
  }

  #newFinders(): Finder[] {
    const { lan = false, dht = false } = this.#options
    const { clock, host, onProblem } = this.#host
    const shared = { clock, host, random: Math.random, open: openDatagrams, onProblem }
    const finders: Finder[] = []
    if (lan !== false) finders.push(new Lan(lan === true ? {} : lan, shared))
    if (dht !== false) finders.push(new Mainline(dht === true ? {} : dht, shared))
    return finders
  }

  #newDialler(): Dialler {
    return new Dialler({
      clock: this.#host.clock,
      random: Math.random,
      calls: this.calls,
      connect: ({ host, port }, signal) => connectBytes({ host, port, signal }),
    })
  }

  async #listen(wanted: number | undefined): Promise<void> {
    const { host = '0.0.0.0', onProblem } = this.#host
    const onBytes: Parameters<typeof listenBytes>[0]['onBytes'] = (bytes, settled, address) => {
      // More than there may be is as if nobody listened.
      if (this.calls.isFull || this.#isSuspended || this.#isClosed) bytes.close()
      else void this.calls.begin(bytes, { address })?.understood.then(settled)
    }
    try {
      const listener = await listenBytes({ host, port: wanted ?? LEGACY_PORT, onBytes }).catch(
        // Another program may be at the usual port; where a port was named it has to be that one.
        (error: unknown) => {
          if (wanted !== undefined) throw error
          return listenBytes({ host, port: 0, onBytes })
        },
      )
      if (!this.#isOpen || this.#listener !== undefined) listener.close()
      else this.#listener = listener
      for (const topic of this.#topics) topic.changed()
    } catch (error) {
      onProblem(error instanceof DatError ? error : new DatError('IO', String(error)))
    }
  }

  // ---- Logs

  /** As it is stored; undefined if nobody knows yet. */
  #generation(discoveryKey: Uint8Array): number | undefined {
    const { store } = this.#host.corestore
    const log = store.find(discoveryKey)
    return log === undefined ? undefined : store.slot(log).identity.generation
  }

  /** What can be found out before anything is opened. */
  #checkOptions(): void {
    for (const finder of this.#newFinders()) finder.close()
  }
}

interface TopicHost {
  readonly clock: Clock
  generation(): number | undefined
  announcedPort(): number | undefined
  left(): void
}

/** One log that is looked for on the old networks, until `leave`. */
export class LegacyTopic implements DiallerLog {
  readonly discoveryKey: Uint8Array
  /** Resolves, never rejects, when the first look is over and who was found was tried. */
  readonly looked: Promise<void>
  readonly #hasPeers: () => boolean
  readonly #host: TopicHost
  #searches: readonly Search[] = []
  #dialler: Dialler | undefined
  #end: () => void = () => {}
  #hasLeft = false

  constructor(discoveryKey: Uint8Array, hasPeers: () => boolean, host: TopicHost) {
    this.discoveryKey = discoveryKey
    this.#hasPeers = hasPeers
    this.#host = host
    this.looked = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  wires(): readonly Wire[] {
    return WIRES.get(this.#host.generation() ?? 0) ?? []
  }

  /** @param listening resolves when we can be found */
  start(
    dialler: Dialler,
    finders: readonly Finder[],
    peers: readonly LegacyAddress[],
    listening: Promise<void>,
  ): void {
    if (this.#hasLeft || this.#isOfToday) {
      this.#end()
      return
    }
    this.#dialler = dialler
    for (const address of peers) dialler.offer(this, address, [], true)
    this.#searches = finders.map((finder) =>
      finder.search({
        discoveryKey: this.discoveryKey,
        hasPeers: this.#hasPeers,
        announcedPort: () => (this.wires().length > 0 ? this.#host.announcedPort() : undefined),
        found: (address, wires) => dialler.offer(this, address, wires),
      }),
    )
    const looked = this.#searches.map((search) => search.looked)
    void this.#tried(dialler, Promise.all([listening, ...looked]))
  }

  /** It may be known now what it is, or where we listen. */
  changed(): void {
    if (this.#isOfToday) this.stop()
    for (const search of this.#searches) search.changed()
  }

  stop(): void {
    for (const search of this.#searches) search.stop()
    this.#searches = []
    this.#dialler?.drop(this)
    this.#dialler = undefined
    this.#end()
  }

  leave(): void {
    this.#hasLeft = true
    this.stop()
    this.#host.left()
  }

  /** Known, and not of an older network. */
  get #isOfToday(): boolean {
    return this.#host.generation() !== undefined && this.wires().length === 0
  }

  async #tried(dialler: Dialler, looked: Promise<unknown>): Promise<void> {
    await looked
    for (let waited = 0; waited < TRY_MS && !this.#hasPeers(); waited += STEP_MS) {
      if (!dialler.isTrying(this)) break
      await new Promise<void>((resolve) => this.#host.clock.after(STEP_MS, resolve))
    }
    this.#end()
  }
}
