/**
 * What a store tells of itself. Events are news: nothing correct depends on someone listening.
 *
 * Owns: the names and their facts.
 */

import type { DatError } from '../base/errors.ts'

/** News of a store, of all its views. */
export interface CorestoreEvents {
  /** A connection was opened on this store, or ended. */
  'peer-add': { readonly remotePublicKey: Uint8Array }
  'peer-remove': { readonly remotePublicKey: Uint8Array; readonly error: Error | undefined }
  /** A peer was not let in: `DENIED`, or `CLOSED` while the store is suspended. */
  'peer-denied': { readonly remotePublicKey: Uint8Array; readonly error: DatError }
  /**
   * A peer broke the rules of the conversation about a log, which has ended. The log is not spoken about with it for
   * `restMs`; everything else on the connection goes on.
   */
  offence: {
    readonly key: Uint8Array
    readonly remotePublicKey: Uint8Array
    readonly error: DatError
    readonly restMs: number
  }
  /** A peer sent what does not fit a log's signed tree. */
  'wrong-proof': {
    readonly key: Uint8Array
    readonly remotePublicKey: Uint8Array
    readonly error: DatError
  }
  /** The owner of `key` signed two histories. */
  conflict: { readonly key: Uint8Array }
  /** What came from a peer could not be kept: the disk is full or failing. Downloads rest and try again. */
  'storage-error': { readonly key: Uint8Array; readonly error: unknown }
  /** A log was opened in memory, or let go. */
  'log-open': { readonly key: Uint8Array; readonly discoveryKey: Uint8Array }
  'log-close': { readonly key: Uint8Array; readonly discoveryKey: Uint8Array }
}
