/**
 * Programs that find peers, of 2017 and 2020, in a process of their own: `{ id, op, … }` in, `{ id, … }` or `{ id, error }`
 * out. What may be asked is the table `operations`. Multicast stays on 127.0.0.1, on a port that the test names, and the
 * DHT has no node outside of this process.
 */

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const multicast = require('multicast-dns')
const found = []

const mdns = (port) => multicast({ port, interface: '127.0.0.1', bind: '0.0.0.0' })

/** As dat 13 and Beaker set it up. */
const datLocal = (port) => {
  const discovery = require('dns-discovery')({ domain: 'dat.local', multicast: mdns(port) })
  discovery.on('peer', (_name, peer) => found.push(`${peer.host}:${peer.port}`))
  discovery.on('error', () => {})
  return {
    announce: (key, at) => discovery.announce(topic(key).toString('hex'), at),
    lookup: (key) => discovery.lookup(topic(key).toString('hex')),
  }
}

/** As dat 14 and the programs of 2020 have it in hyperswarm. */
const hyperswarmLocal = (port) => {
  const discovery = require('@hyperswarm/discovery')({
    bootstrap: [],
    multicast: mdns(port),
  })
  const heard = (topic) => {
    topic.on('peer', (peer) => found.push(`${peer.host}:${peer.port}`))
    topic.on('error', () => {})
  }
  return {
    announce: (key, at) => heard(discovery.announce(Buffer.from(key), { port: at, lookup: true })),
    lookup: (key) => heard(discovery.lookup(Buffer.from(key))),
  }
}

const topic = (key) => Buffer.from(key).subarray(0, 20)
const programs = { 'dat.local': datLocal, 'hyperswarm.local': hyperswarmLocal }
let program
const nodes = []

const operations = {
  async lan({ domain, port }) {
    program = programs[domain](port)
    return {}
  },
  async announce({ key, at }) {
    program.announce(key, at)
    return {}
  },
  async lookup({ key }) {
    program.lookup(key)
    return {}
  },
  /** Addresses that were found so far. */
  async found() {
    return { found: [...new Set(found)] }
  },
  /** Some nodes of BitTorrent's DHT that know each other. */
  async dht({ count }) {
    const Client = require('bittorrent-dht')
    const bootstrap = []
    for (let i = 0; i < count; i++) {
      const node = new Client({ bootstrap: i === 0 ? false : bootstrap.slice(0, 1) })
      node.on('error', () => {})
      node.on('peer', (peer) => found.push(`${peer.host}:${peer.port}`))
      await new Promise((resolve) => node.listen(0, '127.0.0.1', resolve))
      bootstrap.push(`127.0.0.1:${node.address().port}`)
      if (i > 0 && !node.ready) await new Promise((resolve) => node.once('ready', resolve))
      nodes.push(node)
    }
    return { bootstrap }
  },
  async dhtAnnounce({ key, at }) {
    await new Promise((resolve) => nodes.at(-1).announce(topic(key), at, resolve))
    return {}
  },
  async dhtLookup({ key }) {
    await new Promise((resolve) => nodes.at(-1).lookup(topic(key), resolve))
    return { found: [...new Set(found)] }
  },
}

process.on('message', async ({ id, op, ...args }) => {
  try {
    process.send({ id, ...(await operations[op](args)) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
