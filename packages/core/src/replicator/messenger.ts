/**
 * Messages of applications in one conversation, both ways.
 *
 * Owns: what came and waits for its listener, and what waits for room on the connection. Always true: listeners are
 * called for one message after the other; each queue is bounded in messages and bytes. A remote that floods a slow
 * listener loses this conversation; what we send to a remote that does not read is not taken.
 */

import { asError, DatError } from '../base/errors.ts'
import {
  EXTENSION_BYTES_MAX,
  EXTENSION_BYTES_QUEUED_MAX,
  EXTENSIONS_QUEUED_MAX,
} from '../base/limits.ts'
import { copy } from '../bytes/bytes.ts'
import type { Encoding } from '../bytes/encodings.ts'
import type { ExtensionPeer } from '../log/extensions.ts'
import type { Replica } from '../log/replica.ts'
import type { Peer } from './peer.ts'

interface Message {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Messages in order, bounded. */
class MessageQueue {
  #messages: Message[] = []
  #sizeBytes = 0

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  /** False if there is no room. The bytes are copied. */
  push(name: string, bytes: Uint8Array): boolean {
    const sizeBytes = this.#sizeBytes + bytes.length
    if (this.#messages.length >= EXTENSIONS_QUEUED_MAX) return false
    if (sizeBytes > EXTENSION_BYTES_QUEUED_MAX) return false
    this.#messages.push({ name, bytes: copy(bytes) })
    this.#sizeBytes = sizeBytes
    return true
  }

  shift(): Message | undefined {
    const message = this.#messages.shift()
    this.#sizeBytes -= message?.bytes.length ?? 0
    return message
  }

  clear(): void {
    this.#messages = []
    this.#sizeBytes = 0
  }
}

/** The messenger of a conversation, made when it is first needed. */
export function messengerOf(replica: Replica, peer: Peer): Messenger {
  peer.messenger ??= new Messenger(replica, peer)
  return peer.messenger
}

/** One conversation as applications see it. */
export class Messenger implements ExtensionPeer {
  readonly #replica: Replica
  readonly #peer: Peer
  readonly #incoming = new MessageQueue()
  readonly #outgoing = new MessageQueue()
  #isHearing = false

  constructor(replica: Replica, peer: Peer) {
    this.#replica = replica
    this.#peer = peer
  }

  get remotePublicKey(): Uint8Array {
    return this.#peer.remotePublicKey
  }

  get key(): Uint8Array {
    return this.#replica.key
  }

  get bareMessage(): Encoding<Uint8Array> {
    return this.#replica.generation.bareMessage
  }

  get closed(): boolean {
    return this.#peer.closed
  }

  post(name: string, message: Uint8Array): boolean {
    if (message.length > EXTENSION_BYTES_MAX) {
      throw new DatError('BAD_ARGUMENT', 'An extension message has at most 4 MiB.', {
        bytes: message.length,
      })
    }
    const { closed, sender } = this.#peer
    if (closed) return false
    if (!this.#outgoing.isEmpty || !sender.writable) return this.#outgoing.push(name, message)
    return sender.extension(name, message)
  }

  /** The connection has room. */
  onWritable(): void {
    const { sender } = this.#peer
    while (sender.writable) {
      const message = this.#outgoing.shift()
      if (message === undefined) return
      sender.extension(message.name, message.bytes)
    }
  }

  /** A message came; `bytes` are valid during the call only. Throws `OVER_LIMIT`, which ends the conversation. */
  onMessage(name: string, bytes: Uint8Array): void {
    if (bytes.length > EXTENSION_BYTES_MAX || !this.#incoming.push(name, bytes)) {
      throw new DatError('OVER_LIMIT', 'A peer sends more messages than are read here.', {
        bytes: bytes.length,
      })
    }
    if (!this.#isHearing) void this.#hear()
  }

  onClose(): void {
    this.#incoming.clear()
    this.#outgoing.clear()
  }

  async #hear(): Promise<void> {
    this.#isHearing = true
    try {
      for (let next = this.#incoming.shift(); next; next = this.#incoming.shift()) {
        // Looked up now: who has stopped listening meanwhile is not called any more.
        for (const listener of this.#replica.extensions.listeners(next.name)) {
          await listener(next.bytes, this)
        }
      }
    } catch (error) {
      this.#peer.sender.close(asError(error))
    } finally {
      this.#isHearing = false
    }
  }
}
