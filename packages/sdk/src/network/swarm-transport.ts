/**
 * A connection of hyperswarm as a transport: it is an encrypted message pipe already.
 *
 * Owns: what the stream's events mean in `Transport`'s words. Messages are copied once, into the memory in which
 * the stream encrypts them.
 *
 * UDX has no receive window that we could close: it goes on receiving while nobody reads, without bound. So
 * what arrives during a pause is counted, and who sends `UNREAD_BYTES_MAX` into one is cut off. Honest peers send
 * what was asked for, which is less.
 *
 * Always true: the stream has a handler for errors from the first moment; nothing is read before somebody
 * listens; the end is told once, after the stream has closed.
 */

/// <reference path="../types/hyperswarm.d.ts" preserve="true" />
import type { Clock, Timer } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { UNREAD_BYTES_MAX } from '@dat-rhino/core/base/limits'
import type { Transport, TransportHandler } from '@dat-rhino/core/wire/transport'
import type { SwarmConnection } from 'hyperswarm'

/** A stream that was ended and whose other end does not end it is cut after this. */
const LINGER_MS = 5_000
/** Between two looks at what has arrived during a pause. */
const LOOK_MS = 100

export class SwarmTransport implements Transport {
  readonly isInitiator: boolean
  readonly handshakeHash: Uint8Array
  readonly remotePublicKey: Uint8Array
  readonly #stream: SwarmConnection
  readonly #clock: Clock
  #handler: TransportHandler | undefined
  #isDrained = true
  #isPaused = false
  /** What the network had delivered when the pause began. */
  #receivedBefore = 0
  #look: Timer | undefined
  #isReading = false
  #isClosing = false
  #error: Error | undefined
  /** The stream has closed; told when somebody listens. */
  #hasEnded = false

  constructor(stream: SwarmConnection, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    this.isInitiator = stream.isInitiator
    this.handshakeHash = stream.handshakeHash
    this.remotePublicKey = stream.remotePublicKey
    stream.on('error', (error) => {
      this.#error ??= broken(error)
    })
    stream.on('drain', () => {
      this.#isDrained = true
      if (!this.#isClosing) this.#handler?.onWritable()
    })
    stream.on('end', () => this.close())
    stream.on('close', () => {
      this.#isClosing = true
      this.#hasEnded = true
      this.#tellEnd()
    })
  }

  get handler(): TransportHandler | undefined {
    return this.#handler
  }

  set handler(handler: TransportHandler | undefined) {
    this.#handler = handler
    if (handler === undefined) return
    if (this.#hasEnded) this.#clock.soon(() => this.#tellEnd())
    else if (!this.#isReading) {
      this.#isReading = true
      this.#stream.on('data', (message) => {
        if (!this.#isClosing) this.#handler?.onMessage(message)
      })
      if (this.#isPaused) this.#stream.pause()
    }
  }

  get writable(): boolean {
    return !this.#isClosing && this.#isDrained
  }

  send(message: Uint8Array): void {
    if (this.#isClosing) return
    const plain = this.#stream.alloc(message.length)
    plain.set(message)
    this.#isDrained = this.#stream.write(plain)
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#receivedBefore = this.#receivedBytes
    this.#laterLook()
    if (this.#isReading) this.#stream.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#look?.cancel()
    this.#look = undefined
    if (this.#isReading) this.#stream.resume()
  }

  close(error?: Error): void {
    if (this.#isClosing) return
    this.#isClosing = true
    if (error !== undefined) {
      this.#error ??= error
      this.#stream.destroy(error)
      return
    }
    this.#stream.end()
    // Reads on, so that the other end's end is seen.
    this.#stream.resume()
    this.#clock.after(LINGER_MS, () => this.#stream.destroy())
  }

  get #receivedBytes(): number {
    return this.#stream.rawStream?.bytesReceived ?? 0
  }

  #laterLook(): void {
    this.#look ??= this.#clock.after(LOOK_MS, () => {
      this.#look = undefined
      if (!this.#isPaused || this.#isClosing) return
      if (this.#receivedBytes - this.#receivedBefore <= UNREAD_BYTES_MAX) this.#laterLook()
      else this.close(new DatError('OVER_LIMIT', 'The peer sends more than anybody asked for.'))
    })
  }

  #tellEnd(): void {
    const handler = this.#handler
    if (handler === undefined || !this.#hasEnded) return
    this.#hasEnded = false
    handler.onClose(this.#error)
  }
}

function broken(error: Error): Error {
  return error instanceof DatError ? error : new DatError('IO', 'The connection broke.', {}, error)
}
