/**
 * Programs of generations 1 and 2 as the other end, and ours, for the tests of the old wires.
 *
 * Owns: the typed mirror of `operations` in `../feeds.mjs`, and a node of ours that speaks the old wires over TCP.
 */

import type { TestContext } from 'node:test'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { FeedConnection } from '@dat-rhino/core/corestore/feed-connection'
import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import { openMemoryStore } from '@dat-rhino/core/store/memory'
import { sodiumCrypto } from '@dat-rhino/sdk/platform/node/crypto-sodium'
import { connectBytes, listenBytes } from '@dat-rhino/sdk/platform/node/duplex-bytes'
import { asked } from './asked.ts'
import { later } from './later.ts'

setCrypto(sodiumCrypto)

export interface FeedInfo {
  readonly key: Uint8Array
  readonly discoveryKey: Uint8Array
  readonly length: number
  readonly byteLength: number
  readonly peers: number
  /** Blocks that are there. */
  readonly downloaded: number
}

interface Named {
  readonly name: string
}

interface Speaking {
  readonly ack?: boolean
  readonly live?: boolean
  readonly secret?: boolean
}

interface Operations {
  feed(
    args: Named & {
      key?: Uint8Array
      sparse?: boolean
      forged?: boolean
      extensions?: readonly string[]
    },
  ): FeedInfo
  info(args: Named): FeedInfo
  append(args: Named & { blocks: readonly Uint8Array[] }): FeedInfo
  get(args: Named & { index: number }): { value: Uint8Array }
  update(args: Named): FeedInfo
  reach(args: Named & { blocks: number }): FeedInfo
  seek(args: Named & { byte: number }): { index: number; offset: number }
  clear(args: Named & { start: number; end: number }): object
  extension(args: Named & { extension: string }): object
  broadcast(args: Named & { extension: string; text: string }): object
  news(args: object): {
    heard: [string, string, string][]
    acks: [string, number, number][]
    ended: string[]
    open: number
  }
  listen(args: Speaking): { port: number }
  connect(args: Speaking & { port: number }): object
}

export type OldPeer = <K extends keyof Operations>(
  op: K,
  args: Parameters<Operations[K]>[0],
) => Promise<ReturnType<Operations[K]>>

/** A program of an old generation with no feeds; it ends with the test. */
export function oldPeer(t: TestContext, script: string, ...args: string[]): OldPeer {
  const ask = asked(t, script, args)
  return (op, question) => ask({ op, ...question })
}

export interface OldNode {
  readonly corestore: Corestore
  readonly connections: FeedConnection[]
  listen(): Promise<number>
  connect(port: number, generation: 1 | 2): Promise<FeedConnection>
}

/** A node of ours, in memory. */
export async function openOldNode(t: TestContext): Promise<OldNode> {
  const corestore = await Corestore.open({ store: openMemoryStore() })
  const connections: FeedConnection[] = []
  later(t, async () => {
    for (const connection of connections) connection.close()
    await corestore.close()
  })
  return {
    corestore,
    connections,
    async listen() {
      const listener = await listenBytes({
        onBytes(bytes, settled) {
          settled()
          connections.push(corestore.connectFeeds(bytes, { isInitiator: false }))
        },
      })
      later(t, () => listener.close())
      return listener.port
    },
    async connect(port, generation) {
      const bytes = await connectBytes({ port })
      const connection = corestore.connectFeeds(bytes, { generation, isInitiator: true })
      connections.push(connection)
      return connection
    },
  }
}

/** Resolves when `isTrue` does, asked after each turn; a test's time runs out otherwise. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5))
}
