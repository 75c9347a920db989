/**
 * What may pass in a conversation: the switches that hold for it, the lanes that it shares, and its priority.
 *
 *   one block ──▶ lanes of the log, of the peer, of the store: each counts, those with a rate may make it wait
 *
 * Owns: `Lane`, one rate with those who wait for it, and `Passage`, all that holds for one conversation. Always
 * true: who waits for a lane holds no other one up; of those who wait the highest priority goes first and, of equals,
 * who came first; a turn passes what the lane lets through, then the next one has his. A lane sets one timer
 * while it is used up, and none otherwise. Whoever is not limited pays for a look at an empty list.
 */

import { Bucket, Meter } from '../base/bucket.ts'
import type { Clock, Timer } from '../base/clock.ts'

/** What an answer takes beside the block in it, as rates count it: hashes, numbers, the frame. */
export const ANSWER_BYTES = 64
/** Seconds of a rate that may pass at once after a pause. */
const BURST_SECONDS = 0.25
/** A burst is at least so much, since a piece passes whole. */
const BURST_BYTES_MIN = 4_096

/** Who has something to pass. */
export interface Passenger {
  /** Higher goes first. */
  readonly priority: number
  /** It is your turn; may be called more often than was asked for. */
  onRoom(): void
}

/** A rate that conversations share. */
export class Lane {
  readonly #clock: Clock
  readonly #meter: Meter
  #bucket: Bucket | undefined
  readonly #waiting: Passenger[] = []
  /** Whose turn it is. */
  #turn: Passenger | undefined
  #isNextDue = false
  #timer: Timer | undefined

  /** @param bytesPerSecond `Infinity` only counts */
  constructor(clock: Clock, bytesPerSecond: number = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#meter = new Meter(clock.now())
    this.limit = bytesPerSecond
  }

  /** Bytes per second; `Infinity` for no limit. */
  get limit(): number {
    return this.#bucket?.rate ?? Number.POSITIVE_INFINITY
  }

  /** What passed so far goes on counting; those who wait are looked at again. */
  set limit(bytesPerSecond: number) {
    if (bytesPerSecond === this.limit) return
    const burst = Math.max(bytesPerSecond * BURST_SECONDS, BURST_BYTES_MIN)
    const isLimited = bytesPerSecond !== Number.POSITIVE_INFINITY
    this.#bucket = isLimited ? new Bucket(bytesPerSecond, burst, this.#clock.now()) : undefined
    this.#lookAgain()
  }

  get isLimited(): boolean {
    return this.#bucket !== undefined
  }

  get bytes(): number {
    return this.#meter.total
  }

  get bytesPerSecond(): number {
    return this.#meter.rate(this.#clock.now())
  }

  /** Passengers that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  admits(who: Passenger): boolean {
    if (this.#bucket === undefined) return true
    if (this.#waiting.length > 0 && this.#turn !== who) return false
    return this.#bucket.isOpen(this.#clock.now())
  }

  /** Calls `who.onRoom` once, when it is its turn. */
  wait(who: Passenger): void {
    if (this.#turn === who) this.#turn = undefined
    if (!this.#waiting.includes(who)) this.#waiting.push(who)
    this.#laterNext()
  }

  /** Whoever goes waits no more. */
  leave(who: Passenger): void {
    if (this.#turn === who) this.#turn = undefined
    const at = this.#waiting.indexOf(who)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  passed(bytes: number, now: number): void {
    this.#meter.add(bytes, now)
    this.#bucket?.take(bytes, now)
  }

  /** Counts what came and was reserved with `reserve` before. */
  came(bytes: number, reservedBytes: number, now: number): void {
    this.#meter.add(bytes, now)
    this.#bucket?.take(bytes - reservedBytes, now)
  }

  /** Takes bytes that are asked for; below zero gives back what will not come. */
  reserve(bytes: number): void {
    this.#bucket?.take(bytes, this.#clock.now())
    if (bytes < 0) this.#lookAgain()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting.length = 0
    this.#turn = undefined
  }

  /** There may be room sooner than was thought. */
  #lookAgain(): void {
    if (this.#waiting.length === 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#laterNext()
  }

  /** In a turn of its own, so that who goes now has had his. */
  #laterNext(): void {
    if (this.#isNextDue || this.#timer !== undefined || this.#waiting.length === 0) return
    this.#isNextDue = true
    this.#clock.soon(() => {
      this.#isNextDue = false
      this.#next()
    })
  }

  #next(): void {
    if (this.#waiting.length === 0) return
    const waitMs = this.#bucket?.waitMs(this.#clock.now()) ?? 0
    if (waitMs > 0) {
      this.#timer ??= this.#clock.after(waitMs, () => {
        this.#timer = undefined
        this.#next()
      })
      return
    }
    let best = 0
    for (let i = 1; i < this.#waiting.length; i++) {
      if ((this.#waiting[i]?.priority ?? 0) > (this.#waiting[best]?.priority ?? 0)) best = i
    }
    const [next] = this.#waiting.splice(best, 1)
    this.#turn = next
    next?.onRoom()
    this.#laterNext()
  }
}

/** One way of a conversation. */
export class Way {
  /** All that count what passes. */
  readonly lanes: readonly Lane[]
  /** Those of them that may make it wait, the narrowest first. */
  readonly #limited: readonly Lane[]

  constructor(lanes: readonly Lane[]) {
    this.lanes = lanes
    this.#limited = lanes.filter((lane) => lane.isLimited)
  }

  get isLimited(): boolean {
    return this.#limited.length > 0
  }

  admits(who: Passenger): boolean {
    for (const lane of this.#limited) if (!lane.admits(who)) return false
    return true
  }

  /** Waits for the first lane that does not admit. */
  wait(who: Passenger): void {
    for (const lane of this.#limited) {
      if (lane.admits(who)) continue
      lane.wait(who)
      return
    }
  }

  leave(who: Passenger): void {
    for (const lane of this.#limited) lane.leave(who)
  }

  passed(bytes: number, now: number): void {
    for (const lane of this.lanes) lane.passed(bytes, now)
  }

  came(bytes: number, reservedBytes: number, now: number): void {
    for (const lane of this.lanes) lane.came(bytes, reservedBytes, now)
  }

  reserve(bytes: number): void {
    for (const lane of this.#limited) lane.reserve(bytes)
  }
}

/** What holds for one conversation. Never changed: a conversation is given another one. */
export interface Passage {
  /** Is the remote served? */
  readonly uploads: boolean
  /** Is the remote asked? */
  readonly downloads: boolean
  readonly priority: number
  readonly up: Way
  readonly down: Way
}

/** Everything may pass and nothing is counted. */
export const OPEN: Passage = {
  uploads: true,
  downloads: true,
  priority: 0,
  up: new Way([]),
  down: new Way([]),
}
