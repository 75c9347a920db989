/**
 * The downloads of one handle, from the moment they are asked for, whether anybody can be asked or not.
 *
 * Owns: the list, so that closing the handle cancels them all. A download for which a remote is to be made begins in a
 * turn of its own, because whoever wants ten thousand logs asks for all of them in one. Where nobody can be asked yet
 * it begins when a remote is attached.
 */

import { asError, DatError } from '../base/errors.ts'
import { Stop, stopWith } from '../base/stop.ts'
import { Turns, type Worker } from '../base/turns.ts'
import type { Download, RangeRequest, Wait } from './remote.ts'
import type { Replica } from './replica.ts'
import type { Waits } from './waits.ts'

/** The downloads of one handle. */
export interface Downloads {
  start(range: RangeRequest): Download
  /** What is waited for ends with this error. */
  cancelAll(errorOf: () => DatError): void
}

export function downloads(replica: Replica, waits: Waits): Downloads {
  const open = new Set<HandleDownload>()
  return {
    start(range) {
      const download = new HandleDownload(replica, waits, range, () => open.delete(download))
      open.add(download)
      if (replica.isRemoteDue) Turns.on(waits.clock).add(download)
      else download.onTurn()
      return download
    },
    cancelAll(errorOf) {
      if (open.size === 0) return
      const error = errorOf()
      for (const download of [...open]) download.stop(error)
    },
  }
}

class HandleDownload implements Download, Worker {
  readonly priority = 0
  readonly #replica: Replica
  readonly #waits: Waits
  readonly #range: RangeRequest
  readonly #onEnd: () => void
  readonly #cancelled = new Stop()
  /** It had its turn, or was cancelled before. */
  #isBegun = false
  /** Who waits for its turn. */
  #beginners: ((error: Error | undefined) => void)[] | undefined
  #stopListening: (() => void) | undefined
  #remote: Download | undefined

  constructor(replica: Replica, waits: Waits, range: RangeRequest, onEnd: () => void) {
    this.#replica = replica
    this.#waits = waits
    this.#range = range
    this.#onEnd = onEnd
  }

  onTurn(): void {
    if (this.#isBegun) return
    let failed: Error | undefined
    try {
      if (this.#begin() === undefined) {
        this.#stopListening = this.#replica.events.on('attached', () => this.#begin())
      }
    } catch (error) {
      failed = asError(error)
    }
    this.#began(failed)
  }

  async done(options: Wait = {}): Promise<void> {
    if (!this.#isComplete) {
      if (!this.#isBegun) await this.#turn()
      await this.#wait(options)
    }
    this.#end()
  }

  cancel(): void {
    this.stop(new DatError('ABORTED', 'The download was cancelled.'))
  }

  stop(error: DatError): void {
    this.#end()
    this.#began(error)
    this.#cancelled.abort(error)
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#beginners ??= []
      this.#beginners.push((error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  #began(error: Error | undefined): void {
    const beginners = this.#beginners
    this.#isBegun = true
    this.#beginners = undefined
    for (const go of beginners ?? []) go(error)
  }

  #wait(options: Wait): Promise<void> {
    const ask = (wait: Wait): Promise<void> => {
      const isThere = (): boolean => this.#isComplete
      return this.#waits.ask(wait, isThere, async (_remote, left) => this.#begin()?.done(left))
    }
    const { signal } = options
    if (signal === undefined) return this.#waits.run({ ...options, signal: this.#cancelled }, ask)
    const both = stopWith([this.#cancelled, signal])
    return this.#waits.run({ ...options, signal: both.signal }, ask).finally(both.release)
  }

  /** Asks the remote, once there is one. */
  #begin(): Download | undefined {
    this.#remote ??= this.#replica.remote?.range(this.#range)
    return this.#remote
  }

  #end(): void {
    this.#stopListening?.()
    this.#remote?.cancel()
    this.#onEnd()
  }

  get #isComplete(): boolean {
    const { start, end, blocks } = this.#range
    const { slot } = this.#replica
    if (blocks !== undefined) return blocks.every((index) => slot.has(index))
    return end >= 0 && slot.nextMissing(start, end) >= end
  }
}
