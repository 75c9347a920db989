/**
 * Our channels on a protomux of somebody else's, with ours and theirs at the other end.
 */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { DatError } from '@dat-rhino/core/base/errors'
import { STRAY_MESSAGES_PER_MINUTE_MAX } from '@dat-rhino/core/base/limits'
import { hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import type { Reader } from '@dat-rhino/core/bytes/cursor'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import type { Channel, ChannelHandler, Muxer } from '@dat-rhino/core/wire/channel'
import { openLog, pairLogs } from '@dat-rhino/core/wire/gen3'
import { LOG_PROTOCOL } from '@dat-rhino/core/wire/gen3-logs'
import type { Handler, Sender } from '@dat-rhino/core/wire/messages'
import { Mux } from '@dat-rhino/core/wire/mux'
import type { SwarmConnection } from 'hyperswarm'
import { isProtomux, type Protomux, RAW } from '../../src/network/protomux.ts'
import { carrierOn, ProtomuxMuxer } from '../../src/network/protomux-muxer.ts'
import { SwarmTransport } from '../../src/network/swarm-transport.ts'
import { sodiumCrypto } from '../../src/platform/node/crypto-sodium.ts'
import { IN_MEMORY, openStorage } from '../../src/platform/node/storage.ts'
import { dhtPairs } from './dht-pair.ts'

setCrypto(sodiumCrypto)

const require = createRequire(createRequire(import.meta.url).resolve('hyperdht'))
const StockProtomux: new (stream: SwarmConnection) => Protomux = require('protomux')
const connectStreams = dhtPairs()

class Ear implements ChannelHandler {
  readonly lines: string[] = []
  channel: Channel | undefined
  during: (line: string) => void = () => undefined

  onOpen(channel: Channel, handshake: Reader): void {
    this.channel = channel
    this.#line(`open ${hex(handshake.rest())}`)
  }

  onMessage(type: number, body: Reader): void {
    this.#line(`${type} ${hex(body.rest())}`)
  }

  onFrameEnd(): void {
    this.#line('end')
  }

  onWritable(): void {
    this.#line('writable')
  }

  onClose(error: Error | undefined): void {
    this.#line(`close ${error?.message ?? ''}`)
  }

  #line(line: string): void {
    this.lines.push(line.trim())
    this.during(line.trim())
  }
}

async function until(what: string, is: () => boolean): Promise<void> {
  for (let turns = 0; !is(); turns++) {
    assert.ok(turns < 5_000, `never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Theirs: a protomux with our adapter on it. Ours: our muxer at the other end. */
async function joined(
  t: TestContext,
): Promise<{ stock: Protomux; foreign: ProtomuxMuxer; ours: Mux; ended: unknown[] }> {
  const [near, far] = await connectStreams()
  const stock = new StockProtomux(near)
  assert.ok(isProtomux(near.userData), 'found where the package puts it')
  const ended: unknown[] = []
  const foreign = new ProtomuxMuxer(stock, near, {
    clock: systemClock,
    onClose: (error) => ended.push(error),
  })
  const ours = new Mux(new SwarmTransport(far, systemClock), { clock: systemClock })
  t.after(() => {
    near.destroy()
    far.destroy()
  })
  return { stock, foreign, ours, ended }
}

test('channels are opened by either side, and messages pass in order both ways', async (t) => {
  const { foreign, ours } = await joined(t)
  for (const [first, second] of [
    [foreign, ours],
    [ours, foreign],
  ] as [Muxer, Muxer][]) {
    const id = utf8(first === ours ? 'ours first' : 'theirs first')
    const ears = [new Ear(), new Ear()] as const
    second.pair('chat', undefined, () => {
      second.open({ protocol: 'chat', id, handshake: utf8('2'), handler: ears[1] })
      return false
    })

    first.open({ protocol: 'chat', id, handshake: utf8('1'), handler: ears[0] })
    await until('open', () => ears[0].lines.length > 0 && ears[1].lines.length > 0)
    for (let i = 0; i < 100; i++) {
      for (const { channel } of ears) {
        channel?.begin(i % 10, 3).fixed(Uint8Array.of(i))
        channel?.abandon()
        channel?.send(i % 10, Uint8Array.of(i))
      }
    }
    const messages = (ear: Ear): string[] => ear.lines.filter((line) => /^\d/.test(line))
    await until('all is heard', () => ears.every((ear) => messages(ear).length === 100))

    const said = Array.from({ length: 100 }, (_, i) => `${i % 10} ${hex(Uint8Array.of(i))}`)
    assert.deepEqual(ears.map(messages), [said, said])
    assert.deepEqual(
      ears.map((ear) => ear.lines[0]),
      ['open 32', 'open 31'],
    )
    assert.ok(ears[1].lines.includes('end') && first.has('chat', id), 'ends of frames are told')
    ears[0].channel?.close()
    await until('closed', () => ears.every((ear) => ear.lines.at(-1) === 'close'))
    assert.equal(foreign.has('chat', id), false)
  }
})

test('messages of one turn are one frame, or more if the sender ends one before', async (t) => {
  const { foreign, ours } = await joined(t)
  const near = new Ear()
  const far = new Ear()
  foreign.open({ protocol: 'chat', handler: near })
  ours.open({ protocol: 'chat', handler: far })
  await until('open', () => near.lines.length > 0 && far.lines.length > 0)
  far.lines.length = 0

  foreign.flush()
  for (const byte of [1, 2]) near.channel?.send(0, Uint8Array.of(byte))
  foreign.flush()
  near.channel?.send(0, Uint8Array.of(3))
  await until('heard', () => far.lines.length === 5)

  assert.deepEqual(far.lines, ['0 01', '0 02', 'end', '0 03', 'end'])
})

test("other libraries' channels run beside ours on the same connection", async (t) => {
  const { stock, foreign, ours } = await joined(t)
  const heard: string[] = []
  const library = stock.createChannel({
    protocol: 'library',
    id: null,
    handshake: RAW,
    messages: [{ encoding: RAW, onmessage: (message) => heard.push(hex(message)) }],
    onopen: () => undefined,
    onclose: () => heard.push('close'),
    ondrain: () => undefined,
  })
  library?.open(utf8('lib'))
  const ear = new Ear()
  ours.open({ protocol: 'library', handler: ear })
  const beside = new Ear()
  beside.during = (line) => {
    if (line === '0 aa') throw new Error('of the log')
  }
  foreign.open({ protocol: 'chat', handler: beside })
  const peer = new Ear()
  ours.open({ protocol: 'chat', handler: peer })
  await until('open', () => ear.lines.length > 0 && peer.lines.length > 0)

  peer.channel?.send(0, Uint8Array.of(0xaa))
  await until('our error ends our channel', () => peer.lines.includes('close'))
  ear.channel?.send(0, Uint8Array.of(1))
  library?.messages[0]?.send(Uint8Array.of(2))
  await until('theirs goes on', () => heard.length > 0 && ear.lines.includes('0 02'))

  assert.deepEqual(heard, ['01'])
  assert.equal(beside.lines.at(-1), 'close of the log')
})

test('a log is talked about over it, and who does not know the key is told nothing', async (t) => {
  const { foreign, ours } = await joined(t)
  const key = new Uint8Array(32).fill(1)
  const served = conversation(key)
  pairLogs(foreign, { keyOf: () => key, open: () => openLog(foreign, served.opening) })
  const liar = conversation(new Uint8Array(32).fill(2), discoveryKey(key))

  openLog(ours, liar.opening)
  await until('the liar is refused', () => liar.lines.length > 0)
  assert.deepEqual(liar.lines, ['refused BAD_HANDSHAKE'])
  assert.deepEqual(served.lines, ['refused BAD_HANDSHAKE'])

  const honest = conversation(key)
  served.lines.length = 0
  openLog(ours, honest.opening)
  await until('open', () => honest.lines.length > 0 && served.lines.length > 0)
  served.sender()?.have(0, 9)
  honest.sender()?.have(0, 5)
  await until('heard', () => honest.lines.length > 1 && served.lines.length > 1)
  assert.deepEqual(honest.lines, ['open', 'have 0 9'])
  assert.deepEqual(served.lines, ['open', 'have 0 5'])
})

test('who asks for room and hears no is called when there is room, and one turn cannot send without end', async (t) => {
  const { foreign, ours } = await joined(t)
  const near = new Ear()
  const far = new Ear()
  let heardBytes = 0
  far.onMessage = (_type, body) => {
    heardBytes += body.left
  }
  foreign.open({ protocol: 'chat', handler: near })
  ours.open({ protocol: 'chat', handler: far })
  await until('open', () => near.lines.length > 0 && far.lines.length > 0)

  let sentBytes = 0
  while (near.channel?.writable === true && sentBytes < 64_000_000) {
    near.channel.send(0, new Uint8Array(10_000))
    sentBytes += 10_000
  }
  assert.ok(sentBytes < 2_000_000, `${sentBytes} bytes in one turn`)

  await until('called', () => near.lines.includes('writable'))
  await until('all is heard', () => heardBytes === sentBytes)
})

test('the end of the connection is told to channels and to the owner, once', async (t) => {
  const { foreign, ours, ended } = await joined(t)
  const ear = new Ear()
  foreign.open({ protocol: 'chat', handler: ear })
  assert.throws(() => foreign.open({ protocol: 'chat', handler: ear }), { code: 'CONFLICT' })
  ours.open({ protocol: 'chat', handler: new Ear() })
  await until('open', () => ear.lines.length > 0)

  foreign.close(new DatError('OVER_LIMIT', 'enough'))
  foreign.close()
  await until('told', () => ended.length > 0)

  assert.deepEqual(ear.lines, ['open', 'close enough'])
  assert.equal(ended.length, 1)
  assert.throws(() => foreign.open({ protocol: 'b', handler: ear }), { code: 'CLOSED' })
  assert.throws(() => ear.channel?.begin(0), { code: 'CLOSED' })
})

test('a store replicates over a protomux that is there already, and beside its owner', async (t) => {
  const [near, far] = await connectStreams()
  t.after(() => {
    near.destroy()
    far.destroy()
  })
  const stores = await Promise.all(
    [0, 1].map(async () => Corestore.open({ store: await openStorage(IN_MEMORY) })),
  )
  const [serving, reading] = stores
  assert.ok(serving !== undefined && reading !== undefined, 'two stores')
  const log = await serving.get({ name: 'log' })
  const blocks = Array.from({ length: 300 }, (_, i) => new Uint8Array(1_000).fill(i))
  await log.append(blocks)
  const library = new StockProtomux(near)

  const connection = serving.connect(carrierOn(near, systemClock))
  reading.connect(carrierOn(far, systemClock))
  const copy = await reading.get({ key: log.key })
  await copy.download({ start: 0, end: 300 }).done()

  for (const [i, block] of blocks.entries()) assert.deepEqual(copy.peek(i), block)
  assert.ok(connection.mux instanceof ProtomuxMuxer, 'on theirs')
  assert.equal(connection.logCount, 1)
  assert.equal(library.opened({ protocol: LOG_PROTOCOL, id: log.discoveryKey }), true)
  for (const store of stores) await store.close()
  assert.equal((await connection.ended)?.message, undefined)
})

/** One side of a conversation about a log, which writes down whether it opened and what haves it heard. */
function conversation(
  key: Uint8Array,
  id: Uint8Array = discoveryKey(key),
): {
  opening: Parameters<typeof openLog>[1]
  lines: string[]
  sender: () => Sender | undefined
} {
  const lines: string[] = []
  let sender: Sender | undefined
  const ignore = (): void => undefined
  const handler: Handler = {
    onStatus: ignore,
    onHave: (start, length) => lines.push(`have ${start} ${length}`),
    onUnhave: ignore,
    onBitfield: ignore,
    onWant: ignore,
    onUnwant: ignore,
    onRequest: ignore,
    onCancel: ignore,
    onData: ignore,
    onRefusal: ignore,
    onExtension: ignore,
    onFrameEnd: ignore,
    onWritable: ignore,
    onClose: ignore,
  }
  const opening = {
    key,
    discoveryKey: id,
    onOpen: (opened: Sender) => {
      sender = opened
      lines.push('open')
      return handler
    },
    onRefused: (error: Error | undefined) => {
      lines.push(`refused ${error instanceof DatError ? error.code : ''}`.trim())
    },
  }
  return { opening, lines, sender: () => sender }
}

test('whichever side has the package, what it has sent when we close a channel never ends the connection', async (t) => {
  const { stock, foreign, ours, ended } = await joined(t)
  const burst = (STRAY_MESSAGES_PER_MINUTE_MAX * 3) / 4
  let closed = 0
  for (let round = 0; round < 3; round++) {
    const ear = new Ear()
    ear.during = (line) => {
      if (/^\d/.test(line)) ear.channel?.close()
      if (line.startsWith('close')) closed++
    }
    ours.open({ protocol: 'chat', handler: ear })
    const channel = stock.createChannel({
      protocol: 'chat',
      id: null,
      handshake: RAW,
      messages: [{ encoding: RAW, onmessage: () => undefined }],
      onopen: () => {
        for (let i = 0; i < burst; i++) channel?.messages[0]?.send(Uint8Array.of(i))
      },
      onclose: () => closed++,
      ondrain: () => undefined,
    })
    channel?.open(utf8(''))
    await until('both have closed', () => closed === 2 * (round + 1))
  }

  const listener = new Ear()
  for (let round = 0; round < 3; round++) {
    const ear = new Ear()
    const speaker = new Ear()
    ear.during = (line) => {
      if (/^\d/.test(line)) ear.channel?.close()
    }
    speaker.during = (line) => {
      if (!line.startsWith('open')) return
      for (let i = 0; i < burst; i++) speaker.channel?.send(0, Uint8Array.of(i))
    }
    foreign.open({ protocol: 'talk', handler: ear })
    ours.open({ protocol: 'talk', handler: speaker })
    await until('both have closed', () => speaker.lines.at(-1) === 'close')
  }
  foreign.open({ protocol: 'after', handler: listener })
  ours.open({ protocol: 'after', handler: new Ear() })
  await until('the connection goes on', () => listener.lines.length > 0)

  assert.deepEqual(ended, [])
  assert.equal(ours.closed, false)
})
