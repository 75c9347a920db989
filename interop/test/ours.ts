/**
 * Our side of the interop tests: a store, its corestore, and TCP.
 *
 * Owns: opening and closing. Everything is closed with the test, connections first.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Connection } from '@dat-rhino/core/corestore/connection'
import { Corestore } from '@dat-rhino/core/corestore/corestore'
import { IN_MEMORY, openStorage } from '@dat-rhino/sdk/platform/node/storage'
import { connectTcp, listenTcp } from '@dat-rhino/sdk/platform/node/tcp'

export interface Node {
  readonly corestore: Corestore
  readonly connections: Connection[]
  listen(): Promise<number>
  connect(port: number): Promise<void>
}

/** A new node that ends with the test; on disk unless `memory` is said. */
export async function openNode(
  t: TestContext,
  where: 'disk' | 'memory' = process.env['OURS_IN'] === 'memory' ? 'memory' : 'disk',
): Promise<Node> {
  const folder = where === 'memory' ? IN_MEMORY : await mkdtemp(join(tmpdir(), 'dat-interop-ours-'))
  const corestore = await Corestore.open({
    store: await openStorage(folder === IN_MEMORY ? folder : join(folder, 'store')),
  })
  const connections: Connection[] = []
  const closers: (() => void)[] = []
  t.after(async () => {
    for (const close of closers) close()
    for (const connection of connections) connection.close()
    await corestore.close()
    if (where === 'disk') await rm(folder, { recursive: true, force: true })
  })
  return {
    corestore,
    connections,
    async listen() {
      const listener = await listenTcp({
        onTransport: (transport) => connections.push(corestore.connect(transport)),
      })
      closers.push(() => listener.close())
      return listener.port
    },
    async connect(port) {
      connections.push(corestore.connect(await connectTcp({ port })))
    },
  }
}
