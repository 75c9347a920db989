/**
 * Datagrams between programs of one test, without a network: each socket has an address, multicast reaches all of a group.
 */

import { setCrypto } from '@dat-rhino/core/crypto/crypto'
import type { DatagramOptions, OpenDatagrams } from '../../../src/network/legacy/datagrams.ts'
import type { LegacyAddress } from '../../../src/network/legacy/options.ts'
import { sodiumCrypto } from '../../../src/platform/node/crypto-sodium.ts'

setCrypto(sodiumCrypto)

/** What was sent, in order. */
export interface Sent {
  readonly from: LegacyAddress
  readonly to: LegacyAddress
  readonly bytes: Uint8Array
}

export class Hub {
  readonly sent: Sent[] = []
  readonly #sockets = new Map<string, DatagramOptions>()
  #ports = 10_000

  /** For one program at this address. */
  at(host: string): OpenDatagrams {
    return async (options) => {
      const from = { host, port: options.port ?? this.#ports++ }
      const name = `${host}:${from.port}`
      this.#sockets.set(name, options)
      return {
        send: (bytes, to) => this.send(from, to, bytes),
        close: () => this.#sockets.delete(name),
      }
    }
  }

  /** Also for bytes that nobody of ours would send. */
  send(from: LegacyAddress, to: LegacyAddress, bytes: Uint8Array): void {
    this.sent.push({ from, to, bytes })
    for (const [name, { group, port, onMessage }] of [...this.#sockets]) {
      const isHeard = name === `${to.host}:${to.port}` || (group === to.host && port === to.port)
      if (isHeard) queueMicrotask(() => onMessage(bytes.slice(), from))
    }
  }

  /** The socket of a program fails. */
  fail(host: string, error: Parameters<DatagramOptions['onError']>[0]): void {
    for (const [name, { onError }] of [...this.#sockets]) {
      if (!name.startsWith(`${host}:`)) continue
      this.#sockets.delete(name)
      onError(error)
    }
  }

  get openCount(): number {
    return this.#sockets.size
  }
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
