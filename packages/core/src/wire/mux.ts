/**
 * Generation 3's multiplexer, compatible with protomux: many channels on one message pipe.
 *
 * Owns: the frames of `replication.md` section 3.
 */

import type { Clock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import type { Channel, ChannelOptions, Muxer, PairHook } from './channel.ts'
import type { Transport } from './transport.ts'

export interface MuxOptions {
  readonly clock: Clock
  /** Told once, after all channels, when the connection has ended. */
  readonly onClose?: (error: Error | undefined) => void
}

export class Mux implements Muxer {
  declare readonly isInitiator: boolean
  declare readonly handshakeHash: Uint8Array
  declare readonly remotePublicKey: Uint8Array
  declare readonly closed: boolean
  declare readonly writable: boolean

  /** Takes over the transport: sets its handler. */
  constructor(_transport: Transport, _options: MuxOptions) {
    throw new DatError('INVARIANT', 'not built')
  }

  /** Channels that are open on both sides. */
  get channelCount(): number {
    throw new DatError('INVARIANT', 'not built')
  }

  open(_options: ChannelOptions): Channel {
    throw new DatError('INVARIANT', 'not built')
  }

  has(_protocol: string, _id?: Uint8Array): boolean {
    throw new DatError('INVARIANT', 'not built')
  }

  pair(_protocol: string, _id: Uint8Array | undefined, _hook: PairHook): void {
    throw new DatError('INVARIANT', 'not built')
  }

  unpair(_protocol: string, _id?: Uint8Array): void {
    throw new DatError('INVARIANT', 'not built')
  }

  cork(): void {
    throw new DatError('INVARIANT', 'not built')
  }

  uncork(): void {
    throw new DatError('INVARIANT', 'not built')
  }

  pause(): void {
    throw new DatError('INVARIANT', 'not built')
  }

  resume(): void {
    throw new DatError('INVARIANT', 'not built')
  }

  close(_error?: Error): void {
    throw new DatError('INVARIANT', 'not built')
  }
}
