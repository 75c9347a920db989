/**
 * From the first block of a log to its closing: what everything that reads an index through one handle shares.
 *
 * Owns: whether the handle is closed, waiting for the log to change, and waiting for a log that is empty here. That
 * one says nothing about what its author wrote: `begun` waits for its first block, so that "not there" is always
 * known and never silence.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { DEFAULT_WAIT_MS, type WaitOptions } from '../log/remote.ts'
import type { LogSource } from './source.ts'

export class Life {
  readonly source: LogSource
  readonly clock: Clock
  closed = false
  readonly #onClose = new Set<() => void>()

  constructor(source: LogSource, clock: Clock = systemClock) {
    this.source = source
    this.clock = clock
  }

  checkOpen(): void {
    if (this.closed) throw closedError()
  }

  /** Waits until the first block and the last are here. */
  async begun(options: WaitOptions): Promise<void> {
    const { source, clock } = this
    if (source.length === 0) {
      const { timeoutMs = DEFAULT_WAIT_MS } = options
      const began = clock.now()
      // Fails soon if nobody is there. Peers that have nothing prove nothing: they may be readers who came
      // before the author did. So what they say is no answer, and the first block is waited for.
      await source.update(options)
      const leftMs = timeoutMs === 0 ? 0 : Math.max(1, timeoutMs - (clock.now() - began))
      if (source.length === 0) await source.get(0, { ...options, timeoutMs: leftMs })
    }
    // The newest block is wanted next in any case: two blocks, one round trip.
    await Promise.all([source.get(0, options), source.get(source.length - 1, options)])
  }

  /** Resolves when the log grows or shrinks next; rejects with `ABORTED` or `CLOSED`. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    this.checkOpen()
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        for (const off of offs) off()
        this.#onClose.delete(closed)
        signal?.removeEventListener('abort', aborted)
        settle()
      }
      const closed = (): void => end(() => reject(closedError()))
      const aborted = (): void =>
        end(() => reject(new DatError('ABORTED', 'Waiting was aborted.', {}, signal?.reason)))
      const offs = [
        this.source.on('append', () => end(resolve)),
        this.source.on('truncate', () => end(resolve)),
        this.source.on('closed', () => closed()),
      ]
      this.#onClose.add(closed)
      signal?.addEventListener('abort', aborted)
      if (signal?.aborted === true) aborted()
    })
  }

  /** Ends all waits and closes the log's handle. */
  close(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    for (const closed of [...this.#onClose]) closed()
    return this.source.close()
  }
}

function closedError(): DatError {
  return new DatError('CLOSED', 'What was open on this log was closed.')
}
