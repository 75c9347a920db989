/**
 * Events for one listener who takes them at its own pace.
 *
 * Owns: a bounded queue. Invariant: at most `EVENTS_MAX` events wait; a listener that falls behind further
 * loses events and is told how many, in their place.
 */

/** Events that wait for one listener. */
export const EVENTS_MAX = 10_000

/** The events of one listener. */
export class NewsQueue<T> implements AsyncIterableIterator<T> {
  readonly #missedEvent: (count: number) => T
  readonly #onend: () => void
  #events: T[] = []
  #at = 0
  #missed = 0
  #ended = false
  #waiting: ((result: IteratorResult<T, undefined>) => void) | undefined

  constructor(missedEvent: (count: number) => T, onend: () => void) {
    this.#missedEvent = missedEvent
    this.#onend = onend
  }

  push(event: T): void {
    if (this.#ended) return
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting({ value: event, done: false })
    } else if (this.#missed > 0 || this.#events.length - this.#at >= EVENTS_MAX) this.#missed++
    else this.#events.push(event)
  }

  /** What was pushed is still delivered; then the iteration ends. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#waiting?.({ value: undefined, done: true })
    this.#waiting = undefined
    this.#onend()
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const event = this.#shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#events = []
    this.#missed = 0
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #shift(): T | undefined {
    const event = this.#events[this.#at]
    if (event !== undefined) {
      this.#at++
      return event
    }
    this.#events = []
    this.#at = 0
    if (this.#missed === 0) return undefined
    const missed = this.#missed
    this.#missed = 0
    return this.#missedEvent(missed)
  }
}
