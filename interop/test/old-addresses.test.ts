/** Programs of both older networks at addresses of which nobody says what is spoken there. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { open } from '@dat-rhino/sdk'
import { Legacy } from '@dat-rhino/sdk/network/legacy/legacy'
import { asked } from './asked.ts'
import { later } from './later.ts'
import { oldPeer } from './old-feeds.ts'

for (const [program, script, generation, ...args] of [
  ['hypercore 6', 'gen1/feeds.mjs', 1, '6'],
  ['hypercore 7', 'gen1/feeds.mjs', 1],
  ['hypercore 8', 'gen2-early/feeds.mjs', 2],
  ['hypercore 9', 'gen2/feeds.mjs', 2],
  ['corestore 5', 'gen2/corestore.mjs', 2],
] as const) {
  test(`a log of ${program} is read by its key and an address`, async (t) => {
    const peer = oldPeer(t, script, ...args)
    const { key, discoveryKey } = await peer('feed', { name: 'feed' })
    await peer('append', { name: 'feed', blocks: [utf8('one'), utf8('two')] })
    const { port } = await peer('listen', {})
    const corestore = await Corestore.open({ store: openMemoryStore() })
    const seen: (1 | 2 | 3)[] = []
    const legacy = new Legacy(
      { peers: [`127.0.0.1:${port}`] },
      {
        corestore,
        clock: systemClock,
        host: '127.0.0.1',
        onPeer: (found) => seen.push(found.generation),
        onEnd: () => {},
        onProblem: assert.fail,
      },
    )
    later(t, async () => {
      legacy.close()
      await corestore.close()
    })

    const topic = legacy.join(discoveryKey, () => corestore.peers(discoveryKey).length > 0)
    const log = await corestore.get({ key, generation: 'unknown' }, { timeoutMs: 20_000 })
    const block = await log.get(1)

    assert.equal(hex(block), hex(utf8('two')))
    assert.deepEqual(seen, [generation])
    await topic.looked
    assert.deepEqual(
      legacy.calls.peers.map(({ address, isClient }) => [address, isClient]),
      [[`127.0.0.1:${port}`, true]],
    )
  })
}

test('a drive of hyperdrive 10 is cloned by its link and an address, with what is mounted in it', async (t) => {
  const ask = asked(t, 'gen2/drives.mjs')
  const keys = await ask<{ outer: { metadata: { publicKey: Uint8Array } } }>({ op: 'create' })
  const put = (path: string) => ({ type: 'put', path, bytes: utf8(path) })
  await ask({ op: 'play', drive: 'inner', list: [put('/inside')] })
  const list = [put('/readme.md'), { type: 'mount', path: '/mnt/in' }]
  await ask({ op: 'play', drive: 'outer', list })
  const { port } = await ask<{ port: number }>({ op: 'listen' })
  const legacy = { peers: [{ host: '127.0.0.1', port }] }
  const node = await open({ network: { bootstrap: [], host: '127.0.0.1', legacy } })
  const dir = mkdtempSync(join(tmpdir(), 'dat-rhino-old-address-'))
  later(t, async () => {
    await node.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const clone = await node.clone(`dat://${hex(keys.outer.metadata.publicKey)}`, dir)
  await clone.done()

  assert.equal(readFileSync(join(dir, 'readme.md'), 'utf8'), '/readme.md')
  assert.equal(readFileSync(join(dir, 'mnt/in/inside'), 'utf8'), '/inside')
  await clone.close()
})
