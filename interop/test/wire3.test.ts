/**
 * Our secret stream against the stock one, and our muxer against the stock one, without any log above.
 *
 * Both ends are in this process, joined by TCP; the stock ends are the packages of `gen3/`.
 */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { Reader } from '@dat-rhino/core/bytes/cursor'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import type { Channel, ChannelHandler } from '@dat-rhino/core/wire/channel'
import { Mux } from '@dat-rhino/core/wire/mux'
import type { Transport } from '@dat-rhino/core/wire/transport'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { duplexTransport } from '@dat-rhino/sdk/platform/node/tcp'

setCrypto(sodiumCrypto)

// ---- The stock packages, as far as they are used -------------------------------------------------

interface StockStream extends Duplex {
  readonly publicKey: Uint8Array
  readonly remotePublicKey: Uint8Array
  readonly handshakeHash: Uint8Array
  readonly opened: Promise<boolean>
  setKeepAlive(ms: number): void
}

interface StockChannel {
  readonly opened: boolean
  open(handshake?: Uint8Array): void
  close(): void
  readonly messages: { send(message: Uint8Array): boolean }[]
}

interface StockMux {
  createChannel(options: {
    protocol: string
    id?: Uint8Array | null
    handshake?: unknown
    messages: { encoding: unknown; onmessage(message: Uint8Array): void }[]
    onopen?(handshake: Uint8Array): void
    onclose?(): void
  }): StockChannel | null
  pair(which: { protocol: string }, notify: (id: Uint8Array | null) => void): void
  cork(): void
  uncork(): void
}

const require = createRequire(new URL('../gen3/package.json', import.meta.url))
const StockSecretStream: new (isInitiator: boolean, raw: Duplex) => StockStream =
  require('@hyperswarm/secret-stream')
const Protomux: new (stream: StockStream) => StockMux = require('protomux')
const encodings: { raw: unknown; buffer: unknown } = require('compact-encoding')

// ---- Joining -------------------------------------------------------------------------------------

/** Two ends of one TCP connection on this machine. */
async function sockets(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const near = connect(port, '127.0.0.1')
  const far = await accepted
  server.close()
  t.after(() => {
    near.destroy()
    far.destroy()
  })
  return [near, far]
}

async function oursAndStock(
  t: TestContext,
  weDial: boolean,
): Promise<{ ours: Transport; stock: StockStream }> {
  const [near, far] = await sockets(t)
  const stock = new StockSecretStream(!weDial, far)
  stock.on('error', () => undefined)
  const ours = await duplexTransport(near, { isInitiator: weDial })
  await stock.opened
  return { ours, stock }
}

async function until(what: string, is: () => boolean): Promise<void> {
  for (let turns = 0; !is(); turns++) {
    assert.ok(turns < 5_000, `never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Writes down what a channel of ours hears. */
class Ear implements ChannelHandler {
  readonly lines: string[] = []
  channel: Channel | undefined
  onText: (type: number, text: string) => void = () => undefined

  onOpen(channel: Channel, handshake: Reader): void {
    this.channel = channel
    this.lines.push(`open ${hex(handshake.rest())}`.trim())
  }

  onMessage(type: number, body: Reader): void {
    const bytes = body.rest()
    this.lines.push(`${type} ${hex(bytes)}`.trim())
    this.onText(type, hex(bytes))
  }

  onFrameEnd(): void {}

  onWritable(): void {}

  onClose(error: Error | undefined): void {
    this.lines.push(error === undefined ? 'close' : `close ${error.message}`)
  }
}

// ---- Secret streams ------------------------------------------------------------------------------

for (const weDial of [true, false]) {
  const role = weDial ? 'we dial' : 'they dial'

  test(`messages of all sizes pass between our secret stream and theirs; ${role}`, async (t) => {
    const { ours, stock } = await oursAndStock(t, weDial)
    const sizes = [1, 2, 100, 65_535, 65_536, 1_000_000, 5]
    const messages = sizes.map((size, i) => new Uint8Array(size).fill(i + 1))
    const heard: Uint8Array[] = []
    const theyHeard: Uint8Array[] = []
    ours.handler = {
      onMessage: (message) => heard.push(Uint8Array.from(message)),
      onWritable: () => undefined,
      onClose: () => undefined,
    }
    stock.on('data', (message: Uint8Array) => theyHeard.push(Uint8Array.from(message)))

    for (const message of messages) {
      ours.send(message)
      stock.write(message)
    }
    await until('all arrive', () => heard.length + theyHeard.length === 2 * messages.length)

    assert.deepEqual(heard, messages)
    assert.deepEqual(theyHeard, messages)
    assert.equal(hex(ours.handshakeHash), hex(stock.handshakeHash))
    assert.equal(hex(ours.remotePublicKey), hex(stock.publicKey))
  })

  test(`an orderly end of either side ends both, with what was sent before it; ${role}`, async (t) => {
    for (const weEnd of [true, false]) {
      const { ours, stock } = await oursAndStock(t, weDial)
      const ends: string[] = []
      let heardBytes = 0
      const hear = (message: Uint8Array): void => {
        heardBytes += message.length
      }
      ours.handler = {
        onMessage: hear,
        onWritable: () => undefined,
        onClose: (error) => ends.push(`ours ${error?.message ?? ''}`.trim()),
      }
      stock.on('data', hear)
      stock.on('end', () => stock.end())
      stock.on('close', () => ends.push('theirs'))

      if (weEnd) {
        ours.send(new Uint8Array(100_000))
        ours.close()
      } else {
        stock.write(new Uint8Array(100_000))
        stock.end()
      }
      await until('both have ended', () => ends.length === 2)

      assert.equal(heardBytes, 100_000)
      assert.deepEqual(ends.sort(), ['ours', 'theirs'])
    }
  })
}

// ---- Muxers --------------------------------------------------------------------------------------

/** A stock channel with `count` kinds of messages, and what it heard. */
function stockChannel(
  mux: StockMux,
  protocol: string,
  id: Uint8Array | null,
  count: number,
): { channel: StockChannel; lines: string[] } {
  const lines: string[] = []
  const channel = mux.createChannel({
    protocol,
    id,
    handshake: encodings.raw,
    messages: Array.from({ length: count }, (_, type) => ({
      encoding: encodings.raw,
      onmessage: (message) => lines.push(`${type} ${hex(message)}`.trim()),
    })),
    onopen: (handshake) => lines.push(`open ${hex(handshake)}`.trim()),
    onclose: () => lines.push('close'),
  })
  assert.ok(channel !== null, 'not open yet')
  return { channel, lines }
}

async function muxes(t: TestContext, weDial: boolean): Promise<{ ours: Mux; theirs: StockMux }> {
  const { ours, stock } = await oursAndStock(t, weDial)
  const mux = new Mux(ours, { clock: systemClock })
  t.after(() => mux.close())
  return { ours: mux, theirs: new Protomux(stock) }
}

for (const weOpen of [true, false]) {
  const who = weOpen ? 'we open first' : 'they open first'

  test(`a protocol with an id, a handshake and several messages is spoken both ways; ${who}`, async (t) => {
    const { ours, theirs } = await muxes(t, weOpen)
    const id = utf8('some id')
    const ear = new Ear()
    let lines: string[] = []
    let theirChannel: StockChannel | undefined
    const openTheirs = (): void => {
      const opened = stockChannel(theirs, 'chat', id, 3)
      lines = opened.lines
      theirChannel = opened.channel
      theirChannel.open(utf8('theirs'))
    }
    const openOurs = (): boolean => {
      ours.open({ protocol: 'chat', id, handshake: utf8('ours'), handler: ear })
      return true
    }

    if (weOpen) {
      theirs.pair({ protocol: 'chat' }, openTheirs)
      openOurs()
    } else {
      ours.pair('chat', undefined, openOurs)
      openTheirs()
    }
    await until('both are open', () => ear.lines.length === 1 && lines.length === 1)
    ours.cork()
    for (let i = 0; i < 300; i++) ear.channel?.send(i % 3, Uint8Array.of(i, i >> 8))
    ours.uncork()
    theirs.cork()
    for (let i = 0; i < 300; i++) theirChannel?.messages[i % 3]?.send(Uint8Array.of(i, i >> 8))
    theirs.uncork()
    await until('all is heard', () => ear.lines.length === 301 && lines.length === 301)

    const said = Array.from({ length: 300 }, (_, i) => `${i % 3} ${hex(Uint8Array.of(i, i >> 8))}`)
    assert.deepEqual(ear.lines, [`open ${hex(utf8('theirs'))}`, ...said])
    assert.deepEqual(lines, [`open ${hex(utf8('ours'))}`, ...said])

    if (weOpen) theirChannel?.close()
    else ear.channel?.close()
    await until('both are closed', () => ear.lines.at(-1) === 'close' && lines.at(-1) === 'close')
  })
}

test('numbers are used again the way the stock side expects, over many openings and closings', async (t) => {
  const { ours, theirs } = await muxes(t, true)
  let theyOpened = 0
  theirs.pair({ protocol: 'chat' }, (id) => {
    theyOpened++
    const { channel } = stockChannel(theirs, 'chat', id, 1)
    channel.open(utf8(''))
    // Some are closed by them at once, crossing whatever we do.
    if (theyOpened % 3 === 0) channel.close()
  })
  const open = new Map<number, Channel>()
  let closeCount = 0

  for (let round = 0; round < 200; round++) {
    const number = round % 7
    open.get(number)?.close()
    const ear = new Ear()
    const channel = ours.open({ protocol: 'chat', id: Uint8Array.of(number), handler: ear })
    open.set(number, channel)
    ear.onClose = () => {
      closeCount++
      open.delete(number)
    }
    // Some are closed before the other side has answered, some after, some by the next round.
    if (round % 2 === 0) channel.close()
    if (round % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    if (round % 3 === 0) channel.close()
  }
  const last = new Ear()
  ours.open({ protocol: 'chat', id: utf8('last'), handler: last })
  await until('the last is open', () => last.lines.length > 0)

  assert.equal(ours.closed, false, 'the stock side found no fault')
  assert.equal(closeCount + open.size, 200)
  assert.ok(theyOpened > 50, `they opened ${theyOpened}`)
})

test('a protocol that only one side speaks is refused by the other, and both go on', async (t) => {
  const { ours, theirs } = await muxes(t, false)
  const ear = new Ear()
  ours.open({ protocol: 'only ours', handler: ear })
  const { channel, lines } = stockChannel(theirs, 'only theirs', null, 1)
  channel.open(utf8('x'))

  await until('both are refused', () => ear.lines.length === 1 && lines.length === 1)
  assert.deepEqual([ear.lines, lines], [['close'], ['close']])

  const later = new Ear()
  theirs.pair({ protocol: 'both' }, () => {
    stockChannel(theirs, 'both', null, 1).channel.open(utf8('y'))
  })
  ours.open({ protocol: 'both', handler: later })
  await until('open', () => later.lines.length === 1)
  assert.deepEqual(later.lines, [`open ${hex(utf8('y'))}`])
})

test('messages that follow our opening in the same frame are heard by the stock side once it opens', async (t) => {
  const { ours, theirs } = await muxes(t, true)
  let lines: string[] = []
  theirs.pair({ protocol: 'chat' }, () => {
    const opened = stockChannel(theirs, 'chat', null, 1)
    lines = opened.lines
    opened.channel.open(utf8(''))
  })

  const channel = ours.open({ protocol: 'chat', handler: new Ear() })
  channel.send(0, Uint8Array.of(1))
  channel.send(0, Uint8Array.of(2))

  await until('heard', () => lines.length === 3)
  assert.deepEqual(lines, ['open', '0 01', '0 02'])
})
