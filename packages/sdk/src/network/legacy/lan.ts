/**
 * Finding old programs on the local network by multicast DNS, and being found.
 *
 * Owns: the socket, and when something is asked or answered. Everything that is sent is heard by everybody on the network:
 * a question for each log when it is looked for, and then each minute while nobody is connected for it; answers only
 * for logs that may be announced. Always true: nothing that a stranger sends makes us answer more often than
 * `LAN_ANSWERS_PER_SECOND_MAX`; only addresses on this network, of somebody who is on it, are passed on, or his own.
 */

import { Bucket } from '@dat-rhino/core/base/bucket'
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { LAN_ANSWERS_PER_SECOND_MAX } from '@dat-rhino/core/base/limits'
import { randomBytes } from '@dat-rhino/core/crypto/keys'
import type { Datagrams, OpenDatagrams } from './datagrams.ts'
import { type DnsMessage, decodeDns, encodeDns } from './dns-message.ts'
import { type Finder, reachOf, type Search, type Wanted } from './finder.ts'
import { answerTo, askedTopic, questionsFor, readAnswers, topicName } from './lan-words.ts'
import type { LanOptions, LegacyAddress } from './options.ts'

const GROUP = '224.0.0.251'
const PORT = 5_353
/** Who hears a question answers at once. */
const ANSWER_MS = 1_000
/** Between questions for one log: so long, and up to so much more. */
const ASK_MS = 60_000
const ASK_JITTER_MS = 10_000

/** What the local network needs of its owner. */
export interface LanHost {
  readonly clock: Clock
  /** In 0 .. 1. */
  random(): number
  readonly open: OpenDatagrams
  /** Address to speak on. Default: the machine's choice. */
  readonly host: string | undefined
  onProblem(error: DatError): void
}

export class Lan implements Finder {
  readonly #options: LanOptions
  readonly #host: LanHost
  /** By which we know our own answers. */
  readonly #id = randomBytes(32)
  readonly #searches = new Set<LanSearch>()
  readonly #answers: Bucket
  #socket: Promise<Datagrams | undefined> | undefined
  #isClosed = false

  constructor(options: LanOptions, host: LanHost) {
    this.#options = options
    this.#host = host
    this.#answers = new Bucket(
      LAN_ANSWERS_PER_SECOND_MAX,
      LAN_ANSWERS_PER_SECOND_MAX,
      host.clock.now(),
    )
  }

  search(wanted: Wanted): Search {
    const search = new LanSearch(wanted, this.#host, {
      send: (messages) => this.#send(messages),
      announce: (port) => this.#announce(search, port),
      stopped: () => this.#searches.delete(search),
    })
    this.#searches.add(search)
    search.start()
    return search
  }

  close(): void {
    this.#isClosed = true
    for (const search of [...this.#searches]) search.stop()
    void this.#socket?.then((socket) => socket?.close())
  }

  // ---- Out

  async #send(messages: readonly DnsMessage[]): Promise<void> {
    const { group = GROUP, port = PORT } = this.#options
    this.#socket ??= this.#open(group, port)
    const socket = await this.#socket
    if (this.#isClosed) return
    for (const message of messages) socket?.send(encodeDns(message), { host: group, port })
  }

  async #open(group: string, port: number): Promise<Datagrams | undefined> {
    const { host, open, onProblem } = this.#host
    try {
      return await open({
        host,
        port,
        group,
        onMessage: (bytes, from) => this.#receive(bytes, from),
        onError: (error) => {
          this.#socket = undefined
          onProblem(error)
        },
      })
    } catch (error) {
      // The next question tries again.
      this.#socket = undefined
      onProblem(error instanceof DatError ? error : new DatError('IO', String(error)))
      return undefined
    }
  }

  /** Tells everybody where we are, though nobody asks: those who look would ask again in a minute only. */
  #announce(search: LanSearch, port: number): void {
    const questions = questionsFor(search.topic).flatMap((message) => message.questions)
    void this.#send(questions.map((question) => answerTo(question, port, this.#id)))
  }

  // ---- In

  #receive(bytes: Uint8Array, from: LegacyAddress): void {
    const message = this.#isClosed ? undefined : decodeDns(bytes)
    if (message === undefined) return
    if (message.isResponse) this.#hear(message, from)
    else this.#answer(message, from)
  }

  #hear(message: DnsMessage, from: LegacyAddress): void {
    for (const { topic, address, wires } of readAnswers(message, from, this.#id)) {
      if (!isNear(address.host, from.host)) continue
      for (const search of this.#searches) {
        if (search.topic === topic) search.wanted.found(address, wires)
      }
    }
  }

  #answer({ questions }: DnsMessage, from: LegacyAddress): void {
    const now = this.#host.clock.now()
    for (const question of questions) {
      const topic = askedTopic(question)
      const port = topic === undefined ? undefined : this.#announcedPort(topic)
      if (port === undefined || !this.#answers.isOpen(now)) continue
      this.#answers.take(1, now)
      void this.#send([answerTo(question, port, this.#id, from.host)])
    }
  }

  #announcedPort(topic: string): number | undefined {
    for (const search of this.#searches) {
      const port = search.topic === topic ? search.wanted.announcedPort() : undefined
      if (port !== undefined) return port
    }
    return undefined
  }
}

/** Who answers on a local network speaks of himself, or of somebody beside him. */
function isNear(host: string, from: string): boolean {
  const reach = reachOf(host)
  return host === from || (reach !== 'world' && reach !== 'nowhere' && reach === reachOf(from))
}

/** What a search needs of the network that it is on. */
interface LanVoice {
  send(messages: readonly DnsMessage[]): Promise<void>
  announce(port: number): void
  stopped(): void
}

class LanSearch implements Search {
  readonly topic: string
  readonly wanted: Wanted
  readonly looked: Promise<void>
  readonly #host: LanHost
  readonly #voice: LanVoice
  #end: () => void = () => {}
  #timer: Timer | undefined
  #isAnnounced = false
  #isStopped = false

  constructor(wanted: Wanted, host: LanHost, voice: LanVoice) {
    this.topic = topicName(wanted.discoveryKey)
    this.wanted = wanted
    this.#host = host
    this.#voice = voice
    this.looked = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  start(): void {
    this.changed()
    void this.#voice.send(questionsFor(this.topic)).then(() => {
      this.#timer = this.#host.clock.after(ANSWER_MS, () => {
        this.#end()
        this.#later()
      })
      if (this.#isStopped) this.stop()
    })
  }

  changed(): void {
    const port = this.wanted.announcedPort()
    if (port !== undefined && !this.#isAnnounced) this.#voice.announce(port)
    this.#isAnnounced = port !== undefined
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#end()
    this.#voice.stopped()
  }

  #later(): void {
    const waitMs = ASK_MS + this.#host.random() * ASK_JITTER_MS
    this.#timer = this.#host.clock.after(waitMs, () => {
      if (!this.wanted.hasPeers()) void this.#voice.send(questionsFor(this.topic))
      this.#later()
    })
  }
}
