/**
 * One conversation, from the first status to the end: what a remote says goes to the room that it concerns.
 *
 * Owns: the order of work after a frame. What came is committed at its end; then, in the same turn unless many logs
 * have work, we answer the newest status, then the requests, and ask for more. So the answer to one frame is one
 * frame.
 */

import type { Proof } from '../tree/proof.ts'
import type { Handler, Request, Status } from '../wire/messages.ts'
import type { Announcer } from './announce.ts'
import { Describer } from './describe.ts'
import { hear, reply } from './negotiate.ts'
import type { Peer } from './peer.ts'
import type { Receiver } from './receive.ts'
import type { Reorgs } from './reorgs.ts'
import { Server } from './serve.ts'
import type { Shared } from './shared.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Turns } from './turns.ts'

/** What a conversation needs of the log that it is about. */
export interface Rooms {
  readonly shared: Shared
  readonly announcer: Announcer
  readonly receiver: Receiver
  readonly reorgs: Reorgs
  readonly turns: Turns
  /** Asks for whatever may be asked for, after what is going on now. */
  wake(): void
  /** Neither side wants anything: may the conversation end? */
  onStatus(peer: Peer): void
  onClose(peer: Peer, error: Error | undefined): void
}

export class PeerHandler implements Handler {
  readonly #peer: Peer
  readonly #rooms: Rooms
  #server: Server | undefined = undefined
  #describer: Describer | undefined = undefined
  /** What the remote holds has changed in this frame. */
  #isNews = false
  #isAnswering = false
  readonly #answer = (): void => {
    this.#isAnswering = false
    if (this.#peer.closed) return
    if (this.#peer.statusDue) {
      reply(this.#rooms.shared, this.#peer)
      this.#rooms.onStatus(this.#peer)
    }
    this.#server?.run()
  }

  readonly #onEnd: ((isRemoteIdle: boolean) => void) | undefined

  constructor(peer: Peer, rooms: Rooms, onEnd: ((isRemoteIdle: boolean) => void) | undefined) {
    this.#peer = peer
    this.#rooms = rooms
    this.#onEnd = onEnd
  }

  /** Requests of the remote that wait. */
  get queued(): number {
    return this.#server?.queued ?? 0
  }

  onStatus(status: Readonly<Status>): void {
    hear(this.#peer, status)
  }

  onHave(start: number, length: number): void {
    this.#peer.has.have(start, length)
    this.#isNews = true
  }

  onUnhave(start: number, length: number): void {
    this.#peer.has.unhave(start, length)
  }

  onBitfield(start: number, words: Uint32Array): void {
    this.#peer.has.words(start, words, this.#peer.length)
    this.#isNews = true
  }

  onWant(start: number, length: number, any: boolean): void {
    this.#peer.subscriptions ??= new Subscriptions()
    this.#peer.subscriptions.add(start, length, any)
    const { shared, announcer } = this.#rooms
    this.#describer ??= new Describer(shared, this.#peer, () => announcer.contiguous)
    this.#describer.onWant(start, length, any)
  }

  onUnwant(start: number, length: number): void {
    this.#peer.subscriptions?.remove(start, length)
  }

  onRequest(request: Readonly<Request>): void {
    this.#server ??= new Server(this.#rooms.shared, this.#peer)
    this.#server.onRequest(request)
  }

  onCancel(id: number): void {
    this.#server?.onCancel(id)
  }

  onData(id: number, proof: Proof): void {
    if (id === 0) this.#rooms.reorgs.onHead(this.#peer, proof)
    else this.#rooms.receiver.onData(this.#peer, id, proof)
  }

  onRefusal(id: number): void {
    this.#rooms.receiver.onRefusal(this.#peer, id)
  }

  onExtension(name: string, message: Uint8Array): void {
    const { remotePublicKey } = this.#peer
    this.#rooms.shared.events.emit('extension', { remotePublicKey, name, message })
  }

  onFrameEnd(): void {
    const { shared, receiver } = this.#rooms
    if (this.#isNews) shared.version++
    this.#isNews = false
    receiver.onFrameEnd()
    const isDue = this.#peer.statusDue || this.queued > 0
    if (isDue && !this.#isAnswering) {
      this.#isAnswering = true
      this.#rooms.turns.add(this.#answer)
    }
    this.#rooms.wake()
  }

  onWritable(): void {
    this.#server?.run()
    this.#describer?.run()
  }

  onClose(error: Error | undefined): void {
    if (this.#peer.closed) return
    this.#peer.closed = true
    this.#server?.close()
    this.#rooms.onClose(this.#peer, error)
    this.#onEnd?.(error === undefined && this.#peer.heard && !this.#peer.downloading)
  }
}
