/**
 * Whether a log is on another machine: the words for what peers claim.
 *
 * Owns: the types. A claim is what a peer said, under the key that it proved to own. It is no proof: a peer may be
 * mistaken or lie, and one machine may own two keys. Nothing but a block that comes back is proof of a block: that is
 * what `verify` asks for.
 */

import type { Wait } from './remote.ts'

/** What one peer says that it holds of a log. */
export interface CopyClaim {
  /** 32 bytes: who said it. */
  readonly remotePublicKey: Uint8Array
  /** Blocks `start .. end`, in order, as far as they are remembered. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[]
  /** It is connected now, so that it would tell if it dropped something. */
  readonly connected: boolean
  /**
   * When it last passed a challenge (`verify`), in milliseconds since 1970; undefined if never, or if it has taken
   * anything back since.
   */
  readonly verifiedAt: number | undefined
}

/** What must be elsewhere, and how often. */
export interface ReplicatedOptions extends Wait {
  /** First block. Default 0. */
  readonly start?: number
  /** Number of blocks. Default: up to the length of now. */
  readonly length?: number
  /** Distinct peers that claim all of them. Default 1. */
  readonly copies?: number
  /** Count those only who are connected. Default false: who once said so counts until he takes it back. */
  readonly connected?: boolean
  /**
   * Count those only who, during this call, deliver blocks that they claim: so many of them, at random, hashed against
   * our tree. True for `CHALLENGE_BLOCKS`, a number for another count up to `CHALLENGE_BLOCKS_MAX`. Default false.
   */
  readonly verify?: boolean | number
}
