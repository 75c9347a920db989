/**
 * Which channel has which numbers, and which openings belong together: flat arrays, a row for each number of ours.
 *
 *   our number ──▶ pair (protocol, id) · state · the remote's number · handler          remote's number ──▶ our number
 *
 * Owns: the numbers of both sides and the pairs of a connection (replication.md section 3). It decides and remembers;
 * what is sent and who is told is `MuxChannels`'s and `Mux`'s matter. A connection has ten thousand channels, so nothing
 * stands for one but its place in the arrays, and pairs are found by a hash of their ids, as these lie in a frame.
 *
 * Numbers are per side, from 1. A remote may open with a number that is known and free, or one above the highest
 * so far. Ours is free again when the channel was paired; a channel that we closed before keeps its number until
 * the remote has answered, because its answer names no number: openings of one pair are answered in order.
 *
 * Always true: a pair has at most one open channel of ours; a row that is neither open nor unanswered is free; rows
 * whose pairs fall together stand in the order in which they were opened.
 */

import { DatError } from '../base/errors.ts'
import { CHANNEL_NUMBERS_MAX, CHANNEL_PROTOCOL_BYTES_MAX } from '../base/limits.ts'
import { copy, EMPTY, equalAt, fromUtf8, utf8 } from '../bytes/bytes.ts'
import type { Reader } from '../bytes/cursor.ts'
import { readU32LE } from '../bytes/integers.ts'
import { HASH_BYTES } from '../crypto/crypto.ts'
import type { ChannelsHandler } from './channel.ts'

// States of a row.
/** Our side is open. */
const OPEN = 1
/** The remote has not answered our opening. */
const UNANSWERED = 2
/** Got a message in the frame at hand. */
const TOUCHED = 4
/** Is on the list of those that wait for room. */
const BLOCKED = 8

/** What `local` says of a remote's number whose opening waits for ours. */
export const WAITING = -1

const ROWS_FIRST = 16

/** One per connection. Throws for what a remote may not do; what that ends is for the caller to say. */
export class ChannelTable {
  /** Channels open on both sides. */
  pairedCount = 0

  // By our number; row 0 is nobody's.
  readonly #handlers: (ChannelsHandler | undefined)[] = [undefined]
  readonly #protocols: string[] = ['']
  /** Ids that are hashes, as nearly all are. */
  #ids = new Uint8Array(ROWS_FIRST * HASH_BYTES)
  /** Other ids. */
  readonly #oddIds = new Map<number, Uint8Array>()
  #states = new Uint8Array(ROWS_FIRST)
  /** The remote's number; 0 until both sides have opened. */
  #remotes = new Uint32Array(ROWS_FIRST)
  #hashes = new Uint32Array(ROWS_FIRST)
  /** The next row whose pair falls into the same place of `#firsts`; 0 for none. */
  #nexts = new Uint32Array(ROWS_FIRST)

  readonly #free: number[] = []
  /** The first row of each place, by the low bits of the hash. */
  #firsts = new Uint32Array(ROWS_FIRST)
  /** By the remote's number: ours, 0 for nothing, `WAITING`. */
  #locals = new Int32Array(ROWS_FIRST)
  /** The highest number of the remote so far. */
  #known = 0
  /** Another for each connection, so that no remote can choose ids that fall together. */
  readonly #seed: number

  /** @param random in 0 .. 1 */
  constructor(random: () => number = Math.random) {
    this.#seed = Math.trunc(random() * 2 ** 32)
  }

  // ---- Ours

  /** A row for a channel of ours. Ours of this pair must not be open. */
  add(protocol: string, id: Uint8Array, handler: ChannelsHandler): number {
    const row = this.#free.pop() ?? this.#handlers.length
    if (row === this.#states.length) this.#grow()
    this.#handlers[row] = handler
    this.#protocols[row] = protocol
    this.#states[row] = OPEN
    if (id.length === HASH_BYTES) this.#ids.set(id, row * HASH_BYTES)
    else this.#oddIds.set(row, copy(id))
    this.#remotes[row] = 0
    this.#hashes[row] = hashAt(this.#seed, id, 0, id.length)
    this.#append(row)
    return row
  }

  /** The remote has yet to answer the opening. */
  asked(row: number): void {
    this.#set(row, UNANSWERED)
  }

  /** Our open channel of the pair whose id stands at `bytes[at .. at + length)`; 0 if there is none. */
  find(protocol: string, bytes: Uint8Array, at: number, length: number): number {
    return this.#find(OPEN, protocol, bytes, at, length)
  }

  /**
   * The opening of ours that a remote's opening of this pair answers: now paired, or one that we have closed meanwhile
   * (the remote will hear of that, and its number is free again already: `isOpen` is false). 0 if it answers none.
   */
  answer(
    remoteId: number,
    protocol: string,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): number {
    const row = this.#find(UNANSWERED, protocol, bytes, at, length)
    if (row === 0) return 0
    this.#unset(row, UNANSWERED)
    if (this.isOpen(row)) this.bind(row, remoteId)
    else this.#release(row)
    return row
  }

  /** Both sides of the channel are open now. */
  bind(row: number, remoteId: number): void {
    this.#remotes[row] = remoteId
    this.#locals[remoteId] = row
    this.pairedCount++
  }

  /**
   * The remote refused our opening. Returns whether it was still open here; the row is free.
   *
   * @throws DatError BAD_FRAME if that opening does not wait for an answer
   */
  rejected(row: number): boolean {
    if (!this.#is(row, UNANSWERED)) {
      throw new DatError('BAD_FRAME', 'The remote refuses what was not asked.', { localId: row })
    }
    const wasOpen = this.isOpen(row)
    this.#release(row)
    return wasOpen
  }

  /** Ends our channel: frees its row, or keeps that until the remote has answered. */
  close(row: number): void {
    this.#unset(row, OPEN)
    this.#handlers[row] = undefined
    const remoteId = this.#remotes[row] ?? 0
    if (remoteId === 0) return
    this.pairedCount--
    this.#locals[remoteId] = 0
    this.#release(row)
  }

  isOpen(row: number): boolean {
    return this.#is(row, OPEN)
  }

  isPaired(row: number): boolean {
    return this.#remotes[row] !== 0
  }

  /** Who hears what happens on a channel, while it is open. */
  handler(row: number): ChannelsHandler | undefined {
    return this.#handlers[row]
  }

  protocol(row: number): string {
    return this.#protocols[row] ?? ''
  }

  /** For reading only, and valid until the next `add`. */
  id(row: number): Uint8Array {
    const at = row * HASH_BYTES
    return this.#odd(row) ?? this.#ids.subarray(at, at + HASH_BYTES)
  }

  #odd(row: number): Uint8Array | undefined {
    return this.#oddIds.size === 0 ? undefined : this.#oddIds.get(row)
  }

  /** Rows of all open channels. */
  open(): number[] {
    const open: number[] = []
    for (let row = 1; row < this.#handlers.length; row++) if (this.isOpen(row)) open.push(row)
    return open
  }

  // ---- Marks

  /** False if it was touched before. */
  touch(row: number): boolean {
    return this.#mark(row, TOUCHED)
  }

  /** False if it is not touched any more, for it is another channel. */
  untouch(row: number): boolean {
    return this.#clear(row, TOUCHED)
  }

  /** False if it was blocked before. */
  block(row: number): boolean {
    return this.#mark(row, BLOCKED)
  }

  /** False if it is not blocked any more, for it is another channel. */
  unblock(row: number): boolean {
    return this.#clear(row, BLOCKED)
  }

  // ---- The remote's

  /**
   * Takes a number that the remote chose for an opening.
   *
   * @throws DatError BAD_FRAME if it may not choose that, OVER_LIMIT if it uses too many
   */
  claim(remoteId: number): void {
    if (remoteId > CHANNEL_NUMBERS_MAX) {
      throw new DatError('OVER_LIMIT', 'The remote uses too many channel numbers.', { remoteId })
    }
    const known = this.#known
    if (remoteId < 1 || remoteId > known + 1 || this.#locals[remoteId] !== 0) {
      const message = 'The remote opens a channel under a number that is not free.'
      throw new DatError('BAD_FRAME', message, { remoteId })
    }
    if (remoteId > known) this.#known = remoteId
    if (remoteId + 1 === this.#locals.length) this.#locals = grown(this.#locals, Int32Array)
  }

  /** What the remote's number stands for: a row, 0 for nothing, `WAITING`. */
  local(remoteId: number): number {
    return this.#locals[remoteId] ?? 0
  }

  /** The remote's opening waits for ours, or does so no more. */
  wait(remoteId: number, waits: boolean): void {
    this.#locals[remoteId] = waits ? WAITING : 0
  }

  // ---- Inside

  #find(state: number, protocol: string, bytes: Uint8Array, at: number, length: number): number {
    const hash = hashAt(this.#seed, bytes, at, length)
    let row = this.#firsts[hash & (this.#firsts.length - 1)] ?? 0
    for (; row !== 0; row = this.#nexts[row] ?? 0) {
      if (this.#hashes[row] !== hash || !this.#is(row, state)) continue
      if (this.#protocols[row] === protocol && this.#isId(row, bytes, at, length)) return row
    }
    return 0
  }

  #isId(row: number, bytes: Uint8Array, at: number, length: number): boolean {
    const odd = this.#odd(row)
    if (odd !== undefined) return odd.length === length && equalAt(odd, 0, bytes, at, length)
    return length === HASH_BYTES && equalAt(this.#ids, row * HASH_BYTES, bytes, at, length)
  }

  /** Behind those of its place. */
  #append(row: number): void {
    const place = (this.#hashes[row] ?? 0) & (this.#firsts.length - 1)
    this.#nexts[row] = 0
    let last = this.#firsts[place] ?? 0
    if (last === 0) {
      this.#firsts[place] = row
      return
    }
    for (let next = this.#nexts[last]; next; next = this.#nexts[last]) last = next
    this.#nexts[last] = row
  }

  #release(row: number): void {
    const place = (this.#hashes[row] ?? 0) & (this.#firsts.length - 1)
    const next = this.#nexts[row] ?? 0
    let before = this.#firsts[place] ?? 0
    if (before === row) this.#firsts[place] = next
    else {
      while (this.#nexts[before] !== row) before = this.#nexts[before] ?? 0
      this.#nexts[before] = next
    }
    this.#handlers[row] = undefined
    this.#oddIds.delete(row)
    this.#states[row] = 0
    this.#free.push(row)
  }

  #grow(): void {
    const rows = this.#states.length
    this.#states = grown(this.#states, Uint8Array)
    this.#ids = grown(this.#ids, Uint8Array)
    this.#remotes = grown(this.#remotes, Uint32Array)
    this.#hashes = grown(this.#hashes, Uint32Array)
    const { firsts, nexts } = { firsts: this.#firsts, nexts: this.#nexts }
    this.#firsts = new Uint32Array(2 * firsts.length)
    this.#nexts = new Uint32Array(2 * rows)
    for (const first of firsts) {
      for (let row = first; row !== 0; row = nexts[row] ?? 0) this.#append(row)
    }
  }

  #is(row: number, state: number): boolean {
    return ((this.#states[row] ?? 0) & state) !== 0
  }

  #set(row: number, state: number): void {
    this.#states[row] = (this.#states[row] ?? 0) | state
  }

  #unset(row: number, state: number): void {
    this.#states[row] = (this.#states[row] ?? 0) & ~state
  }

  #mark(row: number, state: number): boolean {
    if (this.#is(row, state)) return false
    this.#set(row, state)
    return true
  }

  #clear(row: number, state: number): boolean {
    if (!this.#is(row, state)) return false
    this.#unset(row, state)
    return true
  }
}

/** Of all bytes of an id. */
function hashAt(seed: number, id: Uint8Array, at: number, length: number): number {
  const end = at + length
  let hash = seed ^ length
  let i = at
  for (; i + 4 <= end; i += 4) hash = mixed(hash ^ readU32LE(id, i))
  for (; i < end; i++) hash = mixed(hash ^ (id[i] ?? 0))
  return hash >>> 0
}

/** The last step of MurmurHash3. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}

function grown<T extends Uint8Array | Uint32Array | Int32Array>(
  from: T,
  kind: new (length: number) => T,
): T {
  const into = new kind(2 * from.length)
  into.set(from)
  return into
}

// ---- Names of protocols --------------------------------------------------------------------------

/** What was made of the last one: mostly it is the same for each of ten thousand openings. */
let lastProtocol = ''
let lastBytes: Uint8Array = EMPTY

/** The bytes of a protocol's name, for reading only. */
export function protocolBytes(protocol: string): Uint8Array {
  if (protocol !== lastProtocol) {
    lastProtocol = protocol
    lastBytes = utf8(protocol)
  }
  return lastBytes
}

/** The name in an opening. @throws DatError BAD_FRAME, OVER_LIMIT */
export function readProtocol(from: Reader): string {
  const { bytes, at } = from
  const { length } = lastBytes
  // Names are shorter than what takes two bytes for its length.
  if (bytes[at] === length && length > 0 && at + 1 + length <= from.end) {
    if (equalAt(bytes, at + 1, lastBytes, 0, length)) {
      from.at = at + 1 + length
      return lastProtocol
    }
  }
  return fromUtf8(from.buffer(CHANNEL_PROTOCOL_BYTES_MAX))
}
