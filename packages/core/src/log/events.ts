/**
 * What a replica tells those who listen. Events are news: each carries one object, is told after the commit
 * that made it true, and nothing correct depends on anybody hearing it.
 */

import type { DatError } from '../base/errors.ts'

/** The news of one log, by name. */
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
  /** What a peer claims to hold has changed: `log.copies()`. */
  copies: { readonly remotePublicKey: Uint8Array }
  /** `remote` was set: from now on peers can be asked. */
  attached: Record<never, never>
  closed: { readonly error: DatError | undefined }
}
