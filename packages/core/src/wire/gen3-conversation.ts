/**
 * One conversation about one log in generation 3: a channel on one side, the neutral words on the other.
 *
 * Owns: the calls between wire bytes and `Sender`/`Handler`. Messages are encoded straight into the outgoing
 * frame, and decoded into objects that the connection has once.
 *
 * Always true: nothing is sent, answered or handed over before the remote's capability was right; a mistake in
 * one log's data, of the remote or of ours, ends this conversation, and only undecodable bytes end the
 * connection.
 */

import { DatError } from '../base/errors.ts'
import { EXTENSION_BYTES_MAX, EXTENSION_NAME_BYTES_MAX } from '../base/limits.ts'
import { equal, utf8 } from '../bytes/bytes.ts'
import type { Reader, Writer } from '../bytes/cursor.ts'
import type { Proof } from '../tree/proof.ts'
import type { Channel, ChannelHandler, Muxer } from './channel.ts'
import { checkHandshake, writeHandshake } from './gen3-capability.ts'
import { dataBytes, writeData } from './gen3-data.ts'
import { Decoded, INCOMING } from './gen3-incoming.ts'
import {
  BITFIELD,
  CANCEL,
  DATA,
  EXTENSION,
  NO_DATA,
  RANGE,
  REQUEST,
  SYNC,
  UNWANT,
  WANT,
  writeBitfield,
  writeExtension,
  writeRange,
  writeRefusal,
  writeRequest,
  writeStatus,
  writeWant,
} from './gen3-messages.ts'
import type { Abilities, Handler, Refusal, Request, Sender, Status } from './messages.ts'

/** Name of the protocol in openings; the id beside it is the discovery key. */
export const LOG_PROTOCOL = 'hypercore/alpha'

const ABILITIES: Abilities = {
  seek: true,
  hash: true,
  cancel: true,
  refuse: true,
  waitsForEnd: false,
}

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

/** What all conversations on one connection have in common. */
export class Shared {
  readonly mux: Muxer
  readonly decoded: Decoded = new Decoded()
  /** While the remote's opening is being answered: the key that it has proved to know. */
  proved: Uint8Array | undefined = undefined

  constructor(mux: Muxer) {
    this.mux = mux
  }
}

const sharedByMux = new WeakMap<Muxer, Shared>()

/** Made by the first conversation of a connection, and gone with the connection. */
export function sharedOf(mux: Muxer): Shared {
  let shared = sharedByMux.get(mux)
  if (shared === undefined) {
    shared = new Shared(mux)
    sharedByMux.set(mux, shared)
  }
  return shared
}

/**
 * One log on one connection. Says nothing before the remote has proved that it knows the key; after the
 * end every call does nothing.
 */
export class Conversation implements ChannelHandler, Sender, LogChannel {
  readonly #shared: Shared
  readonly #log: LogOpening
  #channel: Channel | undefined
  /** The remote's capability was right: from here on we may speak. */
  #isProved = false
  #isOpening = false
  #handler: Handler | undefined
  #error: Error | undefined
  #nameSent = ''
  #nameReceived = ''
  closed = false

  constructor(mux: Muxer, log: LogOpening) {
    this.#shared = sharedOf(mux)
    this.#log = log
  }

  open(): void {
    const { key, discoveryKey } = this.#log
    const { mux } = this.#shared
    const handshake = writeHandshake(mux, key)
    this.#channel = mux.open({
      protocol: LOG_PROTOCOL,
      id: discoveryKey,
      handshake,
      handler: this,
    })
  }

  get opened(): boolean {
    return this.#isProved && !this.closed
  }

  // ---- From the remote

  onOpen(channel: Channel, handshake: Reader): void {
    this.#channel = channel
    const { mux, proved } = this.#shared
    const { key } = this.#log
    const wasChecked = proved !== undefined && equal(proved, key)
    if (!wasChecked && !checkHandshake(mux, key, handshake)) {
      channel.close(new DatError('BAD_HANDSHAKE', 'The remote does not know the key of this log.'))
      return
    }
    this.#isProved = true
    this.#isOpening = true
    try {
      this.#handler = this.#log.onOpen(this)
    } finally {
      this.#isOpening = false
    }
    if (this.closed) this.#handler.onClose(this.#error)
  }

  onMessage(type: number, body: Reader): void {
    const handler = this.#handler
    const message = INCOMING[type]
    if (handler === undefined || message === undefined) return
    const { decoded } = this.#shared
    message.decode(body, decoded)
    if (type === EXTENSION) {
      this.#nameReceived = decoded.name || this.#nameReceived
      decoded.name = this.#nameReceived
    }
    try {
      message.deliver(decoded, handler)
    } catch (error) {
      this.#failed(error)
    }
  }

  onFrameEnd(): void {
    try {
      this.#handler?.onFrameEnd()
    } catch (error) {
      this.#failed(error)
    }
  }

  onWritable(): void {
    try {
      this.#handler?.onWritable()
    } catch (error) {
      this.#failed(error)
    }
  }

  onClose(error: Error | undefined): void {
    this.closed = true
    this.#error = error
    if (this.#handler !== undefined) this.#handler.onClose(error)
    else if (!this.#isOpening) this.#log.onRefused(error)
  }

  /** A log's own `BAD_FRAME` (a manifest, a stored record) says nothing about the connection's bytes. */
  #failed(error: unknown): void {
    this.close(error instanceof Error ? error : new DatError('INVARIANT', String(error)))
  }

  // ---- To the remote

  get abilities(): Abilities {
    return ABILITIES
  }

  /** This wire has no receipts. */
  get wantsAcks(): boolean {
    return false
  }

  get writable(): boolean {
    return this.opened && this.#channel?.writable === true
  }

  status(status: Readonly<Status>): void {
    const into = this.#begin(SYNC, 8)
    if (into === undefined) return
    writeStatus(into, status)
    this.#end()
  }

  have(start: number, length: number): void {
    this.#range(false, start, length)
  }

  unhave(start: number, length: number): void {
    this.#range(true, start, length)
  }

  #range(drop: boolean, start: number, length: number): void {
    const into = this.#begin(RANGE, 8)
    if (into === undefined) return
    writeRange(into, drop, start, length)
    this.#end()
  }

  bitfield(start: number, words: Uint32Array): void {
    const into = this.#begin(BITFIELD, 8 + 4 * words.length)
    if (into === undefined) return
    writeBitfield(into, start, words)
    this.#end()
  }

  want(start: number, length: number): void {
    this.#want(WANT, start, length)
  }

  unwant(start: number, length: number): void {
    this.#want(UNWANT, start, length)
  }

  #want(type: number, start: number, length: number): void {
    const into = this.#begin(type, 8)
    if (into === undefined) return
    writeWant(into, start, length)
    this.#end()
  }

  request(request: Readonly<Request>): void {
    const into = this.#begin(REQUEST, 16)
    if (into === undefined) return
    writeRequest(into, request)
    this.#end()
  }

  cancel(id: number): void {
    const into = this.#begin(CANCEL, 4)
    if (into === undefined) return
    into.uint(id)
    this.#end()
  }

  data(
    id: number,
    proof: Proof,
    valueBytes: number,
    fill: (into: Uint8Array, at: number) => void,
  ): void {
    const into = this.#begin(DATA, dataBytes(proof, valueBytes))
    if (into === undefined) return
    try {
      writeData(into, id, proof, valueBytes, fill)
    } catch (error) {
      // The block could not be read: as if nothing had been begun.
      this.#channel?.abandon()
      throw error
    }
    this.#end()
  }

  refuse(id: number, reason: Refusal): void {
    const into = this.#begin(NO_DATA, 8)
    if (into === undefined) return
    writeRefusal(into, id, reason)
    this.#end()
  }

  flush(): void {
    if (this.opened) this.#shared.mux.flush()
  }

  extension(name: string, message: Uint8Array): boolean {
    const nameBytes = utf8(name).length
    if (nameBytes === 0 || nameBytes > EXTENSION_NAME_BYTES_MAX) {
      throw new DatError('BAD_ARGUMENT', 'The name of an extension has 1 to 256 bytes.', { name })
    }
    if (message.length > EXTENSION_BYTES_MAX) {
      throw new DatError('BAD_ARGUMENT', 'An extension message has at most 4 MiB.', {
        bytes: message.length,
      })
    }
    const into = this.#begin(EXTENSION, nameBytes + 1 + message.length)
    if (into === undefined) return false
    writeExtension(into, name === this.#nameSent ? '' : name, message)
    this.#nameSent = name
    this.#end()
    return true
  }

  close(error?: Error): void {
    this.#channel?.close(error)
  }

  #begin(type: number, bodyHint: number): Writer | undefined {
    return this.opened ? this.#channel?.begin(type, bodyHint) : undefined
  }

  #end(): void {
    this.#channel?.end()
  }
}
