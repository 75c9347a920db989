/**
 * Our side: a store on disk in a chosen durability mode, opened as an application would.
 *
 * Owns: the opening, and nothing that makes a measurement faster than a user would see.
 */

import { systemClock } from '@dat-rhino/core/base/clock'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { Log } from '@dat-rhino/core/log/log'
import type { Durability } from '@dat-rhino/core/store/store'
import type { Network } from '@dat-rhino/sdk/network/network'
import { carrierOn } from '@dat-rhino/sdk/network/protomux-muxer'
import { openStorage, preparePlatform } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp, listenTcp } from '@dat-rhino/sdk/platform/node/tcp'
import { distant } from './delay.ts'
import { startTestnet } from './reference.ts'
import { bytesOf, nodesOf, numberOf } from './served.ts'
import type { SecretDuplex } from './stock.ts'
import type { BenchLog, BenchStore, StoreKind } from './store.ts'
import type { HostPort } from './task.ts'
import { dialUdx, serveUdx } from './udx.ts'

const DURABILITY: Readonly<Record<Durability, string>> = {
  none: 'write, no sync',
  group: 'write, synced within 50 ms',
  strict: 'synced',
}

/** @param eagerSignature sign each append at once, as the reference does, not when somebody can see it */
export function ours(durability: Durability, eagerSignature = false): StoreKind {
  return {
    durability: DURABILITY[durability],
    // All but libsodium is loaded by the imports above.
    load: preparePlatform,
    open: async (folder) => bench(await openOurs(folder, durability, eagerSignature)),
  }
}

export async function openOurs(
  folder: string,
  durability: Durability = 'none',
  eagerSignature = false,
): Promise<Corestore> {
  return Corestore.open({ store: await openStorage(folder, { durability }), eagerSignature })
}

function bench(corestore: Corestore): BenchStore {
  const closers: (() => void | Promise<void>)[] = []
  // Loaded when needed, so that runs without a network do not carry it in their memory.
  const join = async (bootstrap: readonly HostPort[], announce: boolean): Promise<Network> => {
    const { Network } = await import('@dat-rhino/sdk/network/network')
    const network = new Network(corestore, { bootstrap, host: '127.0.0.1', announce }, systemClock)
    closers.push(() => network.close())
    return network
  }
  const hasPeers = (): boolean => corestore.connections.length > 0
  // As `Network` does with the connections of a swarm.
  const connectSwarm = (stream: SecretDuplex): void => {
    corestore.connect(carrierOn(stream, systemClock))
  }
  return {
    log: async (which) => new OurLog(await corestore.get(which)),
    list: async () => (await corestore.list()).length,
    async serve(way, topic, roundTripMs = 0) {
      if (way === 'tcp') {
        const { port } = await listenTcp({ onTransport: (pipe) => corestore.connect(pipe) })
        return { port: await distant(port, roundTripMs) }
      }
      if (way === 'udx') return serveUdx(roundTripMs, connectSwarm)
      const bootstrap = await startTestnet()
      const network = await join(bootstrap, true)
      await network.join(topic, { hasPeers }).looked
      return { bootstrap, topic: Buffer.from(topic).toString('hex') }
    },
    async dial(way, served) {
      if (way === 'tcp') {
        corestore.connect(await connectTcp({ port: numberOf(served, 'port') }))
        return
      }
      if (way === 'udx') return connectSwarm(await dialUdx(served))
      const network = await join(nodesOf(served), false)
      const connected = new Promise<void>((resolve) => {
        network.events.on('peer-added', () => resolve())
      })
      network.join(bytesOf(served, 'topic'), { hasPeers })
      await connected
    },
    async close() {
      for (const close of closers) await close()
      await corestore.close()
    },
  }
}

/** A class, so that ten thousand of them weigh nothing beside the logs that are measured. */
class OurLog implements BenchLog {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  get key(): Uint8Array {
    return this.#log.key
  }

  get discoveryKey(): Uint8Array {
    return this.#log.discoveryKey
  }

  length(): number {
    return this.#log.length
  }

  append(blocks: Buffer | readonly Buffer[]): Promise<unknown> {
    return this.#log.append(blocks)
  }

  get(index: number): Promise<Uint8Array> {
    return this.#log.get(index)
  }

  stream(): AsyncIterable<Uint8Array> {
    return this.#log.blocks()
  }

  grown(length: number): Promise<void> {
    return this.#log.grown(length)
  }

  download(count: number): Promise<void> {
    return this.#log.download({ start: 0, end: count }).done({ timeoutMs: 0 })
  }

  peers(): number {
    return this.#log.peerCount
  }

  clear(start: number, end: number): Promise<unknown> {
    return this.#log.clear(start, end)
  }
}
