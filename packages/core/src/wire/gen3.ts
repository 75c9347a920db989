/**
 * Generation 3's conversations about logs: `hypercore/alpha`, one channel per log.
 *
 * Owns: who opens. The id of the channel is the log's discovery key; each side proves in its opening that it
 * knows the key (`gen3-capability.ts`). What is then said is in `gen3-conversation.ts`, its bytes in
 * `gen3-messages.ts` (replication.md sections 4 and 5).
 *
 * Always true: nothing about a log is sent or answered before the remote's capability was checked, and a
 * remote without the key is refused exactly as for a log that is not here.
 */

import { KEY_BYTES } from '../crypto/crypto.ts'
import type { Muxer } from './channel.ts'
import { checkHandshake } from './gen3-capability.ts'
import {
  Conversation,
  LOG_PROTOCOL,
  type LogChannel,
  type LogOpening,
  sharedOf,
} from './gen3-conversation.ts'

export type { LogChannel, LogOpening } from './gen3-conversation.ts'

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
export function openLog(mux: Muxer, log: LogOpening): LogChannel {
  const conversation = new Conversation(mux, log)
  conversation.open()
  return conversation
}

/** Is our side of the conversation about this log open? */
export function hasLog(mux: Muxer, discoveryKey: Uint8Array): boolean {
  return mux.has(LOG_PROTOCOL, discoveryKey)
}

/**
 * Answers the remote's openings. A remote that does not know the key is refused exactly as for a log that
 * is not here, and the connection stays.
 */
export function pairLogs(mux: Muxer, directory: LogDirectory): void {
  mux.pair(LOG_PROTOCOL, undefined, (discoveryKey, handshake) => {
    if (discoveryKey?.length !== KEY_BYTES) return false
    const key = directory.keyOf(discoveryKey)
    if (key === undefined) return false
    // Where it cannot be seen yet, the conversation checks it when both sides are open, before any word.
    if (handshake !== undefined && !checkHandshake(mux, key, handshake)) return false
    const shared = sharedOf(mux)
    // So that it need not be checked again in the same call.
    shared.proved = handshake === undefined ? undefined : key
    try {
      directory.open(discoveryKey)
    } finally {
      shared.proved = undefined
    }
    return false
  })
}
