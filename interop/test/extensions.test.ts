/** Messages of applications to and from stock hypercore 11 and 10: about its log and ours, said early and late. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 as toUtf8 } from '@dat-rhino/core/bytes/bytes'
import { utf8 } from '@dat-rhino/core/bytes/encodings'
import type { ExtensionPeer } from '@dat-rhino/core/log/extensions'
import { openNode } from './ours.ts'
import { Stock } from './stock.ts'

/** Hears strings, and waits for them. */
class Ear {
  readonly encode: (text: string) => Uint8Array = utf8.encode
  readonly decode: (bytes: Uint8Array) => string = utf8.decode
  readonly peers: ExtensionPeer[] = []
  readonly #heard: string[] = []
  #listeners: (() => void)[] = []

  readonly onMessage = (text: string, peer: ExtensionPeer): void => {
    this.#heard.push(text)
    this.peers.push(peer)
    for (const listener of this.#listeners.splice(0)) listener()
  }

  /** Everything heard, when it is so much. */
  async hears(count: number): Promise<string[]> {
    while (this.#heard.length < count) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
    }
    return this.#heard
  }
}

const block = toUtf8('block 0')

for (const version of [10, 11] as const) {
  test(`a name taken before the connection speaks with hypercore ${version}, both ways`, async (t) => {
    const stock = await Stock.start(t, version)
    const node = await openNode(t)
    const { key } = await stock.do('core', { name: 'log' })
    await stock.do('append', { name: 'log', blocks: [block] })
    await stock.do('extension', { name: 'log', extension: 'chat' })
    const log = await node.corestore.get({ key })
    const ear = new Ear()
    const chat = log.extension('chat', ear)

    await node.connect(await stock.do('listen', {}))
    await log.get(0)
    assert.equal(chat.broadcast('good day'), 1)
    await ear.hears(1)
    await stock.do('say', { name: 'log', extension: 'chat', text: 'who is there?' })
    const heard = await ear.hears(2)
    const peer = ear.peers[1]
    assert.ok(peer !== undefined)
    chat.send('it is us', peer)

    assert.deepEqual(heard, ['GOOD DAY', 'who is there?'])
    assert.deepEqual(await ear.hears(3), ['GOOD DAY', 'who is there?', 'IT IS US'])
    assert.deepEqual(await stock.do('heard'), ['good day', 'it is us'])
  })
}

for (const version of [10, 11] as const) {
  test(`names taken later, on a log and on a store, hear hypercore ${version} as it reads our log`, async (t) => {
    const stock = await Stock.start(t, version)
    const node = await openNode(t)
    const log = await node.corestore.get({ name: 'log' })
    await log.append(block)
    await stock.do('core', { name: 'log', key: log.key })
    await stock.do('connect', { port: await node.listen() })
    await stock.do('block', { name: 'log', index: 0 })
    await stock.do('extension', { name: 'log', extension: 'chat' })
    const [own, all] = [new Ear(), new Ear()]

    const chat = log.extension('chat', own)
    const everywhere = node.corestore.extension('chat', all)
    chat.broadcast('of the log')
    await own.hears(1)
    chat.close()
    everywhere.broadcast('of the store')

    assert.deepEqual(await all.hears(2), ['OF THE LOG', 'OF THE STORE'])
    assert.deepEqual(await own.hears(1), ['OF THE LOG'])
  })
}

test('bytes without an encoding are those of hypercore 11 without one', async (t) => {
  const stock = await Stock.start(t)
  const node = await openNode(t)
  const log = await node.corestore.get({ name: 'log' })
  await log.append(block)
  await stock.do('core', { name: 'log', key: log.key })
  await stock.do('extension', { name: 'log', extension: 'raw', encoding: 'none' })
  const heard = new Promise<Uint8Array>((resolve) => {
    const raw = log.extension('raw', { onMessage: resolve })
    t.after(() => raw.close())
  })
  await stock.do('connect', { port: await node.listen() })
  await stock.do('block', { name: 'log', index: 0 })

  await stock.do('say', { name: 'log', extension: 'raw', text: 'bytes' })

  assert.deepEqual(Uint8Array.from(await heard), toUtf8('bytes'))
})
