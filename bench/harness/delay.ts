/**
 * A line between two processes that takes its time: what goes in comes out half a round trip later.
 *
 * Owns: the relays, one for TCP and one for UDP, each in a thread of its own, so that neither end waits for the other's
 * work. They lose and reorder nothing, and have no limit of bandwidth: only the distance is measured. The thread's
 * CPU counts as the server's, on both sides of a comparison.
 */

import { Worker } from 'node:worker_threads'

/** The ports of a relay: the client dials `front`; a UDP server finds its client behind `back`. */
export interface DelayedLine {
  readonly front: number
  readonly back: number
}

export interface DelayOrder {
  readonly kind: 'tcp' | 'udp'
  /** Port of the server. */
  readonly port: number
  readonly roundTripMs: number
}

/** Lives as long as the process. */
export function delayedLine(order: DelayOrder): Promise<DelayedLine> {
  const relay = new Worker(new URL(`./delay-relay${import.meta.url.slice(-3)}`, import.meta.url), {
    workerData: order,
  })
  relay.unref()
  return new Promise((resolve, reject) => {
    relay.once('message', (line: DelayedLine) => resolve(line))
    relay.once('error', reject)
  })
}

/** The port behind which a TCP server seems to be so far away. */
export async function distant(port: number, roundTripMs: number): Promise<number> {
  if (roundTripMs === 0) return port
  return (await delayedLine({ kind: 'tcp', port, roundTripMs })).front
}
