/**
 * Local callers that wait, each with a deadline and perhaps an `AbortSignal`, on one timer.
 *
 * Owns: the promise behind every wait of a log. Always true: a waiter ends once, with an answer or with the
 * error that says why not, and leaves nothing behind: no timer, no listener on its signal. Thousands may wait
 * at the same time, so they share a timer and expired ones are looked for at most every `GRAIN_MS`.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import type { StopSignal } from '../base/stop.ts'
import { DEFAULT_WAIT_MS, type Wait } from '../log/remote.ts'

/** Deadlines are kept to this; a waiter is never ended early. */
const GRAIN_MS = 20
/** Is never added to. */
const NOBODY: Set<Waiter> = new Set()

/** One caller who waits, and the promise that he holds. */
export class Waiter {
  readonly promise: Promise<boolean>
  /** Infinity without a limit. */
  deadline: number
  readonly timeoutMs: number
  ended = false
  readonly #list: Waiters
  readonly #signal: StopSignal | undefined
  /** Told when this waiter was ended by its deadline or its signal, not by an answer. */
  readonly #onGone: () => void
  readonly #why: () => DatError
  #resolve: (value: boolean) => void = () => {}
  #reject: (error: DatError) => void = () => {}
  /** Made where there is a signal. */
  #abort: (() => void) | undefined = undefined

  constructor(
    list: Waiters,
    deadline: number,
    options: Wait,
    why: () => DatError,
    onGone: () => void,
  ) {
    this.#list = list
    this.deadline = deadline
    this.timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS
    this.#signal = options.signal
    this.#why = why
    this.#onGone = onGone
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { signal } = options
    if (signal === undefined) return
    this.#abort = () => {
      this.fail(new DatError('ABORTED', 'The caller aborted.', {}, signal.reason))
      this.#onGone()
    }
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  answer(value: boolean): void {
    if (this.#end()) this.#resolve(value)
  }

  fail(error: DatError): void {
    if (this.#end()) this.#reject(error)
  }

  expire(): void {
    this.fail(this.#why())
    this.#onGone()
  }

  #end(): boolean {
    if (this.ended) return false
    this.ended = true
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort)
    this.#list.remove(this)
    return true
  }
}

/** All who wait for something of one log. */
export class Waiters {
  readonly #clock: Clock
  /** Made with the first, and gone with the last: most logs wait for nothing. */
  #waiting: Set<Waiter> = NOBODY
  #timer: Timer | undefined = undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * A new waiter. `why` builds its error when the time is over; `onGone` tells that it waits no more for
   * another reason than an answer. A signal that has fired already ends it at once.
   */
  add(options: Wait, why: () => DatError, onGone: () => void): Waiter {
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS
    const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.#clock.now() + timeoutMs
    const waiter = new Waiter(this, deadline, options, why, onGone)
    if (options.signal?.aborted === true) {
      waiter.fail(new DatError('ABORTED', 'The caller aborted.', {}, options.signal.reason))
      return waiter
    }
    if (this.#waiting === NOBODY) this.#waiting = new Set()
    this.#waiting.add(waiter)
    this.#arm(deadline)
    return waiter
  }

  /** Something it waits for moved on: its time starts anew. */
  extend(waiter: Waiter): void {
    if (waiter.timeoutMs > 0) waiter.deadline = this.#clock.now() + waiter.timeoutMs
  }

  remove(waiter: Waiter): void {
    this.#waiting.delete(waiter)
    if (this.#waiting.size > 0) return
    this.#waiting = NOBODY
    this.#disarm()
  }

  /** The error is made only if somebody waits. */
  failAll(errorOf: () => DatError): void {
    if (this.#waiting.size === 0) return
    const error = errorOf()
    for (const waiter of [...this.#waiting]) waiter.fail(error)
  }

  #arm(deadline: number): void {
    if (deadline >= this.#timerAt) return
    this.#disarm()
    if (deadline === Number.POSITIVE_INFINITY) return
    this.#timerAt = deadline
    const delayMs = Math.max(deadline - this.#clock.now(), GRAIN_MS)
    this.#timer = this.#clock.after(delayMs, () => this.#expire())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #expire(): void {
    this.#disarm()
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const waiter of [...this.#waiting]) {
      if (waiter.deadline <= now) waiter.expire()
      else next = Math.min(next, waiter.deadline)
    }
    if (this.#waiting.size > 0) this.#arm(next)
  }
}
