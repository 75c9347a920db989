/**
 * The handle on the log that holds a drive's bytes.
 *
 * Owns: that it is opened once, when it is known which log that is: each format says so in its way. A failure to find out is
 * not kept, since the next call may know more.
 */

import { DatError } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import type { WaitOptions } from '../log/remote.ts'
import { Blobs } from './blobs.ts'

/** The log of the files of one drive, once it is known which it is. */
export class Content {
  readonly #find: (options: WaitOptions) => Promise<Log>
  #opening: Promise<Blobs> | undefined = undefined
  /** Both once it is open. */
  log: Log | undefined = undefined
  blobs: Blobs | undefined = undefined

  /**
   * @param find may wait for blocks that say which log it is
   * @param known the log, where it is open already
   */
  constructor(find: (options: WaitOptions) => Promise<Log>, known?: Log) {
    this.#find = find
    if (known !== undefined) this.#opening = Promise.resolve(this.#keep(known))
  }

  open(options: WaitOptions): Promise<Blobs> {
    this.#opening ??= this.#open(options).catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(options: WaitOptions): Promise<Blobs> {
    return this.#keep(await this.#find(options))
  }

  #keep(log: Log): Blobs {
    this.log = log
    this.blobs = Blobs.open(log)
    return this.blobs
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.log?.close()
  }
}

/** For a drive that does not say which log it is, or names none. */
export function unknownContent(version: number): DatError {
  const message = 'This drive does not say which log holds its files.'
  return new DatError('BAD_CONTENT', message, { version })
}
