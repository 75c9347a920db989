/**
 * What a share and a clone have in common: a drive on a station, somebody who tells about it, one result, one end.
 *
 * Owns: that life. Invariant: `result` is settled exactly once, by whatever comes first: the first pass, an error, the
 * caller's signal, or `close`.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { hex } from '@dat-rhino/core/bytes/bytes'
import type { Drive } from '@dat-rhino/core/drive/drive'
import type { Log } from '@dat-rhino/core/log/log'
import type { WaitOptions } from '@dat-rhino/core/log/remote'
import type { Topic } from '../network/topic.ts'
import type { Station } from '../station.ts'
import type { Phase, Report } from './news.ts'
import { fileError } from './problems.ts'
import { type Sample, Teller } from './teller.ts'

/** A failing store is tried again and again; so often is it told at most. */
const STORAGE_QUIET_MS = 60_000

export class FolderSession {
  readonly station: Station
  readonly teller: Teller
  readonly topic: Topic
  readonly clock: Clock
  readonly #abort = new AbortController()
  readonly #result: Promise<Report>
  #settle: { resolve(report: Report): void; reject(error: DatError): void } | undefined
  readonly #discoveryKey: Uint8Array
  #drive: Drive | undefined
  #blobs: Log | undefined
  #quietUntil = Number.NEGATIVE_INFINITY
  #closing: Promise<void> | undefined

  /**
   * @param discoveryKey of the drive, whatever it is
   * @param signal the caller's: fails the session when it fires
   */
  constructor(station: Station, discoveryKey: Uint8Array, signal: AbortSignal | undefined) {
    this.station = station
    this.#discoveryKey = discoveryKey
    this.clock = station.clock
    this.topic = station.network.join(discoveryKey, {
      hasPeers: () => station.corestore.peers(discoveryKey).length > 0,
    })
    this.teller = new Teller(station.clock, () => this.#sample())
    this.#result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Whoever does not ask for the result has not missed an error: it is in the phase and the events.
    this.#result.catch(() => undefined)
    const onabort = (): void =>
      this.#stop(new DatError('ABORTED', 'Stopped by the caller.'), 'closed')
    if (signal?.aborted === true) onabort()
    else signal?.addEventListener('abort', onabort, { once: true, signal: this.#abort.signal })
    station.network.events.on(
      'warning',
      (event) => this.teller.emit({ type: 'warning', ...event }),
      {
        signal: this.#abort.signal,
      },
    )
    station.corestore.events.on('storage-error', ({ error }) => this.#onStorageError(error), {
      signal: this.#abort.signal,
    })
  }

  /** Fires when everything has to stop. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** It is known what the key leads to. The drive is closed with the session. */
  opened(drive: Drive): void {
    this.#drive = drive
  }

  /** The drive, once it is known. */
  get known(): Drive | undefined {
    return this.#drive
  }

  /** The drive; only for what comes after `opened`. */
  get drive(): Drive {
    if (this.#drive !== undefined) return this.#drive
    throw new DatError('INVARIANT', 'The drive was needed before it was known.')
  }

  /** The content log has to be open for its blocks to be counted. */
  countBlobs(): void {
    this.#blobs ??= this.#drive?.contentLog?.session()
  }

  finish(report: Report): void {
    this.teller.emit({ type: 'ready', report })
    this.#settle?.resolve(report)
    this.#settle = undefined
  }

  fail(error: DatError): void {
    this.#stop(error, 'failed')
  }

  /** @param phase in which it is from now on: who stopped it himself has seen nothing fail */
  #stop(error: DatError, phase: 'failed' | 'closed'): void {
    if (this.#abort.signal.aborted) return
    this.#settle?.reject(error)
    this.#settle = undefined
    this.teller.setPhase(phase)
    this.#abort.abort(error)
  }

  /** The result of the first pass. Waits without limit unless `timeoutMs` says otherwise. */
  done(options: WaitOptions = {}): Promise<Report> {
    const { timeoutMs = 0, signal } = options
    if (timeoutMs === 0 && signal === undefined) return this.#result
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === 0
          ? undefined
          : this.clock.after(timeoutMs, () =>
              reject(new DatError('TIMEOUT', 'Not done in the time given.', { timeoutMs })),
            )
      const onabort = (): void => reject(new DatError('ABORTED', 'Stopped by the caller.'))
      if (signal?.aborted === true) onabort()
      signal?.addEventListener('abort', onabort, { once: true })
      const over = (): void => {
        timer?.cancel()
        signal?.removeEventListener('abort', onabort)
      }
      this.#result.then(resolve, reject).finally(over)
    })
  }

  /** @param work what was running; it ends because `signal` has fired */
  close(work: Promise<void>, release: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#close(work, release)
    return this.#closing
  }

  async #close(work: Promise<void>, release: () => Promise<void>): Promise<void> {
    const error = new DatError('CLOSED', 'The folder was closed before it was done.')
    this.#settle?.reject(error)
    this.#settle = undefined
    if (!this.#abort.signal.aborted) this.#abort.abort(error)
    await work
    const last: Phase = this.teller.phase === 'failed' ? 'failed' : 'closed'
    this.teller.close(last)
    await this.topic.leave()
    await this.#blobs?.close()
    await this.#drive?.close()
    await release()
  }

  /**
   * What peers sent could not be kept. A pass that somebody waits for ends there and then: with a full disk it would
   * wait for its own time limit, and say that no peer has delivered. Who follows is told, and goes on when there is room.
   */
  #onStorageError(thrown: unknown): void {
    const error = fileError(thrown, 'The store')
    if (this.#settle !== undefined) {
      this.fail(error)
      return
    }
    const now = this.clock.now()
    if (now < this.#quietUntil) return
    this.#quietUntil = now + STORAGE_QUIET_MS
    this.teller.emit({ type: 'warning', error })
  }

  #sample(): Sample {
    const { corestore, network } = this.station
    const rows = this.#drive?.log.info()
    const blobs = this.#blobs?.info()
    const { bytesDown, bytesUp } = network.state
    const peers = corestore.peers(this.#discoveryKey)
    return {
      have: (rows?.heldBlocks ?? 0) + (blobs?.heldBlocks ?? 0),
      length: (rows?.length ?? 0) + (blobs?.length ?? 0),
      version: this.#drive?.version ?? 0,
      bytesDown,
      bytesUp,
      peers: peers.map(({ remotePublicKey }) => hex(remotePublicKey)),
    }
  }
}
