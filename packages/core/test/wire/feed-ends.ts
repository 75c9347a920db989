/**
 * Connections of generations 1 and 2 for tests: two ends of a byte pipe, and a side that writes down what it hears.
 */

import '../setup.ts'
import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock.ts'
import { concat, copy, fromHex, hex } from '../../src/bytes/bytes.ts'
import { CLAIM_BLOCK, CLAIM_HASH, Proof } from '../../src/tree/proof.ts'
import { NOTHING_ASKED } from '../../src/tree/prove.ts'
import type { ByteHandler, ByteStream } from '../../src/wire/byte-stream.ts'
import { type FeedSecrets, openFeedStream } from '../../src/wire/feed-stream.ts'
import type { FeedMuxer, FeedOpening, FeedStreamOptions } from '../../src/wire/feeds.ts'
import type { Request, Status } from '../../src/wire/messages.ts'
import { Side } from './conversations.ts'
import { TestClock } from './simulated.ts'

/** One end of a pipe in memory. Bytes arrive in a later turn, in pieces as they were written or of `pieceBytes`. */
export class MemoryBytes implements ByteStream {
  other: MemoryBytes | undefined
  /** Everything that was written here. */
  written: Uint8Array = new Uint8Array(0)
  /** Says that it owes too much. */
  isFull = false
  /** Delivers in pieces of this size. */
  pieceBytes = Number.POSITIVE_INFINITY
  paused = false
  ended: { error: Error | undefined } | undefined
  readonly #clock: Clock
  #handler: ByteHandler | undefined
  #queue: Uint8Array[] = []
  #isDue = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get writable(): boolean {
    return !this.isFull && this.ended === undefined
  }

  get handler(): ByteHandler | undefined {
    return this.#handler
  }

  set handler(handler: ByteHandler | undefined) {
    this.#handler = handler
    this.#later()
  }

  write(bytes: Uint8Array): void {
    if (this.ended !== undefined) return
    this.written = concat(this.written, bytes)
    this.other?.take(copy(bytes))
    // Whoever keeps it is found out.
    bytes.fill(0xee)
  }

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += this.pieceBytes) {
      this.#queue.push(copy(bytes.subarray(at, Math.min(bytes.length, at + this.pieceBytes))))
    }
    this.#later()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.#later()
  }

  drained(): void {
    this.isFull = false
    this.#handler?.onWritable()
  }

  close(error?: Error): void {
    if (this.ended !== undefined) return
    this.ended = { error }
    this.#later()
    this.#clock.soon(() => this.other?.close(error === undefined ? undefined : new Error('cut')))
  }

  #later(): void {
    if (this.#isDue || this.#handler === undefined) return
    this.#isDue = true
    this.#clock.soon(() => {
      this.#isDue = false
      this.#deliver()
    })
  }

  #deliver(): void {
    while (!this.paused) {
      const chunk = this.#queue.shift()
      if (chunk === undefined) break
      this.#handler?.onBytes(chunk)
    }
    if (this.ended !== undefined && this.#queue.length === 0) {
      const handler = this.#handler
      this.#handler = undefined
      handler?.onClose(this.ended.error)
    }
  }
}

export interface Ends {
  readonly clock: TestClock
  readonly near: FeedMuxer
  readonly far: FeedMuxer
  readonly bytes: readonly [MemoryBytes, MemoryBytes]
  /** How each end ended, and what else its owner was told. */
  readonly lines: string[]
}

export interface EndsOptions {
  readonly near?: Partial<FeedStreamOptions>
  readonly far?: Partial<FeedStreamOptions>
  readonly nearSecrets?: FeedSecrets
  readonly farSecrets?: FeedSecrets
}

export function bytesPair(clock: Clock): [MemoryBytes, MemoryBytes] {
  const near = new MemoryBytes(clock)
  const far = new MemoryBytes(clock)
  near.other = far
  far.other = near
  return [near, far]
}

/** Two ends that are connected; the near one dials. */
export function ends(generation: 1 | 2, options: EndsOptions = {}): Ends {
  const clock = new TestClock()
  const [nearBytes, farBytes] = bytesPair(clock)
  const lines: string[] = []
  const shared = (name: string): Partial<FeedStreamOptions> => ({
    onReady: () => lines.push(`${name} ready`),
    onClose: (error) =>
      lines.push(`${name} closed ${error === undefined ? '' : codeOf(error)}`.trim()),
  })
  const near = openFeedStream(
    nearBytes,
    { generation, isInitiator: true, clock, ...shared('near'), ...options.near },
    options.nearSecrets,
  )
  const far = openFeedStream(
    farBytes,
    { isInitiator: false, clock, ...shared('far'), ...options.far },
    options.farSecrets,
  )
  return { clock, near, far, bytes: [nearBytes, farBytes], lines }
}

export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** As `Side`, with what only old wires say. */
export class FeedSide extends Side implements FeedOpening {
  extensions: readonly string[] = []
  readonly proofs: Proof[] = []

  override onHave(start: number, length: number, ack = false): void {
    if (ack) this.lines.push(`receipt ${start} ${length}`)
    else super.onHave(start, length)
  }

  override onData(id: number, proof: Proof): void {
    const kept = new Proof()
    kept.claim = proof.claim
    kept.index = proof.index
    kept.value = proof.value === undefined ? undefined : copy(proof.value)
    kept.signature = proof.signature === undefined ? undefined : copy(proof.signature)
    kept.nodes.pushAll(proof.nodes)
    kept.seekBytes = proof.seekBytes
    this.proofs.push(kept)
    const what =
      proof.claim === CLAIM_BLOCK ? 'block' : proof.claim === CLAIM_HASH ? 'hash' : 'nothing'
    const value = proof.value === undefined ? '' : hex(proof.value)
    this.lines.push(`data ${id} ${what} ${proof.index} ${value}`.trim())
  }

  /** What it heard since the last time, without the ends of frames. */
  take(): string[] {
    return this.lines.splice(0).filter((line) => line !== 'end')
  }
}

// ---- What is said -------------------------------------------------------------------------------

/** An answer as it stands in the vectors. */
export interface DataValue {
  readonly index: number
  readonly value?: string
  readonly nodes?: { readonly index: number; readonly hash: string; readonly size: number }[]
  readonly signature?: string
}

export const STATUS: Status = {
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: true,
  uploading: true,
  downloading: true,
  hasManifest: false,
}

/** A request, with what it asks for. */
export function asking(parts: Partial<Request>): Request {
  return { id: 1, priority: 0, ...NOTHING_ASKED, ...parts }
}

export function proofOf({ index, value, nodes, signature }: DataValue): Proof {
  const proof = new Proof()
  proof.claim = value === undefined ? CLAIM_HASH : CLAIM_BLOCK
  proof.index = value === undefined ? 2 * index : index
  proof.value = value === undefined ? undefined : fromHex(value)
  proof.signature = signature === undefined ? undefined : fromHex(signature)
  for (const node of nodes ?? []) proof.nodes.push(node.index, node.size, fromHex(node.hash), 0)
  return proof
}

/** Answers request `id` with what was recorded. */
export function answer(side: FeedSide, id: number, value: DataValue): void {
  const proof = proofOf(value)
  const bytes = proof.value ?? new Uint8Array(0)
  side.sender?.data(id, proof, bytes.length, (into, at) => into.set(bytes, at))
}

/** Two ends of a connection with one log open on both. */
export function talk(
  generation: 1 | 2,
  options: EndsOptions = {},
): Ends & { near_: FeedSide; far_: FeedSide } {
  const pair = ends(generation, options)
  const near_ = new FeedSide()
  const far_ = new FeedSide()
  pair.near.open(near_)
  pair.far.open(far_)
  pair.clock.run()
  assert.deepEqual([near_.take(), far_.take()], [['open'], ['open']])
  return { ...pair, near_, far_ }
}
