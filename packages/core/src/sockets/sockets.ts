/**
 * Peer sockets: messages between all who have joined a topic, on the connections that logs use.
 *
 * Owns: which topics are joined, on which connections. A topic is opened on all connections of now and later, whichever
 * came first; both sides must have joined it, and prove that they know it (`topic.ts`). Always true: one socket per
 * topic and connection; a remote that does not know a topic gets no socket and hears nothing.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { DatError } from '../base/errors.ts'
import { hex } from '../bytes/bytes.ts'
import { binary, type Encoding } from '../bytes/encodings.ts'
import type { Muxer } from '../wire/channel.ts'
import type { SocketPeer } from './peer.ts'
import { Room } from './room.ts'
import { SOCKET_PROTOCOL, type TopicLike, topicOf } from './topic.ts'

export type { SendOptions, SocketPeer } from './peer.ts'
export type { Room } from './room.ts'
export type { TopicLike } from './topic.ts'

/** How a topic is joined. */
export interface JoinOptions<T> {
  /**
   * Called for one message after the other of each peer; the next one waits until the promise is settled, and so, after
   * a while, does the peer. What it throws ends the socket. Without it, read each peer as an `AsyncIterable`.
   */
  readonly onMessage?: (message: T, peer: SocketPeer<T>) => Promise<void> | void
  /** Called once when the topic is left; `leave` waits for it. */
  readonly onLeave?: () => Promise<void> | void
}

/** Messages that are values of an encoding: `{ ...json, onMessage }`. */
export type EncodedJoinOptions<T> = JoinOptions<T> & Encoding<T>

/** Where connections come from; a `Corestore` is one. */
export interface ConnectionSource {
  readonly connections: Iterable<{ readonly mux: Muxer; readonly ended: Promise<unknown> }>
  readonly events: { on(event: 'peer-add', listener: () => void): () => void }
}

export class Sockets {
  readonly #clock: Clock
  readonly #muxers = new Set<Muxer>()
  readonly #rooms = new Map<string, { readonly room: RoomOnMuxers }>()
  readonly #offs: (() => void)[] = []
  #closed = false

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Uses all connections of a store, those of now and later. */
  serve(source: ConnectionSource): void {
    const look = (): void => {
      for (const { mux, ended } of source.connections) this.#add(mux, ended)
    }
    this.#offs.push(source.events.on('peer-add', look))
    look()
  }

  /**
   * Joins a topic. Messages are bytes, or values of the encoding that the options carry.
   *
   * @throws DatError BAD_ARGUMENT (no topic), CONFLICT (joined already), CLOSED
   */
  join<T>(topic: TopicLike, options: EncodedJoinOptions<T>): Room<T>
  join(topic: TopicLike, options?: JoinOptions<Uint8Array>): Room<Uint8Array>
  join<T>(
    topic: TopicLike,
    options: EncodedJoinOptions<T> | JoinOptions<Uint8Array> = {},
  ): Room<T> | Room<Uint8Array> {
    return 'decode' in options
      ? this.#join(topicOf(topic), options, options)
      : this.#join(topicOf(topic), binary, options)
  }

  /** Leaves all topics. Connections stay. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const off of this.#offs) off()
    await Promise.all([...this.#rooms.values()].map(({ room }) => room.leave()))
  }

  #join<T>(topic: Uint8Array, encoding: Encoding<T>, options: JoinOptions<T>): Room<T> {
    if (this.#closed) throw new DatError('CLOSED', 'The sockets were closed.')
    const room = new Room<T>(topic, encoding, this.#clock, {
      onMessage: options.onMessage,
      onLeave: () => {
        for (const mux of this.#muxers) this.#unpair(mux, room)
        this.#rooms.delete(name)
        return options.onLeave?.()
      },
    })
    const name = hex(room.id)
    if (this.#rooms.has(name)) {
      throw new DatError('CONFLICT', 'This topic is joined already; use what `join` gave then.')
    }
    this.#rooms.set(name, { room })
    for (const mux of this.#muxers) this.#pair(mux, room)
    return room
  }

  #add(mux: Muxer, ended: Promise<unknown>): void {
    if (mux.closed || this.#muxers.has(mux)) return
    this.#muxers.add(mux)
    void ended.then(() => this.#muxers.delete(mux))
    mux.cork()
    for (const { room } of this.#rooms.values()) this.#pair(mux, room)
    mux.uncork()
  }

  /** Opens the topic on a connection, and answers the remote when it joins later. */
  #pair(mux: Muxer, room: RoomOnMuxers): void {
    if (mux.closed) return
    mux.pair(SOCKET_PROTOCOL, room.id, (_, handshake) => {
      if (handshake === undefined || room.admits(mux, handshake)) room.open(mux)
      return false
    })
    room.open(mux)
  }

  #unpair(mux: Muxer, room: RoomOnMuxers): void {
    if (!mux.closed) mux.unpair(SOCKET_PROTOCOL, room.id)
  }
}

/** A topic, whatever its messages are. */
type RoomOnMuxers = Pick<Room<never>, 'id' | 'admits' | 'open' | 'leave'>
