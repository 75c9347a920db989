/**
 * How much may be under way from one peer: a window in bytes that follows rate × round trip.
 *
 * Owns: the count of what is in flight to one peer for one log, and its limit. Always true: the limit is
 * between `START_BLOCKS` blocks and `IN_FLIGHT_BYTES_MAX`, it grows at most twofold per round trip, and it
 * moves only in rounds in which it was used up, because an idle peer tells nothing about the way to it.
 * A round goes from one answer to the first answer of what was asked then. Blocks are counted too: a remote of ours
 * queues `REQUESTS_QUEUED_MAX` and refuses the rest, and on a short way every remote is slower the more it holds.
 * Source: performance 4.5.
 */

import { IN_FLIGHT_BYTES_MAX, REQUESTS_QUEUED_MAX } from '../base/limits.ts'

/** Before anything is known: enough to fill a short way, little enough to waste on a slow one. */
const START_BLOCKS = 24
/** What a block costs beside its bytes: the request, a node, the frame. So empty blocks have a rate too. */
const OVERHEAD_BYTES = 64
/** What a receiver and a sender need to work in batches, beyond the way itself. */
const BATCH_MS = 50
/** Blocks that keep any remote busy who is near. With twice as many a stock server is a fifth slower, for it holds them all. */
const NEAR_BLOCKS = 1_024
/** Beyond them as many as the way itself holds, and so much more: enough to notice that it holds more. */
const WAY_SHARE = 1.5
/**
 * The lowest round trip is measured anew after this, since ways change, and with so few blocks in flight: with a full
 * window an answer takes as long as the queue before it, which would make a near peer look far.
 */
const ROUND_TRIP_MEMORY_MS = 10_000
const MEASURE_BLOCKS = 128

export class Window {
  blocks = 0
  bytes = 0
  /** Bytes that may be in flight. */
  limitBytes: number
  /** Running average of what a block costs: what a request whose size isn't known is counted as. */
  blockBytes: number
  /** Answer time in milliseconds: moves an eighth towards each sample. 0 before the first answer. */
  answerMs = 0
  /** Bytes per millisecond in the last whole round; 0 before. */
  rate = 0
  /** Blocks that may be in flight, whatever their size. */
  blocksMax: number = NEAR_BLOCKS
  /** The shortest time of an answer; 0 while it is measured, by what is sent from `#lowestAt` on. */
  #lowestMs = 0
  #lowestAt = 0
  /** Start of the round, or -1 before the first answer of a busy time. */
  #roundFrom = -1
  #roundBytes = 0
  #roundFull = false
  #answeredAt = 0

  /**
   * @param blockBytes average size of the log's blocks as far as known
   * @param startBytes what is known of the way from another log
   */
  constructor(blockBytes: number, startBytes = 0) {
    this.blockBytes = blockBytes + OVERHEAD_BYTES
    this.limitBytes = Math.max(this.#floor(), startBytes)
  }

  /** Is there room for one more block? The first one always fits, whatever its size. */
  get hasRoom(): boolean {
    if (this.blocks === 0) return true
    return this.bytes + this.blockBytes <= this.limitBytes && this.blocks < this.blocksMax
  }

  /** The same for what somebody waits for: the bytes that the way carries are no limit then. */
  get hasUrgentRoom(): boolean {
    return (
      this.blocks === 0 || (this.bytes < IN_FLIGHT_BYTES_MAX && this.blocks < REQUESTS_QUEUED_MAX)
    )
  }

  /** A request leaves. Returns the bytes to count for it, to be given back with `answered` or `gone`. */
  sent(now: number): number {
    // After a pause the old round tells nothing: it would count the pause as time on the way.
    if (this.blocks === 0 && now - this.#answeredAt > 1 + this.answerMs / 4) this.#roundFrom = -1
    const bytes = this.blockBytes
    this.blocks++
    this.bytes += bytes
    if (!this.hasRoom) this.#roundFull = true
    return bytes
  }

  /** The request ended without an answer that counts: refused, cancelled, peer gone. */
  gone(bytes: number): void {
    this.blocks--
    this.bytes -= bytes
  }

  /** Its answer, a block of `blockBytes`, came; it was sent at `sentAt`. */
  answered(bytes: number, blockBytes: number, sentAt: number, now: number): void {
    const actualBytes = blockBytes + OVERHEAD_BYTES
    this.blocks--
    this.bytes -= bytes
    this.blockBytes += (actualBytes - this.blockBytes) / 32
    const took = Math.max(now - sentAt, 0.01)
    this.answerMs = this.answerMs === 0 ? took : this.answerMs + (took - this.answerMs) / 8
    this.#measured(took, sentAt, now)
    if (this.#roundFrom < 0 || this.#lowestMs === 0) this.#begin(now)
    else if (sentAt >= this.#roundFrom && now > this.#roundFrom) this.#end(now)
    else this.#roundBytes += actualBytes
    this.#answeredAt = now
  }

  #measured(took: number, sentAt: number, now: number): void {
    if (this.#lowestMs === 0 ? sentAt >= this.#lowestAt : took <= this.#lowestMs) {
      this.#lowestMs = took
      this.#lowestAt = now
    } else if (this.#lowestMs > 0 && now - this.#lowestAt > ROUND_TRIP_MEMORY_MS) {
      this.#lowestMs = 0
      this.#lowestAt = now
      this.blocksMax = MEASURE_BLOCKS
    }
  }

  #begin(now: number): void {
    this.#roundFrom = now
    this.#roundBytes = 0
    // Room was freed just now, so "full" means that it was full before this answer.
    this.#roundFull = this.bytes + 2 * this.blockBytes > this.limitBytes
  }

  #end(now: number): void {
    this.rate = this.#roundBytes / (now - this.#roundFrom)
    const onTheWay = (this.rate * this.#lowestMs) / this.blockBytes
    this.blocksMax = Math.min(Math.max(NEAR_BLOCKS, WAY_SHARE * onTheWay), REQUESTS_QUEUED_MAX)
    const target = this.rate * (2 * this.#lowestMs + BATCH_MS)
    if (this.#roundFull) {
      const next = Math.min(Math.max(target, this.limitBytes * 0.75), this.limitBytes * 2)
      this.limitBytes = Math.min(Math.max(next, this.#floor()), IN_FLIGHT_BYTES_MAX)
    }
    this.#begin(now)
  }

  #floor(): number {
    return Math.min(START_BLOCKS * this.blockBytes, IN_FLIGHT_BYTES_MAX)
  }
}
