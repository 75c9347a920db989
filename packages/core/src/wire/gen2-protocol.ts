/**
 * Connections of generation 2: hypercore-protocol 8, and 7 for who asks for it.
 *
 * Owns: the handshake, the keys of the streams, the capability that opens a channel, and Close (generation 2,
 * sections 2 to 7). Channel 0 is the connection itself: nobody here uses its Options and Extension.
 *
 * Always true: a remote that does not know the key of a log is refused that log exactly as one that is not here.
 */

import { concat, copy, EMPTY, equalConstantTime, utf8 } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { crypto, HASH_BYTES, type KeyPair } from '../crypto/crypto.ts'
import { hashKeyed, randomBytes } from '../crypto/keys.ts'
import type { StreamChannel } from './feed-channels.ts'
import { DIALECT_2, type FeedDialect } from './feed-dialect.ts'
import { FEED_CLOSE, FEED_OPEN, readClose, readOpen, writeOpen } from './feed-messages.ts'
import type { FeedHost, FeedProtocol } from './feed-protocol.ts'
import {
  feedKeyPair,
  NOISE_7,
  NOISE_8,
  nonceOf,
  noncePayload,
  STREAM_NONCE_BYTES,
} from './gen2-noise.ts'
import { NoiseXX } from './noise.ts'

/** What a side brings to the handshake. All of it is made anew where it is not given. */
export interface Gen2Secrets {
  readonly keyPair?: KeyPair | undefined
  /** Fresh for each connection. */
  readonly ephemeral?: KeyPair | undefined
  /** 24 bytes, fresh for each connection. */
  readonly nonce?: Uint8Array | undefined
  readonly protocol?: 7 | 8 | undefined
}

const CAPABILITY_NAME = utf8('hypercore capability')

export class Gen2Protocol implements FeedProtocol {
  readonly dialect: FeedDialect = DIALECT_2
  readonly beginsWithLog = false
  readonly #host: FeedHost
  readonly #noise: NoiseXX
  readonly #nonce: Uint8Array
  #sendKey: Uint8Array = EMPTY
  #receiveKey: Uint8Array = EMPTY

  constructor(host: FeedHost, secrets: Gen2Secrets) {
    this.#host = host
    this.#nonce = secrets.nonce ?? randomBytes(STREAM_NONCE_BYTES)
    this.#noise = new NoiseXX({
      isInitiator: host.isInitiator,
      keyPair: secrets.keyPair ?? feedKeyPair(),
      ephemeral: secrets.ephemeral ?? feedKeyPair(),
      suite: secrets.protocol === 7 ? NOISE_7 : NOISE_8,
      payload: noncePayload(this.#nonce),
    })
  }

  begin(): void {
    if (this.#noise.isOurTurn) this.#host.pipe.write(this.#noise.write())
  }

  onHandshake(payload: Uint8Array): void {
    const noise = this.#noise
    noise.read(payload)
    if (noise.isOurTurn) this.#host.pipe.write(noise.write())
    if (!noise.isDone) return
    const { sendKey, receiveKey, remotePayload, remotePublicKey } = noise.session()
    this.#sendKey = sendKey
    this.#receiveKey = receiveKey
    this.#host.pipe.encrypt(crypto().keystream(this.#nonce, sendKey))
    this.#host.pipe.decrypt(crypto().keystream(nonceOf(remotePayload), receiveKey))
    this.#host.ready(remotePublicKey)
  }

  /** The handshake needs no log. */
  onLocalOpen(): void {}

  writeOpen(channel: StreamChannel): void {
    const proof = capability(channel.opening.key, this.#sendKey, this.#receiveKey)
    writeOpen(channel.begin(FEED_OPEN, 72), channel.id, proof)
    channel.end()
  }

  writeClose(channel: StreamChannel): void {
    channel.send(FEED_CLOSE, EMPTY)
  }

  refuse(discoveryKey: Uint8Array): void {
    const { pipe } = this.#host
    writeOpen(pipe.begin(this.#host.number(), FEED_CLOSE, 34), discoveryKey)
    pipe.end()
  }

  check(key: Uint8Array, proof: Reader): boolean {
    if (proof.left !== HASH_BYTES) return false
    const expected = capability(key, this.#receiveKey, this.#sendKey)
    return equalConstantTime(proof.fixed(HASH_BYTES), expected)
  }

  onControl(channel: number, type: number, body: Reader): boolean {
    if (channel === 0) return true
    if (type === FEED_OPEN) {
      const { discoveryKey, proof } = readOpen(body)
      this.#host.onRemoteOpen(channel, copy(discoveryKey), copy(proof ?? EMPTY))
      return true
    }
    if (type === FEED_CLOSE) {
      this.#host.onRemoteClose(channel, readClose(body))
      return true
    }
    return false
  }
}

/** What only somebody who knows `key` can say in this direction of this connection. */
function capability(key: Uint8Array, sendKey: Uint8Array, receiveKey: Uint8Array): Uint8Array {
  return hashKeyed(receiveKey, concat(CAPABILITY_NAME, sendKey, key))
}
