/**
 * The channels of one connection of generation 1 or 2: which numbers are whose, and which openings belong together.
 *
 * Owns: our channels and the remote's openings that wait for ours. It decides and remembers; what is sent is the
 * stream's matter. Numbers are per side and never used again by us, as old peers do it; a remote may.
 *
 * Always true: a log has at most one channel of ours and one waiting opening; at most `FEEDS_UNPAIRED_MAX` of the remote's
 * wait, with 64 bytes each.
 */

import { DatError } from '../base/errors.ts'
import { FEEDS_UNPAIRED_MAX } from '../base/limits.ts'
import { hex } from '../bytes/bytes.ts'
import type { Writer } from '../bytes/cursor.ts'
import type { Channel } from './channel.ts'
import type { FeedConversation } from './feed-conversation.ts'
import type { FeedDialect } from './feed-dialect.ts'
import type { FeedChannel, FeedOpening } from './feeds.ts'

/** What a channel asks of the connection that it is on. */
export interface StreamOwner {
  begin(channel: StreamChannel, type: number, bodyHint: number): Writer
  end(): void
  abandon(): void
  /** False puts the channel on the list of those that are called when there is room again. */
  isWritable(channel: StreamChannel): boolean
  close(channel: StreamChannel, error: Error | undefined): void
}

/** Our end of one conversation about a log. */
export class StreamChannel implements Channel, FeedChannel {
  readonly protocol = 'feed'
  readonly opening: FeedOpening
  readonly owner: StreamOwner
  /** Made when it is known what is spoken here. */
  conversation: FeedConversation | undefined = undefined
  /** Our number; -1 until our opening is sent. */
  localId = -1
  /** The remote's number; -1 until both sides have opened. */
  remoteId = -1
  closed = false
  touched = false
  blocked = false

  constructor(opening: FeedOpening, owner: StreamOwner) {
    this.opening = opening
    this.owner = owner
  }

  get id(): Uint8Array {
    return this.opening.discoveryKey
  }

  get opened(): boolean {
    return this.remoteId >= 0 && !this.closed
  }

  get writable(): boolean {
    return !this.closed && this.owner.isWritable(this)
  }

  begin(type: number, sizeHint = 0): Writer {
    if (this.closed) throw new DatError('CLOSED', 'The channel is closed.')
    return this.owner.begin(this, type, sizeHint)
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

/** An opening of the remote for which ours is not there. The bytes are a copy. */
export interface Unpaired {
  readonly remoteId: number
  readonly discoveryKey: Uint8Array
  readonly proof: Uint8Array
}

/** One per connection. */
export class FeedChannels {
  readonly #byKey = new Map<string, StreamChannel>()
  readonly #byRemoteId = new Map<number, StreamChannel>()
  readonly #unpaired = new Map<string, Unpaired>()
  /** The same by the remote's number. */
  readonly #unpairedById = new Map<number, Unpaired>()
  /** Numbers that were given to openings of ours. */
  #numbers = 0

  get(discoveryKey: Uint8Array): StreamChannel | undefined {
    return this.#byKey.get(hex(discoveryKey))
  }

  remote(remoteId: number): StreamChannel | undefined {
    return this.#byRemoteId.get(remoteId)
  }

  get pairedCount(): number {
    return this.#byRemoteId.size
  }

  /** All channels of ours, in the order of opening. */
  all(): StreamChannel[] {
    return [...this.#byKey.values()]
  }

  /** @throws DatError CONFLICT if the log is open */
  add(channel: StreamChannel): void {
    const key = hex(channel.id)
    if (this.#byKey.has(key)) {
      throw new DatError('CONFLICT', 'This log is open already on this connection.')
    }
    this.#byKey.set(key, channel)
  }

  /** A number for an opening of ours. @throws DatError OVER_LIMIT if there is none left on this connection */
  number({ channelMin, channelEnd }: FeedDialect): number {
    const number = channelMin + this.#numbers
    if (number >= channelEnd) {
      throw new DatError('OVER_LIMIT', 'No more logs can be opened on this connection.')
    }
    this.#numbers++
    return number
  }

  pair(channel: StreamChannel, remoteId: number): void {
    channel.remoteId = remoteId
    this.#byRemoteId.set(remoteId, channel)
  }

  /** False if too many wait. */
  wait(unpaired: Unpaired): boolean {
    const key = hex(unpaired.discoveryKey)
    if (this.#unpaired.size >= FEEDS_UNPAIRED_MAX && !this.#unpaired.has(key)) return false
    this.takeUnpaired(unpaired.discoveryKey)
    this.dropUnpaired(unpaired.remoteId)
    this.#unpaired.set(key, unpaired)
    this.#unpairedById.set(unpaired.remoteId, unpaired)
    return true
  }

  /** The remote's opening that waits for this log, which waits no longer. */
  takeUnpaired(discoveryKey: Uint8Array): Unpaired | undefined {
    const key = hex(discoveryKey)
    const unpaired = this.#unpaired.get(key)
    this.#unpaired.delete(key)
    if (unpaired !== undefined) this.#unpairedById.delete(unpaired.remoteId)
    return unpaired
  }

  /** The remote uses the number for something else. */
  dropUnpaired(remoteId: number): void {
    const unpaired = this.#unpairedById.get(remoteId)
    if (unpaired !== undefined) this.takeUnpaired(unpaired.discoveryKey)
  }

  remove(channel: StreamChannel): void {
    const key = hex(channel.id)
    if (this.#byKey.get(key) === channel) this.#byKey.delete(key)
    if (this.#byRemoteId.get(channel.remoteId) === channel) {
      this.#byRemoteId.delete(channel.remoteId)
    }
  }

  /** Forgets everything and returns the channels that were open. */
  clear(): StreamChannel[] {
    const open = this.all()
    this.#byKey.clear()
    this.#byRemoteId.clear()
    this.#unpaired.clear()
    this.#unpairedById.clear()
    return open
  }
}
