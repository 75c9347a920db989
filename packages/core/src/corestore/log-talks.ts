/**
 * The conversations about today's logs on one connection: ten thousand, each by the number of its channel.
 *
 * Owns: which number is about which log, and what becomes of a conversation whose remote has proved to know the key:
 * a row among the idle ones, or a peer of the log's replicator. What is done about all conversations alike is in
 * `talks.ts`. Always true: a number without a log stands for nothing here.
 */

import { invariant } from '../base/errors.ts'
import { KEY_BYTES } from '../crypto/crypto.ts'
import { type IdleCarrier, IdleRows } from '../replicator/idle.ts'
import type { Passage } from '../replicator/passage.ts'
import type { AttachOptions } from '../replicator/replicator.ts'
import type { Muxer } from '../wire/channel.ts'
import { type LogConversations, type LogsHost, logsOf } from '../wire/gen3-logs.ts'
import type { BriefSender, Handler, Sender } from '../wire/messages.ts'
import type { OpenLog } from './open-log.ts'
import { Talk } from './talk.ts'
import type { Talks } from './talks.ts'

/** Keys of the log at hand, for of most logs nobody asks who they are but the wire. */
const keys = new Uint8Array(2 * KEY_BYTES)
const key: Uint8Array = keys.subarray(0, KEY_BYTES)
const discoveryKey: Uint8Array = keys.subarray(KEY_BYTES)

/** Those of one connection. */
export class LogTalks implements LogsHost, IdleCarrier {
  readonly #conversations: LogConversations
  readonly #talks: Talks
  readonly #idle = new IdleRows(this)

  // By channel.
  readonly #logs: (OpenLog | undefined)[] = [undefined]
  /** Our side is open, and the remote's not yet. */
  readonly #isOpening: boolean[] = [false]

  constructor(mux: Muxer, talks: Talks) {
    this.#conversations = logsOf(mux)
    this.#talks = talks
  }

  /** Opens our side; false if it is open already. */
  open(log: OpenLog): boolean {
    log.replica.slot.copyKeys(keys)
    if (this.#conversations.has(discoveryKey)) return false
    const channel = this.#conversations.add(discoveryKey, this)
    while (this.#logs.length <= channel) {
      this.#logs.push(undefined)
      this.#isOpening.push(false)
    }
    this.#logs[channel] = log
    this.#isOpening[channel] = true
    log.opening(1)
    this.#conversations.open(channel, key)
    return true
  }

  /** Ends the conversation about the log, if there is one. */
  close(log: OpenLog): void {
    log.replica.slot.copyKeys(keys)
    const channel = this.#conversations.find(discoveryKey)
    if (channel !== 0 && this.#logs[channel] === log) this.#conversations.close(channel)
  }

  /** The rules have changed. */
  regulate(): void {
    for (let channel = 1; channel < this.#logs.length; channel++) {
      const log = this.#logs[channel]
      if (log === undefined) continue
      if (!this.#talks.isOffered(log)) this.#conversations.close(channel)
      else if (this.#isOpening[channel] !== true) {
        this.#idle.regulate(channel, this.#talks.passage(log))
      }
    }
  }

  // ---- From the wire

  keyOf(channel: number): Uint8Array {
    this.#log(channel).replica.slot.copyKeys(keys)
    return key
  }

  onOpen(channel: number): void {
    const log = this.#log(channel)
    this.#isOpening[channel] = false
    this.#talks.count++
    log.opening(-1)
    const passage = this.#talks.passage(log)
    if (!log.attachRow(this.#idle, channel, passage)) this.#begin(channel, log, passage)
  }

  /** There is more to say from the beginning. */
  #begin(channel: number, log: OpenLog, passage: Passage): void {
    const talk = new Talk(log, this.#talks, passage)
    const handler = log.replicator.attach(this.sender(channel), talk)
    // A log about which nothing is said any more ends it at once.
    if (this.#logs[channel] === log) this.#idle.beginAwake(channel, passage, handler)
    else handler.onClose(undefined)
  }

  handlerOf(channel: number): Handler {
    return this.#idle.handlerOf(channel)
  }

  onClose(channel: number, error: Error | undefined): void {
    const log = this.#log(channel)
    const isRefused = this.#isOpening[channel] === true
    // From here on the number may be another's.
    this.#logs[channel] = undefined
    this.#isOpening[channel] = false
    const passage = isRefused ? this.#talks.passage(log) : this.#idle.passage(channel)
    const isRemoteIdle = isRefused ? false : this.#idle.end(channel, error)
    if (isRefused) log.opening(-1)
    else if (isRemoteIdle !== undefined) this.#talks.count--
    if (isRemoteIdle !== undefined) this.#talks.onEnd(log, passage, isRemoteIdle, error)
  }

  // ---- For idle conversations

  get remotePublicKey(): Uint8Array {
    return this.#talks.remotePublicKey
  }

  brief(channel: number): BriefSender {
    return this.#conversations.brief(channel)
  }

  sender(channel: number): Sender {
    return this.#conversations.sender(channel)
  }

  options(channel: number): AttachOptions {
    return new Talk(this.#log(channel), this.#talks, this.#idle.passage(channel))
  }

  #log(channel: number): OpenLog {
    const log = this.#logs[channel]
    invariant(log !== undefined, 'A conversation has no log.', { channel })
    return log
  }
}
