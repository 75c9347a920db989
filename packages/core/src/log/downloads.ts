/**
 * The downloads of one handle, from the moment they are asked for, whether anybody can be asked or not.
 *
 * Owns: the list, so that closing the handle cancels them all. A download for which a remote is to be made begins in a
 * turn of its own, because whoever wants ten thousand logs asks for all of them in one; until then it is little more
 * than its range, so that asking is short too. Where nobody can be asked yet it begins when a remote is attached.
 */

import { asError, DatError } from '../base/errors.ts'
import { Stop, stopWith } from '../base/stop.ts'
import { Turns, type Worker } from '../base/turns.ts'
import type { Download, Fetching, RangeRequest, Wait } from './remote.ts'
import type { Replica } from './replica.ts'
import type { Waits } from './waits.ts'

/** Those of one handle. */
export class Downloads {
  readonly replica: Replica
  readonly waits: Waits
  /** Replaced, never changed in place: mostly there is one. */
  #open: readonly HandleDownload[] = NONE

  constructor(replica: Replica, waits: Waits) {
    this.replica = replica
    this.waits = waits
  }

  start(range: RangeRequest): Download {
    const download = new HandleDownload(this, range)
    this.#open = this.#open === NONE ? [download] : [...this.#open, download]
    if (this.replica.isRemoteDue) Turns.on(this.waits.clock).add(download)
    else download.onTurn()
    return download
  }

  ended(download: HandleDownload): void {
    const open = this.#open.filter((other) => other !== download)
    this.#open = open.length === 0 ? NONE : open
  }

  /** What is waited for ends with this error. */
  cancelAll(errorOf: () => DatError): void {
    if (this.#open === NONE) return
    const error = errorOf()
    for (const download of this.#open) download.stop(error)
  }
}

const NONE: readonly HandleDownload[] = []

/** Somebody who waits for a download that has not begun. */
interface Early {
  readonly options: Wait
  resolve(done: Promise<void>): void
  reject(error: Error): void
}

class HandleDownload implements Download, Worker {
  readonly priority = 0
  readonly #all: Downloads
  readonly #range: RangeRequest
  /** It had its turn, or was cancelled before. */
  #isBegun = false
  #early: Early[] | undefined
  #stopListening: (() => void) | undefined
  #remote: Fetching | undefined
  /** Made when somebody waits for a remote. */
  #cancelled: Stop | undefined
  #error: DatError | undefined

  constructor(all: Downloads, range: RangeRequest) {
    this.#all = all
    this.#range = range
  }

  onTurn(): void {
    if (this.#isBegun) return
    let failed: Error | undefined
    try {
      if (this.#begin() === undefined) {
        const { events } = this.#all.replica
        this.#stopListening = events.on('attached', () => this.#begin())
      }
    } catch (error) {
      failed = asError(error)
    }
    this.#began(failed)
  }

  done(options: Wait = {}): Promise<void> {
    if (this.#isBegun) return this.#finish(options)
    return new Promise((resolve, reject) => {
      const early = { options, resolve, reject }
      if (this.#early === undefined) this.#early = [early]
      else this.#early.push(early)
    })
  }

  /** Who aborts, or is late, waits no more; the download goes on. */
  #finish(options: Wait): Promise<void> {
    if (this.#isComplete) {
      this.#end()
      return Promise.resolve()
    }
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const waiting = this.#remote?.done(this.#all.waits.withUsual(options)) ?? this.#wait(options)
    return waiting.then(
      () => {
        if (this.#error !== undefined) throw this.#error
        this.#end()
      },
      (error: unknown) => {
        throw this.#error ?? error
      },
    )
  }

  cancel(): void {
    this.stop(new DatError('ABORTED', 'The download was cancelled.'))
  }

  stop(error: DatError): void {
    this.#end()
    this.#began(error)
    this.#error ??= error
    this.#cancelled?.abort(error)
  }

  #began(error: Error | undefined): void {
    this.#isBegun = true
    const early = this.#early
    this.#early = undefined
    if (early === undefined) return
    for (const { options, resolve, reject } of early) {
      if (error === undefined) resolve(this.#finish(options))
      else reject(error)
    }
  }

  /** Until somebody can be asked, and then for him. */
  #wait(options: Wait): Promise<unknown> {
    const { waits } = this.#all
    this.#cancelled ??= new Stop()
    const { signal, release } = stopWith([this.#cancelled, options.signal])
    return waits
      .run({ ...options, signal }, (wait) => {
        const isThere = (): boolean => this.#isComplete
        return waits.ask(wait, isThere, async (_remote, left) => this.#begin()?.done(left))
      })
      .finally(release)
  }

  /** Asks the remote, once there is one. */
  #begin(): Fetching | undefined {
    this.#remote ??= this.#all.replica.remote?.range(this.#range)
    return this.#remote
  }

  #end(): void {
    this.#stopListening?.()
    this.#remote?.cancel()
    this.#all.ended(this)
  }

  get #isComplete(): boolean {
    const { start, end, blocks } = this.#range
    const { slot } = this.#all.replica
    if (blocks !== undefined) return blocks.every((index) => slot.has(index))
    if (end < 0 || start >= end) return end >= 0
    return end <= slot.length && slot.nextMissing(start, end) >= end
  }
}
