/**
 * Two processes joined by UDX and by nothing else: what hyperdht's connections run on, without its look-ups, so that a
 * longer line can be put between them.
 *
 * Owns: one stream each way, with numbers that both sides know. The encryption is that of hyperswarm's connections.
 */

import { delayedLine } from './delay.ts'
import { numberOf } from './served.ts'
import { type SecretDuplex, stock, type UdxSocket, type UdxStream } from './stock.ts'
import type { Served } from './task.ts'

const HOST = '127.0.0.1'
const SERVER_ID = 1
const CLIENT_ID = 2

function openUdx(id: number): { socket: UdxSocket; stream: UdxStream } {
  const udx = new (stock('udx-native'))()
  const socket = udx.createSocket()
  socket.bind(0, HOST)
  return { socket, stream: udx.createStream(id) }
}

/** Serves the one client that comes. `roundTripMs` must be more than 0: the relay is where both find each other. */
export async function serveUdx(
  roundTripMs: number,
  onConnected: (stream: SecretDuplex) => void,
): Promise<Served> {
  const { socket, stream } = openUdx(SERVER_ID)
  const { port } = socket.address()
  const line = await delayedLine({ kind: 'udp', port, roundTripMs })
  stream.connect(socket, CLIENT_ID, line.back, HOST)
  const secret = encrypt(false, stream)
  void secret.opened.then(() => onConnected(secret))
  return { port: line.front }
}

export async function dialUdx(served: Served): Promise<SecretDuplex> {
  const { socket, stream } = openUdx(CLIENT_ID)
  stream.connect(socket, SERVER_ID, numberOf(served, 'port'), HOST)
  const secret = encrypt(true, stream)
  await secret.opened
  return secret
}

function encrypt(isInitiator: boolean, stream: UdxStream): SecretDuplex {
  const secret = new (stock('@hyperswarm/secret-stream'))(isInitiator, stream)
  secret.on('error', () => {})
  return secret
}
