/**
 * Encrypted connections over TCP, or over any duplex stream of Node's.
 *
 * Owns: carrying the bytes of core's `SecretStream`: what a socket reports, and how it is closed. For machines
 * that know each other's address, for tests, and for benchmarks; hyperswarm brings encrypted sockets itself.
 *
 * Always true: a connection that nobody has authenticated on holds a place among `HALF_OPEN_MAX` for at most
 * `HANDSHAKE_MS_MAX`; a promise given here is settled whatever the socket does.
 */

import { createConnection, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '@dat-rhino/core/base/limits'
import type { KeyPair } from '@dat-rhino/core/crypto/crypto'
import { keyPair as newKeyPair } from '@dat-rhino/core/crypto/keys'
import { type BytePipe, SecretStream } from '@dat-rhino/core/wire/secret-stream'
import type { Transport } from '@dat-rhino/core/wire/transport'

/** Bytes that may wait in a socket before senders are held back. */
export const QUEUED_BYTES_MAX = 1_048_576
/** A socket that was ended and whose other end does not end it is cut after this. */
export const LINGER_MS = 5_000

/** Who is at the two ends. */
export interface ConnectionOptions {
  /** Who we are. Default: somebody new. */
  readonly keyPair?: KeyPair
  /** Who must be at the other end. Default: anybody. */
  readonly remotePublicKey?: Uint8Array
  readonly clock?: Clock
}

/** For a stream that somebody else has connected. */
export interface DuplexOptions extends ConnectionOptions {
  /** Does this side begin the handshake? One of the two must. */
  readonly isInitiator: boolean
}

/** Where to dial. `signal` ends the attempt; a connection that is made is not affected. */
export interface ConnectOptions extends ConnectionOptions {
  readonly port: number
  /** Default: this machine. */
  readonly host?: string
  readonly signal?: AbortSignal
}

/** Where to listen, and what becomes of who comes. */
export interface ListenOptions {
  readonly keyPair?: KeyPair
  readonly clock?: Clock
  /** Default: any free one. */
  readonly port?: number
  /** Default: this machine only. */
  readonly host?: string
  /** A peer has connected and proved who it is. */
  readonly onTransport: (transport: Transport) => void
}

/** A port that is open. */
export interface Listener {
  readonly host: string
  readonly port: number
  /** Our public key, for those who want to be sure whom they reach. */
  readonly publicKey: Uint8Array
  /** Stops listening and cuts unfinished handshakes; connections live on. */
  close(): void
}

/**
 * Resolves when the other end has proved who it is.
 *
 * @throws DatError BAD_HANDSHAKE or OVER_LIMIT for a peer that does not speak our handshake or is not the one
 * expected, TIMEOUT for one that says nothing, IO if the stream breaks
 */
export function duplexTransport(duplex: Duplex, options: DuplexOptions): Promise<Transport> {
  const { isInitiator, remotePublicKey, clock = systemClock } = options
  const pipe = new DuplexPipe(duplex, clock)
  return new Promise((resolve, reject) => {
    const stream = new SecretStream(pipe, {
      isInitiator,
      keyPair: options.keyPair ?? newKeyPair(),
      ephemeral: newKeyPair(),
      ...(remotePublicKey === undefined ? {} : { remotePublicKey }),
      clock,
      onOpen: resolve,
      onFailed: reject,
    })
    duplex.on('data', (chunk: Uint8Array) => stream.receive(chunk))
    duplex.on('drain', () => stream.drained())
    duplex.on('end', () => stream.ended())
    duplex.on('error', (error) => stream.ended(broken(error)))
    duplex.on('close', () => stream.ended())
  })
}

/**
 * Connects to a listener and resolves when it has proved who it is.
 *
 * @throws DatError NO_PEERS if nothing listens there, ABORTED, and what `duplexTransport` throws
 */
export async function connectTcp(options: ConnectOptions): Promise<Transport> {
  const { port, host = '127.0.0.1', signal } = options
  const socket = createConnection({ port, host, noDelay: true })
  const abort = (): void => {
    socket.destroy(new DatError('ABORTED', 'The connection was given up.'))
  }
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  try {
    await connected(socket)
    return await duplexTransport(socket, { ...options, isInitiator: true })
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** Resolves when connections are accepted. */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const { port = 0, host = '127.0.0.1', keyPair = newKeyPair(), onTransport } = options
  const server = createServer({ noDelay: true })
  await listening(server, port, host)
  const address = server.address()
  // Out of handles: what is connected lives on, and there may be room for the next.
  server.on('error', () => undefined)
  const halfOpen = new HalfOpen()
  const accept = async (socket: Socket): Promise<void> => {
    if (!halfOpen.admit(socket)) return
    let transport: Transport
    try {
      transport = await duplexTransport(socket, { ...options, keyPair, isInitiator: false })
    } catch {
      return // A stranger who stays one is no news.
    } finally {
      halfOpen.release(socket)
    }
    onTransport(transport)
  }
  server.on('connection', (socket) => void accept(socket))
  return {
    host,
    port: address === null || typeof address === 'string' ? port : address.port,
    publicKey: keyPair.publicKey,
    close() {
      server.close()
      halfOpen.cut()
    },
  }
}

/** Connections whose remote is still a stranger: so many at a time, and so many from one address. */
export class HalfOpen {
  readonly #sockets = new Map<Socket, string>()
  readonly #perAddress = new Map<string, number>()

  /** False, and the socket is cut, if there are too many. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    const count = this.#perAddress.get(address) ?? 0
    if (this.#sockets.size >= HALF_OPEN_MAX || count >= HALF_OPEN_PER_ADDRESS_MAX) {
      socket.destroy()
      return false
    }
    this.#sockets.set(socket, address)
    this.#perAddress.set(address, count + 1)
    return true
  }

  release(socket: Socket): void {
    const address = this.#sockets.get(socket)
    if (address === undefined) return
    this.#sockets.delete(socket)
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, left)
  }

  cut(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }
}

class DuplexPipe implements BytePipe {
  readonly #duplex: Duplex
  readonly #clock: Clock

  constructor(duplex: Duplex, clock: Clock) {
    this.#duplex = duplex
    this.#clock = clock
  }

  get writable(): boolean {
    // Node tells `drain` when nothing is left, so whoever was refused above the budget hears of it.
    return this.#duplex.writable && this.#duplex.writableLength < QUEUED_BYTES_MAX
  }

  write(bytes: Uint8Array): void {
    if (this.#duplex.writable) this.#duplex.write(bytes)
  }

  pause(): void {
    this.#duplex.pause()
  }

  resume(): void {
    this.#duplex.resume()
  }

  close(error: Error | undefined): void {
    if (error !== undefined) {
      this.#duplex.destroy()
      return
    }
    this.#duplex.end()
    // Reads on, so that the other end's end is seen.
    this.#duplex.resume()
    this.#clock.after(LINGER_MS, () => this.#duplex.destroy())
  }
}

/** Resolves when the socket is connected. @throws DatError NO_PEERS, or what the socket was destroyed with */
export function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(
        error instanceof DatError
          ? error
          : new DatError('NO_PEERS', 'Nothing answers at that address.', {}, error),
      )
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve()
    })
  })
}

/** Resolves when the port is open. @throws DatError IO */
export function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(new DatError('IO', 'Cannot listen at that address.', { host, port }, error))
    }
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** What broke a socket, as one of our errors. */
export function broken(error: Error): Error {
  return error instanceof DatError ? error : new DatError('IO', 'The connection broke.', {}, error)
}
