/**
 * Waiting for something that has no end of its own, with the caller's limits.
 *
 * Owns: the race of one promise with a timer and a signal. Whatever ends it, nothing is left behind: no timer, no
 * listener. The promise itself goes on; whoever can stop the work does so.
 */

import type { Clock } from './clock.ts'
import { DatError } from './errors.ts'
import type { StopSignal } from './stop.ts'

/** How long a caller waits, and what ends it before. */
export interface Limits {
  /** Longest wait in milliseconds; 0 (the default here) waits without limit. */
  readonly timeoutMs?: number
  readonly signal?: StopSignal
}

/** What `promise` gives; rejects with `TIMEOUT` or `ABORTED` before. */
export function within<T>(promise: Promise<T>, clock: Clock, limits: Limits): Promise<T> {
  const { timeoutMs = 0, signal } = limits
  if (timeoutMs === 0 && signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      end()
      reject(new DatError('ABORTED', 'The caller aborted.', {}, signal?.reason))
    }
    const onTimeout = (): void => {
      end()
      reject(new DatError('TIMEOUT', `Not finished after ${timeoutMs} ms.`, { timeoutMs }))
    }
    const timer = timeoutMs > 0 ? clock.after(timeoutMs, onTimeout) : undefined
    const end = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    promise.then(
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
