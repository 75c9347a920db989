/**
 * How peers have behaved: who broke the rules about what, and until when that is left alone.
 *
 * Owns: the scores, and the rests that follow from them. Pure: the time is passed in. A rest is about one log with one
 * peer, or about connections with the peer (`log` is empty). It begins with `REST_MS_MIN`, is twice as long each
 * further time, and ends with `DISTRUST_MS`; who has behaved for that long after it begins anew. Always true: an
 * offence about one log says nothing about another, and at most `RESTS_MAX` are remembered, the newest.
 */

import { DatError } from '../base/errors.ts'
import { DISTRUST_MS, REST_MS_MIN, RESTS_MAX } from '../base/limits.ts'

interface Score {
  readonly peer: string
  readonly log: string
  count: number
  until: number
}

/** Is this what a remote is to answer for? Two histories are the fault of the log's owner, not of who shows them. */
export function isOffence(error: Error | undefined): error is DatError {
  return error instanceof DatError && error.fault === 'remote' && error.code !== 'FORKED'
}

/** The scores of a store's peers. */
export class Standing {
  readonly #scores = new Map<string, Score>()

  /** The peer broke the rules about the log. Returns for how many milliseconds that rests. */
  offence(peer: string, log: string, now: number): number {
    const id = peer + log
    const known = this.#scores.get(id)
    const isForgotten = known === undefined || now >= known.until + DISTRUST_MS
    const count = isForgotten ? 1 : known.count + 1
    const restMs = Math.min(REST_MS_MIN * 2 ** (count - 1), DISTRUST_MS)
    // Behind all others, so that the oldest is the first.
    this.#scores.delete(id)
    this.#scores.set(id, { peer, log, count, until: now + restMs })
    const oldest = this.#scores.keys().next().value
    if (this.#scores.size > RESTS_MAX && oldest !== undefined) this.#scores.delete(oldest)
    return restMs
  }

  /** Has nobody broken any rule? */
  get isEmpty(): boolean {
    return this.#scores.size === 0
  }

  /** Milliseconds for which this is still to be left alone; 0 for none. */
  restMs(peer: string, log: string, now: number): number {
    if (this.#scores.size === 0) return 0
    return Math.max((this.#scores.get(peer + log)?.until ?? now) - now, 0)
  }

  /** Offences that are remembered of a peer, and logs that rest with it. */
  of(peer: string, now: number): { offences: number; resting: number } {
    let offences = 0
    let resting = 0
    for (const score of this.#scores.values()) {
      if (score.peer !== peer) continue
      offences += score.count
      if (score.until > now) resting++
    }
    return { offences, resting }
  }
}
