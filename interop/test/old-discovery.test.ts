/** Finding one another with the programs that did so on the networks of 2017 and 2020, on this machine. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { systemClock } from '@dat-rhino/core/base/clock'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { randomBytes } from '@dat-rhino/core/crypto/keys'
import { openDatagrams } from '@dat-rhino/sdk/network/legacy/datagrams'
import type { Finder } from '@dat-rhino/sdk/network/legacy/finder'
import { Lan } from '@dat-rhino/sdk/network/legacy/lan'
import { Mainline } from '@dat-rhino/sdk/network/legacy/mainline'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { asked } from './asked.ts'
import { later } from './later.ts'
import { until } from './old-feeds.ts'

setCrypto(sodiumCrypto)

const host = {
  clock: systemClock,
  random: Math.random,
  open: openDatagrams,
  host: '127.0.0.1',
  onProblem: () => {},
}

/** A UDP port that is free now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** A search of ours that writes down what it finds. */
function search(finder: Finder, discoveryKey: Uint8Array, port?: number) {
  const found = new Set<string>()
  const searching = finder.search({
    discoveryKey,
    hasPeers: () => false,
    announcedPort: () => port,
    found: (address, [wire]) => found.add(`${address.host}:${address.port} ${wire}`),
  })
  return { found, looked: searching.looked }
}

for (const [domain, wire] of [
  ['dat.local', 'hypercore 7'],
  ['hyperswarm.local', 'hypercore 9'],
] as const) {
  test(`${domain}: we find who is announced on the local network, and are found when we are`, async (t) => {
    const port = await freePort()
    const lan = new Lan({ port }, host)
    later(t, () => lan.close())
    const ask = asked(t, 'gen1/discovery.mjs')
    await ask({ op: 'lan', domain, port })
    const [theirs, ours] = [randomBytes(32), randomBytes(32)]

    await ask({ op: 'announce', key: theirs, at: 3_282 })
    const { found } = search(lan, theirs)
    await until(() => found.size > 0)
    search(lan, ours, 4_282)
    await ask({ op: 'lookup', key: ours })
    await until(async () => {
      const answer = await ask<{ found: string[] }>({ op: 'found' })
      return answer.found.some((address) => address.endsWith(':4282'))
    })

    const [first = ''] = found
    assert.match(first, new RegExp(`^[0-9.]+:3282 ${wire}$`))
  })
}

test('we find who is announced in a DHT of bittorrent-dht, and are found there when we are', async (t) => {
  const ask = asked(t, 'gen1/discovery.mjs')
  const { bootstrap } = await ask<{ bootstrap: string[] }>({ op: 'dht', count: 3 })
  const mainline = new Mainline({ bootstrap: bootstrap.slice(0, 1) }, host)
  later(t, () => mainline.close())
  const [theirs, ours] = [randomBytes(32), randomBytes(32)]
  await ask({ op: 'dhtAnnounce', key: theirs, at: 3_282 })

  const { found, looked } = search(mainline, theirs)
  await looked
  await search(mainline, ours, 4_282).looked
  const answer = await ask<{ found: string[] }>({ op: 'dhtLookup', key: ours })

  assert.deepEqual([...found], ['127.0.0.1:3282 hypercore 7'])
  assert.ok(answer.found.includes('127.0.0.1:4282'), String(answer.found))
})
