/**
 * What a test with nodes stands on: folders, a network of its own on this machine, and an orderly end.
 */

import type { TestContext } from 'node:test'
import createTestnet from 'hyperdht/testnet.js'
import { type NetworkOptions, type OpenOptions, open, type Rhino } from '../src/index.ts'
import { tempFolder } from './temp.ts'

export class Bed {
  readonly #t: TestContext
  readonly #cleanups: (() => Promise<void>)[] = []
  #network: Promise<NetworkOptions> | undefined

  constructor(t: TestContext) {
    this.#t = t
    // Clocks and watchers keep no process alive; a test that waits for them must.
    const alive = setInterval(() => undefined, 10_000)
    t.after(async () => {
      for (const cleanup of this.#cleanups.reverse()) await cleanup()
      clearInterval(alive)
    })
  }

  /** A new, empty folder. */
  folder(): string {
    return tempFolder(this.#t)
  }

  /** A DHT of three nodes that never leaves this machine. */
  network(): Promise<NetworkOptions> {
    this.#network ??= this.#start()
    return this.#network
  }

  /** A node on that network, closed at the end. */
  async online(options: OpenOptions = {}): Promise<Rhino> {
    return this.offline({ network: await this.network(), ...options })
  }

  /** A node without network, closed at the end. */
  async offline(options: OpenOptions = {}): Promise<Rhino> {
    const node = await open({ network: false, ...options })
    this.#cleanups.push(() => node.close())
    return node
  }

  async #start(): Promise<NetworkOptions> {
    const testnet = await createTestnet(3)
    this.#cleanups.push(() => testnet.destroy())
    return { bootstrap: testnet.bootstrap, host: '127.0.0.1' }
  }
}

/** Resolves with the first event that `wanted` accepts. Register before what causes it. */
export async function firstEvent<E extends { readonly type: string }, K extends E['type']>(
  events: AsyncIterable<E>,
  type: K,
  wanted: (event: Extract<E, { type: K }>) => boolean = () => true,
): Promise<Extract<E, { type: K }>> {
  for await (const event of events) {
    if (isOfType<E, K>(event, type) && wanted(event)) return event
  }
  throw new Error(`The events ended without ${type}.`)
}

function isOfType<E extends { readonly type: string }, K extends E['type']>(
  event: E,
  type: K,
): event is Extract<E, { type: K }> {
  return event.type === type
}
