/**
 * Generation 3's conversation about one log: `hypercore/alpha`, both ways.
 *
 * Owns: opening, the capability, and the translation between wire bytes and `messages.ts`.
 */

import { DatError } from '../base/errors.ts'
import type { Muxer } from './channel.ts'
import type { Handler, Sender } from './messages.ts'

/** A log that we want to talk about on a connection. */
export interface LogOpening {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array
  /**
   * The remote opened the log too and proved that it knows the key: from now on `sender` may be used.
   * May come before `openLog` returns, if the remote opened first. Comes at most once.
   */
  onOpen(sender: Sender): Handler
  /**
   * The remote does not have the log or not its key, or the connection ended before it answered. After
   * `onOpen` it is `Handler.onClose` that tells the end, and this is not called.
   */
  onRefused(error: Error | undefined): void
}

/** Our side of the conversation, from the opening on. */
export interface LogChannel {
  /** Both sides have opened and the capability was right. */
  readonly opened: boolean
  readonly closed: boolean
  close(error?: Error): void
}

/** Which logs a remote may open by itself. */
export interface LogDirectory {
  /** The key of a log that we hold and serve; undefined refuses. Nothing was proved yet at this point. */
  keyOf(discoveryKey: Uint8Array): Uint8Array | undefined
  /** The remote proved that it knows the key: call `openLog` for it now, or it is refused. */
  open(discoveryKey: Uint8Array): void
}

/**
 * Opens the conversation about a log on our side. Messages can be sent when `onOpen` was called.
 *
 * @throws DatError CONFLICT if it is open already on this connection, CLOSED after the end
 */
export function openLog(_mux: Muxer, _log: LogOpening): LogChannel {
  throw new DatError('INVARIANT', 'not built')
}

/** Is our side of the conversation about this log open? */
export function hasLog(_mux: Muxer, _discoveryKey: Uint8Array): boolean {
  throw new DatError('INVARIANT', 'not built')
}

/**
 * Answers the remote's openings. A remote that does not know the key is refused exactly as for a log that
 * is not here, and the connection stays.
 */
export function pairLogs(_mux: Muxer, _directory: LogDirectory): void {
  throw new DatError('INVARIANT', 'not built')
}
