/**
 * A log from somebody's old files, taken into a store of ours: only what is proved, with its own signatures.
 *
 * Owns: the verification of a `StoredLog`. Nothing that it says is believed: its head and every kept signature must be
 * its author's, every node must lead to a tree that was signed, every block to its leaf. What can't be proved is
 * named in the report, never guessed, and the source is never written to.
 */

import { DatError } from '../base/errors.ts'
import type { Replica } from './replica.ts'
import type { StoredLog } from './stored-log.ts'

/** How an adoption goes on. */
export interface AdoptOptions {
  /** Called now and then, and at the end. */
  readonly onProgress?: (progress: AdoptProgress) => void
  readonly signal?: AbortSignal
}

/** How far an adoption is. */
export interface AdoptProgress {
  /** Blocks that were looked at, of `length`. */
  readonly done: number
  readonly length: number
}

/** Why a block that its files claim to hold was not taken. */
export type DamageReason =
  /** The bytes are not there, or not as many as the tree says. */
  | 'unreadable'
  /** The bytes are other ones than the author signed: edited, overwritten, or torn. */
  | 'changed'
  /** The nodes that lead to a signed tree are not there, or wrong. */
  | 'unproved'

/** What was taken, and what could not be. */
export interface AdoptReport {
  /** Blocks of the newest tree that its author stands behind; at most what the files claim. */
  readonly length: number
  /** By the files' own account. */
  readonly claimedLength: number
  /** Blocks and bytes that are in the store now because of this. */
  readonly blocks: number
  readonly bytes: number
  /** Blocks below `length` that the files do not claim to hold. */
  readonly missing: number
  /** Blocks that the files claim to hold and that could not be taken; the first `ADOPT_DAMAGED_MAX` of them. */
  readonly damaged: readonly { readonly block: number; readonly reason: DamageReason }[]
  readonly damagedCount: number
  /** Signatures at their lengths that were verified and kept. */
  readonly signatures: number
}

/**
 * Verifies everything and keeps what can be verified, committed in slices. The replica is of the same key and
 * generation; what it holds already stays.
 *
 * @throws DatError BAD_ARGUMENT for another log, BAD_SIGNATURE if nothing in it is signed by its key, ABORTED
 *   between two slices (what was committed stays), and what commits throw
 */
export function adopt(
  _replica: Replica,
  _stored: StoredLog,
  _options: AdoptOptions = {},
): Promise<AdoptReport> {
  throw new DatError('UNSUPPORTED', 'Not there yet.')
}
