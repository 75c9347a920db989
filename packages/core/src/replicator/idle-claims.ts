/**
 * What peers claim in idle conversations, on its way to the records of their logs.
 *
 * Owns: those that are not kept yet, of all logs on one clock. Where `copies` has a timer for each log, here one is for all that are
 * heard in `COPIES_SAVE_MS`, and they are kept in slices that leave the event loop free. What is kept is what `copies`
 * would keep: the same record, with those heard last at its end. A claim that is not kept yet is a mark of its row.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { COPIES_SAVE_MS, COPY_PEERS_MAX } from '../base/limits.ts'
import { Pace } from '../base/pace.ts'
import { equal } from '../bytes/bytes.ts'
import type { Replica } from '../log/replica.ts'
import { Availability } from './availability.ts'
import {
  COPIES_RECORD,
  decodeClaims,
  encodeClaims,
  runsOf,
  type StoredClaim,
} from './copies-record.ts'
import type { IdleRows } from './idle.ts'

/** A peer holds every block of a log below `end`, at this fork. */
export interface Claim {
  readonly replica: Replica
  readonly remotePublicKey: Uint8Array
  readonly fork: number
  readonly end: number
}

/** Is what peers hold of the log noted? For who writes it, and who has asked once. */
export function isNoted(replica: Replica): boolean {
  return replica.slot.userData(COPIES_RECORD) !== undefined || replica.writable
}

/** Where the claim of an idle conversation is. */
interface RowOfClaim {
  readonly rows: IdleRows
  readonly row: number
}

const claimsByClock = new WeakMap<Clock, IdleClaims>()

/** Those of all logs on one clock. */
export class IdleClaims {
  readonly #clock: Clock
  /** In the order in which they were heard. Of a row that ended or went on meanwhile there is none any more. */
  #unkept: (Claim | RowOfClaim)[] = []
  #timer: Timer | undefined = undefined

  static on(clock: Clock): IdleClaims {
    const claims = claimsByClock.get(clock) ?? new IdleClaims(clock)
    claimsByClock.set(clock, claims)
    return claims
  }

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The peer has said how far it holds the log of the row. */
  add(rows: IdleRows, row: number): void {
    this.#unkept.push({ rows, row })
    this.#later(COPIES_SAVE_MS)
  }

  /** It had, and the conversation has ended. */
  addEnded(claim: Claim): void {
    this.#unkept.push(claim)
    this.#later(COPIES_SAVE_MS)
  }

  /** Keeps all of them now. */
  settle(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const unkept of this.#unkept.splice(0)) keep(take(unkept))
  }

  #later(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => this.#keepSlice())
  }

  #keepSlice(): void {
    this.#timer = undefined
    const unkept = this.#unkept
    const pace = new Pace(this.#clock)
    let at = 0
    for (let next = unkept[at]; next !== undefined && !pace.due(); next = unkept[++at]) {
      keep(take(next))
    }
    unkept.splice(0, at)
    if (unkept.length > 0) this.#later(0)
  }
}

function take(unkept: Claim | RowOfClaim): Claim | undefined {
  return 'rows' in unkept ? unkept.rows.takeClaim(unkept.row) : unkept
}

function keep(claim: Claim | undefined): void {
  if (claim === undefined) return
  const { replica, remotePublicKey, fork } = claim
  if (replica.closed || !replica.store.writable || fork !== replica.fork) return
  const end = Math.min(claim.end, replica.length)
  const record = replica.slot.userData(COPIES_RECORD)
  const claims = record === undefined ? [] : decodeClaims(record, fork)
  const before = claims.find((one) => equal(one.remotePublicKey, remotePublicKey))
  if (end === 0 || (before !== undefined && before === claims.at(-1) && covers(before, end))) return
  const held = new Availability()
  for (const run of before?.runs ?? []) held.have(run.start, run.end - run.start)
  held.have(0, end)
  const others = claims.filter((one) => one !== before).slice(1 - COPY_PEERS_MAX)
  const { verifiedAt = 0 } = before ?? {}
  const stored: StoredClaim = { remotePublicKey, verifiedAt, runs: runsOf(held, replica.length) }
  replica.setUserData(COPIES_RECORD, encodeClaims(fork, [...others, stored]))
  replica.commit().catch((error: unknown) => {
    if (!replica.closed) replica.events.emit('storage-error', { error })
  })
  replica.events.emit('copies', { remotePublicKey })
}

function covers({ runs }: StoredClaim, end: number): boolean {
  const [first] = runs
  return first !== undefined && first.start === 0 && first.end >= end
}
