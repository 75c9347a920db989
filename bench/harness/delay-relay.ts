/** The thread of a delayed line (`delay.ts`): takes an order, tells its ports, and forwards until the process ends. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { DelayedLine, DelayOrder } from './delay.ts'

const HOST = '127.0.0.1'
/** Datagrams that wait are in flight, and a fast sender has many. */
const UDP_BUFFER_BYTES = 4 << 20

const order = workerData as DelayOrder

/** Things in the order in which they came, each when its time has come; one timer for all. */
class DelayQueue {
  readonly #ms: number
  readonly #waiting: { at: number; run: () => void }[] = []
  #first = 0
  #isSet = false

  constructor(ms: number) {
    this.#ms = ms
  }

  push(run: () => void): void {
    this.#waiting.push({ at: performance.now() + this.#ms, run })
    this.#set()
  }

  #set(): void {
    const next = this.#waiting[this.#first]
    if (this.#isSet || next === undefined) return
    this.#isSet = true
    setTimeout(() => this.#due(), Math.max(0, next.at - performance.now()))
  }

  #due(): void {
    this.#isSet = false
    const now = performance.now()
    for (;;) {
      const next = this.#waiting[this.#first]
      if (next === undefined || next.at > now) break
      this.#first++
      next.run()
    }
    this.#waiting.splice(0, this.#first)
    this.#first = 0
    this.#set()
  }
}

async function relayTcp(): Promise<DelayedLine> {
  const server = createServer((client) => {
    const upstream = connect({ port: order.port, host: HOST, noDelay: true })
    client.setNoDelay(true)
    join(client, upstream)
    join(upstream, client)
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  return { front: typeof address === 'object' && address !== null ? address.port : 0, back: 0 }
}

/** What `from` says is said to `to`, later. */
function join(from: Socket, to: Socket): void {
  const queue = new DelayQueue(order.roundTripMs / 2)
  from.on('data', (chunk) => queue.push(() => void to.write(chunk)))
  from.on('end', () => queue.push(() => void to.end()))
  from.on('error', () => to.destroy())
}

async function relayUdp(): Promise<DelayedLine> {
  const [front, back] = await Promise.all([boundUdp(), boundUdp()])
  const [there, here] = [
    new DelayQueue(order.roundTripMs / 2),
    new DelayQueue(order.roundTripMs / 2),
  ]
  let client = 0
  front.on('message', (message, from) => {
    client = from.port
    there.push(() => back.send(message, order.port, HOST))
  })
  back.on('message', (message) => here.push(() => front.send(message, client, HOST)))
  return { front: front.address().port, back: back.address().port }
}

async function boundUdp(): Promise<UdpSocket> {
  const socket = createSocket({ type: 'udp4' })
  socket.bind(0, HOST)
  await once(socket, 'listening')
  socket.setRecvBufferSize(UDP_BUFFER_BYTES)
  socket.setSendBufferSize(UDP_BUFFER_BYTES)
  return socket
}

parentPort?.postMessage(order.kind === 'tcp' ? await relayTcp() : await relayUdp())
