/**
 * TCP sockets of Node, whatever is spoken on them.
 *
 * Owns: how they are connected, listened for, held back and given names for what breaks them. `tcp.ts` carries encrypted
 * connections on them, `duplex-bytes.ts` raw bytes.
 *
 * Always true: a promise given here is settled whatever the socket does; at most `HALF_OPEN_MAX` connections of a
 * listener are those of strangers.
 */

import { createConnection, createServer, type OnReadOpts, type Server, type Socket } from 'node:net'
import { DatError } from '@dat-rhino/core/base/errors'
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '@dat-rhino/core/base/limits'

/** Bytes that may wait in a socket before senders are held back. */
export const QUEUED_BYTES_MAX = 1_048_576
/** A socket that was ended and whose other end does not end it is cut after this. */
export const LINGER_MS = 5_000

/** Where to dial. `signal` ends the attempt; a connection that is made is not affected. */
export interface DialOptions {
  readonly port: number
  /** Default: this machine. */
  readonly host?: string
  readonly signal?: AbortSignal
}

/** Where to listen. */
export interface PortOptions {
  /** Default: any free one. */
  readonly port?: number
  /** Default: this machine only. */
  readonly host?: string
}

/** A port that is open. */
export interface Port {
  readonly host: string
  readonly port: number
  /** Stops listening and cuts unfinished handshakes; connections live on. */
  close(): void
}

/**
 * Connects, and hands the socket to `use`, which the signal ends too.
 *
 * @param onread where what comes is read to; the socket tells no `data` then
 * @throws DatError NO_PEERS if nothing listens there, ABORTED, and what `use` throws
 */
export async function dial<T>(
  { port, host = '127.0.0.1', signal }: DialOptions,
  use: (socket: Socket) => T | Promise<T>,
  onread?: OnReadOpts,
): Promise<T> {
  const socket = createConnection({ port, host, noDelay: true, ...(onread && { onread }) })
  const abort = (): void => {
    socket.destroy(new DatError('ABORTED', 'The connection was given up.'))
  }
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  try {
    await connected(socket)
    return await use(socket)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function connected(socket: Socket): Promise<void> {
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

/**
 * Opens a port; resolves when connections are accepted. Each is a stranger's until `settled` is called.
 *
 * @throws DatError IO
 */
export async function openPort(
  { port = 0, host = '127.0.0.1' }: PortOptions,
  onSocket: (socket: Socket, settled: () => void) => void,
): Promise<Port> {
  const server = createServer({ noDelay: true })
  await listening(server, port, host)
  const address = server.address()
  // Out of handles: what is connected lives on, and there may be room for the next.
  server.on('error', () => undefined)
  const strangers = new Strangers()
  server.on('connection', (socket) => {
    if (strangers.admit(socket)) onSocket(socket, () => strangers.release(socket))
  })
  return {
    host,
    port: address === null || typeof address === 'string' ? port : address.port,
    close() {
      server.close()
      strangers.cut()
    },
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const isTaken = 'code' in error && error.code === 'EADDRINUSE'
      const why = isTaken ? 'another program has that port' : error.message
      const message = `Cannot listen at ${host}:${port}: ${why}. Name another port, or 0 for any that is free.`
      reject(new DatError('IO', message, { host, port }, error))
    }
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** Connections whose remote has not finished its handshake: so many at a time, and so many from one address. */
export class Strangers {
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

/** What broke a socket, as one of our errors. */
export function broken(error: Error): Error {
  return error instanceof DatError ? error : new DatError('IO', 'The connection broke.', {}, error)
}
