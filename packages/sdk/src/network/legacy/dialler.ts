/**
 * Dialling old programs: which address next, and what to speak there.
 *
 * Owns: the addresses that are known, what was tried at each, and when it is tried again. An address tells nothing about
 * what is spoken there, and the one who dials must begin: so the wires are tried one after the other, with the log that is
 * looked for as the first word. Always true: addresses are bounded for each log and in all, attempts at the same time too;
 * one attempt or connection at an address at a time; an address that a stranger has told is forgotten after a few
 * failures, one that the user has named is tried ever less often. Source: generation 1 discovery, section 7.
 */

import { Backoff } from '@dat-rhino/core/base/backoff'
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import {
  LEGACY_ADDRESSES_MAX,
  LEGACY_ADDRESSES_PER_LOG_MAX,
  LEGACY_DIALS_MAX,
} from '@dat-rhino/core/base/limits'
import type { ByteStream } from '@dat-rhino/core/wire/byte-stream'
import type { Call, Calls } from './calls.ts'
import type { Wire } from './finder.ts'
import type { LegacyAddress } from './options.ts'

/** Longest wait for a TCP connection. */
const CONNECT_MS = 3_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 600_000
/** Rounds of attempts at an address that a stranger has told, before it is forgotten. */
const ROUNDS_MAX = 4
/** Logs that are tried as the first word in one round. */
const LOGS_PER_ROUND_MAX = 8
/** If nobody knows what is spoken. */
const ANY_WIRE: readonly Wire[] = ['hypercore 7', 'hypercore 9', 'hypercore 8']
/** Programs of 2017 understand nothing that does not begin with a log of theirs. */
const BEGINS_WITH_LOG: ReadonlySet<Wire> = new Set(['hypercore 7'])

/** A log that is looked for. */
export interface DiallerLog {
  readonly discoveryKey: Uint8Array
  /** What such logs are likely spoken about on, as far as it is known. */
  wires(): readonly Wire[]
}

/** What dialling needs of its owner. */
export interface DiallerHost {
  readonly clock: Clock
  /** In 0 .. 1. */
  random(): number
  readonly calls: Calls
  /** Rejects if nothing listens there, or when the signal fires. */
  connect(address: LegacyAddress, signal: AbortSignal): Promise<ByteStream>
}

type TargetState = 'waiting' | 'dialling' | 'connected' | 'resting'

interface Target {
  readonly address: LegacyAddress
  readonly name: string
  /** Named by the user. */
  isKept: boolean
  readonly logs: Set<DiallerLog>
  /** The likeliest first. */
  hints: readonly Wire[]
  /** What was understood there before. */
  spoken: Wire | undefined
  rounds: number
  readonly backoff: Backoff
  state: TargetState
  timer: Timer | undefined
}

export class Dialler {
  readonly #host: DiallerHost
  readonly #targets = new Map<string, Target>()
  readonly #queue: Target[] = []
  readonly #abort = new AbortController()
  #dials = 0

  constructor(host: DiallerHost) {
    this.#host = host
  }

  /** Is something tried for this log that was not tried before? */
  isTrying(log: DiallerLog): boolean {
    for (const { logs, state, rounds } of this.#targets.values()) {
      const isBusy = state === 'waiting' || state === 'dialling'
      if (logs.has(log) && isBusy && rounds === 0) return true
    }
    return false
  }

  /** Addresses that are known for a log. */
  countOf(log: DiallerLog): number {
    let count = 0
    for (const { logs } of this.#targets.values()) if (logs.has(log)) count++
    return count
  }

  /**
   * Somebody may have the log there.
   *
   * @param hints what is likely spoken there, the likeliest first
   * @param isKept the user has named it: it is never forgotten while the log is looked for
   */
  offer(log: DiallerLog, address: LegacyAddress, hints: readonly Wire[], isKept = false): void {
    const name = `${address.host}:${address.port}`
    if (this.#abort.signal.aborted || this.#host.calls.isOurs(name)) return
    const target = this.#targets.get(name) ?? this.#add(name, address, log, isKept)
    if (target === undefined || target.logs.has(log)) return
    if (!isKept && this.countOf(log) >= LEGACY_ADDRESSES_PER_LOG_MAX) return
    target.isKept ||= isKept
    target.logs.add(log)
    if (hints.length > 0) target.hints = hints
    if (target.state !== 'resting') return
    target.timer?.cancel()
    this.#enqueue(target)
  }

  /** The log is not looked for any more. Connections stay. */
  drop(log: DiallerLog): void {
    for (const target of this.#targets.values()) {
      if (!target.logs.delete(log) || target.logs.size > 0 || target.state === 'connected') continue
      target.timer?.cancel()
      this.#targets.delete(target.name)
    }
  }

  /** There may be room for another connection. */
  wake(): void {
    this.#pump()
  }

  /** Ends all attempts. */
  close(): void {
    this.#abort.abort()
    for (const { timer } of this.#targets.values()) timer?.cancel()
    this.#targets.clear()
    this.#queue.length = 0
  }

  #add(name: string, address: LegacyAddress, log: DiallerLog, isKept: boolean): Target | undefined {
    const isFull = this.#targets.size >= LEGACY_ADDRESSES_MAX
    if (!isKept && (isFull || this.countOf(log) >= LEGACY_ADDRESSES_PER_LOG_MAX)) return undefined
    const target: Target = {
      address,
      name,
      isKept,
      logs: new Set(),
      hints: [],
      spoken: undefined,
      rounds: 0,
      backoff: new Backoff(RETRY_MIN_MS, RETRY_MAX_MS),
      state: 'resting',
      timer: undefined,
    }
    this.#targets.set(name, target)
    return target
  }

  #enqueue(target: Target): void {
    target.state = 'waiting'
    this.#queue.push(target)
    this.#pump()
  }

  #pump(): void {
    const { calls } = this.#host
    while (this.#dials < LEGACY_DIALS_MAX && calls.count + this.#dials < calls.max) {
      const target = this.#queue.shift()
      if (target === undefined) return
      if (this.#targets.get(target.name) !== target) continue
      this.#dials++
      target.state = 'dialling'
      void this.#round(target).then(() => this.#later(target))
    }
  }

  /** Everything that can be tried at an address, until something is understood there; and then until that ends. */
  async #round(target: Target): Promise<void> {
    const call = await this.#understood(target)
    this.#dials--
    if (call !== undefined) target.state = 'connected'
    this.#pump()
    await call?.connection.ended
    // One on which nothing was spoken about is as if it had not been made.
    if (call?.isUseful !== true) target.rounds++
    else {
      target.rounds = 0
      target.backoff.reset()
    }
  }

  async #understood(target: Target): Promise<Call | undefined> {
    const { calls } = this.#host
    const { address, name } = target
    for (const { wire, first } of plan(target)) {
      const bytes = await this.#connect(address)
      if (bytes === undefined) return undefined
      const call = calls.begin(bytes, { address: name, wire, first })
      if (call === undefined) return undefined
      if (await call.understood) {
        target.spoken = wire
        return call
      }
      await call.connection.ended
      if (this.#abort.signal.aborted || calls.isOurs(name)) return undefined
    }
    return undefined
  }

  async #connect(address: LegacyAddress): Promise<ByteStream | undefined> {
    const { clock, connect } = this.#host
    const attempt = new AbortController()
    const stop = (): void => attempt.abort()
    const timer = clock.after(CONNECT_MS, stop)
    this.#abort.signal.addEventListener('abort', stop, { once: true })
    try {
      const bytes = await connect(address, attempt.signal)
      if (!this.#abort.signal.aborted) return bytes
      bytes.close()
      return undefined
    } catch {
      return undefined // Nobody is there, or nobody answers.
    } finally {
      timer.cancel()
      this.#abort.signal.removeEventListener('abort', stop)
    }
  }

  /** After a round, or the end of a connection. */
  #later(target: Target): void {
    const { clock, random, calls } = this.#host
    const { name, logs, isKept, rounds, backoff } = target
    if (this.#targets.get(name) !== target) return
    const isHopeless = !isKept && rounds >= ROUNDS_MAX
    if (logs.size === 0 || isHopeless || calls.isOurs(name)) {
      this.#targets.delete(name)
      return
    }
    target.state = 'resting'
    target.timer = clock.after(backoff.next(random()), () => this.#enqueue(target))
  }
}

/** What is tried at an address in one round, in this order. */
function plan(target: Target): { wire: Wire; first: Uint8Array }[] {
  const logs = [...target.logs].slice(0, LOGS_PER_ROUND_MAX)
  const spoken = target.spoken === undefined ? [] : [target.spoken]
  const liked = logs.flatMap((log) => log.wires())
  const wires = new Set([...spoken, ...liked, ...target.hints, ...ANY_WIRE])
  const steps: { wire: Wire; first: Uint8Array }[] = []
  for (const wire of wires) {
    // Where the handshake does not need a log, one try tells whether it is spoken.
    const asked = BEGINS_WITH_LOG.has(wire) ? logs : logs.slice(0, 1)
    for (const { discoveryKey } of asked) steps.push({ wire, first: discoveryKey })
  }
  return steps
}
