/**
 * Our side of the interop tests: a store, its corestore, and TCP.
 *
 * Owns: opening and closing. Everything is closed with the test, connections first.
 */

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Connection } from '@dat-rhino/core/corestore/connection'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp, listenTcp } from '@dat-rhino/sdk/platform/node/tcp'
import { later, scratch } from './later.ts'

export interface Node {
  /** Of the store. */
  readonly folder: string
  readonly corestore: Corestore
  readonly connections: Connection[]
  listen(): Promise<number>
  connect(port: number): Promise<void>
}

/** A new node on disk that ends with the test. */
export async function openNode(t: TestContext): Promise<Node> {
  const folder = join(scratch(t), 'store')
  const corestore = await Corestore.open({ store: await openStorage(folder) })
  const connections: Connection[] = []
  later(t, async () => {
    for (const connection of connections) connection.close()
    await corestore.close()
  })
  return {
    folder,
    corestore,
    connections,
    async listen() {
      const listener = await listenTcp({
        onTransport: (transport) => connections.push(corestore.connect(transport)),
      })
      later(t, () => listener.close())
      return listener.port
    },
    async connect(port) {
      connections.push(corestore.connect(await connectTcp({ port })))
    },
  }
}
