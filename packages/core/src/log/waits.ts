/**
 * Waiting, and how it ends.
 *
 * Owns: the waits of one handle. Each ends once: with what was asked, with the remote's error, with the
 * caller's signal, or with the handle. While nobody can be asked (no connection was ever made) a wait is for
 * that first: it ends with `NO_PEERS` when its time is over.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { Stop, type StopSignal } from '../base/stop.ts'
import type { LogOptions } from './options.ts'
import { DEFAULT_WAIT_MS, type Remote, type Wait, type WaitOptions } from './remote.ts'
import type { Replica } from './replica.ts'

export class Waits {
  readonly #replica: Replica
  readonly clock: Clock
  /** What holds where a call says nothing. */
  readonly #usual: WaitOptions
  /** Made with the first: most of many handles never wait. */
  #open: Set<(error: DatError) => void> | undefined

  constructor(replica: Replica, { clock = systemClock, timeoutMs }: LogOptions) {
    this.#replica = replica
    this.clock = clock
    this.#usual = timeoutMs === undefined ? {} : { timeoutMs }
  }

  /** These options, with what holds for this handle where they say nothing. */
  withUsual(options: Wait): Wait {
    return { ...this.#usual, ...options }
  }

  /** Runs `start` with a signal that also fires when this handle is closed. */
  run<T>(options: Wait, start: (wait: Wait) => Promise<T>): Promise<T> {
    const { signal } = options
    if (signal?.aborted === true) return Promise.reject(aborted(signal))
    return new Promise<T>((resolve, reject) => {
      const stop = new Stop()
      const end = (): void => {
        this.#open?.delete(fail)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: DatError): void => {
        end()
        reject(error)
        stop.abort(error)
      }
      const onAbort = (): void => fail(aborted(signal))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#open ??= new Set()
      this.#open.add(fail)
      start({ ...this.#usual, ...options, signal: stop }).then(
        (value) => {
          end()
          resolve(value)
        },
        (error: unknown) => {
          end()
          reject(error)
        },
      )
    })
  }

  /**
   * Asks the remote, as soon as there is one. `isThere` tells that the answer came about without it: then
   * resolves undefined.
   */
  async ask<T>(
    options: Wait,
    isThere: () => boolean,
    question: (remote: Remote, wait: Wait) => Promise<T>,
  ): Promise<T | undefined> {
    const { remote } = this.#replica
    if (remote !== undefined) return question(remote, options)
    const began = this.clock.now()
    const found = await this.#attached(options, isThere)
    if (found === undefined) return undefined
    const { timeoutMs = 0 } = options
    if (timeoutMs === 0) return question(found, options)
    const leftMs = Math.max(1, timeoutMs - (this.clock.now() - began))
    return question(found, { ...options, timeoutMs: leftMs })
  }

  #attached(options: Wait, isThere: () => boolean): Promise<Remote | undefined> {
    const { timeoutMs = DEFAULT_WAIT_MS, signal } = options
    const { events } = this.#replica
    return new Promise((resolve, reject) => {
      const stops: (() => void)[] = []
      const end = (): void => {
        for (const stop of stops) stop()
      }
      const look = (): void => {
        const { remote } = this.#replica
        if (remote === undefined && !isThere()) return
        end()
        resolve(remote)
      }
      const onTimeout = (): void => {
        end()
        reject(new DatError('NO_PEERS', 'Nobody was connected who could be asked.', { timeoutMs }))
      }
      for (const event of ['attached', 'held', 'append'] as const)
        stops.push(events.on(event, look))
      if (timeoutMs > 0) {
        const timer = this.clock.after(timeoutMs, onTimeout)
        stops.push(() => timer.cancel())
      }
      // The wait around this one has told the caller already why it ended.
      signal?.addEventListener('abort', end, { once: true })
      stops.push(() => signal?.removeEventListener('abort', end))
    })
  }

  /** Resolves when the log has `length` blocks, however long that takes. */
  grown(length: number, wait: WaitOptions): Promise<void> {
    const { events } = this.#replica
    return this.run(wait, ({ signal }) => {
      if (this.#replica.length >= length) return Promise.resolve()
      return new Promise((resolve) => {
        const look = (): void => {
          if (this.#replica.length >= length) stop()
        }
        const stop = (): void => {
          for (const off of offs) off()
          resolve()
        }
        const offs = [events.on('append', look), events.on('truncate', look)]
        signal?.addEventListener('abort', stop, { once: true })
      })
    })
  }

  /** Ends all waits. The error is made only if somebody waits: of ten thousand handles that close mostly nobody. */
  endAll(errorOf: () => DatError): void {
    if (this.#open === undefined || this.#open.size === 0) return
    const error = errorOf()
    for (const fail of [...this.#open]) fail(error)
  }
}

function aborted(signal: StopSignal | undefined): DatError {
  return new DatError('ABORTED', 'The wait was aborted by its caller.', {}, signal?.reason)
}
