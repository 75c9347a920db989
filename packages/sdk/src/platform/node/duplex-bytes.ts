/**
 * Raw bytes over TCP, or over any duplex stream of Node's, for the protocols of generations 1 and 2.
 *
 * Owns: the `ByteStream` of core on Node: what a socket reports, and how it is closed. These protocols bring their own
 * encryption, so an encrypted connection (hyperswarm's, as cabal does it) can carry them too.
 *
 * Always true: the contract of `wire/byte-stream.ts`; a connection that has not finished its handshake holds a place
 * among `HALF_OPEN_MAX`.
 */

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import { copy } from '@dat-rhino/core/bytes/bytes'
import type { ByteHandler, ByteStream } from '@dat-rhino/core/wire/byte-stream'
import {
  broken,
  type DialOptions,
  dial,
  LINGER_MS,
  openPort,
  type Port,
  type PortOptions,
  QUEUED_BYTES_MAX,
} from './tcp-socket.ts'

/** Where to listen, and what becomes of who comes. */
export interface ListenBytesOptions extends PortOptions {
  /**
   * Somebody has connected. Call `settled` when he has finished his handshake or is gone: until then he is one of the
   * few strangers that there may be. `address` is his, as text: IPv4 or IPv6.
   */
  readonly onBytes: (bytes: ByteStream, settled: () => void, address: string) => void
}

/** A port on which raw bytes come. */
export type BytesListener = Port

/** A stream that somebody else has connected. Nothing else may read from it or write to it. */
export function duplexBytes(duplex: Duplex, clock: Clock = systemClock): ByteStream {
  return new DuplexBytes(duplex, clock)
}

/**
 * Connects to a program of generation 1 or 2, or to a listener of ours.
 *
 * @throws DatError NO_PEERS if nothing listens there, ABORTED
 */
export function connectBytes(options: DialOptions): Promise<ByteStream> {
  return dial(options, (socket) => duplexBytes(socket))
}

/** Resolves when connections are accepted. */
export function listenBytes(options: ListenBytesOptions): Promise<BytesListener> {
  return openPort(options, (socket, settled) => {
    socket.once('close', settled)
    options.onBytes(duplexBytes(socket), settled, socket.remoteAddress ?? '')
  })
}

class DuplexBytes implements ByteStream {
  readonly #duplex: Duplex
  readonly #clock: Clock
  #handler: ByteHandler | undefined
  #isWriting = false
  /** It has said to hold enough, and not yet `drain`. */
  #isFull = false
  /** What came from inside a write, in order. */
  #late: Uint8Array[] = []
  #isEnded = false
  /** The end, when it has come before anybody listens. */
  #ending: { readonly error: Error | undefined } | undefined

  constructor(duplex: Duplex, clock: Clock) {
    this.#duplex = duplex
    this.#clock = clock
    duplex.on('error', (error) => this.#end(broken(error)))
    duplex.on('end', () => this.#end(undefined))
    duplex.on('close', () => this.#end(undefined))
    duplex.on('drain', () => {
      this.#isFull = false
      if (!this.#isEnded) this.#handler?.onWritable()
    })
  }

  get writable(): boolean {
    if (this.#isEnded || !this.#duplex.writable) return false
    // Streams that are not Node's, as hyperswarm's, do not tell how much they hold, only when it is enough.
    const queuedBytes: number | undefined = this.#duplex.writableLength
    if (queuedBytes === undefined) return !this.#isFull
    // Node tells `drain` when nothing is left, so whoever was refused above the budget hears of it.
    return queuedBytes < QUEUED_BYTES_MAX
  }

  get handler(): ByteHandler | undefined {
    return this.#handler
  }

  set handler(handler: ByteHandler | undefined) {
    const isFirst = this.#handler === undefined
    this.#handler = handler
    if (isFirst && handler !== undefined) {
      this.#duplex.on('data', (chunk: Uint8Array) => this.#receive(chunk))
      if (this.#ending !== undefined) this.#clock.soon(() => this.#tellEnd())
    }
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnded || !this.#duplex.writable) return
    this.#isWriting = true
    this.#isFull = !this.#duplex.write(bytes)
    this.#isWriting = false
  }

  pause(): void {
    this.#duplex.pause()
  }

  resume(): void {
    this.#duplex.resume()
  }

  close(error?: Error): void {
    if (this.#isEnded) return
    this.#isEnded = true
    if (error !== undefined) this.#duplex.destroy()
    else {
      this.#duplex.end()
      // Reads on, so that the other end's end is seen.
      this.#duplex.resume()
      this.#clock.after(LINGER_MS, () => this.#duplex.destroy())
    }
    this.#ending = { error }
    this.#clock.soon(() => this.#tellEnd())
  }

  /** A pipe within one process may answer from inside a write. */
  #receive(chunk: Uint8Array): void {
    if (this.#isEnded) return
    // A socket's memory is nobody's; other streams may hand over what their makers still hold.
    const bytes = this.#duplex instanceof Socket ? chunk : copy(chunk)
    if (!this.#isWriting && this.#late.length === 0) {
      this.#handler?.onBytes(bytes)
      return
    }
    this.#late.push(bytes)
    if (this.#late.length > 1) return
    this.#clock.soon(() => {
      const late = this.#late
      this.#late = []
      for (const each of late) if (!this.#isEnded) this.#handler?.onBytes(each)
    })
  }

  #end(error: Error | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#duplex.destroy()
    this.#ending = { error }
    this.#tellEnd()
  }

  #tellEnd(): void {
    const ending = this.#ending
    const handler = this.#handler
    if (ending === undefined || handler === undefined) return
    this.#ending = undefined
    handler.onClose(ending.error)
  }
}
