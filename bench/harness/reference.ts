/**
 * The reference: the stock packages of `interop/gen3`, as far as the tasks use them.
 *
 * Owns: loading them and the shapes that they lack. Everything is opened as its own documentation does; the
 * options are the defaults.
 */

import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { SwarmConnection } from 'hyperswarm'
import { distant } from './delay.ts'
import { ROOT } from './root.ts'
import { bytesOf, nodesOf, numberOf } from './served.ts'
import type { BenchLog, BenchStore, StoreKind } from './store.ts'
import type { HostPort } from './task.ts'
import { dialUdx, serveUdx } from './udx.ts'

export interface ReferenceCore {
  readonly key: Buffer
  readonly discoveryKey: Buffer
  readonly length: number
  readonly peers: readonly unknown[]
  ready(): Promise<void>
  clear(start: number, end: number): Promise<unknown>
  append(blocks: Buffer | readonly Buffer[]): Promise<unknown>
  get(index: number): Promise<Buffer>
  download(range: { start: number; end: number }): { done(): Promise<void> }
  createReadStream(): AsyncIterable<Buffer>
  once(event: 'append', listener: () => void): void
}

export interface ReferenceStore {
  ready(): Promise<void>
  get(options: object): ReferenceCore
  namespace(name: string): ReferenceStore
  list(): AsyncIterable<Buffer>
  replicate(stream: boolean | Duplex): Duplex
  close(): Promise<void>
}

export interface ReferenceDrive {
  readonly key: Buffer
  readonly discoveryKey: Buffer
  readonly version: number
  readonly core: ReferenceCore
  ready(): Promise<void>
  get(path: string): Promise<Buffer | null>
  mirror(to: ReferenceDrive): { done(): Promise<void> }
  close(): Promise<void>
}

export interface ReferenceSwarm {
  join(topic: Buffer, options: object): { flushed(): Promise<unknown> }
  on(event: 'connection', listener: (stream: Duplex) => void): void
  destroy(options: { force: boolean }): Promise<void>
}

export interface ReferenceBee {
  ready(): Promise<void>
  put(key: Buffer, value: Buffer): Promise<void>
  get(key: Buffer): Promise<{ value: Buffer } | null>
  batch(): { put(key: Buffer, value: Buffer): Promise<void>; flush(): Promise<void> }
  createReadStream(): AsyncIterable<{ key: Buffer; value: Buffer }>
}

/** What hyperswarm's connections are: an encrypted stream with a name at each end. */
export interface SecretDuplex extends SwarmConnection {
  readonly opened: Promise<boolean>
}

export interface UdxStream extends Duplex {
  connect(socket: UdxSocket, remoteId: number, port: number, host: string): void
}

export interface UdxSocket {
  bind(port: number, host: string): void
  address(): { port: number }
}

interface Udx {
  createSocket(): UdxSocket
  createStream(id: number): UdxStream
}

interface Packages {
  readonly corestore: new (folder: string) => ReferenceStore
  readonly hyperdrive: new (store: ReferenceStore, key?: Buffer) => ReferenceDrive
  readonly localdrive: new (folder: string) => ReferenceDrive
  readonly hyperswarm: new (options: { dht: unknown }) => ReferenceSwarm
  readonly hyperdht: new (options: { bootstrap: readonly HostPort[]; host: string }) => unknown
  readonly 'hyperdht/testnet.js': (nodes: number) => Promise<{ bootstrap: HostPort[] }>
  readonly hyperbee: new (core: ReferenceCore) => ReferenceBee
  readonly 'udx-native': new () => Udx
  readonly '@hyperswarm/secret-stream': new (isInitiator: boolean, raw: Duplex) => SecretDuplex
}

const require = createRequire(join(ROOT, 'interop', 'gen3', 'package.json'))

/** Loads a package when it is first needed. Its shape is what we say it is: it has none of its own. */
export function stock<K extends keyof Packages>(name: K): Packages[K] {
  return require(name) as Packages[K]
}

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
      return benchLog(core)
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

function benchLog(core: ReferenceCore): BenchLog {
  return {
    key: core.key,
    discoveryKey: core.discoveryKey,
    length: () => core.length,
    append: (blocks) => core.append(blocks),
    get: (index) => core.get(index),
    stream: () => core.createReadStream(),
    grown: (length) => grown(core, length),
    peers: () => core.peers.length,
    clear: (start, end) => core.clear(start, end),
    async download(count) {
      // Its range does not wait for a length that it does not know yet.
      await grown(core, count)
      await core.download({ start: 0, end: count }).done()
    },
  }
}

async function grown(core: ReferenceCore, length: number): Promise<void> {
  while (core.length < length) {
    await new Promise<void>((resolve) => core.once('append', resolve))
  }
}
