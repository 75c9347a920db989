/**
 * Encrypted connections over TCP and over any duplex stream.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import { type TestContext, test } from 'node:test'
import {
  HALF_OPEN_MAX,
  HALF_OPEN_PER_ADDRESS_MAX,
  HANDSHAKE_MS_MAX,
} from '@dat-rhino/core/base/limits'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { keyPair } from '@dat-rhino/core/crypto/keys'
import type { Transport } from '@dat-rhino/core/wire/transport'
import { transportSuite } from '../../../core/test/suites/transport.ts'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import {
  connectTcp,
  duplexTransport,
  type Listener,
  listenTcp,
} from '../../src/platform/node/tcp.ts'
import { Strangers } from '../../src/platform/node/tcp-socket.ts'
import { handClock } from '../hand-clock.ts'

setCrypto(sodiumCrypto)

const MESSAGES = 60

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}

transportSuite('tcp', async () => {
  const accepted = deferred<Transport>()
  const listener = await listenTcp({ onTransport: accepted.resolve })
  const initiator = await connectTcp({ port: listener.port })
  const responder = await accepted.promise
  listener.close()
  return { initiator, responder, turn: moment }
})

test('a pipe that answers from inside a write hands nothing over before the write is done', async () => {
  const [near, far] = duplexPair()
  const [initiator, responder] = await Promise.all([
    duplexTransport(near, { isInitiator: true }),
    duplexTransport(far, { isInitiator: false }),
  ])
  let isSending = false
  const heard = deferred<number>()
  initiator.handler = {
    onMessage: (message) => {
      assert.equal(isSending, false)
      heard.resolve(message.length)
    },
    onWritable: () => undefined,
    onClose: () => undefined,
  }
  responder.handler = {
    onMessage: (message) => responder.send(message),
    onWritable: () => undefined,
    onClose: () => undefined,
  }
  await moment()

  isSending = true
  initiator.send(new Uint8Array(10))
  isSending = false

  assert.equal(await heard.promise, 10)
  initiator.close(new Error('done'))
  responder.close(new Error('done'))
})

test('large messages arrive as they were sent, however long they wait in a socket', async (t) => {
  const accepted = deferred<Transport>()
  const { port } = await listening(t, { onTransport: accepted.resolve })
  const sender = await connectTcp({ port })
  const receiver = await accepted.promise
  const came: number[] = []
  const all = deferred<void>()
  receiver.handler = {
    onMessage: (message) => {
      const first = message[0] ?? -1
      came.push(message.every((byte) => byte === first) ? first : -1)
      if (came.length === 2 * MESSAGES) all.resolve()
    },
    onWritable: () => undefined,
    // What was written over on its way does not authenticate.
    onClose: () => all.resolve(),
  }
  receiver.pause()

  // More than fits into the sockets of the system; what was written first is used again in the second round.
  for (let i = 0; i < MESSAGES; i++) sender.send(new Uint8Array(200_000).fill(i))
  await moment()
  receiver.resume()
  for (let i = 0; i < MESSAGES; i++) sender.send(new Uint8Array(200_000).fill(i))
  await all.promise

  const round = Array.from({ length: MESSAGES }, (_, i) => i)
  assert.deepEqual(came, [...round, ...round])
  sender.close(new Error('done'))
  receiver.close(new Error('done'))
})

test('each side learns who the other is, and may insist on somebody', async (t) => {
  const us = keyPair()
  const accepted = deferred<Transport>()
  const listener = await listening(t, { onTransport: accepted.resolve })

  const { port, publicKey } = listener
  const transport = await connectTcp({ port, keyPair: us, remotePublicKey: publicKey })
  assert.deepEqual(transport.remotePublicKey, publicKey)
  assert.deepEqual((await accepted.promise).remotePublicKey, us.publicKey)
  transport.close()

  await assert.rejects(connectTcp({ port, remotePublicKey: us.publicKey }), {
    code: 'BAD_HANDSHAKE',
  })
})

test('where nothing listens there are no peers, and a taken port cannot be listened on', async (t) => {
  const listener = await listening(t, { onTransport: () => undefined })

  await assert.rejects(listenTcp({ port: listener.port, onTransport: () => undefined }), {
    code: 'IO',
  })
  listener.close()
  await assert.rejects(connectTcp({ port: listener.port }), { code: 'NO_PEERS' })
})

test('a connection can be given up before it connects, and in its handshake', async (t) => {
  const silent = createServer()
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const address = silent.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0

  await assert.rejects(connectTcp({ port, signal: AbortSignal.abort() }), { code: 'ABORTED' })

  const controller = new AbortController()
  const connecting = connectTcp({ port, signal: controller.signal })
  const [socket] = await once(silent, 'connection')
  controller.abort()
  await assert.rejects(connecting, { code: 'ABORTED' })
  socket.destroy()
})

test('a peer that says nothing is given up when its time is over, and not before', async (t) => {
  const clock = handClock()
  const listener = await listening(t, { clock, onTransport: () => assert.fail('a stranger') })
  const socket = connect(listener.port, '127.0.0.1')
  await once(socket, 'connect')
  let isClosed = false
  socket.on('close', () => {
    isClosed = true
  })
  socket.resume()
  for (let i = 0; i < 20; i++) await moment()

  clock.advance(HANDSHAKE_MS_MAX - 1)
  for (let i = 0; i < 20; i++) await moment()
  assert.equal(isClosed, false)
  clock.advance(1)
  await once(socket, 'close')
})

test('so many strangers of one address may be in the handshake, and the next is cut at once', async (t) => {
  const accepted = deferred<Transport>()
  const listener = await listening(t, { onTransport: accepted.resolve })
  const strangers: Socket[] = []
  let cutCount = 0
  const stranger = async (): Promise<Socket> => {
    const socket = connect(listener.port, '127.0.0.1')
    socket.on('close', () => cutCount++)
    socket.on('error', () => undefined)
    socket.resume()
    await once(socket, 'connect')
    return socket
  }

  for (let i = 0; i < HALF_OPEN_PER_ADDRESS_MAX; i++) strangers.push(await stranger())
  for (let i = 0; i < 20; i++) await moment()
  assert.equal(cutCount, 0)

  await once(await stranger(), 'close')
  assert.equal(cutCount, 1)

  strangers[0]?.destroy()
  await once(strangers[0] ?? assert.fail('there is one'), 'close')
  for (let i = 0; i < 20; i++) await moment()
  const transport = await connectTcp({ port: listener.port })
  assert.equal((await accepted.promise).isInitiator, false, 'there is room again')
  transport.close()
  listener.close()
  await Promise.all(strangers.slice(1).map((socket) => once(socket, 'close')))
})

test('of all addresses together so many strangers may be in the handshake', () => {
  const strangers = new Strangers()
  const cut: number[] = []
  const socketOf = (i: number): Socket => {
    const remoteAddress = `10.0.0.${Math.floor(i / HALF_OPEN_PER_ADDRESS_MAX)}`
    return { remoteAddress, destroy: () => cut.push(i) } as unknown as Socket
  }

  const first = socketOf(0)
  const admitted = [strangers.admit(first)]
  for (let i = 1; i < HALF_OPEN_MAX; i++) admitted.push(strangers.admit(socketOf(i)))
  const above = strangers.admit(socketOf(HALF_OPEN_MAX))
  strangers.release(first)
  const again = strangers.admit(socketOf(0))

  assert.equal(admitted.every(Boolean), true)
  assert.deepEqual([above, again, cut], [false, true, [HALF_OPEN_MAX]])
})

test('bytes of another protocol are refused, and the listener goes on', async (t) => {
  const accepted = deferred<Transport>()
  const listener = await listening(t, { onTransport: accepted.resolve })
  const socket = connect(listener.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.resume()

  socket.write('GET / HTTP/1.1\r\n\r\n')
  await once(socket, 'close')

  const transport = await connectTcp({ port: listener.port })
  await accepted.promise
  transport.close()
})

// ---- Helpers -------------------------------------------------------------------------------------

async function listening(
  t: TestContext,
  options: Parameters<typeof listenTcp>[0],
): Promise<Listener> {
  const listener = await listenTcp(options)
  t.after(() => listener.close())
  return listener
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
