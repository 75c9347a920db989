/**
 * Time and pipes for wire tests: nothing moves unless the test moves it.
 *
 * Owns: `TestClock`, a clock whose turns and timers run on command, and `memoryTransports`, two ends of a
 * message pipe on it. Everything runs in the order of its making, so a failure repeats.
 */

import type { Clock, Timer } from '../../src/base/clock.ts'
import type { Transport, TransportHandler } from '../../src/wire/transport.ts'

interface Task {
  readonly atMs: number
  readonly run: () => void
}

export class TestClock implements Clock {
  #nowMs = 0
  #soon: (() => void)[] = []
  #timers: Task[] = []

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    const task = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(task)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== task)
      },
    }
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  get timerCount(): number {
    return this.#timers.length
  }

  /** Lets time pass inside of a turn, as slow work does. */
  spend(ms: number): void {
    this.#nowMs += ms
  }

  /** One turn of the event loop: what is due soon now, not what that makes due. */
  turn(): boolean {
    const tasks = this.#soon
    this.#soon = []
    for (const task of tasks) task()
    return tasks.length > 0
  }

  /** Turns until nothing is due soon. */
  run(turnsMax = 100_000): void {
    for (let turns = 0; this.turn(); turns++) {
      if (turns === turnsMax) throw new Error('The event loop does not come to rest.')
    }
  }

  /** Runs the timers of the next `ms` milliseconds at their moments, and what they make due. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    this.run()
    for (;;) {
      const next = this.#timers.filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      this.run()
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }
}

export const HANDSHAKE_HASH: Uint8Array = new Uint8Array(64).fill(2)

/** Written over every message when its time is over, so that whoever kept a view is found out. */
const SCRIBBLE = 0xee

const QUEUED_BYTES_MAX = 1_048_576

class MemoryTransport implements Transport {
  readonly isInitiator: boolean
  readonly handshakeHash: Uint8Array
  readonly remotePublicKey: Uint8Array
  readonly #clock: Clock
  other: MemoryTransport | undefined
  #handler: TransportHandler | undefined
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #isDue = false
  #isPaused = false
  #hasRefused = false
  #ending: { error: Error | undefined } | undefined
  #isOver = false

  constructor(clock: Clock, isInitiator: boolean, handshakeHash: Uint8Array) {
    this.#clock = clock
    this.isInitiator = isInitiator
    this.handshakeHash = handshakeHash
    this.remotePublicKey = new Uint8Array(32).fill(isInitiator ? 22 : 11)
  }

  get handler(): TransportHandler | undefined {
    return this.#handler
  }

  set handler(handler: TransportHandler | undefined) {
    this.#handler = handler
    this.#later()
  }

  get writable(): boolean {
    if (this.#ending !== undefined) return false
    const isRoom = (this.other?.queuedBytes ?? 0) < QUEUED_BYTES_MAX
    if (!isRoom) this.#hasRefused = true
    return isRoom
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  send(message: Uint8Array): void {
    if (this.#ending === undefined) this.other?.take(Uint8Array.from(message))
  }

  take(message: Uint8Array): void {
    this.#queue.push(message)
    this.#queuedBytes += message.length
    this.#later()
  }

  /** The other end has read so much that we may go on. */
  drained(): void {
    if (!this.#hasRefused || this.#ending !== undefined) return
    this.#hasRefused = false
    this.#clock.soon(() => this.#handler?.onWritable())
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#later()
  }

  close(error?: Error): void {
    if (this.#ending !== undefined) return
    this.#queue = []
    this.end(error)
    this.other?.end(undefined)
  }

  end(error: Error | undefined): void {
    this.#ending ??= { error }
    this.#later()
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
    const handler = this.#handler
    if (handler === undefined) return
    while (!this.#isPaused) {
      const message = this.#queue.shift()
      if (message === undefined) break
      this.#queuedBytes -= message.length
      handler.onMessage(message)
      message.fill(SCRIBBLE)
    }
    if (this.#queuedBytes === 0) this.other?.drained()
    if (this.#ending === undefined || this.#isOver || this.#queue.length > 0) return
    this.#isOver = true
    handler.onClose(this.#ending.error)
  }
}

/** Two ends of one pipe; the first has dialled. */
export function memoryTransports(
  clock: Clock,
  handshakeHash: Uint8Array = HANDSHAKE_HASH,
): [Transport, Transport] {
  const first = new MemoryTransport(clock, true, handshakeHash)
  const second = new MemoryTransport(clock, false, handshakeHash)
  first.other = second
  second.other = first
  return [first, second]
}

/** One end whose other end is the test. */
export class ScriptedTransport implements Transport {
  readonly isInitiator: boolean
  readonly handshakeHash: Uint8Array
  readonly remotePublicKey: Uint8Array = new Uint8Array(32).fill(7)
  handler: TransportHandler | undefined
  writable = true
  isPaused = false
  /** What was sent, in order. */
  sent: Uint8Array[] = []
  closed: { error: Error | undefined } | undefined

  constructor(options: { isInitiator?: boolean; handshakeHash?: Uint8Array } = {}) {
    this.isInitiator = options.isInitiator ?? true
    this.handshakeHash = options.handshakeHash ?? HANDSHAKE_HASH
  }

  send(message: Uint8Array): void {
    this.sent.push(Uint8Array.from(message))
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(error?: Error): void {
    this.closed ??= { error }
  }

  /** The remote sends `message`. */
  receive(message: Uint8Array): void {
    this.handler?.onMessage(message)
    message.fill(SCRIBBLE)
  }
}
