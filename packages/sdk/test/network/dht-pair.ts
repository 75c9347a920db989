/**
 * Connections over a DHT that never leaves this machine, for tests.
 */

import { after } from 'node:test'
import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import type { SwarmConnection } from 'hyperswarm'

/** Both ends of one connection; the first has dialled. */
export type DhtPair = () => Promise<[SwarmConnection, SwarmConnection]>

/** A network of this test file; it ends with the file. */
export function dhtPairs(): DhtPair {
  const testnet = createTestnet(3)
  const nodes: DHT[] = []
  after(async () => {
    for (const node of nodes) await node.destroy({ force: true })
    await (await testnet).destroy()
  })
  const newNode = async (): Promise<DHT> => {
    const node = new DHT({ bootstrap: (await testnet).bootstrap, host: '127.0.0.1' })
    nodes.push(node)
    return node
  }
  return async () => {
    const [client, server] = await Promise.all([newNode(), newNode()])
    const listener = server.createServer()
    const accepted = new Promise<SwarmConnection>((resolve) => {
      listener.on('connection', resolve)
    })
    await listener.listen()
    const dialled = client.connect(listener.publicKey)
    const opened = new Promise<void>((resolve) => dialled.on('open', resolve))
    const far = await accepted
    await opened
    return [dialled, far]
  }
}
