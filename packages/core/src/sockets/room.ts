/**
 * A topic that is joined: its peers of now, and those who come.
 *
 * Owns: the list of its sockets that are open on both sides, and who waits for new ones. Made by `Sockets.join`; ends
 * with `leave`. Always true: each reader of the topic hears of each peer once, unless the peer has gone before.
 */

import type { Clock } from '../base/clock.ts'
import { copy } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import type { Encoding } from '../bytes/encodings.ts'
import type { Muxer } from '../wire/channel.ts'
import { checkMessage, Socket, type SocketOwner, type SocketPeer } from './peer.ts'
import { checkProof, SOCKET_PROTOCOL, topicId } from './topic.ts'

/** What a room is told by who joined. */
interface RoomHooks<T> {
  readonly onMessage: ((message: T, peer: SocketPeer<T>) => Promise<void> | void) | undefined
  readonly onLeave: () => Promise<void> | void
}

/** Somebody who reads the topic: peers that he has not heard of, or his wait for one. */
interface Reading<T> {
  readonly fresh: Set<SocketPeer<T>>
  wake: (() => void) | undefined
}

export class Room<T> implements AsyncIterable<SocketPeer<T>>, AsyncDisposable {
  /** What strangers see of the topic, on connections and in the DHT: 32 bytes. */
  readonly id: Uint8Array
  readonly #topic: Uint8Array
  readonly #clock: Clock
  readonly #encoding: Encoding<T>
  readonly #hooks: RoomHooks<T>
  readonly #owner: SocketOwner<T>
  /** One for each connection that our side is open on. */
  readonly #sockets = new Map<Muxer, Socket<T>>()
  readonly #peers = new Set<Socket<T>>()
  readonly #readings = new Set<Reading<T>>()
  #leaving: Promise<void> | undefined

  constructor(topic: Uint8Array, encoding: Encoding<T>, clock: Clock, hooks: RoomHooks<T>) {
    this.id = topicId(topic)
    this.#topic = topic
    this.#clock = clock
    this.#encoding = encoding
    this.#hooks = hooks
    this.#owner = {
      topic,
      id: this.id,
      encoding,
      onMessage: hooks.onMessage,
      opened: (socket) => this.#opened(socket),
      ended: (socket) => this.#ended(socket),
    }
  }

  /** The peers of this moment. */
  get peers(): readonly SocketPeer<T>[] {
    return [...this.#peers]
  }

  get left(): boolean {
    return this.#leaving !== undefined
  }

  /**
   * Sends to all peers of this moment without waiting; how many took it. Those who read too slowly do not.
   *
   * @throws DatError BAD_ARGUMENT over 1 MiB
   */
  broadcast(message: T): number {
    const bytes = copy(this.#encoding.encode(message))
    checkMessage(bytes)
    let count = 0
    for (const peer of this.#peers) if (peer.post(bytes)) count++
    return count
  }

  /** Each peer, those of now and those who come, until the topic is left. */
  [Symbol.asyncIterator](): AsyncIterator<SocketPeer<T>, undefined> {
    const reading: Reading<T> = { fresh: new Set(this.#peers), wake: undefined }
    if (!this.left) this.#readings.add(reading)
    return {
      next: async () => {
        for (;;) {
          for (const peer of reading.fresh) {
            reading.fresh.delete(peer)
            return { done: false, value: peer }
          }
          if (!this.#readings.has(reading)) return { done: true, value: undefined }
          await new Promise<void>((resolve) => {
            reading.wake = resolve
          })
        }
      },
      return: async () => {
        this.#stop(reading)
        return { done: true, value: undefined }
      },
    }
  }

  /** Ends all sockets of the topic. Connections stay. */
  leave(): Promise<void> {
    this.#leaving ??= Promise.resolve().then(() => this.#hooks.onLeave())
    for (const socket of [...this.#sockets.values()]) socket.close()
    for (const reading of [...this.#readings]) this.#stop(reading)
    return this.#leaving
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  // ---- For `Sockets` ----

  /** Does the remote that opens it know the topic? */
  admits(mux: Muxer, handshake: Reader): boolean {
    return !this.left && checkProof(mux, this.#topic, handshake)
  }

  /** Opens our side on a connection, unless it is. */
  open(mux: Muxer): void {
    if (this.left || this.#sockets.has(mux) || mux.has(SOCKET_PROTOCOL, this.id)) return
    const socket = new Socket(mux, this.#clock, this.#owner)
    this.#sockets.set(mux, socket)
    socket.open()
  }

  #opened(socket: Socket<T>): void {
    this.#peers.add(socket)
    for (const reading of this.#readings) {
      reading.fresh.add(socket)
      reading.wake?.()
    }
  }

  #ended(socket: Socket<T>): void {
    this.#peers.delete(socket)
    for (const [mux, other] of this.#sockets) if (other === socket) this.#sockets.delete(mux)
    for (const reading of this.#readings) reading.fresh.delete(socket)
  }

  #stop(reading: Reading<T>): void {
    this.#readings.delete(reading)
    reading.fresh.clear()
    reading.wake?.()
  }
}
