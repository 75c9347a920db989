/**
 * The reference: the stock packages of `interop/gen3`, as far as the tasks use them.
 *
 * Owns: how they are used. Everything is opened as its own documentation does; the options are the defaults.
 */

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { distant } from './delay.ts'
import { bytesOf, nodesOf, numberOf } from './served.ts'
import { type ReferenceCore, type ReferenceStore, type ReferenceSwarm, stock } from './stock.ts'
import type { BenchLog, BenchStore, StoreKind } from './store.ts'
import type { HostPort } from './task.ts'
import { dialUdx, serveUdx } from './udx.ts'

/** A swarm on loopback. */
export function openSwarm(bootstrap: readonly HostPort[]): ReferenceSwarm {
  const [DHT, Hyperswarm] = [stock('hyperdht'), stock('hyperswarm')]
  return new Hyperswarm({ dht: new DHT({ bootstrap, host: '127.0.0.1' }) })
}

/** A DHT of this machine; it lives as long as the process. Five nodes: fewer stall between processes. */
export async function startTestnet(): Promise<HostPort[]> {
  const { bootstrap } = await stock('hyperdht/testnet.js')(5)
  return bootstrap.map(({ host, port }) => ({ host, port }))
}

export async function openReference(folder: string): Promise<ReferenceStore> {
  const store = new (stock('corestore'))(folder)
  await store.ready()
  return store
}

/** Corestore 7 with hypercore 11. It signs each append, and never syncs. */
export const reference: StoreKind = {
  durability: 'write, no sync',
  load: () => void stock('corestore'),
  open: async (folder) => bench(await openReference(folder)),
}

function bench(store: ReferenceStore): BenchStore {
  return {
    async log(which) {
      const core = store.get(which)
      await core.ready()
      return new ReferenceLog(core)
    },
    async list() {
      let count = 0
      for await (const _ of store.list()) count++
      return count
    },
    async serve(way, topic, roundTripMs = 0) {
      if (way === 'tcp') {
        const server = createServer((socket) => pipe(socket, store.replicate(false)))
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        return { port: await distant(port, roundTripMs) }
      }
      if (way === 'udx') return serveUdx(roundTripMs, (stream) => attach(store, stream))
      const bootstrap = await startTestnet()
      const swarm = openSwarm(bootstrap)
      swarm.on('connection', (stream) => attach(store, stream))
      await swarm.join(Buffer.from(topic), { server: true, client: false }).flushed()
      return { bootstrap, topic: Buffer.from(topic).toString('hex') }
    },
    async dial(way, served) {
      if (way === 'tcp') {
        const socket = connect({ port: numberOf(served, 'port'), host: '127.0.0.1', noDelay: true })
        await once(socket, 'connect')
        pipe(socket, store.replicate(true))
        return
      }
      if (way === 'udx') return attach(store, await dialUdx(served))
      const swarm = openSwarm(nodesOf(served))
      const connected = new Promise<void>((resolve) => {
        swarm.on('connection', (stream) => {
          attach(store, stream)
          resolve()
        })
      })
      swarm.join(bytesOf(served, 'topic'), { server: false, client: true })
      await connected
    },
    close: () => store.close(),
  }
}

export function attach(store: ReferenceStore, stream: Duplex): void {
  stream.on('error', () => {})
  store.replicate(stream)
}

function pipe(socket: Duplex, stream: Duplex): void {
  for (const end of [socket, stream]) end.on('error', () => {})
  socket.pipe(stream).pipe(socket)
}

/** A class, as ours is. */
class ReferenceLog implements BenchLog {
  readonly #core: ReferenceCore

  constructor(core: ReferenceCore) {
    this.#core = core
  }

  get key(): Uint8Array {
    return this.#core.key
  }

  get discoveryKey(): Uint8Array {
    return this.#core.discoveryKey
  }

  length(): number {
    return this.#core.length
  }

  append(blocks: Buffer | readonly Buffer[]): Promise<unknown> {
    return this.#core.append(blocks)
  }

  get(index: number): Promise<Uint8Array> {
    return this.#core.get(index)
  }

  stream(): AsyncIterable<Uint8Array> {
    return this.#core.createReadStream()
  }

  grown(length: number): Promise<void> {
    return grown(this.#core, length)
  }

  /** Its range does not wait for a length that it does not know yet. */
  async download(count: number): Promise<void> {
    await grown(this.#core, count)
    await this.#core.download({ start: 0, end: count }).done()
  }

  peers(): number {
    return this.#core.peers.length
  }

  clear(start: number, end: number): Promise<unknown> {
    return this.#core.clear(start, end)
  }
}

async function grown(core: ReferenceCore, length: number): Promise<void> {
  while (core.length < length) {
    await new Promise<void>((resolve) => core.once('append', resolve))
  }
}
