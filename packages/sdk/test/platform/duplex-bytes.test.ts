/** Raw bytes over TCP and over streams of Node's keep the contract of a byte stream. */

import assert from 'node:assert/strict'
import { createConnection, type Socket } from 'node:net'
import { Duplex, duplexPair } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { HALF_OPEN_PER_ADDRESS_MAX } from '@dat-rhino/core/base/limits'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { ByteHandler, ByteStream } from '@dat-rhino/core/wire/byte-stream'
import { openFeedStream } from '@dat-rhino/core/wire/feed-stream'
import type { FeedOpening } from '@dat-rhino/core/wire/feeds'
import type { Handler } from '@dat-rhino/core/wire/messages'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { connectBytes, duplexBytes, listenBytes } from '../../src/platform/node/duplex-bytes.ts'

setCrypto(sodiumCrypto)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Hears a stream; promises for what is to come. */
class Ear implements ByteHandler {
  text = ''
  readonly ended: Promise<Error | undefined>
  #end: (error: Error | undefined) => void = () => undefined
  #waiting: (() => void)[] = []
  isWritable = 0

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  onBytes(chunk: Uint8Array): void {
    this.text += new TextDecoder().decode(chunk)
    // It is ours to change.
    chunk.fill(0)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  onWritable(): void {
    this.isWritable++
    for (const wake of this.#waiting.splice(0)) wake()
  }

  onClose(error: Error | undefined): void {
    this.#end(error)
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

/** Two ends over TCP. */
async function pair(t: TestContext): Promise<[ByteStream, ByteStream]> {
  let accept: (stream: ByteStream) => void = () => undefined
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve
  })
  const listener = await listenBytes({
    onBytes(stream, settled) {
      settled()
      accept(stream)
    },
  })
  const near = await connectBytes({ port: listener.port })
  const far = await accepted
  t.after(() => {
    listener.close()
    near.close(new Error('over'))
    far.close(new Error('over'))
  })
  return [near, far]
}

test('what one end writes the other hears, also what came before it listened', async (t) => {
  const [near, far] = await pair(t)
  near.write(bytes('early '))
  await new Promise((resolve) => setImmediate(resolve))
  const ear = new Ear()
  far.handler = ear
  near.write(bytes('late'))
  await ear.until(() => ear.text === 'early late')
})

test('nothing comes while it is paused', async (t) => {
  const [near, far] = await pair(t)
  const ear = new Ear()
  far.handler = ear
  near.write(bytes('one'))
  await ear.until(() => ear.text === 'one')
  far.pause()
  near.write(bytes('two'))
  const answer = new Ear()
  near.handler = answer
  far.write(bytes('written while paused'))
  await answer.until(() => answer.text !== '')
  assert.equal(ear.text, 'one')

  far.resume()
  await ear.until(() => ear.text === 'onetwo')
})

test('what was written is sent before an end without an error, and each side is told once', async (t) => {
  const [near, far] = await pair(t)
  const [mine, theirs] = [new Ear(), new Ear()]
  near.handler = mine
  far.handler = theirs
  near.write(bytes('x'.repeat(100_000)))
  near.close()
  near.write(bytes('too late'))

  assert.equal(await mine.ended, undefined)
  assert.equal(await theirs.ended, undefined)
  assert.equal(theirs.text, 'x'.repeat(100_000))
})

test('who ends it with an error hears that error, the other that it is over', async (t) => {
  const [near, far] = await pair(t)
  const [mine, theirs] = [new Ear(), new Ear()]
  near.handler = mine
  far.handler = theirs
  near.close(new Error('enough'))

  assert.equal((await mine.ended)?.message, 'enough')
  await theirs.ended
  assert.equal(far.writable, false)
})

test('who has written too much is told to wait, and when to go on', async (t) => {
  const [near, far] = await pair(t)
  const ear = new Ear()
  near.handler = ear
  let count = 0
  while (near.writable) {
    near.write(new Uint8Array(262_144))
    count++
  }
  assert.ok(count < 1_000)

  far.handler = new Ear()
  await ear.until(() => ear.isWritable > 0)
  assert.equal(near.writable, true)
})

test('a stream that does not tell how much it holds, as those of hyperswarm, is believed when it is enough', async () => {
  const [duplex, other] = duplexPair()
  Object.defineProperty(duplex, 'writableLength', { value: undefined })
  const near = duplexBytes(duplex)
  const ear = new Ear()
  near.handler = ear
  assert.equal(near.writable, true)
  let count = 0
  while (near.writable) {
    near.write(new Uint8Array(1_024))
    count++
  }
  assert.ok(count > 1 && count < 1_000)

  other.resume()
  await ear.until(() => ear.isWritable > 0)
  assert.equal(near.writable, true)
  near.close()
})

test('where nobody listens, and when it is given up, is told by the code', async () => {
  const listener = await listenBytes({ onBytes: () => undefined })
  const { port } = listener
  listener.close()
  await assert.rejects(connectBytes({ port }), { code: 'NO_PEERS' })
  await assert.rejects(connectBytes({ port, signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('who listens hears from which address somebody comes', async (t) => {
  const heard = new Promise<string>((resolve) => {
    const listening = listenBytes({
      onBytes(stream, _settled, address) {
        stream.close()
        resolve(address)
      },
    })
    void listening.then(async (listener) => {
      t.after(() => listener.close())
      const near = await connectBytes({ port: listener.port })
      t.after(() => near.close(new Error('over')))
    })
  })

  assert.equal(await heard, '127.0.0.1')
})

test('strangers are as many as the limit, and make room when they are known or gone', async (t) => {
  const settle: (() => void)[] = []
  const listener = await listenBytes({ onBytes: (_stream, settled) => settle.push(settled) })
  const sockets: Socket[] = []
  const dial = async (): Promise<Socket> => {
    const socket = createConnection(listener.port, '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  t.after(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  for (let i = 0; i < HALF_OPEN_PER_ADDRESS_MAX; i++) await dial()
  const refused = await dial()
  await new Promise((resolve) => refused.once('close', resolve))
  assert.equal(settle.length, HALF_OPEN_PER_ADDRESS_MAX)

  settle[0]?.()
  await dial()
  while (settle.length <= HALF_OPEN_PER_ADDRESS_MAX) await new Promise(setImmediate)
})

test('a stream that answers from inside a write is heard afterwards, and its bytes stay its own', async () => {
  const kept = Buffer.from('pong')
  const echo: Duplex = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      echo.push(kept)
      done()
    },
  })
  const stream = duplexBytes(echo)
  const ear = new Ear()
  stream.handler = ear
  echo.resume()
  await new Promise((resolve) => setImmediate(resolve))
  stream.write(bytes('ping'))
  assert.equal(ear.text, '')

  await ear.until(() => ear.text === 'pong')
  assert.equal(kept.toString(), 'pong')
})

test('generation 2 runs inside whatever carries bytes, as programs of today do it', async (t) => {
  const [near, far] = duplexPair().map((duplex) => duplexBytes(duplex))
  assert.ok(near !== undefined && far !== undefined)
  const key = new Uint8Array(32).fill(1)
  const opening = (done: () => void): FeedOpening => ({
    key,
    discoveryKey: discoveryKey(key),
    onOpen() {
      done()
      return { ...SILENT }
    },
    onRefused: () => assert.fail(),
  })
  const streams = [
    openFeedStream(near, { generation: 2, isInitiator: true, clock: systemClock }),
    openFeedStream(far, { isInitiator: false, clock: systemClock }),
  ]
  t.after(() => {
    for (const stream of streams) stream.close()
  })

  await Promise.all(
    streams.map((stream) => new Promise<void>((done) => void stream.open(opening(done)))),
  )
  assert.deepEqual(
    streams.map(({ generation, feedCount }) => [generation, feedCount]),
    [
      [2, 1],
      [2, 1],
    ],
  )
})

const SILENT: Handler = {
  onStatus() {},
  onHave() {},
  onUnhave() {},
  onBitfield() {},
  onWant() {},
  onUnwant() {},
  onRequest() {},
  onCancel() {},
  onData() {},
  onRefusal() {},
  onExtension() {},
  onFrameEnd() {},
  onWritable() {},
  onClose() {},
}
