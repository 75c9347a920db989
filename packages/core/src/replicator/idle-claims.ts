/**
 * What peers claim in idle conversations, on its way to the records of their logs.
 *
 * Owns: those that are not kept yet, of all logs on one clock. Where `copies` has a timer for each log, here one is for all that are
 * heard in `COPIES_SAVE_MS`, and they are kept in slices that leave the event loop free. What is kept is what `copies`
 * would keep: the same record, with those heard last at its end.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { COPIES_SAVE_MS, COPY_PEERS_MAX, SLICE_ITEMS, SLICE_MS } from '../base/limits.ts'
import { EMPTY, equal } from '../bytes/bytes.ts'
import { Availability } from './availability.ts'
import {
  COPIES_RECORD,
  decodeClaims,
  encodeClaims,
  runsOf,
  type StoredClaim,
} from './copies-record.ts'
import type { IdlePeer } from './idle.ts'

const claimsByClock = new WeakMap<Clock, IdleClaims>()

export class IdleClaims {
  readonly #clock: Clock
  #unkept: IdlePeer[] = []
  #timer: Timer | undefined = undefined

  /** Those of all logs on a clock. */
  static on(clock: Clock): IdleClaims {
    const claims = claimsByClock.get(clock) ?? new IdleClaims(clock)
    claimsByClock.set(clock, claims)
    return claims
  }

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The peer has said how far it holds the log. */
  add(idle: IdlePeer): void {
    this.#unkept.push(idle)
    this.#timer ??= this.#clock.after(COPIES_SAVE_MS, () => this.#keepSlice())
  }

  /** Keeps all of them now. */
  settle(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const idle of this.#unkept.splice(0)) keep(idle)
  }

  #keepSlice(): void {
    const until = this.#clock.now() + SLICE_MS
    const { length } = this.#unkept
    let at = 0
    while (at < length && (at % SLICE_ITEMS !== 0 || this.#clock.now() < until || at === 0)) {
      const idle = this.#unkept[at++]
      if (idle !== undefined) keep(idle)
    }
    this.#unkept.splice(0, at)
    this.#timer = undefined
    if (this.#unkept.length > 0) this.#timer = this.#clock.after(0, () => this.#keepSlice())
  }
}

function keep({ replica, contiguous, fork, options, isMoved }: IdlePeer): void {
  const { remotePublicKey = EMPTY } = options
  // Whoever took the conversation over keeps the claim.
  if (isMoved || replica.closed || !replica.store.writable || fork !== replica.fork) return
  const end = Math.min(contiguous, replica.length)
  const record = replica.slot.userData(COPIES_RECORD)
  // For who writes the log, and who has asked once.
  if (record === undefined && !replica.writable) return
  const claims = record === undefined ? [] : decodeClaims(record, fork)
  const before = claims.find((claim) => equal(claim.remotePublicKey, remotePublicKey))
  if (end === 0 || (before !== undefined && before === claims.at(-1) && covers(before, end))) return
  const held = new Availability()
  for (const run of before?.runs ?? []) held.have(run.start, run.end - run.start)
  held.have(0, end)
  const others = claims.filter((claim) => claim !== before).slice(1 - COPY_PEERS_MAX)
  const { verifiedAt = 0 } = before ?? {}
  const claim: StoredClaim = { remotePublicKey, verifiedAt, runs: runsOf(held, replica.length) }
  replica.setUserData(COPIES_RECORD, encodeClaims(fork, [...others, claim]))
  replica.commit().catch((error: unknown) => {
    if (!replica.closed) replica.events.emit('storage-error', { error })
  })
  replica.events.emit('copies', { remotePublicKey })
}

function covers({ runs }: StoredClaim, end: number): boolean {
  const [first] = runs
  return first !== undefined && first.start === 0 && first.end >= end
}
