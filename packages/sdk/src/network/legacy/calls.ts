/**
 * Live connections with old programs, dialled and accepted.
 *
 * Owns: the list, who we are on them, and what counts as being understood: that the other end has finished its handshake.
 * Always true: never more than so many, and of those that others have dialled fewer, so that we can dial whoever holds the
 * port; one that is of no use is ended; one with ourselves too, and its address is remembered as ours.
 */

import type { Clock } from '@dat-rhino/core/base/clock'
import { LEGACY_ACCEPTED_MAX, LEGACY_IDLE_MS_MAX } from '@dat-rhino/core/base/limits'
import { equal, hex } from '@dat-rhino/core/bytes/bytes'
import type { Corestore } from '@dat-rhino/core/corestore/corestore'
import type { FeedConnection } from '@dat-rhino/core/corestore/feed-connection'
import { randomBytes } from '@dat-rhino/core/crypto/keys'
import type { ByteStream } from '@dat-rhino/core/wire/byte-stream'
import { feedKeyPair } from '@dat-rhino/core/wire/gen2-noise'
import type { NetworkPeer } from '../state.ts'
import { CountedBytes } from './counted-bytes.ts'
import type { Wire } from './finder.ts'

/** How the wires are named where connections are made. */
const SPOKEN: Readonly<Record<Wire, { readonly generation: 1 | 2; readonly protocol?: 7 | 8 }>> = {
  'hypercore 7': { generation: 1 },
  'hypercore 8': { generation: 2, protocol: 7 },
  'hypercore 9': { generation: 2 },
}

/** One connection, before and after the handshake. */
export interface Call {
  readonly connection: FeedConnection
  /** Resolves with true when the other end has finished its handshake, with false if there was none. */
  readonly understood: Promise<boolean>
  /** Was any log spoken about for a while? */
  readonly isUseful: boolean
}

/** How a connection begins. Without `wire` the other end has dialled, and its first bytes tell. */
export interface CallOptions {
  readonly address: string
  readonly wire?: Wire
  /** Discovery key of the log to begin with. */
  readonly first?: Uint8Array
}

/** What connections tell. */
export interface CallEvents {
  onPeer(peer: NetworkPeer): void
  onEnd(peer: NetworkPeer, error: Error | undefined): void
}

interface Live {
  readonly connection: FeedConnection
  readonly bytes: CountedBytes
  readonly address: string
  isUnderstood: boolean
  isUseful: boolean
}

export class Calls {
  readonly max: number
  readonly #corestore: Corestore
  readonly #clock: Clock
  readonly #events: CallEvents
  readonly #live = new Set<Live>()
  /** Who we are, for as long as this lives: old programs know their second connection with us by it. */
  readonly #id = randomBytes(32)
  readonly #keyPair = feedKeyPair()
  readonly #ownAddresses = new Set<string>()
  #bytesDown = 0
  #bytesUp = 0

  constructor(corestore: Corestore, clock: Clock, max: number, events: CallEvents) {
    this.#corestore = corestore
    this.#clock = clock
    this.max = max
    this.#events = events
  }

  get count(): number {
    return this.#live.size
  }

  /** Is there no room for one more that others have dialled? */
  get isFull(): boolean {
    if (this.#live.size >= this.max) return true
    const accepted = [...this.#live].filter(({ connection }) => !connection.isInitiator)
    return accepted.length >= LEGACY_ACCEPTED_MAX
  }

  /** Those that are understood. */
  get peers(): NetworkPeer[] {
    return [...this.#live].filter((live) => live.isUnderstood).map(describe)
  }

  get bytesDown(): number {
    return [...this.#live].reduce((sum, { bytes }) => sum + bytes.bytesDown, this.#bytesDown)
  }

  get bytesUp(): number {
    return [...this.#live].reduce((sum, { bytes }) => sum + bytes.bytesUp, this.#bytesUp)
  }

  /** Has it turned out that we are there ourselves? */
  isOurs(address: string): boolean {
    return this.#ownAddresses.has(address)
  }

  /** Speaks on a stream. Undefined, and the stream is closed, if the store is. */
  begin(stream: ByteStream, options: CallOptions): Call | undefined {
    try {
      return this.#begin(new CountedBytes(stream), options)
    } catch {
      stream.close()
      return undefined
    }
  }

  #begin(bytes: CountedBytes, { address, wire, first }: CallOptions): Call {
    let settle: (isUnderstood: boolean) => void = () => {}
    const understood = new Promise<boolean>((resolve) => {
      settle = resolve
    })
    const connection = this.#corestore.connectFeeds(bytes, {
      ...(wire === undefined ? {} : SPOKEN[wire]),
      ...(first === undefined ? {} : { first }),
      isInitiator: wire !== undefined,
      id: this.#id,
      keyPair: this.#keyPair,
      onHandshake: (remote) => {
        const isOurselves = equal(remote, this.#id) || equal(remote, this.#keyPair.publicKey)
        if (isOurselves) {
          if (wire !== undefined) this.#ownAddresses.add(address)
          connection.close()
        } else {
          live.isUnderstood = true
          this.#watch(live)
          this.#events.onPeer(describe(live))
        }
        settle(!isOurselves)
      },
    })
    const live: Live = { connection, bytes, address, isUnderstood: false, isUseful: false }
    this.#live.add(live)
    void connection.ended.then((error) => {
      settle(false)
      this.#live.delete(live)
      this.#bytesDown += bytes.bytesDown
      this.#bytesUp += bytes.bytesUp
      if (live.isUnderstood) this.#events.onEnd(describe(live), error)
    })
    return {
      connection,
      understood,
      get isUseful() {
        return live.isUseful
      },
    }
  }

  /** Ends it when nothing is spoken about. */
  #watch(live: Live): void {
    this.#clock.after(LEGACY_IDLE_MS_MAX, () => {
      const { connection } = live
      if (connection.closed) return
      if (connection.logCount === 0) connection.close()
      else {
        live.isUseful = true
        this.#watch(live)
      }
    })
  }

  close(): void {
    for (const { connection } of this.#live) connection.close()
  }
}

function describe({ connection, bytes, address }: Live): NetworkPeer {
  return {
    generation: connection.generation ?? 1,
    key: hex(connection.remotePublicKey),
    address,
    isClient: connection.isInitiator,
    bytesDown: bytes.bytesDown,
    bytesUp: bytes.bytesUp,
  }
}
