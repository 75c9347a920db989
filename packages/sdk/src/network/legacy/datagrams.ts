/**
 * Datagrams: what finding old programs needs of UDP.
 *
 * Owns: the contract, and Node's sockets behind it. Always true: a datagram that cannot be sent or is too long is as one
 * that got lost; an error of the socket is told once, and it is closed then.
 */

import { createSocket, type Socket } from 'node:dgram'
import { DatError } from '@dat-rhino/core/base/errors'
import { DATAGRAM_BYTES_MAX } from '@dat-rhino/core/base/limits'
import type { LegacyAddress } from './options.ts'

/** A socket. */
export interface Datagrams {
  send(bytes: Uint8Array, to: LegacyAddress): void
  close(): void
}

/** How a socket is opened. */
export interface DatagramOptions {
  /** Address to bind to, or to speak multicast on. Default: all. */
  readonly host?: string | undefined
  /** Default: any. */
  readonly port?: number | undefined
  /** Join this multicast group; the port is shared with other programs then. */
  readonly group?: string | undefined
  readonly onMessage: (bytes: Uint8Array, from: LegacyAddress) => void
  /** It has failed and is closed. */
  readonly onError: (error: DatError) => void
}

/** Opens a socket; resolves when it receives, rejects with IO. */
export type OpenDatagrams = (options: DatagramOptions) => Promise<Datagrams>

/** Multicast that was sent may pass so many routers; RFC 6762 wants 255, by which receivers know that none was passed. */
const MULTICAST_TTL = 255

export const openDatagrams: OpenDatagrams = async (options) => {
  const { group, onMessage, onError } = options
  const socket = createSocket({ type: 'udp4', reuseAddr: group !== undefined })
  await bound(socket, options)
  let isClosed = false
  const close = (): void => {
    if (!isClosed) socket.close()
    isClosed = true
  }
  socket.on('error', (cause) => {
    if (isClosed) return
    close()
    onError(failed(cause))
  })
  socket.on('message', (bytes, { address, port }) => {
    if (bytes.length <= DATAGRAM_BYTES_MAX) onMessage(bytes, { host: address, port })
  })
  return {
    send(bytes, { host, port }) {
      // Without somebody who listens a failure to send would be the socket's.
      if (!isClosed) socket.send(bytes, port, host, () => undefined)
    },
    close,
  }
}

function bound(socket: Socket, { host, port = 0, group }: DatagramOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      socket.close()
      reject(failed(cause))
    }
    socket.once('error', fail)
    // A group is heard on its own port at whatever address.
    const address = group === undefined && host !== undefined ? { address: host } : {}
    socket.bind({ port, ...address }, () => {
      socket.off('error', fail)
      try {
        if (group !== undefined) speakTo(socket, group, host)
        resolve()
      } catch (cause) {
        fail(cause instanceof Error ? cause : new Error(String(cause)))
      }
    })
  })
}

function speakTo(socket: Socket, group: string, host: string | undefined): void {
  socket.addMembership(group, host)
  if (host !== undefined) socket.setMulticastInterface(host)
  socket.setMulticastTTL(MULTICAST_TTL)
  socket.setMulticastLoopback(true)
}

function failed(cause: Error): DatError {
  return new DatError('IO', `A socket for finding old programs failed: ${cause.message}`, {}, cause)
}
