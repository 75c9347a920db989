/**
 * Two ends of a message pipe on any clock, for whole stores with real frames on them.
 *
 * Owns: delivery in order, after a delay if wanted, and a budget in bytes. A message is copied on sending, as a
 * cipher would.
 */

import type { Clock } from '../../src/base/clock.ts'
import type { Transport, TransportHandler } from '../../src/wire/transport.ts'

const BUDGET_BYTES = 1_048_576

export interface PipeOptions {
  readonly delayMs?: number
  readonly keys?: readonly [Uint8Array, Uint8Array]
}

class PipeEnd implements Transport {
  readonly isInitiator: boolean
  readonly handshakeHash: Uint8Array = new Uint8Array(64).fill(2)
  readonly remotePublicKey: Uint8Array
  readonly #clock: Clock
  readonly #delayMs: number
  other: PipeEnd | undefined
  handler: TransportHandler | undefined
  #queue: Uint8Array[] = []
  #underWay = 0
  #isBlocked = false
  #isPaused = false
  #isDue = false
  #ending: { readonly error: Error | undefined } | undefined
  #isOver = false

  constructor(clock: Clock, isInitiator: boolean, remotePublicKey: Uint8Array, delayMs: number) {
    this.#clock = clock
    this.isInitiator = isInitiator
    this.remotePublicKey = remotePublicKey
    this.#delayMs = delayMs
  }

  get writable(): boolean {
    const isRoom = (this.other?.bytesWaiting ?? 0) < BUDGET_BYTES
    if (!isRoom) this.#isBlocked = true
    return isRoom && this.#ending === undefined
  }

  get bytesWaiting(): number {
    return this.#underWay
  }

  send(message: Uint8Array): void {
    if (this.#ending !== undefined) return
    const sent = Uint8Array.from(message)
    this.other?.take(sent)
  }

  take(message: Uint8Array): void {
    this.#underWay += message.length
    const arrive = (): void => {
      this.#queue.push(message)
      this.#later()
    }
    if (this.#delayMs === 0) arrive()
    else this.#clock.after(this.#delayMs, arrive)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#later()
  }

  close(error?: Error): void {
    this.end(error)
    this.other?.end(undefined)
  }

  end(error: Error | undefined): void {
    this.#ending ??= { error }
    this.#later()
  }

  drained(): void {
    if (!this.#isBlocked || this.#ending !== undefined) return
    this.#isBlocked = false
    this.handler?.onWritable()
  }

  #later(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#clock.soon(() => {
      this.#isDue = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const message = this.#isPaused || this.#ending !== undefined ? undefined : this.#queue.shift()
    if (message !== undefined) {
      this.#underWay -= message.length
      this.handler?.onMessage(message)
      if (this.#underWay < BUDGET_BYTES) this.other?.drained()
    }
    if (this.#ending !== undefined) {
      if (this.#isOver) return
      this.#isOver = true
      this.handler?.onClose(this.#ending.error)
    } else if (this.#queue.length > 0) this.#later()
  }
}

/** The first end has dialled. */
export function transports(clock: Clock, options: PipeOptions = {}): [Transport, Transport] {
  const { delayMs = 0 } = options
  const [keyA, keyB] = options.keys ?? [new Uint8Array(32).fill(11), new Uint8Array(32).fill(22)]
  const a = new PipeEnd(clock, true, keyB, delayMs)
  const b = new PipeEnd(clock, false, keyA, delayMs)
  a.other = b
  b.other = a
  return [a, b]
}
