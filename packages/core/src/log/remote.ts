/**
 * What a log asks of its peers. Declared here, below; `replicator/` implements it, `corestore/` joins them.
 *
 * Owns: the contract of waiting. Every wait ends: with what was asked, or with the error that tells why
 * not. `NO_PEERS`: nobody was reachable in the time given. `NOT_AVAILABLE`: peers are there and all of
 * them said that they lack it. `TIMEOUT`: somebody has it and did not deliver in time. `ABORTED`: the
 * caller's signal. `CLOSED`: the log was closed.
 */

import type { StopSignal } from '../base/stop.ts'
import type { CopyClaim, ReplicatedOptions } from './copies.ts'
import type { ExtensionPeer } from './extensions.ts'

/** How long to wait, and how to stop. */
export interface WaitOptions {
  /** Longest wait in milliseconds; `0` waits without limit. Default: `DEFAULT_WAIT_MS`. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** The same, as waits are handed on in here: whose signal it is does not matter. */
export interface Wait {
  readonly timeoutMs?: number
  readonly signal?: StopSignal
}

/** Long enough for a look-up, a hole punch and a round trip; short enough for a person. */
export const DEFAULT_WAIT_MS = 30_000

/** Which blocks a download fetches. */
export interface RangeRequest {
  /** First block. */
  readonly start: number
  /** Behind the last block; -1 follows the log as it grows. */
  readonly end: number
  /** Only these blocks (ascending), instead of a range. */
  readonly blocks?: readonly number[]
  /** In order, first block first; otherwise as peers and disk like it best. */
  readonly linear?: boolean
}

/** A download that goes on until it is complete or cancelled. */
export interface Download {
  /** Resolves when every block of the range is held. Never for a live range. */
  done(options?: Wait): Promise<void>
  cancel(): void
}

/** The same as a remote does it: what `done` resolves with means nothing. */
export interface Fetching {
  done(options?: Wait): Promise<unknown>
  /** Ends it for everybody who waits, too. */
  cancel(): void
}

/** What one peer did for one log; numbers only grow. A snapshot, made when asked for. */
export interface PeerStats {
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  /** Length and fork that the peer claims. */
  readonly length: number
  readonly fork: number
  readonly blocksDown: number
  readonly bytesDown: number
  readonly blocksUp: number
  readonly bytesUp: number
  /** Requests that we wait for. */
  readonly inFlight: number
  /** Usual time to an answer, milliseconds; 0 before the first. */
  readonly answerMs: number
  /** Answers that failed verification. */
  readonly wrongProofs: number
}

/** Those who can be asked about one log. */
export interface Remote {
  /** Peers that this log has an open channel with. */
  readonly peerCount: number
  /** Most blocks from 0 on without a gap that a peer of our fork was ever known to hold. */
  readonly remoteContiguousLength: number
  /** The peers of the moment, and what they sent and got. */
  peers(): PeerStats[]
  /** Resolves when block `index` is held. Urgent: goes before ranges. */
  block(index: number, wait: Wait): Promise<void>
  /** Resolves when all peers of the moment were heard and any longer head is verified: did it grow? */
  update(wait: Wait): Promise<boolean>
  /** Resolves when the nodes that locate byte `position` are held. */
  seek(position: number, paddingBytes: number, wait: Wait): Promise<void>
  range(range: RangeRequest): Fetching
  /** What peers claim to hold. */
  copies(): CopyClaim[]
  /** Resolves when enough peers claim to hold the blocks. */
  replicated(options: ReplicatedOptions): Promise<CopyClaim[]>
  /** The peers of the moment, to send them messages of applications. */
  extensionPeers(): Iterable<ExtensionPeer>
  /** The log is about to be frozen: what peers are to see of that is made now. */
  freezing(): void
  /** The local state moved (append, truncate, clear, manifest): tell who should know. */
  changed(): void
}
