/**
 * How much may pass in how much time, and how much did: arithmetic only, the time is passed in.
 *
 * Owns: `Bucket`, which fills at a rate up to its burst, and `Meter`, which tells a rate. Always true of a bucket: of
 * what asked `isOpen` before it passed, no more passes in any `t` milliseconds than `rate × t / 1000 + burst` and one
 * piece, however large; over a long time exactly the rate, since what goes beyond is owed.
 */

/** A bucket that is empty opens again when so much of its burst is there, so that passing is not one timer per piece. */
const REOPEN_PART = 0.25

/** One rate: what may pass, and when the next piece may. */
export class Bucket {
  /** Units per second. */
  readonly rate: number
  readonly burst: number
  /** What is there; below zero it is owed. */
  #level: number
  #at: number
  #isOpen = true

  /**
   * @param rate units per second, above 0
   * @param burst what may pass at once after a pause, above 0
   */
  constructor(rate: number, burst: number, now: number) {
    this.rate = rate
    this.burst = burst
    this.#level = burst
    this.#at = now
  }

  /** May another piece pass, whatever its size? */
  isOpen(now: number): boolean {
    this.#fill(now)
    if (!this.#isOpen) this.#isOpen = this.#level >= this.burst * REOPEN_PART
    return this.#isOpen
  }

  /** A piece has passed; `units` below 0 gives back what was counted and did not come. */
  take(units: number, now: number): void {
    this.#fill(now)
    this.#level = Math.min(this.#level - units, this.burst)
    if (this.#level <= 0) this.#isOpen = false
  }

  /** Milliseconds until `isOpen`, if nothing passes until then. */
  waitMs(now: number): number {
    if (this.isOpen(now)) return 0
    return Math.ceil(((this.burst * REOPEN_PART - this.#level) / this.rate) * 1_000)
  }

  #fill(now: number): void {
    if (now <= this.#at) return
    this.#level = Math.min(this.#level + (this.rate * (now - this.#at)) / 1_000, this.burst)
    this.#at = now
  }
}

/** A meter's window: a rate is that of the last whole one. */
const WINDOW_MS = 1_000

/** Counts what passes. */
export class Meter {
  /** Everything that passed. */
  total = 0
  #windowUnits = 0
  #from: number
  #rate = 0

  constructor(now: number) {
    this.#from = now
  }

  add(units: number, now: number): void {
    if (now - this.#from >= WINDOW_MS) this.#roll(now)
    this.total += units
    this.#windowUnits += units
  }

  /** Units per second, of late. */
  rate(now: number): number {
    if (now - this.#from >= WINDOW_MS) this.#roll(now)
    return this.#rate
  }

  /** A window in which nothing was counted for long tells its own length too. */
  #roll(now: number): void {
    this.#rate = (this.#windowUnits * 1_000) / (now - this.#from)
    this.#windowUnits = 0
    this.#from = now
  }
}
