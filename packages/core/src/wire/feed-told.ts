/**
 * What a remote was told that we hold, and the Wants of it that are not answered.
 *
 * Owns: the answers. Peers of generations 1 and 2 wait for one Have with a bitfield for each Want, whose length repeats
 * that of the Want; what is told to nobody before the first Want comes with that answer (generation 2, section 8).
 * Always true: the bitfield is as large as what we told of our own log; the queue is bounded by
 * `WANTS_QUEUED_MAX`, and the same Want twice waits once.
 */

import { WANT_BLOCKS_MAX, WANTS_QUEUED_MAX } from '../base/limits.ts'
import { Bitfield } from '../bytes/bitfield.ts'
import { Writer } from '../bytes/cursor.ts'
import { writeRuns } from './rle.ts'

/** Blocks described in one Have that answers no Want: not the number that would be taken for an answer. */
const PIECE_BLOCKS = 2 ** 19
/** A bitfield that was larger than this does not keep its room. */
const ROOM_KEPT_BYTES = 65_536

let scratch = new Writer(256)

/** Sends a Have. */
export type SendHave = (start: number, length: number | undefined, bitfield?: Uint8Array) => void

interface Want {
  readonly start: number
  /** As the remote wrote it: 0 for everything. */
  readonly length: number
}

export class Told {
  readonly #bits = new Bitfield()
  /** One past the highest block ever told. */
  #end = 0
  #wants: Want[] = []
  /** A Want has come: from now on news is sent. */
  #isListening = false

  get hasWants(): boolean {
    return this.#wants.length > 0
  }

  /** Blocks are held; sends what the remote does not know and wants to. */
  have(start: number, end: number, send: SendHave): void {
    const first = this.#bits.nextUnset(start, end)
    this.#bits.setRange(first, end, true)
    this.#end = Math.max(this.#end, end)
    if (first < end && this.#isNews(first, end))
      send(first, end - first === 1 ? undefined : end - first)
  }

  /** Blocks are not held; true if the remote is to be told. */
  unhave(start: number, end: number): boolean {
    this.#bits.setRange(start, end, false)
    return this.#isListening
  }

  /** The truth about a range, from `start` (a multiple of 32) on. */
  words(start: number, words: Uint32Array, send: SendHave): void {
    this.#bits.setWords(start, words)
    const end = start + 32 * words.length
    this.#end = Math.max(this.#end, start + lastBit(words))
    if (!this.#isNews(start, end)) return
    for (let at = start; at < end; at += PIECE_BLOCKS) {
      const stop = Math.min(at + PIECE_BLOCKS, end)
      this.describe(at, stop - at, stop, send)
    }
  }

  /** False if it need not be answered a second time, or too many wait. */
  want(start: number, length: number): boolean {
    if (this.#wants.length >= WANTS_QUEUED_MAX) return false
    if (this.#wants.some((other) => other.start === start && other.length === length)) return false
    this.#wants.push({ start, length })
    return true
  }

  /** Answers the oldest Want. */
  answer(send: SendHave): void {
    const want = this.#wants.shift()
    if (want === undefined) return
    if (!this.#isListening) {
      this.#isListening = true
      // So that the remote knows our length at once.
      if (this.#end > 0 && this.#bits.get(this.#end - 1)) send(this.#end - 1, undefined)
    }
    const blocks = want.length === 0 ? WANT_BLOCKS_MAX : want.length
    const end = Math.min(want.start + blocks, Math.max(this.#end, want.start))
    this.describe(want.start, want.length, end, send)
  }

  /** One Have with a bitfield of `start .. end`, that says to be about `length` blocks. */
  describe(start: number, length: number, end: number, send: SendHave): void {
    scratch.reset()
    writeRuns(scratch, this.#bits, start, end)
    send(start, length, scratch.view())
    if (scratch.bytes.length > ROOM_KEPT_BYTES) scratch = new Writer(256)
  }

  /** Before the first Want nobody listens, and what will be part of an answer need not be said before it. */
  #isNews(start: number, end: number): boolean {
    if (!this.#isListening) return false
    return !this.#wants.some((want) => start >= want.start && end <= want.start + want.length)
  }
}

/** One past the last bit that is set. */
function lastBit(words: Uint32Array): number {
  for (let i = words.length - 1; i >= 0; i--) {
    const word = words[i] ?? 0
    if (word !== 0) return 32 * i + 32 - Math.clz32(word)
  }
  return 0
}
