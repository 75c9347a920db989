/** Old files, taken over into a store of ours: served on to the programs that wrote them, and continued. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fromHex, hex, utf8 } from '@dat-rhino/core/bytes/bytes'
import { adopt } from '@dat-rhino/core/log/adopt'
import type { Log } from '@dat-rhino/core/log/log'
import { connectBytes } from '@dat-rhino/sdk/platform/node/duplex-bytes'
import { openStored } from '../../packages/sdk/src/migrate/open.ts'
import { asked } from './asked.ts'
import { type OldNode, oldPeer, openOldNode } from './old-feeds.ts'

const FIXTURES = fileURLToPath(new URL('../../packages/sdk/test/fixtures/', import.meta.url))

/** Name, script, its argument, generation of its wire, and protocol. */
const PROGRAMS = {
  6: ['gen1/feeds.mjs', '6', 1, 8],
  7: ['gen1/feeds.mjs', '7', 1, 8],
  8: ['gen2-early/feeds.mjs', '', 2, 7],
  9: ['gen2/feeds.mjs', '', 2, 8],
} as const

type Version = keyof typeof PROGRAMS

/** Adopts all logs of a store; by key, with handles that stay open. */
async function taken(t: TestContext, node: OldNode, ...where: string[]): Promise<Map<string, Log>> {
  const stored = await openStored(join(FIXTURES, ...where), { secretKeys: join(FIXTURES, 'none') })
  t.after(() => stored.close())
  const logs = new Map<string, Log>()
  for (const { log } of stored.archives.flatMap(({ parts }) => parts)) {
    const { key, generation, secretKey } = log
    const who = secretKey === undefined ? { key } : { keyPair: { publicKey: key, secretKey } }
    const handle = await node.corestore.get({ ...who, generation })
    await adopt(handle.replica, log)
    logs.set(hex(key), handle)
  }
  return logs
}

async function meet(node: OldNode, port: number, version: Version): Promise<void> {
  const [, , generation, protocol] = PROGRAMS[version]
  const options = { generation, protocol, isInitiator: true }
  node.connections.push(node.corestore.connectFeeds(await connectBytes({ port }), options))
}

/** Logs of which the secret key is there, and who can read what they become. */
const OWNED: readonly (readonly [string, readonly Version[]])[] = [
  ['gen1/feed-v6', [6, 7, 9]],
  ['gen1/feed-live', [6, 7, 8, 9]],
  ['gen1/feed-mixed-sig', [9]],
  ['gen2/hypercore8-writer', [8, 9]],
  ['gen2/hypercore8-then-9', [9]],
  ['gen2/hypercore9-writer', [9]],
]

for (const [name, versions] of OWNED) {
  for (const version of versions) {
    test(`${name} is continued by us and read whole by hypercore ${version}`, async (t) => {
      const node = await openOldNode(t)
      const [log] = (await taken(t, node, name)).values()
      assert.ok(log?.writable)
      const { length } = log
      await log.append([utf8('continued'), utf8('twice')])
      const [script, arg] = PROGRAMS[version]
      const peer = oldPeer(t, script, arg)
      await peer('feed', { name: 'a', key: log.key })

      await meet(node, (await peer('listen', {})).port, version)
      await peer('reach', { name: 'a', blocks: length + 2 })

      for (let index = 0; index < length + 2; index++) {
        const { value } = await peer('get', { name: 'a', index })
        assert.equal(hex(value), hex(await log.get(index)), String(index))
      }
    })
  }
}

/** What is held of others' logs, and who reads it. */
const HELD: readonly (readonly [string, Version])[] = [
  ['gen1/feed-static', 7],
  ['gen1/feed-sparse', 7],
  ['gen1/feed-sparse', 9],
  ['gen2/hypercore9-static', 9],
  ['gen2/hypercore9-sparse-reader', 9],
  ['gen2/hypercore9-cleared', 9],
]

for (const [name, version] of HELD) {
  test(`every block that ${name} holds is given to hypercore ${version}, and no other is promised`, async (t) => {
    const node = await openOldNode(t)
    const [log] = (await taken(t, node, name)).values()
    assert.ok(log !== undefined)
    const held = Array.from({ length: log.length }, (_, i) => i).filter((i) => log.has(i))
    const [script, arg] = PROGRAMS[version]
    const peer = oldPeer(t, script, arg)
    await peer('feed', { name: 'a', key: log.key, sparse: true })

    await meet(node, (await peer('listen', {})).port, version)
    // From the last one: its storage in memory cannot read an empty block behind which nothing lies.
    for (const index of held.reverse()) {
      const { value } = await peer('get', { name: 'a', index })
      assert.equal(hex(value), hex(await log.get(index)), String(index))
    }

    assert.ok(held.length > 0)
    assert.equal((await peer('info', { name: 'a' })).downloaded, held.length)
    assert.deepEqual((await peer('news', {})).ended, [])
  })
}

test('an archive in a .dat folder is read by hyperdrive 9 through us, also as it was', async (t) => {
  const told: {
    readonly key: string
    readonly version: number
    readonly filesAt: Record<string, Record<string, { readonly sha256: string | null }>>
  } = JSON.parse(readFileSync(join(FIXTURES, 'gen1/dat-folder/expected.json'), 'utf8'))
  const node = await openOldNode(t)
  await taken(t, node, 'gen1/dat-folder/share')
  const ask = asked(t, 'gen1/drives.mjs')
  await ask({ op: 'open', key: fromHex(told.key), port: await node.listen() })

  const { files } = await ask<{ files: [string, string][] }>({ op: 'tree', version: told.version })

  const sums = Object.entries(told.filesAt['latest'] ?? {}).map(([path, one]) => [path, one.sha256])
  assert.ok(sums.length > 3)
  assert.deepEqual(files.sort(), sums.sort())
})

test('a hyperdrive 10 of a corestore 5 is read by hyperdrive 10 through us, with what is mounted in it', async (t) => {
  const told: {
    readonly A: { readonly metadataKey: string; readonly version: number }
    readonly latest: Record<string, { readonly sha256?: string; readonly linkname: string | null }>
  } = JSON.parse(readFileSync(join(FIXTURES, 'gen2/hyperdrive10/expected.json'), 'utf8'))
  const node = await openOldNode(t)
  await taken(t, node, 'gen2/hyperdrive10')
  const ask = asked(t, 'gen2/drives.mjs')
  await ask({ op: 'open', key: fromHex(told.A.metadataKey), port: await node.listen() })

  // Of a mounted log hyperdrive 10 shows what it has at the moment, and asks nobody for it.
  const sums = Object.entries(told.latest).flatMap(([path, { sha256: sum, linkname }]) =>
    sum === undefined || linkname !== null || path === '/core' ? [] : [[path, sum]],
  )
  const paths = sums.map(([path = '']) => path.slice(1))

  const { files } = await ask<{ files: [string, string][] }>({
    op: 'tree',
    version: told.A.version,
    paths,
  })

  assert.ok(paths.includes('mnt/b/inside.txt'))
  assert.deepEqual(files, sums)
})
