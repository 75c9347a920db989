/**
 * One topic: announcing it, and looking for others often enough to meet them.
 *
 * Owns: the look-ups. Two devices that join a topic in the same moment both look before either is announced, and would
 * not look again for ten minutes. So: one more look-up a few seconds after the first announcement is out, with
 * jitter, then at growing intervals while the topic has no peer. Source: the network specification, trap 1.
 */

/// <reference path="../types/hyperswarm.d.ts" preserve="true" />
import { Backoff } from '@dat-rhino/core/base/backoff'
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import type Hyperswarm from 'hyperswarm'
import type { Discovery } from 'hyperswarm'
import { within } from './within.ts'

/** How a topic is joined. */
export interface TopicOptions {
  /** May others find us by this topic? Asked again when `settle` says so. */
  readonly mayAnnounce: () => boolean
  /** Is somebody connected for this topic? Then nobody is looked for. */
  readonly hasPeers: () => boolean
}

interface TopicHooks {
  /** Resolves, never rejects, when it was looked in other places too. */
  readonly elsewhere?: Promise<void> | undefined
  /** Something more is known of what the topic leads to. */
  readonly onsettle?: () => void
  readonly onproblem: (error: DatError) => void
  readonly onleave: () => void
}

/** From the first announcement to the second look-up: so long, and up to so much more. */
const SECOND_MS = 1_500
const JITTER_MS = 1_500
/** Between looks at whether somebody came meanwhile. */
const STEP_MS = 50
/** Between look-ups while there is no peer. */
const INTERVAL_MIN_MS = 5_000
const INTERVAL_MAX_MS = 600_000
/** Connections to peers that were found are given up waiting for after this. */
const FLUSH_MS = 10_000
/** The same once somebody is connected: those who live answer in this time, and the dead hold nobody up. */
const COMPANY_MS = 1_000

export class Topic {
  readonly #swarm: Hyperswarm | undefined
  readonly #clock: Clock
  readonly #options: TopicOptions & TopicHooks
  readonly #discovery: Discovery | undefined
  #timer: Timer | undefined
  #wake: (() => void) | undefined
  readonly #backoff = new Backoff(INTERVAL_MIN_MS, INTERVAL_MAX_MS)
  #stopped = false
  #isPaused = false
  /** Between two look-ups, or would be but for a pause. */
  #isBetween = false
  #leaving: Promise<void> | undefined
  #isAnnounced: boolean

  /** Resolves when the first look-up is over, and who was found was tried. Never rejects. */
  readonly looked: Promise<void>
  /** The same on every network that is looked at. */
  readonly lookedEverywhere: Promise<void>
  /** The same for the second look-up; who was not met by then is likely not there. */
  readonly lookedTwice: Promise<void>

  /** @param swarm `undefined` when offline */
  constructor(
    swarm: Hyperswarm | undefined,
    discoveryKey: Uint8Array,
    clock: Clock,
    options: TopicOptions & TopicHooks,
  ) {
    this.#swarm = swarm
    this.#clock = clock
    this.#options = options
    this.#isAnnounced = options.mayAnnounce()
    this.#discovery = swarm?.join(discoveryKey, { server: this.#isAnnounced, client: true })
    this.looked = this.#first()
    this.lookedEverywhere = Promise.all([this.looked, options.elsewhere]).then(() => undefined)
    const second = this.looked.then(() => this.#second())
    this.lookedTwice = Promise.all([second, options.elsewhere]).then(() => undefined)
    void second.then(() => this.#later())
  }

  /** Stops looking and announcing. Connections stay. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  /** It is known now what the topic leads to: an announcement that may not be is withdrawn at once. */
  settle(): void {
    this.#options.onsettle?.()
    if (!this.#isAnnounced || this.#stopped || this.#options.mayAnnounce()) return
    this.#isAnnounced = false
    void this.#discovery?.refresh({ server: false, client: true }).catch(() => false)
  }

  /** Stops looking; what is announced stays until the swarm is closed. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#wake?.()
  }

  /** Looks no more until `resume`, and sets no timer. */
  pause(): void {
    this.#isPaused = true
    this.#timer?.cancel()
  }

  /** Looks at once, and then as if nothing had failed before. */
  resume(): void {
    if (!this.#isPaused || this.#stopped) return
    this.#isPaused = false
    this.#backoff.reset()
    if (this.#isBetween) this.#lookAndGoOn()
    else this.#wake?.()
  }

  async #leave(): Promise<void> {
    this.stop()
    this.#options.onleave()
    await this.#discovery?.destroy().catch(() => undefined)
  }

  async #first(): Promise<void> {
    if (this.#discovery === undefined) return
    const found = await this.#discovery.flushed().catch(() => false)
    if (!found) this.#tellProblem()
    await this.#connected()
  }

  async #second(): Promise<void> {
    const waitMs = SECOND_MS + Math.random() * JITTER_MS
    for (let waited = 0; waited < waitMs; waited += STEP_MS) {
      // Who is connected by now need not be looked for; who waits for us goes on at once.
      if (this.#discovery === undefined || this.#stopped || this.#options.hasPeers()) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (!this.#isPaused) this.#timer = this.#clock.after(STEP_MS, resolve)
      })
    }
    await this.#look()
  }

  async #look(): Promise<void> {
    if (this.#stopped || this.#isPaused || this.#options.hasPeers()) return
    const found = await this.#discovery?.refresh().catch(() => false)
    if (found === false) this.#tellProblem()
    await this.#connected()
  }

  /** Look-ups that go on; nobody waits for them. */
  #later(): void {
    if (this.#discovery === undefined || this.#stopped) return
    this.#isBetween = true
    if (this.#isPaused) return
    this.#timer = this.#clock.after(this.#backoff.next(Math.random()), () => {
      if (this.#options.hasPeers()) this.#backoff.reset()
      this.#lookAndGoOn()
    })
  }

  #lookAndGoOn(): void {
    this.#isBetween = false
    void this.#look().then(() => this.#later())
  }

  /** Everybody who was found is connected, or could not be; or somebody is, and the others had their time. */
  async #connected(): Promise<void> {
    if (this.#swarm === undefined || this.#stopped) return
    const flushed = this.#swarm.flush().catch(() => false)
    let inCompanyMs = 0
    for (let waited = 0; waited < FLUSH_MS && inCompanyMs < COMPANY_MS; waited += STEP_MS) {
      if ((await within(this.#clock, STEP_MS, flushed)) || this.#stopped || this.#isPaused) return
      if (this.#options.hasPeers()) inCompanyMs += STEP_MS
    }
  }

  #tellProblem(): void {
    if (this.#stopped) return
    const error = new DatError('NO_PEERS', 'The DHT did not answer; trying again later.')
    this.#options.onproblem(error)
  }
}
