/** Archives of older networks between nodes of this project, in processes of their own. */

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hex } from '@dat-rhino/core/bytes/bytes'
import { discoveryKey } from '@dat-rhino/core/crypto/keys'
import { formatLink, parseLink } from '@dat-rhino/core/crypto/links'
import DHT from 'hyperdht'
import { type LegacyOptions, type NetworkOptions, open, type Rhino } from '../../../src/index.ts'
import { Bed } from '../../bed.ts'
import { expected, fixture } from '../../migrate/bed.ts'
import type { ServerArguments } from './old-server.ts'
import { serveOld } from './serve-old.ts'

const SERVER = fileURLToPath(new URL('./old-server.ts', import.meta.url))
/** A network of one: whoever is found was found elsewhere. */
const ALONE: NetworkOptions = { bootstrap: [], host: '127.0.0.1' }

interface ToldFile {
  readonly sha256?: string | null
  readonly linkname?: string | null
}

/** An archive of a fixture: its link, and its files at the newest version with their sums. */
interface Archive {
  readonly folder: string
  readonly link: string
  readonly files: readonly (readonly [string, string])[]
}

function archive(folder: string, key: string, latest: Record<string, ToldFile>): Archive {
  const files = Object.entries(latest).flatMap(([path, { sha256, linkname }]) =>
    typeof sha256 === 'string' && typeof linkname !== 'string' ? [[path, sha256] as const] : [],
  )
  assert.ok(files.length > 2)
  return { folder, link: `dat://${key}`, files }
}

const [DAT, TRIE] = [
  expected('gen1/dat-folder') as unknown as {
    readonly key: string
    readonly filesAt: Record<string, Record<string, ToldFile>>
  },
  expected('gen2/hyperdrive10') as unknown as {
    readonly A: { readonly metadataKey: string }
    readonly latest: Record<string, ToldFile>
  },
]
const ARCHIVES: Readonly<Record<1 | 2, Archive>> = {
  1: archive(fixture('gen1/dat-folder/share'), DAT.key, DAT.filesAt['latest'] ?? {}),
  2: archive(fixture('gen2/hyperdrive10'), TRIE.A.metadataKey, TRIE.latest),
}

/** Serves in a process of its own; what is given ends it. */
async function serveElsewhere(
  t: TestContext,
  served: ServerArguments,
): Promise<() => Promise<unknown>> {
  const child: ChildProcess = fork(SERVER, [JSON.stringify(served)], {
    execArgv: ['--conditions=dat-source', '--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', (code) => reject(new Error(`The server ended (${code}).`)))
    })
  await said()
  return () => {
    child.send('close')
    return said()
  }
}

/** Serves for old programs only; gives the address. */
async function serveForOld(
  bed: Bed,
  { folder, link }: Archive,
  legacy: LegacyOptions = {},
): Promise<string> {
  const network = { ...ALONE, legacy: { port: 0, ...legacy } }
  const node = await bed.offline({ network })
  await serveOld(node, folder, link)
  return `127.0.0.1:${node.network.legacyPort}`
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** A clone in a folder of its own, closed. What lies there is what the fixture tells of. */
async function checkClone(bed: Bed, node: Rhino, { link, files }: Archive): Promise<void> {
  const dir = join(bed.folder(), 'clone')
  const clone = await node.clone(link, dir)
  await clone.done()
  for (const [path, sum] of files) {
    const found = createHash('sha256')
      .update(readFileSync(join(dir, path)))
      .digest('hex')
    assert.equal(found, sum, path)
  }
  await clone.close()
}

/** Public keys that are announced under a link's topic, as a stranger finds them. */
async function announced(network: NetworkOptions, link: string): Promise<string[]> {
  const dht = new DHT({ bootstrap: network.bootstrap ?? [], host: '127.0.0.1' })
  const keys = new Set<string>()
  for await (const { peers } of dht.lookup(discoveryKey(parseLink(link).key))) {
    for (const { publicKey } of peers) keys.add(hex(publicKey))
  }
  await dht.destroy()
  return [...keys]
}

const deviceKey = async (node: Rhino): Promise<string> =>
  hex((await node.corestore()).keyPair('noise').publicKey)

for (const generation of [1, 2] as const) {
  const old = ARCHIVES[generation]

  test(`an archive of generation ${generation} that another process serves is cloned by its dat:// link over today's network`, async (t) => {
    const bed = new Bed(t)
    const network = await bed.network()
    await serveElsewhere(t, { ...old, network })

    await checkClone(bed, await bed.online(), old)
  })

  test(`an archive of generation ${generation} is cloned from an address at which old programs find a node of ours`, async (t) => {
    const bed = new Bed(t)
    const legacy = { peers: [await serveForOld(bed, old)] }
    const node = await bed.offline({ network: { ...ALONE, legacy } })

    await checkClone(bed, node, old)
  })
}

test('nodes that are on one local network find an old archive there, and the reader is not found himself', async (t) => {
  const bed = new Bed(t)
  const lan = { port: await freePort() }
  await serveForOld(bed, ARCHIVES[1], { lan, announce: true })
  const node = await bed.offline({ network: { ...ALONE, legacy: { lan } } })

  await checkClone(bed, node, ARCHIVES[1])

  assert.equal(node.network.legacyPort, 0)
})

test('an old archive is announced where somebody serves it, and not where it was only read', async (t) => {
  const bed = new Bed(t)
  const network = await bed.network()
  const { link } = ARCHIVES[2]
  const endServer = await serveElsewhere(t, { ...ARCHIVES[2], network })
  const reader = await bed.online()
  const willing = await bed.online({ network: { ...network, announceOld: true } })
  assert.equal((await announced(network, link)).length, 1)

  const drive = await reader.drive(link)
  await willing.drive(link)
  const [readerKey, willingKey] = [await deviceKey(reader), await deviceKey(willing)]
  const told = await untilTold(network, link, (keys) => !keys.includes(readerKey))
  assert.ok(told.includes(willingKey), 'who said so is announced')

  const serving = await reader.serve(link)
  await serving.announced
  assert.ok((await announced(network, link)).includes(readerKey))
  await serving.close()
  await drive.close()
  await endServer()
  const left = await untilTold(network, link, (keys) => keys.length === 1)
  assert.deepEqual(left, [willingKey])
})

/** Withdrawing takes the DHT a moment. */
async function untilTold(
  network: NetworkOptions,
  link: string,
  isSo: (keys: string[]) => boolean,
): Promise<string[]> {
  for (;;) {
    const keys = await announced(network, link)
    if (isSo(keys)) return keys
  }
}

test('what is not stored here is not served, and old programs are not met on a network that is off', async (t) => {
  const bed = new Bed(t)
  const node = await bed.offline()

  await assert.rejects(node.serve(ARCHIVES[1].link), { code: 'NOT_FOUND' })
  const off = { offline: true, legacy: { lan: true } }
  await assert.rejects(open({ storage: ':memory:', network: off }), { code: 'BAD_ARGUMENT' })
  for (const peer of ['nowhere', 'host:0', 'host:65536', ':1', 'a b:1']) {
    const network = { ...ALONE, legacy: { peers: [peer] } }
    await assert.rejects(open({ storage: ':memory:', network }), { code: 'BAD_ARGUMENT' }, peer)
  }
})

test('a node does not keep a connection with itself', async (t) => {
  const bed = new Bed(t)
  const lan = { port: await freePort() }
  const peer = await serveForOld(bed, ARCHIVES[1])
  const legacy = { peers: [peer], lan, announce: true, port: 0 }
  const node = await bed.offline({ network: { ...ALONE, legacy } })
  const drive = await node.drive(ARCHIVES[1].link)
  const ownPort = node.network.legacyPort

  await using serving = await node.serve(ARCHIVES[1].link)
  await serving.announced

  assert.ok(ownPort > 0)
  assert.deepEqual(
    node.network.peers.map(({ address }) => address),
    [peer],
  )
  await drive.close()
})

test('connections with old programs end when a node is suspended, and come back when it goes on', async (t) => {
  const bed = new Bed(t)
  const legacy = { peers: [await serveForOld(bed, ARCHIVES[2])] }
  const node = await bed.offline({ network: { ...ALONE, legacy } })
  const drive = await node.drive(ARCHIVES[2].link)
  assert.equal(node.network.peers.length, 1)

  await node.suspend()
  await ended(() => node.network.peers.length === 0)
  await node.resume()
  await ended(() => node.network.peers.length === 1)

  assert.equal(node.network.peers[0]?.generation, 2)
  await drive.close()
})

async function ended(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('a log of today is not looked for on older networks once it is known', async (t) => {
  const bed = new Bed(t)
  const network = await bed.network()
  const lan = { port: await freePort() }
  const questions: string[] = []
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  await new Promise<void>((resolve) => socket.bind(lan.port, resolve))
  socket.addMembership('224.0.0.251', '127.0.0.1')
  socket.on('message', (bytes) => questions.push(bytes.toString('latin1')))
  t.after(() => socket.close())
  const node = await bed.online({
    network: { ...network, legacy: { lan, announce: true, port: 0 } },
  })

  const share = await node.share(bed.folder())
  const log = await (await node.corestore()).get({ name: 'of today' })
  await log.append([new Uint8Array(1)])
  await using serving = await node.serve(formatLink({ key: log.key }))
  await serving.announced
  const unknown = node.drive(ARCHIVES[1].link, { timeoutMs: 1 })
  await assert.rejects(unknown)
  await ended(() => questions.length > 0)

  const name = hex(discoveryKey(parseLink(ARCHIVES[1].link).key).subarray(0, 20))
  assert.ok(questions.every((question) => question.includes(name)))
  await share.close()
})
