/**
 * Two secret streams joined by a simulated wire, or one whose other end is the test.
 *
 * Owns: the wire: chunks are cut and joined as the test says, arrive in later turns, and wait while the reader
 * is paused. Keys are fixed, so a failure repeats.
 */

import type { KeyPair } from '../../src/crypto/crypto.ts'
import { keyPair } from '../../src/crypto/keys.ts'
import {
  type BytePipe,
  SecretStream,
  type SecretStreamOptions,
} from '../../src/wire/secret-stream.ts'
import type { TestClock } from './simulated.ts'

export function fixedKeyPair(byte: number): KeyPair {
  return keyPair(new Uint8Array(32).fill(byte))
}

const QUEUED_BYTES_MAX = 1_048_576

/** A byte pipe that keeps what is written until the test fetches it. */
export class TestPipe implements BytePipe {
  /** What was written, one entry per write. */
  readonly writes: Uint8Array[] = []
  writable = true
  isPaused = false
  closed: { error: Error | undefined } | undefined

  write(bytes: Uint8Array): void {
    this.writes.push(bytes)
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(error: Error | undefined): void {
    this.closed ??= { error }
  }
}

/** One end of the wire between two streams. */
class WirePipe implements BytePipe {
  readonly #clock: TestClock
  readonly #cut: (bytes: Uint8Array) => Uint8Array[]
  /** The stream that reads from this pipe's other end. */
  reader: SecretStream | undefined
  writer: SecretStream | undefined
  other: WirePipe | undefined
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #hasRefused = false
  #isPaused = false
  #isDue = false
  #isEnding = false
  #isOver = false

  constructor(clock: TestClock, cut: (bytes: Uint8Array) => Uint8Array[]) {
    this.#clock = clock
    this.#cut = cut
  }

  get writable(): boolean {
    const isRoom = this.#queuedBytes < QUEUED_BYTES_MAX
    if (!isRoom) this.#hasRefused = true
    return isRoom
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnding) return
    for (const chunk of this.#cut(bytes)) this.#queue.push(chunk)
    this.#queuedBytes += bytes.length
    this.#later()
  }

  /** Our reading: what the other side has written stays with it. */
  pause(): void {
    this.other?.hold(true)
  }

  resume(): void {
    this.other?.hold(false)
  }

  hold(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#later()
  }

  close(error: Error | undefined): void {
    if (error !== undefined) this.#queue = []
    this.#isEnding = true
    this.#later()
  }

  #later(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#clock.soon(() => {
      this.#isDue = false
      this.#move()
    })
  }

  #move(): void {
    while (!this.#isPaused) {
      const chunk = this.#queue.shift()
      if (chunk === undefined) break
      this.#queuedBytes -= chunk.length
      this.reader?.receive(chunk)
      // Its memory is ours again, and a socket reads into it anew.
      chunk.fill(0xee)
    }
    if (this.#queue.length > 0) return
    if (this.#hasRefused) {
      this.#hasRefused = false
      this.writer?.drained()
    }
    if (this.#isEnding && !this.#isOver) {
      this.#isOver = true
      this.reader?.ended()
    }
  }
}

export interface StreamPairOptions {
  readonly initiator?: Partial<SecretStreamOptions>
  readonly responder?: Partial<SecretStreamOptions>
  /** How the wire cuts what is written. Default: as it is. */
  readonly cut?: (bytes: Uint8Array) => Uint8Array[]
}

/** Two streams in their handshake; turn the clock to finish it. */
export function streamPair(
  clock: TestClock,
  options: StreamPairOptions = {},
): { initiator: SecretStream; responder: SecretStream; failures: Error[] } {
  const cut = options.cut ?? ((bytes) => [bytes])
  const there = new WirePipe(clock, cut)
  const back = new WirePipe(clock, cut)
  const failures: Error[] = []
  const common = {
    clock,
    onOpen: () => undefined,
    onFailed: (error: Error) => failures.push(error),
  }
  const responder = new SecretStream(back, {
    isInitiator: false,
    keyPair: fixedKeyPair(0x16),
    ephemeral: fixedKeyPair(0x18),
    ...common,
    ...options.responder,
  })
  there.reader = responder
  back.writer = responder
  there.other = back
  back.other = there
  const initiator = new SecretStream(there, {
    isInitiator: true,
    keyPair: fixedKeyPair(0x15),
    ephemeral: fixedKeyPair(0x17),
    ...common,
    ...options.initiator,
  })
  back.reader = initiator
  there.writer = initiator
  return { initiator, responder, failures }
}
