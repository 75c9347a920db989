/**
 * What an adoption is told and tells: how it goes on, what it has taken, and what it could not take, with the reason.
 */

import type { Clock } from '../base/clock.ts'

/** How an adoption goes on. */
export interface AdoptOptions {
  /** Called now and then, and at the end. */
  readonly onProgress?: (progress: AdoptProgress) => void
  readonly clock?: Clock
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
  /** The bytes are not there, or not as many as the author signed. */
  | 'unreadable'
  /** The bytes are other ones than the author signed: edited, overwritten, or torn. */
  | 'changed'
  /** The nodes that lead to a signed tree are not there, or wrong. */
  | 'unproved'

/** A block that could not be taken. */
export interface DamagedBlock {
  readonly block: number
  readonly reason: DamageReason
}

/** What was taken, and what could not be. */
export interface AdoptReport {
  /** Blocks of the newest tree in the files that its author stands behind; 0 for none. */
  readonly length: number
  /** By the files' own account. */
  readonly claimedLength: number
  /** Blocks and bytes that came into the store. */
  readonly blocks: number
  readonly bytes: number
  /** Blocks that the files do not claim to hold. */
  readonly missing: number
  /** Blocks that the files claim to hold and that could not be taken; the first `ADOPT_DAMAGED_MAX` of them. */
  readonly damaged: readonly DamagedBlock[]
  readonly damagedCount: number
  /** Signatures, at the lengths that they were made at, that were kept; and those that are not the author's. */
  readonly signatures: number
  readonly wrongSignatures: number
}
