/**
 * Connections of generation 1: hypercore-protocol 6.
 *
 * Owns: the beginning (generation 1, sections 2 to 4). Each side sends the discovery key of a first log and a nonce in
 * clear; from there on its bytes are encrypted with that log's key, and begin with a Handshake. Nobody proves who he
 * is, and who does not know the key understands nothing. There is no message that closes a channel.
 *
 * Always true: the side that was dialled answers for the log that it was asked for, never for another; until it has
 * opened that log nothing more is read.
 */

import { DatError } from '../base/errors.ts'
import { copy, EMPTY, equal } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import { crypto, KEY_BYTES } from '../crypto/crypto.ts'
import { randomBytes } from '../crypto/keys.ts'
import type { StreamChannel } from './feed-channels.ts'
import { DIALECT_1, type FeedDialect } from './feed-dialect.ts'
import {
  FEED_OPEN,
  FEED_OPTIONS,
  readHandshakeFields,
  readOpen,
  writeHandshakeFields,
  writeOpen,
} from './feed-messages.ts'
import type { FeedHost, FeedProtocol } from './feed-protocol.ts'

const NONCE_BYTES = 24

/** What a side brings to the beginning; made anew where it is not given. */
export interface Gen1Secrets {
  /** 24 bytes, fresh for each connection. */
  readonly nonce?: Uint8Array | undefined
  /** 32 bytes: what we call ourselves. */
  readonly id?: Uint8Array | undefined
}

interface FirstFeed {
  readonly discoveryKey: Uint8Array
  readonly nonce: Uint8Array
}

export class Gen1Protocol implements FeedProtocol {
  readonly dialect: FeedDialect = DIALECT_1
  readonly beginsWithLog = true
  readonly #host: FeedHost
  readonly #nonce: Uint8Array
  readonly #id: Uint8Array
  /** The log whose key encrypts everything. */
  #first: StreamChannel | undefined
  #theirs: FirstFeed | undefined
  #isReading = false
  #isReady = false

  constructor(host: FeedHost, secrets: Gen1Secrets) {
    this.#host = host
    this.#nonce = secrets.nonce ?? randomBytes(NONCE_BYTES)
    this.#id = secrets.id ?? randomBytes(KEY_BYTES)
  }

  begin(): void {
    this.onLocalOpen()
  }

  onHandshake(payload: Uint8Array): void {
    if (this.#theirs === undefined) this.#onFirst(payload)
    else this.#onHello(payload)
  }

  /** The remote's first log, in clear. */
  #onFirst(payload: Uint8Array): void {
    if (payload[0] !== FEED_OPEN) throw refused('it does not begin with a log')
    const { discoveryKey, proof } = readOpen(new Reader(payload, 1))
    if (proof?.length !== NONCE_BYTES) throw refused('it has no nonce')
    this.#theirs = { discoveryKey: copy(discoveryKey), nonce: copy(proof) }
    // Without the key what follows cannot be read.
    this.#host.pipe.pause()
    if (this.#first === undefined && this.#host.find(discoveryKey) === undefined) {
      if (!this.#host.ask(copy(discoveryKey))) throw refused('it is about a log that is not here')
    }
    this.onLocalOpen()
  }

  /** The first encrypted message: with a wrong key it is noise. */
  #onHello(payload: Uint8Array): void {
    if (payload[0] !== FEED_OPTIONS) throw refused('it does not know the key of its log')
    const { id, ack, extensions } = readHandshakeFields(new Reader(payload, 1))
    this.#isReady = true
    this.#host.heard({ ack, extensions })
    this.#host.ready(id?.length === KEY_BYTES ? copy(id) : EMPTY)
    const first = this.#first
    if (first !== undefined) this.#host.onRemoteOpen(0, first.id, EMPTY)
  }

  onLocalOpen(): void {
    const theirs = this.#theirs
    if (this.#first === undefined) {
      const { isInitiator } = this.#host
      if (theirs !== undefined) this.#first = this.#host.find(theirs.discoveryKey)
      else if (isInitiator) this.#first = this.#host.channels()[0]
      if (this.#first === undefined) return
      this.#writeFirst(this.#first)
    }
    if (theirs === undefined || this.#isReading) return
    const { key, discoveryKey } = this.#first.opening
    if (!equal(theirs.discoveryKey, discoveryKey)) throw refused('it is about another log')
    this.#isReading = true
    this.#host.pipe.decrypt(crypto().keystream(theirs.nonce, key))
    this.#host.pipe.resume()
  }

  #writeFirst(first: StreamChannel): void {
    const { pipe, ours } = this.#host
    const hello = new Writer(64)
    hello.u8(FEED_OPEN)
    writeOpen(hello, first.id, this.#nonce)
    pipe.write(hello.view())
    pipe.encrypt(crypto().keystream(this.#nonce, first.opening.key))
    first.localId = this.#host.number()
    writeHandshakeFields(pipe.begin(first.localId, FEED_OPTIONS, 128), {
      id: this.#id,
      live: true,
      ...ours,
    })
    pipe.end()
  }

  writeOpen(channel: StreamChannel): void {
    writeOpen(channel.begin(FEED_OPEN, 34), channel.id)
    channel.end()
  }

  writeClose(): void {}

  refuse(): void {}

  check(): boolean {
    return true
  }

  onControl(channel: number, type: number, body: Reader): boolean {
    if (type === FEED_OPEN) {
      this.#host.onRemoteOpen(channel, copy(readOpen(body).discoveryKey), EMPTY)
      return true
    }
    // A second Handshake changes nothing.
    return type === FEED_OPTIONS && this.#isReady
  }
}

function refused(why: string): DatError {
  return new DatError('BAD_HANDSHAKE', `The peer's handshake was refused: ${why}.`)
}
