/**
 * A stock peer in a process of its own, driven over Node's IPC: `{ id, op, args }` in, `{ id, value }` or
 * `{ id, error }` out. Tests fork one or two of these and talk to them by the names in `operations`.
 *
 * `peer.mjs STORAGE [10|11]`: with 10 there are bare cores only. Everything binds to 127.0.0.1.
 *
 * Things (cores, bees, drives) are kept by the name the test gave them. Every thing is replicated on every
 * connection, whichever of the two came first.
 */

import { createHash } from 'node:crypto'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import compact from 'compact-encoding'
import Corestore from 'corestore'
import Hyperbee from 'hyperbee'
import Hypercore11 from 'hypercore'
import Hypercore10 from 'hypercore-10'
import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import Hyperdrive from 'hyperdrive'
import Hyperswarm from 'hyperswarm'
import Protomux from 'protomux'

const [storage, version = '11'] = process.argv.slice(2)
const Hypercore = version === '10' ? Hypercore10 : Hypercore11

/** @type {Map<string, any>} */
const things = new Map()
const streams = new Set()
let stores = 0
let store
let swarm
/** Messages received on the foreign protocol, in order. */
const heard = []
let talk

const corestore = () => (store ??= new Corestore(join(storage, 'store')))
const thing = (name) => {
  if (!things.has(name)) throw new Error(`nothing is called ${name}`)
  return things.get(name)
}

/** Speaks about everything on `stream`: an outer stream of ours, or a swarm's connection. */
function attach(stream) {
  streams.add(stream)
  stream.setMaxListeners(0)
  stream.on('error', () => {})
  stream.on('close', () => streams.delete(stream))
  if (store !== undefined) store.replicate(stream)
  for (const it of things.values()) if (it.bare) it.core.replicate(stream)
}

function hold(name, it) {
  things.set(name, it)
  for (const stream of streams) (it.bare ? it.core : store).replicate(stream)
}

function pipe(socket, isInitiator) {
  const stream = Hypercore.createProtocolStream(isInitiator)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.pipe(stream).pipe(socket)
  if (talk !== undefined) talk(stream)
  attach(stream)
}

const describe = (core) => ({
  key: core.key,
  discoveryKey: core.discoveryKey,
  length: core.length,
  byteLength: core.byteLength,
  fork: core.fork,
  contiguousLength: core.contiguousLength,
  writable: core.writable,
  peers: core.peers.length,
})

async function readFile(drive, entry) {
  const { key, value } = entry
  const bytes = value.linkname === null ? await drive.get(entry) : null
  return {
    path: key,
    linkname: value.linkname,
    executable: value.executable,
    metadata: value.metadata,
    bytes: bytes === null ? -1 : bytes.byteLength,
    sha256: bytes === null ? '' : createHash('sha256').update(bytes).digest('hex'),
  }
}

const operations = {
  // ---- Cores ----

  /** A bare core in a folder of its own. */
  async core({ name, key = null, ...options }) {
    const core = new Hypercore(join(storage, `core-${stores++}`), key, options)
    await core.ready()
    const conflict = new Promise((resolve) => {
      core.on('conflict', (length, fork) => resolve({ length, fork }))
    })
    hold(name, { core, conflict, bare: true, close: () => core.close() })
    return describe(core)
  },
  /** A core in this peer's corestore. */
  async get({ name, alias, ...options }) {
    const core = corestore().get(alias === undefined ? options : { name: alias, ...options })
    await core.ready()
    hold(name, { core, close: () => core.close() })
    return describe(core)
  },
  info: ({ name }) => describe(thing(name).core),
  /** What each peer of the core says of itself. */
  peers: ({ name }) =>
    thing(name).core.peers.map((peer) => ({
      length: peer.remoteLength,
      uploading: peer.remoteUploading,
      downloading: peer.remoteDownloading,
      inFlight: peer.inflight,
    })),
  treeHash: ({ name, length }) => thing(name).core.treeHash(length),
  append: ({ name, blocks }) => thing(name).core.append(blocks),
  /** A core that two of several signers write, with blocks that they have signed. */
  async multisig({ name, publicKeys, blocks, signature }) {
    const signers = publicKeys.map((publicKey) => ({ publicKey: Buffer.from(publicKey) }))
    await operations.core({ name, manifest: { quorum: 2, allowPatch: true, signers } })
    await thing(name).core.append(blocks, { signature: Buffer.from(signature), writable: true })
    return describe(thing(name).core)
  },
  async update({ name }) {
    await thing(name).core.update({ wait: true })
    return describe(thing(name).core)
  },
  /** Resolves when the core is at least so long, on this fork or a later one. */
  async reach({ name, length, fork = 0 }) {
    const { core } = thing(name)
    while (core.fork < fork || core.length < length) {
      await new Promise((resolve) => core.once('append', resolve).once('truncate', resolve))
    }
    return describe(core)
  },
  block: ({ name, index, ...options }) =>
    thing(name).core.get(index, { timeout: 20_000, ...options }),
  async blocks({ name, start = 0, end }) {
    const { core } = thing(name)
    const wanted = []
    for (let i = start; i < (end ?? core.length); i++) wanted.push(core.get(i, { timeout: 30_000 }))
    return Promise.all(wanted)
  },
  has: ({ name, start, end }) => thing(name).core.has(start, end),
  /** Resolves when each peer of the core claims the block, or when none does. */
  async claimed({ name, index, by }) {
    const { core } = thing(name)
    const isClaimed = (peer) => peer._remoteHasBlock(index)
    while (!(by === 'all' ? core.peers.every(isClaimed) : !core.peers.some(isClaimed))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return core.peers.length
  },
  async download({ name, ...range }) {
    await thing(name).core.download(range).done()
  },
  /** A live range that stays. */
  follow({ name }) {
    thing(name).core.download({ start: 0, end: -1 })
  },
  seek: ({ name, byte }) => thing(name).core.seek(byte, { timeout: 20_000 }),
  /** Resolves when two histories of the core were seen. */
  conflict: ({ name }) => thing(name).conflict,
  truncate: ({ name, length }) => thing(name).core.truncate(length),
  clear: ({ name, start, end }) => thing(name).core.clear(start, end),

  // ---- Bees ----

  async bee({ name, key, keyEncoding = 'utf-8', valueEncoding = 'utf-8', ...options }) {
    const core = corestore().get(key === undefined ? { name, ...options } : { key, ...options })
    const bee = new Hyperbee(core, { keyEncoding, valueEncoding })
    await bee.ready()
    hold(name, { core, bee, close: () => bee.close() })
    return describe(core)
  },
  async beePut({ name, entries }) {
    const batch = thing(name).bee.batch()
    for (const [key, value] of entries) {
      if (value === null) await batch.del(key)
      else await batch.put(key, value)
    }
    await batch.flush()
  },
  beeGet: ({ name, key }) => thing(name).bee.get(key),
  async beeList({ name, ...range }) {
    const found = []
    for await (const { key, value } of thing(name).bee.createReadStream(range))
      found.push([key, value])
    return found
  },

  // ---- Drives ----

  async drive({ name, key = null, ...options }) {
    const drive = new Hyperdrive(corestore().namespace(name), key, options)
    await drive.ready()
    hold(name, { drive, core: drive.core, close: () => drive.close() })
    return { ...describe(drive.core), contentKey: drive.contentKey, version: drive.version }
  },
  put: ({ name, path, bytes, ...options }) => thing(name).drive.put(path, bytes, options),
  symlink: ({ name, path, target }) => thing(name).drive.symlink(path, target),
  del: ({ name, path }) => thing(name).drive.del(path),
  /** Writes a file through a stream, each chunk a block of its own; with `dedup` as a block map. */
  write({ name, path, chunks, ...options }) {
    const stream = thing(name).drive.createWriteStream(path, options)
    return new Promise((resolve, reject) => {
      stream.on('error', reject)
      stream.on('close', resolve)
      for (const chunk of chunks) stream.write(Buffer.from(chunk))
      stream.end()
    })
  },
  async read({ name, path, start, length, end }) {
    const parts = []
    for await (const part of thing(name).drive.createReadStream(path, { start, length, end })) {
      parts.push(part)
    }
    return Buffer.concat(parts)
  },
  /** All files of the newest version that peers know of, with what is in them. */
  async list({ name, folder = '/' }) {
    const { drive } = thing(name)
    await drive.update({ wait: true })
    const entries = []
    for await (const entry of drive.list(folder)) entries.push(entry)
    return Promise.all(entries.map((entry) => readFile(drive, entry)))
  },
  /** Resolves when the drive has reached this version. */
  async version({ name, version: wanted }) {
    const { drive } = thing(name)
    while (drive.version < wanted)
      await new Promise((resolve) => drive.core.once('append', resolve))
    return drive.version
  },

  // ---- Network ----

  /** Listens for plain TCP connections; answers each as responder, or as `isInitiator` says. */
  async listen({ isInitiator = false } = {}) {
    const server = createServer((socket) => pipe(socket, isInitiator))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server.address().port
  },
  async connect({ port, isInitiator = true }) {
    const socket = createConnection({ port, host: '127.0.0.1' })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    pipe(socket, isInitiator)
  },
  /** Ends all connections, without a word. */
  drop() {
    for (const stream of streams) stream.destroy()
  },
  /**
   * A DHT of this machine only. Five nodes: with three, a connection between two processes stalls for 13
   * seconds, because the hole puncher samples too few of them to know its address and gives up.
   */
  async testnet() {
    return (await createTestnet(5)).bootstrap
  },
  /** Joins a topic; resolves when it is announced, or looked up. */
  async join({ bootstrap, topic, server: serve = true, client = true }) {
    if (swarm === undefined) {
      swarm = new Hyperswarm({ dht: new DHT({ bootstrap, host: '127.0.0.1' }) })
      swarm.on('connection', (stream) => attach(stream))
    }
    await swarm.join(Buffer.from(topic), { server: serve, client }).flushed()
    if (client) await swarm.flush()
    return swarm.connections.size
  },

  // ---- A protocol of somebody else on the same connections ----

  /** From now on each TCP connection carries this protocol too; it echoes in capitals. */
  talk({ protocol, id = null, echo = true }) {
    talk = (stream) => {
      const channel = Protomux.from(stream.noiseStream).createChannel({
        protocol,
        id: id === null ? null : Buffer.from(id),
        handshake: compact.string,
        onopen: (handshake) => heard.push(`open ${handshake}`),
        messages: [
          {
            encoding: compact.string,
            onmessage(text) {
              heard.push(text)
              if (echo) channel.messages[0].send(text.toUpperCase())
            },
          },
        ],
      })
      channel.open(`hypercore ${version}`)
    }
  },
  heard: () => heard,

  /** From now on the core speaks this extension; what it hears goes to `heard`, and back in capitals. */
  extension({ name, extension, encoding = 'utf-8', echo = true }) {
    const it = thing(name)
    it.extensions ??= new Map()
    const made = it.core.registerExtension(extension, {
      ...(encoding === 'none' ? {} : { encoding }),
      onmessage(text, peer) {
        heard.push(String(text))
        if (echo) made.send(text.toUpperCase(), peer)
      },
    })
    it.extensions.set(extension, made)
  },
  /** Says something to all peers of the core. */
  say({ name, extension, text }) {
    const made = thing(name).extensions.get(extension)
    made.broadcast(made.handlers.encoding === undefined ? Buffer.from(text) : text)
  },

  // ---- Life ----

  async close({ name }) {
    await thing(name).close()
    things.delete(name)
  },
}

process.on('disconnect', () => process.exit(0))
process.on('message', async ({ id, op, args }) => {
  try {
    process.send({ id, value: await operations[op](args ?? {}) })
  } catch (error) {
    process.send({
      id,
      error: { message: error.message, code: error.code ?? '', stack: error.stack },
    })
  }
})
