/**
 * What a handle is made with, and what it tells: the types around `Log`.
 *
 * Owns: options, events and figures of a handle. A session takes over what its parent has, but for what its own
 * options say; it never may more than its parent.
 */

import type { Clock } from '../base/clock.ts'
import type { Cipher } from './cipher.ts'
import type { ConflictFacts } from './conflict.ts'
import type { ReplicaEvents } from './events.ts'
import type { Log } from './log.ts'

/** What a session may have otherwise than the handle it was made from. */
export interface SessionOptions {
  /** 32 bytes; blocks are encrypted before hashing and decrypted on reading. */
  readonly encryptionKey?: Uint8Array
  /** `encryptionKey` is the key of this log's blocks itself, not what it is derived from. Default false. */
  readonly isBlockKey?: boolean
  /** Another scheme, in place of `encryptionKey`; `'none'` for stored bytes as they are. */
  readonly cipher?: Cipher | 'none'
  /** False for a handle that refuses to write. Default true, if the parent may. */
  readonly writable?: boolean
  /** Longest wait of calls that name none, in milliseconds; 0 for no limit. Default: `DEFAULT_WAIT_MS`. */
  readonly timeoutMs?: number
  /** Called when a block that is read is not here, before peers are asked for it. */
  readonly onWait?: (index: number) => void
}

/** What one handle has for itself. */
export interface LogOptions extends SessionOptions {
  readonly clock?: Clock
  /** Called with the handle, and with each session that is made from it. */
  readonly onOpen?: (log: Log) => void
  /** Called once for each of them, when it is closed by whichever side; `close` waits for it. */
  readonly onClose?: (log: Log) => Promise<void> | void
}

/** Who keeps handles, and is told of each and of each session that is made from it. */
export interface HandleOwner {
  opened(log: Log): void
  /** It was closed, by whichever side. */
  closed(log: Log): void
}

/** What a handle tells: the news of its log, but those that concern connections alone. */
export type LogEvents = Omit<ReplicaEvents, 'announced' | 'attached'>

/** A log in numbers, at one moment. */
export interface LogInfo {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly fork: number
  readonly contiguousLength: number
  readonly heldBlocks: number
  /** As peers claim. */
  readonly remoteContiguousLength: number
  readonly paddingBytes: number
  readonly writable: boolean
  /** Two signed histories of it are known: nothing is written, fetched or served any more. */
  readonly frozen: boolean
  /** What is proved of that by `log.conflict`. */
  readonly conflict: ConflictFacts | undefined
  readonly peerCount: number
}
