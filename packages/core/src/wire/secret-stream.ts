/**
 * Generation 3's encrypted message pipe over any ordered stream of bytes.
 *
 * Owns: the life of one connection (replication.md section 2): Noise handshake, one header each way, then one
 * encrypted message per frame. Without I/O of its own: the platform gives bytes (`receive`, `drained`, `ended`)
 * and a `BytePipe` to write to; time comes from the clock.
 *
 *     receive → Deframer → handshake → header → decrypt → handler.onMessage
 *     send → encrypt (the one pass over the bytes) → pipe.write
 *
 * Always true: before the remote has proved who it is, frames of at most `HANDSHAKE_FRAME_BYTES_MAX` are held,
 * for `HANDSHAKE_MS_MAX`; memory grows with what has arrived; nothing is handed over while paused, without a
 * handler, or after the end; the end is told once.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import {
  FRAME_BYTES_MAX,
  HANDSHAKE_FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  KEEP_ALIVE_MISSED_MAX,
  KEEP_ALIVE_MS,
} from '../base/limits.ts'
import { EMPTY, equal } from '../bytes/bytes.ts'
import {
  crypto,
  type KeyPair,
  STREAM_HEADER_BYTES,
  STREAM_OVERHEAD_BYTES,
  type StreamIn,
  type StreamOut,
} from '../crypto/crypto.ts'
import { hashKeyed, namespace } from '../crypto/keys.ts'
import { Deframer, LENGTH_BYTES, writeLength } from './framing.ts'
import { type NoiseSession, NoiseXX } from './noise.ts'
import type { Transport, TransportHandler } from './transport.ts'

/** The raw bytes that a platform carries for us. */
export interface BytePipe {
  /** False while it holds more than it should; it then calls `SecretStream.drained` later. */
  readonly writable: boolean
  /**
   * Memory for the next `write`, if the pipe has some to lend: it is the pipe's again with that call. What it holds is
   * written over.
   */
  room?(length: number): Uint8Array | undefined
  /** The bytes are the pipe's from now on. */
  write(bytes: Uint8Array): void
  pause(): void
  resume(): void
  /** Without an error what was written is sent first. */
  close(error: Error | undefined): void
}

/** One side of one connection. Exactly one of `onOpen` and `onFailed` is called, once. */
export interface SecretStreamOptions {
  readonly isInitiator: boolean
  readonly keyPair: KeyPair
  /** Fresh for this connection. */
  readonly ephemeral: KeyPair
  /** Who must be at the other end; anybody if absent. */
  readonly remotePublicKey?: Uint8Array
  readonly clock: Clock
  /** The remote has proved who it is, and messages may be sent. */
  readonly onOpen: (stream: SecretStream) => void
  /** The connection ended before that. */
  readonly onFailed: (error: Error) => void
}

/** Messages above this are decrypted into memory that is not kept. */
const PLAIN_KEPT_BYTES = 1_048_576
const STREAM_ID_BYTES = 32
const HEADER_BYTES = STREAM_ID_BYTES + STREAM_HEADER_BYTES

type Phase = 'handshake' | 'header' | 'open' | 'closed'

export class SecretStream implements Transport {
  readonly isInitiator: boolean
  readonly #pipe: BytePipe
  readonly #clock: Clock
  readonly #onOpen: (stream: SecretStream) => void
  readonly #onFailed: (error: Error) => void
  readonly #noise: NoiseXX
  readonly #incoming = new Deframer(HANDSHAKE_FRAME_BYTES_MAX)
  #session: NoiseSession | undefined
  #out: StreamOut | undefined
  #in: StreamIn | undefined
  #phase: Phase = 'handshake'
  #plain: Uint8Array = EMPTY
  #timer: Timer
  // Since the last beat of the keep-alive.
  #hasSent = false
  #hasHeard = false
  #beatsMissed = 0
  #handler: TransportHandler | undefined
  #isPaused = false
  #isReading = false
  #isSending = false
  #isReadDue = false
  #isPipePaused = false
  /** The end, when it has come before anybody listens. */
  #ending: { readonly error: Error | undefined } | undefined

  constructor(pipe: BytePipe, options: SecretStreamOptions) {
    this.isInitiator = options.isInitiator
    this.#pipe = pipe
    this.#clock = options.clock
    this.#onOpen = options.onOpen
    this.#onFailed = options.onFailed
    this.#noise = new NoiseXX(options)
    this.#timer = this.#clock.after(HANDSHAKE_MS_MAX, () => {
      this.close(new DatError('TIMEOUT', 'The peer did not finish its handshake in time.'))
    })
    if (this.isInitiator) this.#writeFrame(this.#noise.write())
  }

  get handshakeHash(): Uint8Array {
    return this.#established().handshakeHash
  }

  get remotePublicKey(): Uint8Array {
    return this.#established().remotePublicKey
  }

  get writable(): boolean {
    return this.#phase !== 'closed' && this.#pipe.writable
  }

  get handler(): TransportHandler | undefined {
    return this.#handler
  }

  set handler(handler: TransportHandler | undefined) {
    this.#handler = handler
    this.#laterRead()
  }

  /** @throws DatError BAD_ARGUMENT if the message does not fit a frame */
  send(message: Uint8Array): void {
    if (this.#phase === 'closed' || this.#out === undefined) return
    const length = message.length + STREAM_OVERHEAD_BYTES
    if (length > FRAME_BYTES_MAX) {
      throw new DatError('BAD_ARGUMENT', 'A message is too large for a frame.', {
        bytes: message.length,
      })
    }
    const bytes = LENGTH_BYTES + length
    const frame = this.#pipe.room?.(bytes) ?? new Uint8Array(bytes)
    writeLength(frame, 0, length)
    this.#out.push(frame.subarray(LENGTH_BYTES), message)
    this.#hasSent = true
    this.#isSending = true
    this.#pipe.write(frame)
    this.#isSending = false
  }

  pause(): void {
    this.#isPaused = true
    this.#steerPipe()
  }

  resume(): void {
    this.#isPaused = false
    this.#laterRead()
  }

  close(error?: Error): void {
    if (this.#phase === 'closed') return
    const wasOpen = this.#session !== undefined
    this.#phase = 'closed'
    this.#timer.cancel()
    this.#pipe.close(error)
    if (wasOpen) {
      this.#ending = { error }
      this.#laterRead()
      return
    }
    this.#onFailed(error ?? new DatError('BAD_HANDSHAKE', 'The peer hung up in the handshake.'))
  }

  // ---- Called by the platform --------------------------------------------------------------------

  /** Bytes have arrived; their memory is the caller's again when this returns. */
  receive(chunk: Uint8Array): void {
    if (this.#phase === 'closed') return
    this.#hasHeard = true
    this.#incoming.push(chunk)
    // A pipe within one process may answer from inside a write.
    if (this.#isSending) this.#laterRead()
    else this.#read()
    this.#incoming.keep()
  }

  /** The pipe takes more again. */
  drained(): void {
    if (this.#phase !== 'closed') this.#handler?.onWritable()
  }

  /** The pipe has ended; with an error if it was cut. */
  ended(error?: Error): void {
    this.close(error)
  }

  // ---- In ----------------------------------------------------------------------------------------

  #read(): void {
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (!this.#isHeld) {
        const payload = this.#incoming.next()
        if (payload === undefined) break
        this.#frame(payload)
      }
    } catch (error) {
      this.close(error instanceof Error ? error : new DatError('INVARIANT', String(error)))
    } finally {
      this.#isReading = false
    }
    this.#steerPipe()
  }

  /** Messages wait for a handler, and while it has paused us; the handshake waits for nobody. */
  get #isHeld(): boolean {
    if (this.#phase === 'closed') return true
    return this.#phase === 'open' && (this.#isPaused || this.#handler === undefined)
  }

  #frame(payload: Uint8Array): void {
    if (this.#phase === 'open') this.#message(payload)
    else if (this.#phase === 'header') this.#header(payload)
    else this.#handshake(payload)
  }

  #handshake(payload: Uint8Array): void {
    this.#noise.read(payload)
    if (this.#noise.isOurTurn) this.#writeFrame(this.#noise.write())
    if (this.#noise.isDone) this.#establish(this.#noise.session())
  }

  #establish(session: NoiseSession): void {
    this.#session = session
    this.#phase = 'header'
    const frame = new Uint8Array(LENGTH_BYTES + HEADER_BYTES)
    writeLength(frame, 0, HEADER_BYTES)
    frame.set(streamId(session.handshakeHash, this.isInitiator), LENGTH_BYTES)
    const header = frame.subarray(LENGTH_BYTES + STREAM_ID_BYTES)
    this.#out = crypto().streamOut(header, session.sendKey)
    this.#pipe.write(frame)
    this.#onOpen(this)
  }

  #header(payload: Uint8Array): void {
    const { handshakeHash, receiveKey } = this.#established()
    const expected = streamId(handshakeHash, !this.isInitiator)
    if (payload.length !== HEADER_BYTES || !equal(payload.subarray(0, STREAM_ID_BYTES), expected)) {
      throw new DatError('BAD_HANDSHAKE', "The peer's stream does not begin as it must.")
    }
    this.#in = crypto().streamIn(payload.subarray(STREAM_ID_BYTES), receiveKey)
    this.#incoming.payloadBytesMax = FRAME_BYTES_MAX
    this.#phase = 'open'
    this.#timer.cancel()
    this.#laterBeat()
  }

  #message(payload: Uint8Array): void {
    const length = payload.length - STREAM_OVERHEAD_BYTES
    if (length < 0) throw new DatError('BAD_FRAME', 'A frame is too short for a message.')
    const message = this.#roomFor(length)
    if (this.#in?.pull(message, payload) !== true) {
      throw new DatError('BAD_FRAME', 'A message does not authenticate.')
    }
    // Nothing in it is a sign of life.
    if (length > 0) this.#handler?.onMessage(message)
  }

  #roomFor(length: number): Uint8Array {
    if (length > PLAIN_KEPT_BYTES) return new Uint8Array(length)
    if (length > this.#plain.length) {
      this.#plain = new Uint8Array(Math.max(length, 2 * this.#plain.length))
    }
    return this.#plain.subarray(0, length)
  }

  /** Goes on reading, or tells the end, in a turn of its own: never from inside a call of our user's. */
  #laterRead(): void {
    if (this.#isReadDue || this.#handler === undefined) return
    this.#isReadDue = true
    this.#clock.soon(() => {
      this.#isReadDue = false
      if (this.#phase !== 'closed') this.#read()
      else this.#tellEnd()
    })
  }

  #tellEnd(): void {
    const ending = this.#ending
    const handler = this.#handler
    if (ending === undefined || handler === undefined) return
    this.#ending = undefined
    handler.onClose(ending.error)
  }

  #steerPipe(): void {
    const shouldPause = this.#isHeld
    if (this.#phase === 'closed' || shouldPause === this.#isPipePaused) return
    this.#isPipePaused = shouldPause
    if (shouldPause) this.#pipe.pause()
    else this.#pipe.resume()
  }

  // ---- Out ---------------------------------------------------------------------------------------

  #writeFrame(payload: Uint8Array): void {
    const frame = new Uint8Array(LENGTH_BYTES + payload.length)
    writeLength(frame, 0, payload.length)
    frame.set(payload, LENGTH_BYTES)
    this.#pipe.write(frame)
  }

  /** Shows that we are alive when we have said nothing, and notices when the remote has not. */
  #laterBeat(): void {
    this.#timer = this.#clock.after(KEEP_ALIVE_MS, () => {
      if (this.#phase === 'closed') return
      if (!this.#hasSent && this.#pipe.writable) this.send(EMPTY)
      // While we do not read we cannot hear.
      if (this.#hasHeard || this.#isPipePaused) this.#beatsMissed = 0
      else this.#beatsMissed++
      this.#hasSent = false
      this.#hasHeard = false
      if (this.#beatsMissed >= KEEP_ALIVE_MISSED_MAX) {
        this.close(new DatError('TIMEOUT', 'The peer has fallen silent.'))
      } else this.#laterBeat()
    })
  }

  #established(): NoiseSession {
    if (this.#session === undefined) {
      throw new DatError('INVARIANT', 'The handshake is not done.')
    }
    return this.#session
  }
}

/** What a side's stream begins with: bound to this connection and to the side. */
function streamId(handshakeHash: Uint8Array, isInitiator: boolean): Uint8Array {
  const name = namespace('hyperswarm/secret-stream', isInitiator ? 0 : 1)
  return hashKeyed(handshakeHash, name)
}
