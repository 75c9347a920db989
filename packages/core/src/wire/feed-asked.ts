/**
 * The requests that a remote owes us an answer to, on a wire without ids: answers are told apart by their block.
 *
 * Owns: which id waits for which block. Always true: at most one request for a block is under way, of any kind, because
 * its answer would be taken for the answer to the other; further ones wait here until it came. A request for a byte
 * position is answered with whatever block holds it: one of these is under way at a time.
 */

/** One request as it is sent. */
export interface Asked {
  /** 0 when it was cancelled here: the remote answers nevertheless. */
  id: number
  readonly index: number
  readonly isHash: boolean
  /** Byte position, or 0. */
  readonly bytes: number
  readonly digest: number
}

const NONE: readonly Asked[] = []
/** Blocks whose leaf may still come after their end was told; more are not remembered. */
const GONE_MAX = 1_024

export class AskedTable {
  readonly #byIndex = new Map<number, Asked>()
  readonly #byId = new Map<number, Asked>()
  /** Not sent yet. */
  #waiting: Asked[] = []
  #seek: Asked | undefined = undefined
  /** Asked for and lost by the remote: its leaf may follow, and is the answer to nothing else. */
  readonly #gone = new Set<number>()

  /** True if it is to be sent now. */
  add(asked: Asked): boolean {
    this.#byId.set(asked.id, asked)
    if (this.#mayGo(asked)) return true
    this.#waiting.push(asked)
    return false
  }

  /** The request is not wanted any more. */
  cancel(id: number): void {
    const asked = this.#byId.get(id)
    if (asked === undefined) return
    this.#byId.delete(id)
    asked.id = 0
    this.#waiting = this.#waiting.filter((other) => other !== asked)
  }

  /**
   * An answer has come: the request that it answers, or nothing if it was not asked for.
   *
   * @param hasValue with the block's bytes: never the answer to a request for a hash
   */
  answered(index: number, hasValue: boolean): Asked | undefined {
    const asked = this.#byIndex.get(index)
    if (asked !== undefined && (hasValue || asked.isHash || this.#seek === undefined)) {
      this.#byIndex.delete(index)
      this.#byId.delete(asked.id)
      return asked
    }
    const seek = hasValue || this.#gone.delete(index) ? undefined : this.#seek
    if (seek === undefined) return undefined
    this.#seek = undefined
    this.#byId.delete(seek.id)
    return seek
  }

  /** The remote has no longer what these blocks hold: ends the requests for them. */
  gone(start: number, end: number): Asked[] {
    const found: Asked[] = []
    for (const asked of this.#byIndex.values()) {
      if (asked.index >= start && asked.index < end && !asked.isHash) found.push(asked)
    }
    for (const asked of found) {
      this.#byIndex.delete(asked.index)
      this.#byId.delete(asked.id)
      if (this.#gone.size < GONE_MAX) this.#gone.add(asked.index)
    }
    return found
  }

  /** Those of the waiting that may be sent now; the first in order goes first. */
  next(): readonly Asked[] {
    if (this.#waiting.length === 0) return NONE
    const ready: Asked[] = []
    const left: Asked[] = []
    for (const asked of this.#waiting) {
      if (this.#mayGo(asked)) ready.push(asked)
      else left.push(asked)
    }
    this.#waiting = left
    return ready
  }

  #mayGo(asked: Asked): boolean {
    if (asked.bytes > 0) {
      if (this.#seek !== undefined) return false
      this.#seek = asked
      return true
    }
    if (this.#byIndex.has(asked.index)) return false
    this.#gone.delete(asked.index)
    this.#byIndex.set(asked.index, asked)
    return true
  }
}
