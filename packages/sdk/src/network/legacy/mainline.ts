/**
 * Finding old programs in BitTorrent's DHT, and being found there.
 *
 * Owns: the socket, the nodes that have answered before, and when it is looked. A log is called by the first 20 bytes of
 * its discovery key there (generation 1 discovery, sections 2 and 3). We do without a package for it: the one that is kept
 * up answers strangers' questions too, which we have no use for, and is 18 packages.
 *
 * Always true: we ask and do not answer; nobody is told of a log that may not be announced, though whoever is asked sees
 * what is looked for and from where.
 */

import { lookup as resolveName } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Backoff } from '@dat-rhino/core/base/backoff'
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { randomBytes } from '@dat-rhino/core/crypto/keys'
import type { Datagrams, OpenDatagrams } from './datagrams.ts'
import type { Finder, Search, Wanted } from './finder.ts'
import { Krpc, type MainlineNode, NODE_ID_BYTES } from './krpc.ts'
import { TOPIC_BYTES } from './lan-words.ts'
import { type Answered, lookUp } from './mainline-lookup.ts'
import { type LegacyAddress, legacyAddress, type MainlineOptions } from './options.ts'

/** Where everybody enters. */
const PUBLIC_NODES: readonly string[] = [
  'router.bittorrent.com:6881',
  'router.utorrent.com:6881',
  'dht.transmissionbt.com:6881',
]
/** Nodes that are remembered for the next look-up. */
const KNOWN_MAX = 64
/** Between look-ups while nobody is connected. */
const LOOK_MIN_MS = 60_000
const LOOK_MAX_MS = 900_000
/** Nodes forget an announcement after half an hour at most, some after a quarter. */
const ANNOUNCE_MS = 600_000

/** What the DHT needs of its owner. */
export interface MainlineHost {
  readonly clock: Clock
  /** In 0 .. 1. */
  random(): number
  readonly open: OpenDatagrams
  /** Address to bind to. Default: all. */
  readonly host: string | undefined
  onProblem(error: DatError): void
}

/** Socket and questions of the moment. */
interface Line {
  readonly socket: Datagrams
  readonly krpc: Krpc
}

export class Mainline implements Finder {
  readonly #host: MainlineHost
  readonly #bootstrap: readonly LegacyAddress[]
  readonly #port: number | undefined
  readonly #id = randomBytes(NODE_ID_BYTES)
  readonly #searches = new Set<MainlineSearch>()
  /** By address, the last that answered last. */
  readonly #known = new Map<string, MainlineNode>()
  #line: Promise<Line | undefined> | undefined
  #isClosed = false

  /** @throws DatError BAD_ARGUMENT if a node to enter by is none */
  constructor(options: MainlineOptions, host: MainlineHost) {
    this.#host = host
    this.#bootstrap = (options.bootstrap ?? PUBLIC_NODES).map(legacyAddress)
    this.#port = options.port
  }

  search(wanted: Wanted): Search {
    const search = new MainlineSearch(wanted, this.#host, (port) => this.#look(search, port))
    this.#searches.add(search)
    search.start(() => this.#searches.delete(search))
    return search
  }

  close(): void {
    this.#isClosed = true
    for (const search of [...this.#searches]) search.stop()
    void this.#line?.then((line) => {
      line?.krpc.close()
      line?.socket.close()
    })
  }

  /** One look-up, and where `port` is given an announcement to the nearest. */
  async #look(search: MainlineSearch, port: number | undefined): Promise<void> {
    this.#line ??= this.#open()
    const line = await this.#line
    const start = await this.#start()
    if (line === undefined || this.#isClosed || search.isStopped) return
    const { krpc } = line
    const infoHash = search.wanted.discoveryKey.subarray(0, TOPIC_BYTES)
    const nearest = await lookUp(infoHash, start, {
      ask: (address) => krpc.getPeers(address, infoHash),
      // The likes of dat 13: those of 2020 were never here.
      found: (address) => search.wanted.found(address, ['hypercore 7']),
      get isOver() {
        return search.isStopped
      },
    })
    if (search.isStopped) return
    for (const node of nearest) this.#remember(node)
    if (nearest.length === 0) {
      const message = "BitTorrent's DHT did not answer; trying again later."
      this.#host.onProblem(new DatError('NO_PEERS', message))
    }
    if (port === undefined) return
    await Promise.all(
      nearest.map(({ address, token }) => token && krpc.announce(address, infoHash, port, token)),
    )
  }

  /** Whom to ask first: those who answered before, and where everybody enters. */
  async #start(): Promise<MainlineNode[]> {
    const entries = await Promise.all(
      this.#bootstrap.map(async ({ host, port }) => {
        try {
          const { address } = isIP(host)
            ? { address: host }
            : await resolveName(host, { family: 4 })
          return { id: undefined, address: { host: address, port } }
        } catch {
          return undefined // One of several; if nobody answers at all, that is told.
        }
      }),
    )
    return [...this.#known.values(), ...entries.filter((entry) => entry !== undefined)]
  }

  #remember({ id, address }: Answered): void {
    const name = `${address.host}:${address.port}`
    this.#known.delete(name)
    this.#known.set(name, { id, address })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN_MAX) return
      this.#known.delete(oldest)
    }
  }

  async #open(): Promise<Line | undefined> {
    const { clock, host, open, onProblem } = this.#host
    let socket: Datagrams | undefined
    const krpc = new Krpc({
      clock,
      id: this.#id,
      send: (bytes, to) => socket?.send(bytes, to),
    })
    try {
      socket = await open({
        host,
        port: this.#port,
        onMessage: (bytes, from) => krpc.receive(bytes, from),
        onError: (error) => {
          this.#line = undefined
          krpc.close()
          onProblem(error)
        },
      })
      return { socket, krpc }
    } catch (error) {
      // The next look-up tries again.
      this.#line = undefined
      onProblem(error instanceof DatError ? error : new DatError('IO', String(error)))
      return undefined
    }
  }
}

class MainlineSearch implements Search {
  readonly wanted: Wanted
  readonly looked: Promise<void>
  isStopped = false
  readonly #host: MainlineHost
  readonly #look: (port: number | undefined) => Promise<void>
  readonly #backoff = new Backoff(LOOK_MIN_MS, LOOK_MAX_MS)
  #end: () => void = () => {}
  #onStop: () => void = () => {}
  #timer: Timer | undefined
  #isLooking = false
  /** The port that was told last. */
  #told: number | undefined

  constructor(
    wanted: Wanted,
    host: MainlineHost,
    look: (port: number | undefined) => Promise<void>,
  ) {
    this.wanted = wanted
    this.#host = host
    this.#look = look
    this.looked = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  start(onStop: () => void): void {
    this.#onStop = onStop
    void this.#run()
  }

  changed(): void {
    const port = this.wanted.announcedPort()
    if (port === this.#told || this.#isLooking || this.isStopped) return
    this.#timer?.cancel()
    void this.#run()
  }

  stop(): void {
    this.isStopped = true
    this.#timer?.cancel()
    this.#end()
    this.#onStop()
  }

  async #run(): Promise<void> {
    this.#isLooking = true
    const port = this.wanted.announcedPort()
    this.#told = port
    await this.#look(port)
    this.#isLooking = false
    this.#end()
    if (this.isStopped) return
    if (this.wanted.hasPeers()) this.#backoff.reset()
    this.#wait(this.#waitMs())
    if (this.wanted.announcedPort() !== this.#told) this.changed()
  }

  #wait(waitMs: number): void {
    this.#timer = this.#host.clock.after(waitMs, () => {
      // Who is connected and announces nothing has no reason to ask anybody.
      if (this.wanted.hasPeers() && this.wanted.announcedPort() === undefined) {
        this.#wait(LOOK_MIN_MS)
      } else void this.#run()
    })
  }

  #waitMs(): number {
    const waitMs = this.#backoff.next(this.#host.random())
    return this.wanted.announcedPort() === undefined ? waitMs : Math.min(waitMs, ANNOUNCE_MS)
  }
}
