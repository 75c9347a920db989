/**
 * One log in this store: its state, shared by all handles and by replication.
 *
 * Owns: the single place where a log changes. Everything but `commit`, `sealed` and `close` is synchronous.
 */

import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { Slot, Store } from '../store/store.ts'
import type { Proof } from '../tree/proof.ts'
import type { ProofRequest } from '../tree/prove.ts'
import type { SeekResult } from '../tree/seek.ts'
import type { Generation } from './generation.ts'
import type { Manifest } from './manifest.ts'
import type { Remote } from './remote.ts'
import type { Reorg } from './reorg.ts'

export interface ReplicaEvents {
  /** The log grew, by us or from a peer. Emitted when committed. */
  append: { readonly length: number; readonly byteLength: number; readonly fork: number }
  /** The history above `length` was replaced; `length` is the common ancestor. */
  truncate: { readonly length: number; readonly byteLength: number; readonly fork: number }
  manifest: Record<never, never>
  /** Blocks were dropped here; the tree keeps them. */
  clear: { readonly start: number; readonly length: number }
  /** Blocks are held from now on. One event per run and commit. */
  held: { readonly start: number; readonly length: number }
  /** The head that may be shown to peers moved: `announcedLength`, `announcedFork`. */
  announced: { readonly length: number; readonly fork: number }
  /** Two histories are signed under this key; the log is frozen. */
  conflict: { readonly length: number; readonly fork: number }
  closed: { readonly error: DatError | undefined }
}

export interface ReplicaOptions {
  readonly keyPair?: KeyPair
  /** Sign each append at once, not only when somebody can see it. Default false. */
  readonly eagerSignature?: boolean
}

export interface AppendOptions {
  /** The complete signature of the new head, for logs that need several signers. */
  readonly signature?: Uint8Array
}

export interface TruncateOptions extends AppendOptions {
  /** Default: one more than the current fork. */
  readonly fork?: number
}

/** `later`: right as far as one can see, but the node it leads to is not here yet. */
export type Applied = 'applied' | 'stale' | 'later'

export class Replica {
  declare readonly store: Store
  declare readonly slot: Slot
  declare readonly generation: Generation
  declare readonly key: Uint8Array
  declare readonly discoveryKey: Uint8Array
  declare readonly events: Emitter<ReplicaEvents>
  declare remote: Remote | undefined

  static open(_store: Store, _slot: Slot, _options: ReplicaOptions = {}): Replica {
    throw new DatError('INVARIANT', 'not built')
  }

  get length(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Stored bytes of all blocks, padding included. */
  get byteLength(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get fork(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get writable(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  get closed(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Undefined while unknown, for compat logs and for generations without. */
  get manifest(): Manifest | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The key is the signer's public key. False also while that is unknown. */
  get compat(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Two signed histories are known; nothing is written, served or fetched any more. */
  get frozen(): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  // ---- Reading ----

  has(_index: number): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** A copy of the stored bytes. */
  read(_index: number): Uint8Array | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Stored bytes of block `index`, or undefined if its leaf node is not here. */
  blockBytes(_index: number): number | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Stored bytes before block `index` (`length` for the end), or undefined if a node on the way is not here. */
  byteOffset(_index: number): number | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  seekLocal(_byte: number, _paddingBytes: number): SeekResult {
    throw new DatError('INVARIANT', 'not built')
  }

  /**
   * Parent steps from a node to the nearest ancestor that is stored (or that `trust` says will be): the
   * `nodes` of a request. 0 for a node that is stored itself or lies beyond the length.
   */
  missingNodes(_node: number, _trust?: (node: number) => boolean): number {
    throw new DatError('INVARIANT', 'not built')
  }

  // ---- Serving ----

  /**
   * Fills `out` with the answer, nodes in generation 3 order, or says why there is none. The block's value is
   * not copied: `blockBytes` and `slot.readInto` give it. Stands on what is synced only.
   */
  prove(_request: Readonly<ProofRequest>, _out: Proof): 'unavailable' | 'invalid' | undefined {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Are all full roots of `length` stored, so that an upgrade from there can be proved? */
  canProveUpgradeFrom(_length: number): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Length and fork that peers may be told of: signed, and synced with all that they stand on. */
  get announcedLength(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  get announcedFork(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Is the block held and on the disk, so that it may be announced and sent? */
  isDurable(_index: number): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Signs the head if need be; resolves when it and all before it is synced and may be announced. */
  sealed(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  // ---- Receiving ----

  /**
   * Verifies an answer against the stored tree and stages it; `commit` keeps it. Throws `BAD_PROOF` or
   * `BAD_SIGNATURE`, and nothing has changed then.
   */
  apply(_proof: Proof): Applied {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Begins to follow a higher fork whose head is in `proof`. Throws like `apply`. */
  verifyReorg(_proof: Proof): Reorg {
    throw new DatError('INVARIANT', 'not built')
  }

  /**
   * Examines a signed head of our own fork that is not longer than ours, verified from nothing: is its
   * history ours? `unproven` if it can't be compared. On `conflict` the log is frozen (staged).
   */
  checkConflict(_proof: Proof): 'same' | 'conflict' | 'unproven' {
    throw new DatError('INVARIANT', 'not built')
  }

  // ---- Changing ----

  /** Stages an append of stored bytes. `commit` makes it last. */
  append(_blocks: readonly Uint8Array[], _options: AppendOptions = {}): void {
    throw new DatError('INVARIANT', 'not built')
  }

  truncate(_length: number, _options: TruncateOptions = {}): void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Drops blocks here; hashes stay, because what remains is proved by them. */
  clear(_start: number, _end: number): void {
    throw new DatError('INVARIANT', 'not built')
  }

  setUserData(_name: string, _value: Uint8Array | undefined): void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Commits what was staged, together with all other changes of this moment; then emits the events. */
  commit(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Seals the head if we write this log; ends with `closed`. */
  close(_error?: DatError): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
}
