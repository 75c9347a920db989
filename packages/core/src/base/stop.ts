/**
 * Ending a wait from outside, for the price of one object.
 *
 * Owns: `Stop`, which does for waits inside this package what an `AbortController` does for its users. One of those is
 * made for each remote read, and with its event target it cost more than the request. Whoever is given a `StopSignal`
 * need not know which of the two it is.
 */

/** The part of an `AbortSignal` that waits use. */
export interface StopSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** A signal and the hand on it. Listeners are called once, in the order in which they came. */
export class Stop implements StopSignal {
  #aborted = false
  #reason: unknown = undefined
  /** Mostly there is one. */
  #listener: (() => void) | undefined = undefined
  #others: (() => void)[] | undefined = undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#aborted) return
    if (this.#listener === undefined) this.#listener = listener
    else {
      this.#others ??= []
      this.#others.push(listener)
    }
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = this.#others?.shift()
    else this.#others = this.#others?.filter((other) => other !== listener)
  }

  /** Only the first call counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    const listeners = [this.#listener, ...(this.#others ?? [])]
    this.#listener = undefined
    this.#others = undefined
    for (const listener of listeners) listener?.()
  }
}

/** Fires with the first of these, until it is released: then no listener is left on any of them. */
export function stopWith(signals: readonly (StopSignal | undefined)[]): {
  readonly signal: StopSignal
  release(): void
} {
  const stop = new Stop()
  const releases = signals.map((signal) => {
    if (signal === undefined) return () => {}
    const onAbort = (): void => stop.abort(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return () => signal.removeEventListener('abort', onAbort)
  })
  return {
    signal: stop,
    release: () => {
      for (const release of releases) release()
    },
  }
}
