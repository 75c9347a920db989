/**
 * The programs dat-node 3 and 4 in a process of their own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }` out. What may
 * be asked is the table `operations`. The first argument is the major version. Each has one archive. It is replicated over TCP
 * on 127.0.0.1, or, by dat-node 3, with whoever its own network finds by multicast there.
 */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

const require = createRequire(import.meta.url)
const Dat = require(process.argv[2] === '3' ? 'dat-node-3' : 'dat-node')

let dat

const pipe = (socket) => {
  socket.on('error', () => {})
  const stream = dat.archive.replicate({ live: true, upload: true, download: true })
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
}

/** The network of dat-node 3 without its servers and its DHT. */
const lan = (port) => ({
  port: 1 + Math.floor(Math.random() * 10_000) + 20_000,
  dht: false,
  utp: false,
  dns: {
    server: [],
    domain: 'dat.local',
    multicast: require('multicast-dns')({ port, interface: '127.0.0.1', bind: '0.0.0.0' }),
  },
})

const operations = {
  /** Shares what is in a folder. */
  async share({ dir }) {
    dat = await promisify(Dat)(dir, { temp: true })
    await new Promise((resolve, reject) => {
      dat.importFiles(dir, { watch: false }, (error) => (error ? reject(error) : resolve()))
    })
    return { key: new Uint8Array(dat.key), version: dat.archive.version }
  },
  async write({ path, text }) {
    await promisify(dat.archive.writeFile.bind(dat.archive))(path, text)
    return { version: dat.archive.version }
  },
  async listen() {
    const server = createServer(pipe)
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: server.address().port }
  },
  /** Clones an archive into a folder, from who has it. */
  async clone({ dir, key, port, sparse = false }) {
    dat = await promisify(Dat)(dir, { key: Buffer.from(key), sparse, errorIfExists: true })
    pipe(connect(port, '127.0.0.1'))
    return {}
  },
  /** Is found, and finds others, by multicast at this port. */
  async joinLan({ port }) {
    dat.joinNetwork(lan(port))
    return {}
  },
  /** Is gone from the network. */
  async leave() {
    await new Promise((resolve) => dat.leave(resolve))
    return {}
  },
  /** Clones an archive into a folder from whoever is found so. */
  async cloneFromLan({ dir, key, port }) {
    dat = await promisify(Dat)(dir, { key: Buffer.from(key), errorIfExists: true })
    dat.joinNetwork(lan(port))
    return {}
  },
  /** The archive's version, once it is so far. */
  async reach({ version }) {
    while (dat.archive.version < version) {
      await new Promise((resolve) => dat.archive.metadata.update(resolve))
    }
    return { version: dat.archive.version }
  },
  /** A file as the archive has it. */
  async read({ path }) {
    return { text: await promisify(dat.archive.readFile.bind(dat.archive))(path, 'utf8') }
  },
  /** A file of the folder, once it lies there as it should be. */
  async lies({ dir, path, text }) {
    for (;;) {
      const found = await readFile(join(dir, path), 'utf8').catch(() => undefined)
      if (found === text) return {}
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  },
  /** Blocks of the content that are here. */
  async held() {
    const { content } = dat.archive
    return { blocks: content.downloaded(0, content.length), length: content.length }
  },
}

process.on('message', async ({ id, op, ...args }) => {
  try {
    process.send({ id, ...(await operations[op](args)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
