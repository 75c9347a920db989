/**
 * Encrypted connections over TCP, or over any duplex stream of Node's.
 *
 * Owns: carrying the bytes of core's `SecretStream`: what a socket reports, and how it is closed. For machines
 * that know each other's address, for tests, and for benchmarks; hyperswarm brings encrypted sockets itself.
 *
 * Always true: a connection that nobody has authenticated on is a stranger's (`tcp-socket.ts`) for at most
 * `HANDSHAKE_MS_MAX`; a promise given here is settled whatever the socket does.
 */

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '@dat-rhino/core/base/clock'
import type { KeyPair } from '@dat-rhino/core/crypto/crypto'
import { keyPair as newKeyPair } from '@dat-rhino/core/crypto/keys'
import { type BytePipe, SecretStream } from '@dat-rhino/core/wire/secret-stream'
import type { Transport } from '@dat-rhino/core/wire/transport'
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
import { giveRoom, takeRoom } from './write-rooms.ts'

/**
 * Where sockets that we have dialled read to: one for all of them, since what is read is taken out before the next read.
 * Node's own way is new memory for each read, of which V8 collects everything again and again: 15 times for 150,000 blocks
 * of 1 KB.
 */
const READ_ROOM = new Uint8Array(262_144)

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

/** Where to dial, and whom. */
export interface ConnectOptions extends ConnectionOptions, DialOptions {}

/** Where to listen, and what becomes of who comes. */
export interface ListenOptions extends PortOptions {
  readonly keyPair?: KeyPair
  readonly clock?: Clock
  /** A peer has connected and proved who it is. */
  readonly onTransport: (transport: Transport) => void
}

/** A port that is open. */
export interface Listener extends Port {
  /** Our public key, for those who want to be sure whom they reach. */
  readonly publicKey: Uint8Array
}

/**
 * Resolves when the other end has proved who it is.
 *
 * @throws DatError BAD_HANDSHAKE or OVER_LIMIT for a peer that does not speak our handshake or is not the one
 * expected, TIMEOUT for one that says nothing, IO if the stream breaks
 */
export function duplexTransport(duplex: Duplex, options: DuplexOptions): Promise<Transport> {
  return secured(duplex, options, (stream) => {
    duplex.on('data', (chunk: Uint8Array) => stream.receive(chunk))
  })
}

/** @param listen given the stream, which is to be told what comes */
function secured(
  duplex: Duplex,
  options: DuplexOptions,
  listen: (stream: SecretStream) => void,
): Promise<Transport> {
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
    listen(stream)
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
export function connectTcp(options: ConnectOptions): Promise<Transport> {
  let stream: SecretStream | undefined
  const use = (socket: Socket): Promise<Transport> =>
    secured(socket, { ...options, isInitiator: true }, (made) => {
      stream = made
    })
  return dial(options, use, {
    buffer: READ_ROOM,
    callback(length, room) {
      stream?.receive(room.subarray(0, length))
      return true
    },
  })
}

/** Resolves when connections are accepted. */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const { keyPair = newKeyPair(), onTransport } = options
  const accept = async (socket: Socket, settled: () => void): Promise<void> => {
    let transport: Transport
    try {
      transport = await duplexTransport(socket, { ...options, keyPair, isInitiator: false })
    } catch {
      return // A stranger who stays one is no news.
    } finally {
      settled()
    }
    onTransport(transport)
  }
  const port = await openPort(options, (socket, settled) => void accept(socket, settled))
  return { ...port, publicKey: keyPair.publicKey }
}

class DuplexPipe implements BytePipe {
  readonly #duplex: Duplex
  readonly #clock: Clock
  /** A socket is done with what it has written; another stream may have handed on the very bytes. */
  readonly #lends: boolean
  #lent: Uint8Array | undefined

  constructor(duplex: Duplex, clock: Clock) {
    this.#duplex = duplex
    this.#clock = clock
    this.#lends = duplex instanceof Socket
  }

  room(length: number): Uint8Array | undefined {
    this.#lent = this.#lends ? takeRoom(length) : undefined
    return this.#lent
  }

  get writable(): boolean {
    // Node tells `drain` when nothing is left, so whoever was refused above the budget hears of it.
    return this.#duplex.writable && this.#duplex.writableLength < QUEUED_BYTES_MAX
  }

  write(bytes: Uint8Array): void {
    if (!this.#duplex.writable) return
    if (bytes !== this.#lent) {
      this.#duplex.write(bytes)
      return
    }
    this.#lent = undefined
    this.#duplex.write(bytes, (error) => {
      if (error == null) giveRoom(bytes)
    })
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
