/**
 * One peer of a topic: a socket between two machines, on a connection that they have anyway.
 *
 *     opening := uint flags 0, 32 bytes proof (`topic.ts`)
 *     0 message: the bytes, up to the end     1 room: uint bytes that were read
 *
 * Owns: that conversation from both openings to its end. Always true: nothing is sent before the remote's proof was
 * checked; messages arrive in order, or the socket ends; what either side holds for the other is bounded by
 * `inbox.ts` and `outbox.ts`. A peer that breaks the rules loses its socket, the connection goes on.
 */

import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { asError, DatError } from '../base/errors.ts'
import { SOCKET_MESSAGE_BYTES_MAX } from '../base/limits.ts'
import { copy } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import type { Encoding } from '../bytes/encodings.ts'
import type { Channel, ChannelHandler, Muxer } from '../wire/channel.ts'
import { Inbox } from './inbox.ts'
import { Outbox } from './outbox.ts'
import { checkProof, SOCKET_PROTOCOL, writeProof } from './topic.ts'

const MESSAGE = 0
const ROOM = 1

/** How long a message may wait for its peer to read. */
export interface SendOptions {
  /** Longest wait in milliseconds. Default 0: without limit. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A peer who has joined the same topic, until it leaves or the connection ends. */
export interface SocketPeer<T> extends AsyncIterable<T> {
  /** 32 bytes: who the other end proved to be. */
  readonly remotePublicKey: Uint8Array
  readonly closed: boolean
  /** Resolves, never rejects, when the socket has ended; with the error that ended it, if one did. */
  readonly ended: Promise<Error | undefined>
  /**
   * Sends a message behind those before it. Resolves when the connection has taken it, which waits while the peer does
   * not read. That is no word of the peer: who must know that a message was heard has it answered.
   *
   * @throws DatError BAD_ARGUMENT over 1 MiB; CLOSED; TIMEOUT, ABORTED (it was not sent); OVER_LIMIT if 1,024 messages
   *   or 8 MiB wait already: await one before the next
   */
  send(message: T, options?: SendOptions): Promise<void>
  /** Messages as they come, for one reader at a time; ends with the socket. Who reads slowly slows the peer down. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined>
  /** Ends this socket; the connection stays. The topic opens none to this peer again while both stay connected. */
  close(error?: Error): void
}

/** What a socket tells the topic that it is of. */
export interface SocketOwner<T> {
  readonly topic: Uint8Array
  readonly id: Uint8Array
  readonly encoding: Encoding<T>
  readonly onMessage: ((message: T, peer: SocketPeer<T>) => Promise<void> | void) | undefined
  opened(socket: Socket<T>): void
  ended(socket: Socket<T>): void
}

/** Our end of one socket, from our opening to its end. */
export class Socket<T> implements SocketPeer<T>, ChannelHandler {
  readonly remotePublicKey: Uint8Array
  readonly ended: Promise<Error | undefined>
  readonly #mux: Muxer
  readonly #clock: Clock
  readonly #owner: SocketOwner<T>
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  #channel: Channel | undefined
  #isOpen = false
  #closed = false
  #end: (error: Error | undefined) => void = () => {}

  constructor(mux: Muxer, clock: Clock, owner: SocketOwner<T>) {
    this.remotePublicKey = copy(mux.remotePublicKey)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#mux = mux
    this.#clock = clock
    this.#owner = owner
    this.#inbox = new Inbox((bytes) => this.#tellRoom(bytes))
    this.#outbox = new Outbox({
      isWritable: () => this.#channel?.writable === true,
      write: (message) => this.#channel?.send(MESSAGE, message),
    })
  }

  /** Opens our side. */
  open(): void {
    const { topic, id } = this.#owner
    const handshake = writeProof(this.#mux, topic)
    const channel = this.#mux.open({ protocol: SOCKET_PROTOCOL, id, handshake, handler: this })
    this.#channel = channel
    // It may have ended within the call, before there was anything to end.
    if (this.#closed && !channel.closed) channel.close()
  }

  get closed(): boolean {
    return this.#closed
  }

  send(message: T, options: SendOptions = {}): Promise<void> {
    try {
      const bytes = this.#encode(message)
      if (!this.#isOpen) throw closed()
      const { promise, settle } = settling()
      if (!this.#outbox.take(bytes, settle)) throw overLimit()
      return within(promise, this.#clock, options).catch((error: unknown) => {
        this.#outbox.withdraw(bytes)
        throw error
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sends without waiting: false if the socket has ended, or too much waits. */
  post(bytes: Uint8Array): boolean {
    return this.#isOpen && this.#outbox.take(bytes, () => {})
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    const reading = this.#inbox.read()
    return {
      next: async () => {
        const { done, value } = await reading.next()
        return done === true ? { done, value } : { done: false, value: this.#decode(value) }
      },
      return: async () => {
        reading.stop()
        return { done: true, value: undefined }
      },
    }
  }

  close(error?: Error): void {
    if (this.#closed) return
    this.#inbox.drop()
    const channel = this.#channel
    if (channel === undefined || channel.closed) this.onClose(error)
    else channel.close(error)
  }

  // ---- What the remote makes happen ----

  onOpen(channel: Channel, handshake: Reader): void {
    this.#channel = channel
    if (!checkProof(this.#mux, this.#owner.topic, handshake)) {
      channel.close(new DatError('BAD_HANDSHAKE', 'A peer does not know the topic it names.'))
      return
    }
    this.#isOpen = true
    this.#owner.opened(this)
    if (this.#owner.onMessage !== undefined) void this.#hear(this.#owner.onMessage)
  }

  onMessage(type: number, body: Reader): void {
    if (!this.#isOpen) return
    if (type === MESSAGE) this.#inbox.push(copy(body.rest()))
    else if (type === ROOM) this.#outbox.giveBack(body.uint())
  }

  onFrameEnd(): void {}

  onWritable(): void {
    if (this.#isOpen) this.#outbox.flush()
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#isOpen = false
    this.#inbox.end()
    this.#outbox.end(closed())
    this.#owner.ended(this)
    this.#end(error)
  }

  // ---- Inside ----

  /** One message after the other, each when what was done with the one before is done. */
  async #hear(onMessage: (message: T, peer: SocketPeer<T>) => Promise<void> | void): Promise<void> {
    try {
      for await (const message of this) await onMessage(message, this)
    } catch (error) {
      this.close(asError(error))
    }
  }

  #tellRoom(bytes: number): void {
    if (!this.#isOpen || this.#channel === undefined) return
    this.#channel.begin(ROOM, 9).uint(bytes)
    this.#channel.end()
  }

  #encode(message: T): Uint8Array {
    // A copy, because it may wait while the caller goes on with its bytes.
    const bytes = copy(this.#owner.encoding.encode(message))
    checkMessage(bytes)
    return bytes
  }

  #decode(bytes: Uint8Array): T {
    try {
      return this.#owner.encoding.decode(bytes)
    } catch (cause) {
      const error = new DatError('BAD_CONTENT', 'A message is no value.', {}, cause)
      this.close(error)
      throw error
    }
  }
}

/** Throws `BAD_ARGUMENT` for a message that is too large. */
export function checkMessage(bytes: Uint8Array): void {
  if (bytes.length <= SOCKET_MESSAGE_BYTES_MAX) return
  throw new DatError('BAD_ARGUMENT', 'A message has at most 1 MiB; send it in parts.', {
    bytes: bytes.length,
  })
}

function settling(): { promise: Promise<void>; settle: (error: DatError | undefined) => void } {
  let settle: (error: DatError | undefined) => void = () => {}
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  return { promise, settle }
}

function closed(): DatError {
  return new DatError('CLOSED', 'The peer has left, or the connection has ended.')
}

function overLimit(): DatError {
  return new DatError('OVER_LIMIT', 'The peer does not read, and too many messages wait for it.')
}
