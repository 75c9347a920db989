/**
 * What we say about one log in generation 3.
 *
 * Owns: the bytes of the neutral words, encoded straight into the outgoing frame.
 *
 * Always true: nobody speaks before the remote's capability was right; after the end every call does nothing.
 */

import { DatError } from '../base/errors.ts'
import { EXTENSION_BYTES_MAX, EXTENSION_NAME_BYTES_MAX } from '../base/limits.ts'
import { utf8 } from '../bytes/bytes.ts'
import type { Writer } from '../bytes/cursor.ts'
import type { Proof } from '../tree/proof.ts'
import type { Channels, Muxer } from './channel.ts'
import { dataBytes, writeData } from './gen3-data.ts'
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
import type { Abilities, Refusal, Request, Sender, Status } from './messages.ts'

const ABILITIES: Abilities = {
  seek: true,
  hash: true,
  cancel: true,
  refuse: true,
  waitsForEnd: false,
}

/** One conversation, of which the remote has proved to know the key; or all in which little is said, one after another. */
export class Conversation implements Sender {
  readonly #mux: Muxer
  readonly #channels: Channels
  /** Our number for the channel. Of the one that speaks in all that rest, it changes. */
  channel: number
  closed = false
  #nameSent = ''

  constructor(mux: Muxer, channels: Channels, channel: number) {
    this.#mux = mux
    this.#channels = channels
    this.channel = channel
  }

  get abilities(): Abilities {
    return ABILITIES
  }

  /** This wire has no receipts. */
  get wantsAcks(): boolean {
    return false
  }

  get writable(): boolean {
    return !this.closed && this.#channels.isWritable(this.channel)
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
      this.#channels.abandon(this.channel)
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
    if (!this.closed) this.#mux.flush()
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
    if (!this.closed) this.#channels.close(this.channel, error)
  }

  #begin(type: number, bodyHint: number): Writer | undefined {
    return this.closed ? undefined : this.#channels.begin(this.channel, type, bodyHint)
  }

  #end(): void {
    this.#channels.end(this.channel)
  }
}
