/**
 * Claims of peers as they are stored beside the log.
 *
 *     record := u8 version 2, uint fork, uint count, claim × count
 *     claim  := 32 bytes key, uint verified at, uint runs, (uint gap, uint length) × runs
 *
 * `verified at` are milliseconds since 1970, or 0; version 1 has it not.
 *
 * Owns: that encoding and its bounds: `COPY_PEERS_MAX` peers and `COPY_RUNS_MAX` runs of each, the longest. Claiming
 * less is always true. A record of another version or fork, or one that is damaged, is as if there were none.
 */

import { COPY_PEERS_MAX, COPY_RUNS_MAX } from '../base/limits.ts'
import { copy } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import type { Availability } from './availability.ts'

/** Name under which a log keeps it. */
export const COPIES_RECORD = 'dat-rhino/copies'

const VERSION = 2
const VERSION_UNVERIFIED = 1
const KEY_BYTES = 32

/** Blocks `start .. end`. */
export interface Run {
  readonly start: number
  readonly end: number
}

/** One peer's claim, as it is stored. */
export interface StoredClaim {
  readonly remotePublicKey: Uint8Array
  /** 0 for never. */
  readonly verifiedAt: number
  readonly runs: readonly Run[]
}

/** Runs of blocks below `length` that are claimed; the longest, if they are too many. */
export function runsOf(claim: Availability, length: number): Run[] {
  let runs: Run[] = []
  for (let start = claim.nextHeld(0, length); start < length; ) {
    const end = claim.nextMissing(start, length)
    runs.push({ start, end })
    start = claim.nextHeld(end, length)
  }
  if (runs.length > COPY_RUNS_MAX) {
    runs = runs.sort((a, b) => b.end - b.start - (a.end - a.start)).slice(0, COPY_RUNS_MAX)
    runs.sort((a, b) => a.start - b.start)
  }
  return runs
}

/** The bytes of a record. */
export function encodeClaims(fork: number, claims: readonly StoredClaim[]): Uint8Array {
  const writer = new Writer(256)
  writer.u8(VERSION)
  writer.uint(fork)
  writer.uint(claims.length)
  for (const { remotePublicKey, verifiedAt, runs } of claims) {
    writer.fixed(remotePublicKey)
    writer.uint(verifiedAt)
    writer.uint(runs.length)
    let at = 0
    for (const { start, end } of runs) {
      writer.uint(start - at)
      writer.uint(end - start)
      at = end
    }
  }
  return writer.take()
}

/** The claims of a record about `fork`. */
export function decodeClaims(bytes: Uint8Array, fork: number): StoredClaim[] {
  try {
    const reader = new Reader(bytes)
    const version = reader.u8()
    if (version !== VERSION && version !== VERSION_UNVERIFIED) return []
    if (reader.uint() !== fork) return []
    const count = reader.count(KEY_BYTES + 1, COPY_PEERS_MAX)
    return Array.from({ length: count }, () => {
      const remotePublicKey = copy(reader.fixed(KEY_BYTES))
      const verifiedAt = version === VERSION ? reader.uint() : 0
      let at = 0
      const runs = Array.from({ length: reader.count(2, COPY_RUNS_MAX) }, () => {
        const start = at + reader.uint()
        at = start + reader.uint()
        return { start, end: at }
      })
      return { remotePublicKey, verifiedAt, runs }
    })
  } catch {
    return []
  }
}
