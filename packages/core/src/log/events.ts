/**
 * What a replica tells those who listen. Events are news: each carries one object, is told after the commit
 * that made it true, and nothing correct depends on anybody hearing it.
 */

import type { DatError } from '../base/errors.ts'

/** The news of one log among its peers. */
export interface PeerEvents {
  'peer-add': { readonly remotePublicKey: Uint8Array }
  'peer-remove': { readonly remotePublicKey: Uint8Array; readonly error: Error | undefined }
  /** A peer sent what does not fit the signed tree; it is asked last, or not at all, from now on. */
  'wrong-proof': { readonly remotePublicKey: Uint8Array; readonly error: DatError }
  /** A peer asked for what no reader needs. It is answered late, and not for ever. */
  'invalid-request': { readonly remotePublicKey: Uint8Array }
  /** Blocks arrived and are verified. One event per frame. */
  download: { readonly blocks: number; readonly bytes: number }
  upload: { readonly blocks: number; readonly bytes: number }
  /** What arrived could not be kept: the disk is full or failing. Downloads rest and try again. */
  'storage-error': { readonly error: unknown }
  /** A peer of our fork holds more of the log without a gap than any before: `log.remoteContiguousLength`. */
  'remote-contiguous': { readonly length: number }
}

/** The news of one log, by name. */
export interface ReplicaEvents extends PeerEvents {
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
  /** Two histories are signed under this key; the log is frozen, and `log.conflict` proves why. */
  conflict: { readonly length: number; readonly fork: number }
  /** What a peer claims to hold has changed: `log.copies()`. */
  copies: { readonly remotePublicKey: Uint8Array }
  /** `remote` was set: from now on peers can be asked. */
  attached: Record<never, never>
  closed: { readonly error: DatError | undefined }
}
