/** dat-node 3 and 4 over TCP, at an address that is known: what they share is cloned, and they clone what we have. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fromUtf8, hex } from '@dat-rhino/core/bytes/bytes'
import { type Clone, type LegacyOptions, type OpenOptions, open, type Rhino } from '@dat-rhino/sdk'
import { asked } from './asked.ts'
import { later } from './later.ts'

/** A node of ours that sees nobody on today's network. */
async function ours(
  t: TestContext,
  legacy: LegacyOptions,
  options: OpenOptions = {},
): Promise<Rhino> {
  const node = await open({ network: { bootstrap: [], host: '127.0.0.1', legacy }, ...options })
  later(t, () => node.close())
  return node
}

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'dat-rhino-dat-node-'))
  later(t, () => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A UDP port that is free now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

type Ask = ReturnType<typeof asked>

/** A folder that dat-node shares, and where it listens. */
async function shared(
  t: TestContext,
  major: string,
): Promise<{ ask: Ask; link: string; peer: string }> {
  const dir = folder(t)
  writeFileSync(join(dir, 'readme.md'), '# old\n')
  writeFileSync(join(dir, 'big.bin'), Buffer.alloc(700_000, 7))
  const ask = asked(t, 'gen1/dat-node.mjs', [major])
  const { key } = await ask<{ key: Uint8Array }>({ op: 'share', dir })
  const { port } = await ask<{ port: number }>({ op: 'listen' })
  return { ask, link: `dat://${hex(key)}`, peer: `127.0.0.1:${port}` }
}

/** Resolves when the clone has written out a version. Call it before that is made. */
function reached(clone: Clone): (version: number) => Promise<void> {
  const events = clone.events()
  return async (version) => {
    for await (const event of events) {
      if (event.type === 'version' && event.version >= version) return
    }
  }
}

for (const major of ['3', '4']) {
  test(`what dat-node ${major} shares is cloned by its link and an address, and followed`, async (t) => {
    const { ask, link, peer } = await shared(t, major)
    const node = await ours(t, { peers: [peer] })
    const dir = join(folder(t), 'clone')

    const clone = await node.clone(link, dir, { live: true })
    await clone.done()

    assert.equal(readFileSync(join(dir, 'readme.md'), 'utf8'), '# old\n')
    assert.equal(readFileSync(join(dir, 'big.bin')).length, 700_000)
    assert.deepEqual(
      node.network.peers.map(({ generation, isClient, address }) => [
        generation,
        isClient,
        address,
      ]),
      [[1, true, peer]],
    )
    const written = reached(clone)
    const { version } = await ask<{ version: number }>({
      op: 'write',
      path: '/later',
      text: 'later',
    })
    await written(version)
    assert.equal(readFileSync(join(dir, 'later'), 'utf8'), 'later')
    await clone.close()
  })
}

test('of what dat-node shares one file is read, and nothing else comes', async (t) => {
  const { link, peer } = await shared(t, '4')
  const node = await ours(t, { peers: [peer] })

  const drive = await node.drive(link)
  const text = fromUtf8((await drive.get('/readme.md')) ?? new Uint8Array(0))

  assert.equal(drive.format, 'hyperdrive 9')
  assert.equal(text, '# old\n')
  const info = drive.contentLog?.info()
  assert.ok(info !== undefined && info.heldBlocks < info.length, String(info?.heldBlocks))
})

for (const major of ['3', '4']) {
  test(`dat-node ${major} clones from us what another one has shared, whole and in part, and what it writes later comes through`, async (t) => {
    const { ask, link, peer } = await shared(t, major)
    const node = await ours(t, { peers: [peer], port: 0 })
    const clone = await node.clone(link, join(folder(t), 'clone'), { live: true })
    await clone.done()
    const key = clone.drive?.key
    const { legacyPort: port } = node.network

    const [whole, part] = [
      asked(t, 'gen1/dat-node.mjs', [major]),
      asked(t, 'gen1/dat-node.mjs', [major]),
    ]
    const dir = folder(t)
    await whole({ op: 'clone', dir: join(dir, 'whole'), key, port })
    await whole({ op: 'lies', dir: join(dir, 'whole'), path: 'readme.md', text: '# old\n' })
    await part({ op: 'clone', dir: join(dir, 'part'), key, port, sparse: true })
    await part({ op: 'reach', version: clone.drive?.version })
    const { text } = await part<{ text: string }>({ op: 'read', path: '/readme.md' })
    const held = await part<{ blocks: number; length: number }>({ op: 'held' })
    const written = reached(clone)
    const { version } = await ask<{ version: number }>({
      op: 'write',
      path: '/later',
      text: 'later',
    })
    await written(version)
    await whole({ op: 'lies', dir: join(dir, 'whole'), path: 'later', text: 'later' })

    assert.equal(text, '# old\n')
    assert.ok(held.blocks < held.length, `${held.blocks} of ${held.length}`)
    await clone.close()
  })
}

test('dat-node 3 and we meet on the local network, by its own way of finding, in both directions', async (t) => {
  const port = await freePort()
  const { ask, link } = await shared(t, '3')
  await ask({ op: 'joinLan', port })
  const node = await ours(t, { lan: { port }, announce: true, port: 0 })

  const clone = await node.clone(link, join(folder(t), 'clone'))
  await clone.done()
  const key = clone.drive?.key
  assert.ok(node.network.peers.every(({ generation }) => generation === 1))
  // Its author is gone; who has it now is us.
  await ask({ op: 'leave' })
  const reader = asked(t, 'gen1/dat-node.mjs', ['3'])
  const dir = folder(t)
  await reader({ op: 'cloneFromLan', dir: join(dir, 'theirs'), key, port })
  await reader({ op: 'lies', dir: join(dir, 'theirs'), path: 'readme.md', text: '# old\n' })

  await clone.close()
})
