/** The control of all interop tests: the stock packages understand each other through our harness. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stock } from './stock.ts'

const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const plain = (bytes: Uint8Array): number[] => [...bytes]

for (const [version, compat] of [
  [11, false],
  [11, true],
  [10, false],
  [10, true],
] as const) {
  const what = `hypercore ${version} (${compat ? 'compat' : 'manifest'})`

  test(`stock 11 follows ${what} over TCP: growth, fork and a protocol beside it`, async (t) => {
    const owner = await Stock.start(t, version)
    const reader = await Stock.start(t)
    await owner.do('talk', { protocol: 'chat' })
    await reader.do('talk', { protocol: 'chat', echo: false })
    const { key } = await owner.do('core', { name: 'log', compat })
    await owner.do('append', { name: 'log', blocks: [text('x'), text(''), text('zzz')] })
    await reader.do('core', { name: 'log', key })

    await reader.do('connect', { port: await owner.do('listen', {}) })

    await reader.do('reach', { name: 'log', length: 3 })
    const blocks = await reader.do('blocks', { name: 'log' })
    assert.deepEqual(blocks.map(plain), [plain(text('x')), [], plain(text('zzz'))])
    assert.deepEqual(await reader.do('seek', { name: 'log', byte: 2 }), [2, 1])

    await owner.do('truncate', { name: 'log', length: 2 })
    await owner.do('append', { name: 'log', blocks: [text('q')] })

    await reader.do('reach', { name: 'log', length: 3, fork: 1 })
    assert.deepEqual(
      await reader.do('treeHash', { name: 'log' }),
      await owner.do('treeHash', { name: 'log' }),
    )
    assert.deepEqual(await reader.do('heard'), [`open hypercore ${version}`])
  })
}

test('a stock drive reaches a stock process over a local DHT', async (t) => {
  const owner = await Stock.start(t)
  const reader = await Stock.start(t)
  const { key, discoveryKey } = await owner.do('drive', { name: 'drive' })
  await owner.do('put', { name: 'drive', path: '/a', bytes: text('hello'), executable: true })
  await owner.do('symlink', { name: 'drive', path: '/link', target: '/a' })
  await reader.do('drive', { name: 'drive', key })
  const bootstrap = await owner.do('testnet')

  await owner.do('join', { bootstrap, topic: discoveryKey, client: false })
  await reader.do('join', { bootstrap, topic: discoveryKey, server: false })

  await reader.do('version', { name: 'drive', version: 3 })
  assert.deepEqual(
    await reader.do('list', { name: 'drive' }),
    await owner.do('list', { name: 'drive' }),
  )
  assert.equal((await reader.do('list', { name: 'drive' })).length, 2)
})
