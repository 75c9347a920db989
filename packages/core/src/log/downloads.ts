/**
 * The downloads of one handle, from the moment they are asked for, whether anybody can be asked or not.
 *
 * Owns: the list, so that closing the handle cancels them all. A download that is started before there is a
 * remote begins when one is attached.
 */

import { DatError } from '../base/errors.ts'
import { Stop, stopWith } from '../base/stop.ts'
import type { Download, RangeRequest, Wait } from './remote.ts'
import type { Replica } from './replica.ts'
import type { Waits } from './waits.ts'

/** The downloads of one handle. */
export interface Downloads {
  start(range: RangeRequest): Download
  cancelAll(): void
}

export function downloads(replica: Replica, waits: Waits): Downloads {
  const open = new Set<HandleDownload>()
  return {
    start(range) {
      const download = new HandleDownload(replica, waits, range, () => open.delete(download))
      open.add(download)
      return download
    },
    cancelAll() {
      for (const download of [...open]) download.cancel()
    },
  }
}

class HandleDownload implements Download {
  readonly #replica: Replica
  readonly #waits: Waits
  readonly #range: RangeRequest
  readonly #onEnd: () => void
  readonly #stopListening: () => void
  readonly #cancelled = new Stop()
  #remote: Download | undefined

  constructor(replica: Replica, waits: Waits, range: RangeRequest, onEnd: () => void) {
    this.#replica = replica
    this.#waits = waits
    this.#range = range
    this.#onEnd = onEnd
    this.#stopListening = replica.events.on('attached', () => this.#begin())
    this.#begin()
  }

  async done(options: Wait = {}): Promise<void> {
    const isThere = (): boolean => this.#isComplete
    if (!isThere()) {
      const { signal, release } = stopWith([this.#cancelled, options.signal])
      const ask = (wait: Wait): Promise<void> =>
        this.#waits.ask(wait, isThere, async (_remote, left) => this.#begin()?.done(left))
      await this.#waits.run({ ...options, signal }, ask).finally(release)
    }
    this.#end()
  }

  cancel(): void {
    this.#end()
    this.#cancelled.abort(new DatError('ABORTED', 'The download was cancelled.'))
  }

  /** Asks the remote, once there is one. */
  #begin(): Download | undefined {
    this.#remote ??= this.#replica.remote?.range(this.#range)
    return this.#remote
  }

  #end(): void {
    this.#stopListening()
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
