/**
 * What the feeds of hypercore 6 to 9 have in common when they are asked questions over Node's IPC.
 *
 * Feeds are kept by the name the test gave them. On a connection every feed is replicated, in the order of making, whichever
 * of feed and connection came first.
 */

import { createRequire } from 'node:module'
import { createConnection, createServer } from 'node:net'
import { promisify } from 'node:util'

const require = createRequire(new URL('gen3/package.json', import.meta.url))

const call = (object, method, ...args) => promisify(object[method].bind(object))(...args)
const bytes = (list) => list.map((one) => Buffer.from(one))

const FORGER = {
  sign: (_data, _secretKey, done) => done(null, Buffer.alloc(64, 7)),
  verify: (_data, _signature, _key, done) => done(null, true),
}

export function serve(library) {
  const feeds = new Map()
  const connections = []
  const heard = []
  const acks = []
  const ended = []

  const feedOf = (name) => {
    const found = feeds.get(name)
    if (found === undefined) throw new Error(`nothing is called ${name}`)
    return found.feed
  }

  /** `secret`: inside an encrypted connection of today, as a hyperswarm gives it to its applications. */
  function attach(raw, isInitiator, { secret = false, ...options }) {
    const socket = secret ? new (require('@hyperswarm/secret-stream'))(isInitiator, raw) : raw
    const connection = { socket, isInitiator, options, stream: undefined }
    connections.push(connection)
    raw.on('error', () => {})
    socket.on('error', () => {})
    if (library.stream !== undefined) open(connection, library.stream(isInitiator, options))
    for (const { feed } of feeds.values()) speak(connection, feed)
  }

  function open(connection, stream) {
    connection.stream = stream
    stream.on('error', (error) => ended.push(error.message))
    stream.on('close', () => ended.push('closed'))
    stream.pipe(connection.socket).pipe(stream)
  }

  function speak(connection, feed) {
    const stream = library.replicate(feed, connection.stream, connection.options)
    if (connection.stream === undefined) open(connection, stream)
  }

  const operations = {
    /** `forged`: everything fits but the signatures. */
    async feed({ name, key, sparse = false, forged = false, extensions = [] }) {
      const feed = library.create(key && Buffer.from(key), {
        sparse,
        extensions,
        ...(forged && { crypto: FORGER }),
      })
      await call(feed, 'ready')
      library.acks(feed, (start, length) => acks.push([name, start, length]))
      feeds.set(name, { feed, extensions: new Map() })
      for (const connection of connections) speak(connection, feed)
      return operations.info({ name })
    },
    info({ name }) {
      const feed = feedOf(name)
      const { key, discoveryKey, length, byteLength } = feed
      const peers = feed.peers.length
      let downloaded = 0
      for (let i = 0; i < length; i++) if (feed.has(i)) downloaded++
      return {
        key: new Uint8Array(key),
        discoveryKey: new Uint8Array(discoveryKey),
        length,
        byteLength,
        peers,
        downloaded,
      }
    },
    async append({ name, blocks }) {
      await call(feedOf(name), 'append', bytes(blocks))
      return operations.info({ name })
    },
    async get({ name, index }) {
      return { value: new Uint8Array(await call(feedOf(name), 'get', index)) }
    },
    async update({ name }) {
      await call(feedOf(name), 'update')
      return operations.info({ name })
    },
    /** Resolves when the feed has so many blocks. */
    async reach({ name, blocks }) {
      const feed = feedOf(name)
      for (;;) {
        const info = operations.info({ name })
        if (info.downloaded >= blocks) return info
        await new Promise((resolve) => {
          const done = () => {
            feed.removeListener('download', done)
            feed.removeListener('append', done)
            resolve()
          }
          feed.on('download', done)
          feed.on('append', done)
        })
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async seek({ name, byte }) {
      const [index, offset] = await new Promise((resolve, reject) => {
        feedOf(name).seek(byte, (error, at, rest) => (error ? reject(error) : resolve([at, rest])))
      })
      return { index, offset }
    },
    async clear({ name, start, end }) {
      await call(feedOf(name), 'clear', start, end)
      return {}
    },
    extension({ name, extension }) {
      const entry = feeds.get(name)
      const report = (message) => heard.push([name, extension, String(message)])
      entry.extensions.set(extension, library.extension(entry.feed, extension, report))
      return {}
    },
    broadcast({ name, extension, text }) {
      const entry = feeds.get(name)
      library.broadcast(entry.feed, entry.extensions.get(extension), Buffer.from(text))
      return {}
    },
    /** What was heard, which receipts came, and how connections ended; all in order. */
    news: () => ({
      heard,
      acks,
      ended,
      open: connections.filter((one) => !one.socket.destroyed).length,
    }),
    listen: (options) =>
      new Promise((resolve) => {
        const server = createServer((socket) => attach(socket, false, options))
        server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port }))
      }),
    connect: ({ port, ...options }) =>
      new Promise((resolve, reject) => {
        const socket = createConnection(port, '127.0.0.1', () => {
          attach(socket, true, options)
          resolve({})
        })
        socket.on('error', reject)
      }),
  }

  process.on('message', async ({ id, op, ...args }) => {
    try {
      process.send({ id, ...(await operations[op](args)) })
    } catch (error) {
      process.send({ id, error: error.stack })
    }
  })
  // A test has ended without asking us to.
  process.on('disconnect', () => process.exit(0))
}
