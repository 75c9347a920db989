/**
 * Staying connected with one address: dialling, and dialling again when the connection has ended or could not be made.
 *
 * Owns: the attempts. Always true: one attempt or one connection at a time; a connection that lasted `STEADY_MS` was a
 * success, and after it the delays begin anew; while the store is suspended nothing is tried and no timer
 * runs. A swarm does the same for the peers that it finds; this is for those whose address is known.
 */

import { Backoff } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { MakeMuxer } from '../wire/channel.ts'
import type { Transport } from '../wire/transport.ts'
import type { Connection } from './connection.ts'

const FIRST_MS = 1_000
const MAX_MS = 600_000
/** A connection that ends before this is as if it had not been made. */
export const STEADY_MS = 15_000

/** Makes a connection, or rejects. Must end with the signal. */
export type DialFunction = (signal: AbortSignal) => Promise<Transport | MakeMuxer>

/** What a dial needs of the store. */
export interface DialHost {
  readonly clock: Clock
  /** In 0 .. 1. */
  random(): number
  connect(carrier: Transport | MakeMuxer): Connection
  closed(dial: Dial): void
}

/** An address that is kept connected, until `close`. */
export class Dial {
  readonly #dial: DialFunction
  readonly #host: DialHost
  readonly #backoff = new Backoff(FIRST_MS, MAX_MS)
  #attempt: AbortController | undefined
  #connection: Connection | undefined
  #timer: Timer | undefined
  #isPaused = false
  #isClosed = false
  /** Why the last attempt or connection ended. */
  error: Error | undefined = undefined
  attempts = 0

  /** Use `Corestore.keepConnected`. */
  constructor(dial: DialFunction, host: DialHost, isPaused: boolean) {
    this.#dial = dial
    this.#host = host
    this.#isPaused = isPaused
    if (!isPaused) this.#try()
  }

  /** The connection of the moment. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Ends the connection, and dials no more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.pause()
    this.#connection?.close()
    this.#host.closed(this)
  }

  /** Tries no more before `resume`. */
  pause(): void {
    this.#isPaused = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt?.abort()
  }

  /** Tries at once, and as if nothing had failed before. */
  resume(): void {
    if (!this.#isPaused || this.#isClosed) return
    this.#isPaused = false
    this.#backoff.reset()
    if (this.#attempt === undefined && this.#connection === undefined) this.#try()
  }

  #try(): void {
    const attempt = new AbortController()
    this.#attempt = attempt
    this.attempts++
    this.#dial(attempt.signal).then(
      (carrier) => this.#connected(carrier),
      (error: unknown) => this.#failed(error instanceof Error ? error : new Error(String(error))),
    )
  }

  #connected(carrier: Transport | MakeMuxer): void {
    const since = this.#host.clock.now()
    this.#attempt = undefined
    let connection: Connection
    try {
      connection = this.#host.connect(carrier)
    } catch (error) {
      // The store was closed meanwhile, and has closed this.
      if (typeof carrier !== 'function') carrier.close()
      this.error = error instanceof Error ? error : undefined
      return
    }
    this.#connection = connection
    if (this.#isPaused) connection.close()
    void connection.ended.then((error) => {
      this.#connection = undefined
      if (this.#host.clock.now() - since >= STEADY_MS) this.#backoff.reset()
      this.error = error
      this.#later()
    })
  }

  #failed(error: Error): void {
    this.#attempt = undefined
    this.error = error
    this.#later()
  }

  #later(): void {
    if (this.#isClosed || this.#isPaused) return
    this.#timer = this.#host.clock.after(this.#backoff.next(this.#host.random()), () => {
      this.#timer = undefined
      this.#try()
    })
  }
}
