/**
 * Many logs in one store: opened by key or name, shared by their handles, joined with connections.
 *
 * Owns: the view that users hold. Views of one store (`namespace`) share everything below and differ in
 * their namespace and in the handles they close. Invariant: one `Replica` per log, however many handles.
 */

import type { Clock } from '../base/clock.ts'
import type { Emitter } from '../base/emitter.ts'
import { DatError } from '../base/errors.ts'
import type { KeyPair } from '../crypto/crypto.ts'
import type { Log } from '../log/log.ts'
import type { PeerStats } from '../replicator/replicator.ts'
import type { Alias, LogIdentity, Store } from '../store/store.ts'
import type { Transport } from '../wire/transport.ts'
import type { Connection } from './connection.ts'

export interface CorestoreOptions {
  readonly store: Store
  readonly clock?: Clock
}

/** Which log: exactly one of the five ways. */
export type LogSelector =
  | { readonly key: Uint8Array }
  | { readonly name: string; readonly namespace?: Uint8Array }
  | { readonly keyPair: KeyPair }
  /** `manifest` in its encoded form. */
  | { readonly manifest: Uint8Array; readonly keyPair?: KeyPair }
  | { readonly discoveryKey: Uint8Array }

export interface GetOptions {
  /** 32 bytes; blocks are encrypted before hashing and decrypted on reading. */
  readonly encryptionKey?: Uint8Array
  /** `false` for a handle that refuses to append although the key is here. */
  readonly writable?: boolean
  /** `false` opens only what is stored, else `NOT_FOUND`. Default true (never for `discoveryKey`). */
  readonly createIfMissing?: boolean
}

export interface CorestoreEvents {
  /** A connection was opened on this store, or ended. */
  'peer-add': { readonly remotePublicKey: Uint8Array }
  'peer-remove': { readonly remotePublicKey: Uint8Array; readonly error: Error | undefined }
  /** A peer sent what does not fit a log's signed tree. */
  'wrong-proof': {
    readonly key: Uint8Array
    readonly remotePublicKey: Uint8Array
    readonly error: DatError
  }
  /** The owner of `key` signed two histories. */
  conflict: { readonly key: Uint8Array }
  /** A log was opened in memory, or let go. */
  'log-open': { readonly key: Uint8Array; readonly discoveryKey: Uint8Array }
  'log-close': { readonly key: Uint8Array; readonly discoveryKey: Uint8Array }
}

/** A stored log as `list` tells it. */
export interface LogRecord {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly generation: LogIdentity['generation']
  readonly alias: Alias | undefined
  readonly length: number
  readonly writable: boolean
}

export class Corestore {
  declare readonly store: Store
  declare readonly events: Emitter<CorestoreEvents>
  /** 32 bytes. */
  declare readonly namespaceKey: Uint8Array

  static open(_options: CorestoreOptions): Promise<Corestore> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** A handle on a log; close it when done. The log itself closes some time after its last handle. */
  get(_selector: LogSelector, _options: GetOptions = {}): Promise<Log> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The same store under the derived namespace; closing the view closes the handles made by it. */
  namespace(_name: string | Uint8Array): Corestore {
    throw new DatError('INVARIANT', 'not built')
  }

  /** A view in this namespace with a list of handles of its own. */
  session(): Corestore {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The key pair that `name` derives to in this namespace, without making a log. */
  keyPair(_name: string): KeyPair {
    throw new DatError('INVARIANT', 'not built')
  }

  /** All stored logs, or those with a name in `namespace`. */
  list(_namespace?: Uint8Array): LogRecord[] {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Speaks generation 3 on `transport` about all logs: open now, opened later, or asked for by the remote. */
  connect(_transport: Transport): Connection {
    throw new DatError('INVARIANT', 'not built')
  }

  /** The live connections of this store. */
  get connections(): readonly Connection[] {
    throw new DatError('INVARIANT', 'not built')
  }

  /**
   * Somebody looks for peers (of one log, or of all): reads and updates wait for a peer until the
   * returned function is called, and after that fail with `NO_PEERS` when there is none.
   */
  findingPeers(_discoveryKey?: Uint8Array): () => void {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Peers of an open log, with what they sent and got. */
  peers(_discoveryKey: Uint8Array): PeerStats[] {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Deletes a log with its name and data; handles on it are closed. */
  remove(_discoveryKey: Uint8Array): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Resolves when everything acknowledged so far is on the disk and heads are signed. */
  flush(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Closes the handles of this view; the root view also closes connections, logs and the store. */
  close(): Promise<void> {
    throw new DatError('INVARIANT', 'not built')
  }
}
