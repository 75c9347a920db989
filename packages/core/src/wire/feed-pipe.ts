/**
 * Frames in and out of the byte stream of one connection of generation 1 or 2.
 *
 * Owns: the two keystreams, the frame that is being written, the keep-alive, and the turns. What all channels say in one
 * turn goes out as one piece, encrypted where it was written; a long chunk is read in slices of `SLICE_MS`.
 *
 * Always true: nothing is handed over while paused or after the end; the end is told once; views into a chunk stay
 * valid until `onChunkEnd` has returned.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { asError, DatError } from '../base/errors.ts'
import {
  BATCH_FLUSH_BYTES,
  FEED_FRAME_BYTES_MAX,
  KEEP_ALIVE_MISSED_MAX,
  SLICE_ITEMS,
  SLICE_MS,
} from '../base/limits.ts'
import { Writer } from '../bytes/cursor.ts'
import { varintBytes, writeVarint } from '../bytes/integers.ts'
import type { Keystream } from '../crypto/crypto.ts'
import type { ByteStream } from './byte-stream.ts'
import { FeedDeframer } from './feed-deframer.ts'

/** No message of a handshake is longer. */
const HANDSHAKE_BYTES_MAX = 255
/** Nor is the first encrypted one, a list of names. */
const HELLO_BYTES_MAX = 131_072
const ROOM_FIRST_BYTES = 512

/** What a connection does with what comes in. Errors thrown from `onFrame` end the connection. */
export interface PipeHandler {
  /** A payload: `varint channel * 16 + type`, body; or a message of the handshake. */
  onFrame(payload: Uint8Array): void
  onChunkEnd(): void
  onWritable(): void
  onClose(error: Error | undefined): void
}

export class FeedPipe {
  readonly #bytes: ByteStream
  readonly #clock: Clock
  readonly #into: PipeHandler
  readonly #in = new FeedDeframer(HANDSHAKE_BYTES_MAX)
  #writer = new Writer(ROOM_FIRST_BYTES)
  #out: Keystream | undefined
  /** Where the frame that is being written begins, and its payload. */
  #frameAt = 0
  #payloadAt = 0
  #pauses = 0
  #isReading = false
  #isReadDue = false
  #isStreamPaused = false
  #isFlushDue = false
  #timer: Timer | undefined
  #hasSent = false
  #hasHeard = false
  #beatsMissed = 0
  closed = false

  constructor(bytes: ByteStream, clock: Clock, into: PipeHandler) {
    this.#bytes = bytes
    this.#clock = clock
    this.#into = into
  }

  /** Takes the stream over. `first` is what somebody else has read from it already. */
  start(first: Uint8Array): void {
    this.#in.push(first)
    this.#bytes.handler = {
      onBytes: (chunk) => this.#receive(chunk),
      onWritable: () => this.#into.onWritable(),
      onClose: (error) => this.#end(error),
    }
    this.#laterRead()
  }

  get writable(): boolean {
    return !this.closed && this.#bytes.writable
  }

  /** What comes from here on is encrypted. */
  decrypt(key: Keystream): void {
    this.#in.decrypt(key)
    this.#in.payloadBytesMax = HELLO_BYTES_MAX
  }

  /** The handshake is done: frames may be as long as any. */
  ready(): void {
    this.#in.payloadBytesMax = FEED_FRAME_BYTES_MAX
  }

  /** What we write from here on is encrypted. */
  encrypt(key: Keystream): void {
    this.flush()
    this.#out = key
  }

  /** The handshake is done: something is sent in every `intervalMs`, and who is silent for three of them is gone. */
  keepAlive(intervalMs: number): void {
    this.#timer?.cancel()
    // Two beats in an interval: what was sent right after a beat is heard of two beats later only.
    this.#timer = this.#clock.after(intervalMs / 2, () => {
      if (this.closed) return
      const wasQuiet = !this.#hasSent
      this.#hasSent = false
      if (wasQuiet && this.#bytes.writable) this.#signOfLife()
      // While we do not read we cannot hear.
      if (this.#hasHeard || this.#isStreamPaused) this.#beatsMissed = 0
      else this.#beatsMissed++
      this.#hasHeard = false
      if (this.#beatsMissed >= 2 * KEEP_ALIVE_MISSED_MAX) {
        this.close(new DatError('TIMEOUT', 'The peer has fallen silent.'))
      } else this.keepAlive(intervalMs)
    })
  }

  pause(): void {
    this.#pauses++
    this.#steer()
  }

  resume(): void {
    if (this.#pauses > 0) this.#pauses--
    this.#laterRead()
  }

  /** Ends the connection; `onClose` comes before this returns. */
  close(error?: Error): void {
    if (this.closed) return
    if (error === undefined) this.flush()
    this.#end(error)
    this.#bytes.close(error)
  }

  // ---- Out

  /** One message of a handshake, behind its length. */
  write(message: Uint8Array): void {
    this.#writer.varint(message.length)
    this.#writer.fixed(message)
    this.#laterFlush()
  }

  /** Begins a frame: the body follows in the returned writer, then `end` or `abandon`. */
  begin(channel: number, type: number, bodyHint: number): Writer {
    if (this.#writer.at > 0 && this.#writer.at + bodyHint > BATCH_FLUSH_BYTES) this.flush()
    const writer = this.#writer
    const header = channel * 16 + type
    this.#frameAt = writer.at
    writer.ensure(bodyHint + 12)
    const lengthBytes = varintBytes(varintBytes(header) + bodyHint)
    this.#payloadAt = writer.skip(lengthBytes) + lengthBytes
    writer.varint(header)
    return writer
  }

  /** @throws DatError BAD_ARGUMENT if the frame is longer than peers take; it is then taken back */
  end(): void {
    const writer = this.#writer
    const length = writer.at - this.#payloadAt
    if (length > FEED_FRAME_BYTES_MAX) {
      this.abandon()
      throw new DatError('BAD_ARGUMENT', 'A message is too large for a frame.', { length })
    }
    const shift = varintBytes(length) - (this.#payloadAt - this.#frameAt)
    if (shift !== 0) {
      writer.ensure(Math.max(shift, 0))
      writer.bytes.copyWithin(this.#payloadAt + shift, this.#payloadAt, writer.at)
      writer.at += shift
    }
    writeVarint(writer.bytes, this.#frameAt, length)
    if (writer.at >= BATCH_FLUSH_BYTES) this.flush()
    else this.#laterFlush()
  }

  abandon(): void {
    this.#writer.at = this.#frameAt
  }

  flush(): void {
    const writer = this.#writer
    if (this.closed || writer.at === 0) return
    // The memory is the stream's from now on.
    this.#writer = new Writer(ROOM_FIRST_BYTES)
    const piece = writer.view()
    this.#out?.xor(piece)
    this.#hasSent = true
    this.#bytes.write(piece)
  }

  #signOfLife(): void {
    this.#writer.u8(0)
    this.flush()
  }

  #laterFlush(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.#clock.soon(() => {
      this.#isFlushDue = false
      this.flush()
    })
  }

  // ---- In

  #receive(chunk: Uint8Array): void {
    if (this.closed) return
    this.#hasHeard = true
    this.#in.push(chunk)
    this.#read()
  }

  #read(): void {
    if (this.#isReading || this.#isReadDue) return
    this.#isReading = true
    const until = this.#clock.now() + SLICE_MS
    let items = 0
    try {
      while (!this.closed && this.#pauses === 0) {
        const payload = this.#in.next()
        if (payload === undefined) break
        this.#into.onFrame(payload)
        if (++items % SLICE_ITEMS === 0 && this.#clock.now() >= until) {
          this.#laterRead()
          break
        }
      }
      if (!this.closed) this.#into.onChunkEnd()
    } catch (error) {
      this.close(asError(error))
    } finally {
      this.#isReading = false
    }
    if (!this.#isReadDue) this.#in.rest()
    this.#steer()
  }

  /** Goes on reading in a turn of its own: never from inside a call of our user's. */
  #laterRead(): void {
    if (this.#isReadDue || this.closed) return
    this.#isReadDue = true
    this.#clock.soon(() => {
      this.#isReadDue = false
      if (!this.closed) this.#read()
    })
  }

  #steer(): void {
    const shouldPause = this.#pauses > 0 || this.#isReadDue
    if (this.closed || shouldPause === this.#isStreamPaused) return
    this.#isStreamPaused = shouldPause
    if (shouldPause) this.#bytes.pause()
    else this.#bytes.resume()
  }

  #end(error: Error | undefined): void {
    if (this.closed) return
    this.closed = true
    this.#timer?.cancel()
    this.#into.onClose(error)
  }
}
