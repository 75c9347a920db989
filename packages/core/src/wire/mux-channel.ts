/**
 * Our end of one channel of `Mux`, and a remote's opening that waits for us.
 *
 * Owns: the state of the two. `MuxChannel` shows its users `Channel` only; the fields below `owner` belong to
 * the mux and to `ChannelTable`, which are the only ones to change them.
 */

import { DatError } from '../base/errors.ts'
import { copy } from '../bytes/bytes.ts'
import { Reader, Writer } from '../bytes/cursor.ts'
import type { Channel, ChannelHandler, ChannelOptions } from './channel.ts'

/** What a channel asks of the connection that it is on. */
export interface ChannelOwner {
  begin(channel: number, type: number, bodyHint: number): Writer
  end(): void
  abandon(): void
  /** False puts the channel on the list of those that are called when there is room again. */
  isWritable(channel: MuxChannel): boolean
  close(channel: MuxChannel, error: Error | undefined): void
}

/** Our half of one pair of openings. */
export class MuxChannel implements Channel {
  readonly protocol: string
  readonly id: Uint8Array | undefined
  readonly handler: ChannelHandler
  readonly owner: ChannelOwner
  /** Name of the pair of openings that this is one half of. */
  readonly pairKey: string
  /** Our number, from 1. */
  localId = 0
  /** The remote's number; 0 until both sides have opened. */
  remoteId = 0
  closed = false
  /** Got a message in the frame at hand. */
  touched = false
  /** Is on the list of those that wait for room. */
  blocked = false

  constructor(options: ChannelOptions, pairKey: string, owner: ChannelOwner) {
    this.protocol = options.protocol
    this.id = options.id
    this.handler = options.handler
    this.pairKey = pairKey
    this.owner = owner
  }

  get opened(): boolean {
    return this.remoteId !== 0 && !this.closed
  }

  get writable(): boolean {
    return !this.closed && this.owner.isWritable(this)
  }

  begin(type: number, sizeHint = 0): Writer {
    if (this.closed) {
      throw new DatError('CLOSED', 'The channel is closed.', { protocol: this.protocol })
    }
    return this.owner.begin(this.localId, type, sizeHint)
  }

  end(): void {
    this.owner.end()
  }

  abandon(): void {
    this.owner.abandon()
  }

  send(type: number, body: Uint8Array): void {
    this.begin(type, body.length).fixed(body)
    this.end()
  }

  close(error?: Error): void {
    if (!this.closed) this.owner.close(this, error)
  }
}

/** A remote's opening for which our side is not open yet, and what the remote has sent on it meanwhile. */
export class WaitingOpen {
  readonly remoteId: number
  readonly pairKey: string
  /** When it came, on the connection's clock. */
  readonly sinceMs: number
  /** Our side opened, or it was refused. */
  settled = false
  #handshake: Uint8Array
  /** `uint length | message` one behind the other; a message is `uint type | body`. */
  #kept: Writer | undefined

  constructor(remoteId: number, pairKey: string, handshake: Uint8Array, sinceMs: number) {
    this.remoteId = remoteId
    this.pairKey = pairKey
    this.sinceMs = sinceMs
    this.#handshake = handshake
  }

  get handshake(): Reader {
    return new Reader(this.#handshake)
  }

  /** The handshake's bytes belong to the frame; whoever waits longer than that needs a copy. */
  keep(): void {
    this.#handshake = copy(this.#handshake)
  }

  get sizeBytes(): number {
    return this.#handshake.length + (this.#kept?.at ?? 0)
  }

  keepMessage(type: number, body: Reader): void {
    this.#kept ??= new Writer(body.left + 8)
    const message = new Writer(body.left + 8)
    message.uint(type)
    message.fixedAt(body.bytes, body.at, body.left)
    this.#kept.buffer(message.view())
  }

  /** Hands over what was kept, in order, and forgets it. */
  replay(each: (type: number, body: Reader) => void): void {
    const kept = this.#kept
    this.#kept = undefined
    if (kept === undefined) return
    const messages = new Reader(kept.view())
    while (messages.left > 0) {
      const body = new Reader(messages.buffer())
      each(body.uint(), body)
    }
  }
}
