/**
 * All conversations about logs of generation 3 on one connection, each by the number of its channel.
 *
 * Owns: the calls from wire bytes to whoever holds the conversation, and the objects of those in which more is said
 * than lengths. Of the others, ten thousand on a connection, nothing is here but who holds them.
 *
 * Always true: nothing is sent, answered or handed over before the remote's capability was right; a mistake in
 * one log's data, of the remote or of ours, ends this conversation, and only undecodable bytes end the
 * connection.
 */

import { asError, DatError } from '../base/errors.ts'
import { equal } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { BlockRun } from '../tree/block-run.ts'
import type { Channels, ChannelsHandler, Muxer } from './channel.ts'
import { channelsOf } from './channels-over.ts'
import { checkHandshake, writeHandshake } from './gen3-capability.ts'
import { Conversation } from './gen3-conversation.ts'
import { readBlock } from './gen3-data.ts'
import { Decoded, INCOMING } from './gen3-incoming.ts'
import { DATA, EXTENSION } from './gen3-messages.ts'
import type { BriefSender, Handler, Sender } from './messages.ts'

/** Name of the protocol in openings; the id beside it is the discovery key. */
export const LOG_PROTOCOL = 'hypercore/alpha'

/** Who holds conversations. `channel` is the number that `add` gave. */
export interface LogsHost {
  /** 32 bytes: key of the log that it is about, valid until the next call. Asked before `onOpen`. */
  keyOf(channel: number): Uint8Array
  /**
   * The remote opened the log too and proved that it knows the key: from now on something may be said. May come before
   * `open` returns, if the remote opened first.
   */
  onOpen(channel: number): void
  /** Who hears what the remote says in an open conversation, for one message. */
  handlerOf(channel: number): Handler
  /**
   * The conversation has ended; without `onOpen` before, the remote does not have the log or not its key. The number may
   * be given to another from now on.
   */
  onClose(channel: number, error: Error | undefined): void
}

/** Those of one connection. */
export class LogConversations implements ChannelsHandler {
  /** While the remote's opening is being answered: the key that it has proved to know. */
  proved: Uint8Array | undefined = undefined
  readonly #mux: Muxer
  readonly #channels: Channels
  readonly #decoded = new Decoded()
  /** Answers of the frame at hand that are handed over together, and their channel; 0 if there are none. */
  readonly #run = new BlockRun()
  #runOf = 0
  /** Speaks in all conversations that have no sender of their own. */
  readonly #brief: Conversation

  // By channel.
  readonly #hosts: (LogsHost | undefined)[] = [undefined]
  readonly #senders: (Conversation | undefined)[] = [undefined]
  /** The name of the last extension message, for those in which one came. */
  readonly #names = new Map<number, string>()

  constructor(mux: Muxer) {
    this.#mux = mux
    this.#channels = channelsOf(mux)
    this.#brief = new Conversation(mux, this.#channels, 0)
  }

  // ---- Ours

  /**
   * The number of a new conversation, for `open` to be called next.
   *
   * @throws DatError CONFLICT if it is open already on this connection, CLOSED after the end
   */
  add(discoveryKey: Uint8Array, host: LogsHost): number {
    const channel = this.#channels.add(LOG_PROTOCOL, discoveryKey, this)
    // One behind the other, so that the arrays have no holes.
    while (this.#hosts.length <= channel) {
      this.#hosts.push(undefined)
      this.#senders.push(undefined)
    }
    this.#hosts[channel] = host
    return channel
  }

  open(channel: number, key: Uint8Array): void {
    this.#channels.open(channel, writeHandshake(this.#mux, key))
  }

  /** Is our side of the conversation about this log open, whoever opened it? */
  has(discoveryKey: Uint8Array): boolean {
    return this.#mux.has(LOG_PROTOCOL, discoveryKey)
  }

  /** The conversation about the log that was opened here; 0 if there is none. */
  find(discoveryKey: Uint8Array): number {
    return this.#channels.find(LOG_PROTOCOL, discoveryKey)
  }

  /** To say something in an open conversation; valid until the next call. */
  brief(channel: number): BriefSender {
    this.#brief.channel = channel
    return this.#brief
  }

  /** The sender of an open conversation for as long as that lasts. */
  sender(channel: number): Sender {
    const sender = this.#senders[channel] ?? new Conversation(this.#mux, this.#channels, channel)
    this.#senders[channel] = sender
    return sender
  }

  close(channel: number, error?: Error): void {
    this.#channels.close(channel, error)
  }

  // ---- From the remote

  onOpen(channel: number, handshake: Reader): void {
    const host = this.#hosts[channel]
    if (host === undefined) return
    const { proved } = this
    const key = host.keyOf(channel)
    const wasChecked = proved !== undefined && equal(proved, key)
    if (wasChecked || checkHandshake(this.#mux, key, handshake)) host.onOpen(channel)
    else {
      const message = 'The remote does not know the key of this log.'
      this.#channels.close(channel, new DatError('BAD_HANDSHAKE', message))
    }
  }

  onMessage(channel: number, type: number, body: Reader): void {
    const message = INCOMING[type]
    const host = this.#hosts[channel]
    if (message === undefined || host === undefined) return
    if (type === DATA && this.#gather(channel, host, body)) return
    this.#handOver()
    const decoded = this.#decoded
    message.decode(body, decoded)
    if (type === EXTENSION) this.#name(channel, decoded)
    try {
      message.deliver(decoded, host.handlerOf(channel))
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  /** Adds an answer to those that go together; false if it goes alone. */
  #gather(channel: number, host: LogsHost, body: Reader): boolean {
    if (this.#runOf !== channel) {
      this.#handOver()
      if (host.handlerOf(channel).onBlocks === undefined) return false
    }
    let isRead = readBlock(body, this.#run)
    if (!isRead && this.#runOf === channel) {
      this.#handOver()
      // It may have ended the conversation.
      if (this.#hosts[channel] !== host) return true
      isRead = readBlock(body, this.#run)
    }
    if (isRead) this.#runOf = channel
    return isRead
  }

  #handOver(): void {
    const channel = this.#runOf
    if (channel === 0) return
    this.#runOf = 0
    try {
      this.#hosts[channel]?.handlerOf(channel).onBlocks?.(this.#run)
    } catch (error) {
      this.#failed(channel, error)
    } finally {
      this.#run.clear()
    }
  }

  /** An empty name stands for that of the message before. */
  #name(channel: number, decoded: Decoded): void {
    if (decoded.name === '') decoded.name = this.#names.get(channel) ?? ''
    else this.#names.set(channel, decoded.name)
  }

  onFrameEnd(channel: number): void {
    this.#handOver()
    try {
      this.#hosts[channel]?.handlerOf(channel).onFrameEnd()
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  onWritable(channel: number): void {
    try {
      this.#hosts[channel]?.handlerOf(channel).onWritable()
    } catch (error) {
      this.#failed(channel, error)
    }
  }

  onClose(channel: number, error: Error | undefined): void {
    if (this.#runOf === channel) this.#handOver()
    const host = this.#hosts[channel]
    const sender = this.#senders[channel]
    if (sender !== undefined) sender.closed = true
    this.#hosts[channel] = undefined
    this.#senders[channel] = undefined
    this.#names.delete(channel)
    host?.onClose(channel, error)
  }

  /** A log's own `BAD_FRAME` (a manifest, a stored record) says nothing about the connection's bytes. */
  #failed(channel: number, error: unknown): void {
    if (this.#hosts[channel] !== undefined) this.#channels.close(channel, asError(error))
  }
}

const madeFor = new WeakMap<Muxer, LogConversations>()

/** Made by the first conversation of a connection, and gone with the connection. */
export function logsOf(mux: Muxer): LogConversations {
  const logs = madeFor.get(mux) ?? new LogConversations(mux)
  madeFor.set(mux, logs)
  return logs
}
