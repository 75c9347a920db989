/**
 * From a hash to the numbers of the logs that have it, for a hundred thousand logs at little cost.
 *
 * Owns: an open hash table in one array of numbers: eight bytes for a place, and no object for a log, so that filling
 * it costs the collector nothing. Whether a candidate is right is asked of whoever holds the keys; logs of the same hash
 * stand one behind the other. A place that was given up stays marked until the table is made anew.
 */

const FREE = 0
const GIVEN_UP = 0xffff_ffff
const FIRST_PLACES = 64

export class LogIndex {
  #size = 0
  /** Places that are not free: those given up too. */
  #taken = 0
  #mask: number
  /** For each place: one more than the log's number, and its hash. */
  #places: Uint32Array

  /** @param expected how many logs there will be, if that is known */
  constructor(expected = 0) {
    let places = FIRST_PLACES
    while (places * 3 < expected * 4) places *= 2
    this.#mask = places - 1
    this.#places = new Uint32Array(2 * places)
  }

  get size(): number {
    return this.#size
  }

  /** Adds a log that is not there. @param hash 32 bits */
  add(hash: number, log: number): void {
    // Three quarters full at most: then a look-up meets two others on average.
    if (4 * (this.#taken + 1) > 3 * (this.#mask + 1)) this.#makeAnew()
    const places = this.#places
    let at = hash & this.#mask
    while (places[2 * at] !== FREE) at = (at + 1) & this.#mask
    places[2 * at] = log + 1
    places[2 * at + 1] = hash
    this.#size++
    this.#taken++
  }

  /** The first log with this hash that `isIt` calls the one that is wanted. */
  find<T>(hash: number, wanted: T, isIt: (log: number, wanted: T) => boolean): number | undefined {
    const places = this.#places
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const mark = places[2 * at] ?? FREE
      if (mark === FREE) return undefined
      if (mark === GIVEN_UP || places[2 * at + 1] !== hash >>> 0) continue
      if (isIt(mark - 1, wanted)) return mark - 1
    }
  }

  /** Takes out a log, if it is there. */
  remove(hash: number, log: number): void {
    const places = this.#places
    for (let at = hash & this.#mask; places[2 * at] !== FREE; at = (at + 1) & this.#mask) {
      if (places[2 * at] !== log + 1 || places[2 * at + 1] !== hash >>> 0) continue
      places[2 * at] = GIVEN_UP
      this.#size--
      return
    }
  }

  #makeAnew(): void {
    const old = this.#places
    const bigger = new LogIndex(2 * this.#size)
    for (let i = 0; i < old.length; i += 2) {
      const mark = old[i] ?? FREE
      if (mark !== FREE && mark !== GIVEN_UP) bigger.add(old[i + 1] ?? 0, mark - 1)
    }
    this.#places = bigger.#places
    this.#mask = bigger.#mask
    this.#taken = bigger.#taken
  }
}
