/**
 * Whether there is an index in a log, and what its first block says.
 *
 * Owns: the header, read once and again only where the author replaced it. Always true: an index of ours that is empty is
 * ready without one; of any other, "not there" is known only when its first block is here.
 */

import { DatError } from '../base/errors.ts'
import type { WaitOptions } from '../log/remote.ts'
import type { Life } from './life.ts'

/** Where blocks of the log were replaced since. */
interface Epochs {
  readonly epoch: number
  isWhole(version: number, since: number): boolean
}

/** How the first block of an index is read. */
export interface HeaderFormat<H> {
  /** For people: `bee`, `trie`. */
  readonly name: string
  /** @throws DatError BAD_CONTENT, UNSUPPORTED for a block of something else */
  decode(block: Uint8Array): H
}

export class Beginning<H> {
  readonly #life: Life
  readonly #epochs: Epochs
  readonly #format: HeaderFormat<H>
  #header: H | undefined = undefined
  #headerEpoch = 0

  constructor(life: Life, epochs: Epochs, format: HeaderFormat<H>) {
    this.#life = life
    this.#epochs = epochs
    this.#format = format
  }

  /** The header, if it is here and was checked. */
  get header(): H | undefined {
    return this.isReady() ? this.#header : undefined
  }

  /** Is it known, without waiting, that this is an index of the kind (or that it is ours and empty)? */
  isReady(): boolean {
    const life = this.#life
    life.checkOpen()
    const { source } = life
    if (source.length === 0) return source.writable
    if (this.#header !== undefined && this.#epochs.isWhole(1, this.#headerEpoch)) return true
    const block = source.peek(0)
    if (block === undefined) return false
    this.#header = this.#format.decode(block)
    this.#headerEpoch = this.#epochs.epoch
    return true
  }

  /** Waits until `isReady`. */
  async prepare(options: WaitOptions): Promise<void> {
    if (this.isReady()) return
    await this.#life.begun(options)
    if (this.isReady()) return
    const message = `The first block of the ${this.#format.name} went away while it was read.`
    throw new DatError('NOT_AVAILABLE', message, { seq: 0 })
  }
}
