/**
 * One writer at a time.
 *
 * Owns: the queue of those who want a log for themselves, per log and process. It binds only those who ask here:
 * other handles write as ever, since a log can't be forked by two writers of one store. For changes that depend on what was
 * read, `atomic` with `expect` needs no queue.
 */

import { DatError } from '../base/errors.ts'
import { Mutex, type Release } from '../base/mutex.ts'
import type { Log } from './log.ts'
import type { SessionOptions } from './options.ts'
import type { Replica } from './replica.ts'

/** Of the session that is opened, once it is our turn. */
export interface ExclusiveOptions extends SessionOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal
}

const locks = new WeakMap<Replica, Mutex>()

/**
 * A session that no other session from here writes beside; closing it lets the next one in. Waits for its turn as
 * long as that takes.
 *
 * @throws DatError ABORTED by the signal; CLOSED if the handle is closed meanwhile
 */
export async function exclusive(log: Log, options: ExclusiveOptions = {}): Promise<Log> {
  const { signal, ...own } = options
  log.checkMayWrite()
  const lock = locks.get(log.replica) ?? new Mutex()
  locks.set(log.replica, lock)
  const release = await turn(log, lock, signal)
  try {
    const session = log.session(own)
    session.on('closed', release)
    return session
  } catch (error) {
    release()
    throw error
  }
}

/** Whoever stops waiting passes his turn on. */
function turn(log: Log, lock: Mutex, signal: AbortSignal | undefined): Promise<Release> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const end = (): void => {
      isOver = true
      stopListening()
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: DatError): void => {
      end()
      reject(error)
    }
    const onAbort = (): void => {
      fail(new DatError('ABORTED', 'The wait was aborted by its caller.', {}, signal?.reason))
    }
    const stopListening = log.on('closed', () => {
      fail(new DatError('CLOSED', 'The log is closed.'))
    })
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    void lock.acquire().then((release) => {
      if (isOver) return release()
      end()
      resolve(release)
    })
  })
}
