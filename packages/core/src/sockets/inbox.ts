/**
 * What came from one peer of a topic and waits to be read.
 *
 * Owns: the queue, its window, and its one reader. A peer may send `SOCKET_WINDOW_BYTES` that are not read, each message
 * counted with `SOCKET_MESSAGE_COST` more; what was read is given back to it, in quarters of the window. Always true:
 * no more than a window is held, whatever the peer sends and however slow the reader is.
 */

import { DatError } from '../base/errors.ts'
import {
  SOCKET_MESSAGE_BYTES_MAX,
  SOCKET_MESSAGE_COST,
  SOCKET_WINDOW_BYTES,
} from '../base/limits.ts'

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }
/**
 * Read bytes are given back in parts of this size. With so much kept back, a message of any size still fits into what the
 * peer may send.
 */
const GIVE_BACK_BYTES = SOCKET_WINDOW_BYTES / 4

type Next = IteratorResult<Uint8Array, undefined>

/** Who reads, until he stops. */
export interface Reading {
  next(): Promise<Next>
  stop(): void
}

export class Inbox {
  readonly #giveBack: (bytes: number) => void
  #messages: Uint8Array[] = []
  /** Sent by the peer and not given back. */
  #usedBytes = 0
  /** Read and not given back. */
  #readBytes = 0
  #waiting: ((next: Next) => void) | undefined
  #hasReader = false
  #isEnded = false

  /** @param giveBack tells the peer that it may send so much more */
  constructor(giveBack: (bytes: number) => void) {
    this.#giveBack = giveBack
  }

  /** A message came; the bytes are ours. Throws `OVER_LIMIT` if the peer may not send so much. */
  push(message: Uint8Array): void {
    this.#usedBytes += message.length + SOCKET_MESSAGE_COST
    if (message.length > SOCKET_MESSAGE_BYTES_MAX || this.#usedBytes > SOCKET_WINDOW_BYTES) {
      throw new DatError('OVER_LIMIT', 'A peer sends more than it was told to.', {
        bytes: message.length,
      })
    }
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#messages.push(message)
    else waiting(this.#take(message))
  }

  /** Nothing more comes; what is here can still be read. */
  end(): void {
    this.#isEnded = true
    this.#waiting?.(DONE)
    this.#waiting = undefined
  }

  /** Nobody reads any more. */
  drop(): void {
    this.#messages = []
    this.end()
  }

  /** The messages, for one reader at a time: a second one would take away half of them. */
  read(): Reading {
    if (this.#hasReader) {
      throw new DatError('CONFLICT', 'The messages of this peer are read elsewhere already.')
    }
    this.#hasReader = true
    return {
      next: () => this.#next(),
      stop: () => {
        this.#hasReader = false
        this.#waiting?.(DONE)
        this.#waiting = undefined
      },
    }
  }

  #next(): Promise<Next> {
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve(this.#take(message))
    if (this.#isEnded) return Promise.resolve(DONE)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  #take(message: Uint8Array): Next {
    this.#readBytes += message.length + SOCKET_MESSAGE_COST
    if (this.#readBytes >= GIVE_BACK_BYTES && !this.#isEnded) {
      const bytes = this.#readBytes
      this.#readBytes = 0
      this.#usedBytes -= bytes
      this.#giveBack(bytes)
    }
    return { done: false, value: message }
  }
}
