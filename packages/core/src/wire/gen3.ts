/**
 * Generation 3's conversations about logs: `hypercore/alpha`, one channel per log.
 *
 * Owns: who opens. The id of the channel is the log's discovery key; each side proves in its opening that it
 * knows the key (`gen3-capability.ts`). Who speaks about thousands has them by number (`gen3-logs.ts`), who speaks about
 * one has an object for it, here. What is then said is in `gen3-conversation.ts`, its bytes in `gen3-messages.ts`
 * (replication.md sections 4 and 5).
 *
 * Always true: nothing about a log is sent or answered before the remote's capability was checked, and a
 * remote without the key is refused exactly as for a log that is not here.
 */

import { invariant } from '../base/errors.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import type { Muxer } from './channel.ts'
import { checkHandshake } from './gen3-capability.ts'
import { LOG_PROTOCOL, type LogConversations, type LogsHost, logsOf } from './gen3-logs.ts'
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
  /**
   * The key of a log that we hold and serve, valid until the next call; undefined refuses. Nothing was proved yet at this
   * point.
   */
  keyOf(discoveryKey: Uint8Array): Uint8Array | undefined
  /** The remote proved that it knows the key: open the conversation about it now, or it is refused. */
  open(discoveryKey: Uint8Array): void
}

/** The conversation about one log. */
class OneLog implements LogsHost, LogChannel {
  readonly #logs: LogConversations
  readonly #opening: LogOpening
  #channel = 0
  #handler: Handler | undefined = undefined
  #error: Error | undefined = undefined
  #isOpening = false
  closed = false

  constructor(mux: Muxer, opening: LogOpening) {
    this.#logs = logsOf(mux)
    this.#opening = opening
  }

  open(): void {
    const { key, discoveryKey } = this.#opening
    this.#channel = this.#logs.add(discoveryKey, this)
    this.#logs.open(this.#channel, key)
  }

  get opened(): boolean {
    return this.#handler !== undefined && !this.closed
  }

  close(error?: Error): void {
    if (!this.closed) this.#logs.close(this.#channel, error)
  }

  keyOf(): Uint8Array {
    return this.#opening.key
  }

  onOpen(channel: number): void {
    this.#isOpening = true
    try {
      this.#handler = this.#opening.onOpen(this.#logs.sender(channel))
    } finally {
      this.#isOpening = false
    }
    if (this.closed) this.#handler.onClose(this.#error)
  }

  handlerOf(): Handler {
    const handler = this.#handler
    invariant(handler !== undefined, 'A conversation is heard before it is open.')
    return handler
  }

  onClose(_channel: number, error: Error | undefined): void {
    this.closed = true
    this.#error = error
    if (this.#handler !== undefined) this.#handler.onClose(error)
    else if (!this.#isOpening) this.#opening.onRefused(error)
  }
}

/**
 * Opens the conversation about a log on our side. Messages can be sent when `onOpen` was called.
 *
 * @throws DatError CONFLICT if it is open already on this connection, CLOSED after the end
 */
export function openLog(mux: Muxer, opening: LogOpening): LogChannel {
  const one = new OneLog(mux, opening)
  one.open()
  return one
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
  const logs = logsOf(mux)
  mux.pair(LOG_PROTOCOL, undefined, (discoveryKey, handshake) => {
    if (discoveryKey?.length !== KEY_BYTES) return false
    const key = directory.keyOf(discoveryKey)
    if (key === undefined) return false
    // Where it cannot be seen yet, the conversation checks it when both sides are open, before any word.
    if (handshake !== undefined && !checkHandshake(mux, key, handshake)) return false
    // So that it need not be checked again in the same call.
    logs.proved = handshake === undefined ? undefined : key
    try {
      directory.open(discoveryKey)
    } finally {
      logs.proved = undefined
    }
    return false
  })
}
