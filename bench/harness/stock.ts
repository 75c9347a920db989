/**
 * The stock packages of `interop/gen3`: loading them, and the shapes that they lack.
 *
 * Owns: what the benchmark may call of them, and nothing of how.
 */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { SwarmConnection } from 'hyperswarm'
import { ROOT } from './root.ts'
import type { HostPort } from './task.ts'

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
