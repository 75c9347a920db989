/**
 * How far the log is elsewhere: the most blocks from 0 on that a peer of our fork holds without a gap.
 *
 * Owns: that number. It grows with what peers say, and is cut where our history is; what peers of former times have
 * claimed is remembered by `copies`. As each claim, it is no proof.
 */

import type { Copies } from './copies.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'

export class Horizon {
  readonly #shared: Shared
  readonly #copies: Copies
  #length = 0
  #told = 0

  constructor(shared: Shared, copies: Copies) {
    this.#shared = shared
    this.#copies = copies
  }

  get length(): number {
    return Math.max(this.#length, this.#copies.contiguous)
  }

  /** A peer has said what it holds. */
  look({ has, fork }: Peer): void {
    const { replica, events } = this.#shared
    const length = Math.min(has.contiguous, replica.length)
    if (length <= this.#length || fork !== replica.fork) return
    this.#length = length
    if (length <= this.#told) return
    this.#told = length
    events.emit('remote-contiguous', { length })
  }

  /** Our history was cut: what lay above were other blocks. */
  truncated(length: number): void {
    this.#length = Math.min(this.#length, length)
    this.#told = Math.min(this.#told, length)
  }
}
