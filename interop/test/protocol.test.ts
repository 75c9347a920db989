/**
 * Somebody else's protocol on the same connection: theirs and ours share one protomux.
 *
 * The stock side opens its channel with the protomux package, ours with our muxer's `open` and `pair`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '@dat-rhino/core/bytes/cursor'
import { Writer } from '@dat-rhino/core/bytes/cursor'
import type { Channel, ChannelHandler, Muxer } from '@dat-rhino/core/wire/channel'
import { randomBlocks } from './blocks.ts'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

/** A channel of strings, and what came in on it. */
class Talk implements ChannelHandler {
  readonly heard: string[] = []
  readonly #listeners: (() => void)[] = []
  #channel: Channel | undefined

  open(mux: Muxer, protocol: string): void {
    mux.open({ protocol, handshake: encode('ours'), handler: this })
  }

  onOpen(channel: Channel, handshake: Reader): void {
    this.#channel = channel
    this.#hear(`open ${handshake.string(100)}`)
  }

  onMessage(_type: number, body: Reader): void {
    this.#hear(body.string(1_000))
  }

  onFrameEnd(): void {}

  onWritable(): void {}

  onClose(): void {
    this.#hear('close')
  }

  send(text: string): void {
    this.#channel?.send(0, encode(text))
  }

  /** Resolves when so much was heard. */
  async hears(count: number): Promise<string[]> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
    }
    return this.heard
  }

  #hear(text: string): void {
    this.heard.push(text)
    for (const listener of this.#listeners.splice(0)) listener()
  }
}

function encode(text: string): Uint8Array {
  const writer = new Writer()
  writer.string(text)
  return writer.take()
}

for (const version of [10, 11] as const) {
  test(`a foreign protocol runs beside a log of hypercore ${version}, in both directions`, async (t) => {
    const stock = await Stock.start(t, version)
    const node = await openNode(t)
    await stock.do('talk', { protocol: 'chat' })
    const log = await node.corestore.get({ name: 'log' })
    await log.append(randomBlocks(100, 10, 2_000))
    await stock.do('core', { name: 'log', key: log.key })

    await node.connect(await stock.do('listen', {}))
    const connection = node.connections[0]
    assert.ok(connection !== undefined)
    const talk = new Talk()
    talk.open(connection.mux, 'chat')
    await talk.hears(1)
    talk.send('hello')
    await stock.do('download', { name: 'log', start: 0, end: 100 })
    talk.send('again')

    assert.deepEqual(await talk.hears(3), [`open hypercore ${version}`, 'HELLO', 'AGAIN'])
    assert.deepEqual(await stock.do('heard'), ['open ours', 'hello', 'again'])
  })
}

test('a protocol that nobody here speaks is refused, and the log goes on', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  await stock.do('talk', { protocol: 'nobody speaks this' })
  const { key } = await stock.do('core', { name: 'log' })
  await stock.do('append', { name: 'log', blocks: randomBlocks(10, 1, 9) })
  const log = await node.corestore.get({ key })

  await node.connect(await stock.do('listen', {}))

  assert.equal((await log.get(9)).length > 0, true)
  assert.deepEqual(await stock.do('heard'), [])
})
