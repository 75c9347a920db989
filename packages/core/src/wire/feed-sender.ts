/**
 * One conversation about one log of generation 1 or 2: what we say, from neutral words.
 *
 * Owns: the translation outwards. An upgrade is asked for with the last block's hash, a Want goes out as the million of
 * blocks that it lies in, and the remote's Wants are answered here, from what it was told (`feed-told.ts`), because they
 * must be. Which answers are still to come is in `feed-asked.ts`, which we owe in `feed-served.ts`.
 *
 * Always true: after the end everything does nothing; a message that could not be written was not begun.
 */

import { DatError } from '../base/errors.ts'
import { EXTENSION_BYTES_MAX, FEED_WANT_BLOCKS, FEED_WANTS_IN_FLIGHT_MAX } from '../base/limits.ts'
import { Bitfield } from '../bytes/bitfield.ts'
import { EMPTY } from '../bytes/bytes.ts'
import type { Writer } from '../bytes/cursor.ts'
import { CLAIM_BLOCK, type Proof } from '../tree/proof.ts'
import type { Channel } from './channel.ts'
import { type Asked, AskedTable } from './feed-asked.ts'
import type { FeedLink } from './feed-dialect.ts'
import {
  FEED_DATA,
  FEED_EXTENSION,
  FEED_HAVE,
  FEED_OPTIONS,
  FEED_REQUEST,
  FEED_STATUS,
  FEED_UNHAVE,
  FEED_WANT,
  type FeedOptions,
  feedDataBytes,
  isExtensionName,
  writeFeedData,
  writeFeedExtension,
  writeFeedRange,
  writeFeedRequest,
  writeFeedStatus,
  writeOptions,
} from './feed-messages.ts'
import { ExtensionNames } from './feed-names.ts'
import { FeedServed } from './feed-served.ts'
import { type SendHave, Told } from './feed-told.ts'
import type { FeedOpening } from './feeds.ts'
import type { Abilities, Request, Sender, Status } from './messages.ts'

/** A bitfield that only says that there is one. */
const FIRST_BITFIELD_BLOCKS = 8_192

export class FeedSender implements Sender {
  channel: Channel | undefined = undefined
  closed = false
  /** Our length as we last said it: this wire does not carry it. */
  length = 0
  remoteLength = 0
  readonly asked: AskedTable = new AskedTable()
  readonly served: FeedServed = new FeedServed()
  readonly told: Told = new Told()
  readonly names: ExtensionNames
  readonly #link: FeedLink
  /** Has `takeImpossible` called, and our length told, in a later turn. */
  readonly #laterTell: () => void
  #isOpen = false
  #uploading = true
  #downloading = true
  #hasSaidBitfield = false
  #remoteAck: boolean
  /** Blocks that we sent, where we ask for receipts. */
  readonly #sent = new Bitfield()
  /** Millions of blocks that were wanted; of these, those that wait for room. */
  readonly #wanted = new Set<number>()
  readonly #wantsToSend: number[] = []
  #wantsInFlight = 0
  /** Requests that this wire cannot carry. */
  #impossible: number[] = []

  constructor(link: FeedLink, opening: FeedOpening, laterTell: () => void) {
    this.#link = link
    this.#laterTell = laterTell
    this.#remoteAck = link.theirs.ack
    const names = link.dialect.hasOptions ? (opening.extensions ?? []) : link.ours.extensions
    this.names = new ExtensionNames(names, link.theirs)
  }

  get abilities(): Abilities {
    return this.#link.dialect.abilities
  }

  get wantsAcks(): boolean {
    return this.#remoteAck
  }

  get writable(): boolean {
    return this.#isOpen && !this.closed && this.channel?.writable === true
  }

  // ---- For the conversation

  /** Both sides have opened: from here on we may speak. */
  opened(): void {
    this.#isOpen = true
    const { dialect, ours } = this.#link
    if (dialect.hasOptions && (ours.ack || this.names.ours.length > 0)) this.#sendOptions()
  }

  /** What the remote wants and knows, from now on. */
  hear(options: FeedOptions): void {
    this.#remoteAck = options.ack
    this.names.hear(options.extensions)
  }

  /** May the remote give a receipt for all of these? */
  isReceipt(start: number, length: number): boolean {
    return this.#link.ours.ack && length > 0 && this.#sent.hasAll(start, start + length)
  }

  takeImpossible(): number[] {
    return this.#impossible.splice(0)
  }

  answerWants(): void {
    while (this.told.hasWants && this.writable) this.told.answer(this.#sendHave)
  }

  /** Have we asked what the remote holds? */
  get hasWanted(): boolean {
    return this.#wanted.size > 0
  }

  /** A bitfield has come. */
  wantAnswered(start: number): void {
    if (start % FEED_WANT_BLOCKS !== 0 || this.#wantsInFlight === 0) return
    this.#wantsInFlight--
    this.#sendWants()
  }

  /** An answer has come: others may be asked for that block now. */
  sendWaiting(): void {
    for (const entry of this.asked.next()) this.#sendRequest(entry)
  }

  // ---- Sender

  status(status: Readonly<Status>): void {
    const { uploading, downloading, length } = status
    if (uploading !== this.#uploading || downloading !== this.#downloading) {
      this.#uploading = uploading
      this.#downloading = downloading
      this.#sendStatus(uploading, downloading)
    }
    // The remote says nothing about itself before it was asked.
    if (downloading && this.#wanted.size === 0) this.want(0, 1)
    if (length === this.length) return
    this.length = length
    this.#laterTell()
  }

  have(start: number, length: number, ack = false): void {
    // One for each block, as old programs give them and look at them.
    for (let at = start; ack && at < start + length; at++) {
      const into = this.#begin(FEED_HAVE, 24)
      if (into === undefined) return
      writeFeedRange(into, at, 1, undefined, true)
      this.#end()
    }
    // A receipt is no other news: the remote has what it sent.
    this.told.have(start, start + length, ack ? sendNothing : this.#sendHave)
  }

  unhave(start: number, length: number): void {
    if (this.told.unhave(start, start + length)) this.#sendUnhave(start, length)
  }

  bitfield(start: number, words: Uint32Array): void {
    this.told.words(start, words, this.#sendHave)
  }

  want(start: number, length: number): void {
    const end = start + length
    for (let n = Math.floor(start / FEED_WANT_BLOCKS); n * FEED_WANT_BLOCKS < end; n++) {
      if (this.#wanted.has(n)) continue
      this.#wanted.add(n)
      this.#wantsToSend.push(n)
    }
    this.#sendWants()
  }

  /** Nobody acts on it: what is not wanted any more is news all the same. */
  unwant(): void {}

  request(request: Readonly<Request>): void {
    const { id, block, seekBytes, digest } = request
    const index = this.#indexOf(request)
    if (index < 0 || !Number.isInteger(index)) {
      this.#impossible.push(id)
      this.#laterTell()
      return
    }
    const entry: Asked = {
      id,
      index,
      isHash: block < 0,
      bytes: Math.max(0, seekBytes),
      digest: Math.max(0, digest),
    }
    if (this.asked.add(entry)) this.#sendRequest(entry)
  }

  /** The block that a request names on this wire; anything else if it cannot be named. */
  #indexOf(request: Readonly<Request>): number {
    const { block, hash, seekBytes, upgradeStart, upgradeLength } = request
    if (block >= 0) return block
    if (hash >= 0) return hash / 2
    if (upgradeLength > 0) return upgradeStart + upgradeLength - 1
    // A position is asked for with any block that the remote has said to have.
    return seekBytes > 0 ? this.remoteLength - 1 : -1
  }

  cancel(id: number): void {
    this.asked.cancel(id)
  }

  data(
    id: number,
    proof: Proof,
    valueBytes: number,
    fill: (into: Uint8Array, at: number) => void,
  ): void {
    if (!this.served.take(id)) return
    const { nodes, signature } = proof
    const isBlock = proof.claim === CLAIM_BLOCK
    const index = isBlock ? proof.index : proof.index / 2
    const into = this.#begin(FEED_DATA, feedDataBytes(nodes, isBlock ? valueBytes : 0))
    if (into === undefined) return
    try {
      writeFeedData(into, index, valueBytes, isBlock ? fill : undefined, nodes, signature)
    } catch (error) {
      // The block could not be read: as if nothing had been begun.
      this.channel?.abandon()
      throw error
    }
    this.#end()
    if (isBlock && this.#link.ours.ack) this.#sent.set(index, true)
  }

  refuse(id: number): void {
    const index = this.served.indexOf(id)
    if (this.served.take(id)) this.#sendUnhave(index, 1)
  }

  /** Each message is a frame of its own. */
  flush(): void {}

  extension(name: string, message: Uint8Array): boolean {
    if (!isExtensionName(name) || message.length > EXTENSION_BYTES_MAX) {
      throw new DatError(
        'BAD_ARGUMENT',
        'The name of an extension has 1 to 256 bytes, a message at most 4 MiB.',
        { name, bytes: message.length },
      )
    }
    if (this.names.numberOf(name) < 0) {
      // Where the list is fixed, the remote cannot be told what the message is about.
      if (!this.#link.dialect.hasOptions || !this.names.add(name)) return false
      this.#sendOptions()
    }
    const into = this.#begin(FEED_EXTENSION, 8 + message.length)
    if (into === undefined) return false
    writeFeedExtension(into, this.names.numberOf(name), message)
    this.#end()
    return true
  }

  close(error?: Error): void {
    if (this.closed) return
    // All that can be said where there is no message for it.
    if (this.#isOpen && !this.#link.dialect.hasClose) this.#sendStatus(false, false)
    this.channel?.close(error)
  }

  // ---- Messages

  readonly #sendHave: SendHave = (start, length, bitfield) => {
    const into = this.#begin(FEED_HAVE, 24 + (bitfield?.length ?? 0))
    if (into === undefined) return
    if (bitfield !== undefined) this.#hasSaidBitfield = true
    writeFeedRange(into, start, length, bitfield)
    this.#end()
  }

  #sendUnhave(start: number, length: number): void {
    const into = this.#begin(FEED_UNHAVE, 16)
    if (into === undefined) return
    writeFeedRange(into, start, length)
    this.#end()
  }

  #sendStatus(uploading: boolean, downloading: boolean): void {
    const into = this.#begin(FEED_STATUS, 4)
    if (into === undefined) return
    writeFeedStatus(into, uploading, downloading)
    this.#end()
  }

  #sendOptions(): void {
    const into = this.#begin(FEED_OPTIONS, 64)
    if (into === undefined) return
    writeOptions(into, { extensions: this.names.ours, ack: this.#link.ours.ack })
    this.#end()
  }

  #sendWants(): void {
    while (this.#wantsInFlight < FEED_WANTS_IN_FLIGHT_MAX) {
      const number = this.#wantsToSend.shift()
      const into = number === undefined ? undefined : this.#begin(FEED_WANT, 16)
      if (number === undefined || into === undefined) return
      this.#wantsInFlight++
      writeFeedRange(into, number * FEED_WANT_BLOCKS, FEED_WANT_BLOCKS)
      this.#end()
    }
  }

  #sendRequest(entry: Asked): void {
    if (!this.#hasSaidBitfield && this.#link.dialect.needsBitfield) {
      this.#sendHave(0, FIRST_BITFIELD_BLOCKS, EMPTY)
    }
    const into = this.#begin(FEED_REQUEST, 24)
    if (into === undefined) return
    writeFeedRequest(into, entry.index, entry.bytes, entry.isHash, entry.digest)
    this.#end()
  }

  #begin(type: number, bodyHint: number): Writer | undefined {
    return this.#isOpen && !this.closed ? this.channel?.begin(type, bodyHint) : undefined
  }

  #end(): void {
    this.channel?.end()
  }
}

function sendNothing(): void {}
