/**
 * One log among its peers: who has what, who is asked for what, and what everybody is told.
 *
 * Owns: the list of peers of one `Replica`, and the answers to what local callers wait for (`Remote`).
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import type { Download, RangeRequest, Remote, WaitOptions } from '../log/remote.ts'
import type { Replica } from '../log/replica.ts'
import type { Handler, Sender } from '../wire/messages.ts'

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
  readonly blocksInFlight: number
  /** Answer time, milliseconds; 0 before the first answer. */
  readonly roundTripMs: number
  /** Answers that failed verification. */
  readonly wrongProofs: number
}

export interface ReplicatorEvents {
  'peer-add': { readonly remotePublicKey: Uint8Array }
  'peer-remove': { readonly remotePublicKey: Uint8Array; readonly error: Error | undefined }
  /** A peer sent what does not fit the signed tree; it is asked last, or not at all, from now on. */
  'wrong-proof': { readonly remotePublicKey: Uint8Array; readonly error: DatError }
  /** Blocks arrived and are verified. One event per frame. */
  download: { readonly blocks: number; readonly bytes: number }
  upload: { readonly blocks: number; readonly bytes: number }
  extension: {
    readonly remotePublicKey: Uint8Array
    readonly name: string
    readonly message: Uint8Array
  }
}

export interface ReplicatorOptions {
  readonly clock: Clock
  /** Seed of the order in which blocks of non-linear ranges are asked for. */
  readonly seed?: number
}

export interface AttachOptions {
  readonly remotePublicKey?: Uint8Array
}

export class Replicator implements Remote {
  declare readonly events: Emitter<ReplicatorEvents>

  constructor(_replica: Replica, _options: ReplicatorOptions) {
    throw new DatError('INVARIANT', 'not built')
  }

  get peerCount(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** A new conversation about this log; give the handler to the wire that `sender` writes to. */
  attach(_sender: Sender, _options: AttachOptions = {}): Handler {
    throw new DatError('INVARIANT', 'not built')
  }

  peers(): PeerStats[] {
    throw new DatError('INVARIANT', 'not built')
  }

  block(_index: number, _options: WaitOptions): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  update(_options: WaitOptions): Promise<boolean> {
    throw new DatError('INVARIANT', 'not built')
  }

  seek(_position: number, _paddingBytes: number, _options: WaitOptions): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  range(_range: RangeRequest): Download {
    throw new DatError('INVARIANT', 'not built')
  }

  changed(): void {
    throw new DatError('INVARIANT', 'not built')
  }

  /**
   * Somebody looks for peers: until the returned function is called, `update` and `block` wait for a
   * peer; after that they fail with `NO_PEERS` when there is none.
   */
  findingPeers(): () => void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Sends an application message about this log to all peers. */
  broadcast(_name: string, _message: Uint8Array): void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Ends all conversations; everybody who waits is told `error`, or `CLOSED`. */
  close(_error?: DatError): void {
    throw new DatError('INVARIANT', 'not built')
  }
}
