/**
 * Answering a remote that asks what we hold.
 *
 * Owns: the Wants of one peer that were not answered yet. Always true: an answer is built only while the
 * connection has room, in slices that leave the event loop free, and holds only what may be announced. At most
 * `WANTS_QUEUED_MAX` wait: a remote that asks faster than it reads hears less. Source: replication 7.2.
 */

import { SLICE_MS, WANT_BLOCKS_MAX, WANTS_QUEUED_MAX } from '../base/limits.ts'
import { fillBits } from '../bytes/words.ts'
import type { Peer } from './peer.ts'
import type { Shared } from './shared.ts'

/** Blocks that are looked at between two looks at the clock. */
const STEP_BLOCKS = 32_768

interface Job {
  /** A multiple of 32. */
  start: number
  readonly end: number
}

export class Describer {
  readonly #shared: Shared
  readonly #peer: Peer
  /** What may be told from 0 on. */
  readonly #contiguous: () => number
  /** Has `run` called again, in a turn of its own. */
  readonly #again: () => void
  readonly #jobs: Job[] = []
  #waiting = false

  constructor(shared: Shared, peer: Peer, contiguous: () => number, again: () => void) {
    this.#shared = shared
    this.#peer = peer
    this.#contiguous = contiguous
    this.#again = again
  }

  onWant(start: number, length: number, any: boolean): void {
    if (length > WANT_BLOCKS_MAX && !any) return
    const contiguous = this.#contiguous()
    const total = this.#shared.replica.announcedLength
    if (start + length < contiguous || contiguous === total || (any && start < contiguous)) {
      this.#peer.toldContiguous = contiguous
      this.#peer.sender.have(0, contiguous)
      return
    }
    if (any) {
      const end = Math.min(start + length, total)
      const block = start < end ? this.#nextTold(start, end) : end
      if (block < end) this.#peer.sender.have(block, 1)
      return
    }
    const job = { start: start - (start % 32), end: Math.min(start + length, total) }
    if (job.start >= job.end || this.#jobs.length >= WANTS_QUEUED_MAX) return
    if (this.#jobs.some((other) => other.start === job.start && other.end === job.end)) return
    this.#jobs.push(job)
    this.run()
  }

  /** Goes on while the connection takes more. */
  run(): void {
    if (this.#waiting || this.#peer.closed) return
    const { clock } = this.#shared
    const until = clock.now() + SLICE_MS
    let job = this.#jobs[0]
    while (job !== undefined && this.#peer.sender.writable) {
      this.#describe(job, until)
      if (job.start >= job.end) this.#jobs.shift()
      job = this.#jobs[0]
      if (job !== undefined && clock.now() >= until) {
        this.#waiting = true
        clock.soon(() => {
          this.#waiting = false
          this.#again()
        })
        return
      }
    }
  }

  /** One bitfield, as long as the time allows, up to the end of a segment. */
  #describe(job: Job, until: number): void {
    const segmentEnd = job.start - (job.start % WANT_BLOCKS_MAX) + WANT_BLOCKS_MAX
    const end = Math.min(job.end, segmentEnd)
    const words = new Uint32Array(Math.ceil((end - job.start) / 32))
    let at = job.start
    do {
      const stop = Math.min(at + STEP_BLOCKS, end)
      this.#fill(words, job.start, at, stop)
      at = stop
    } while (at < end && this.#shared.clock.now() < until)
    const told = at === end ? words : words.subarray(0, (at - job.start) / 32)
    this.#peer.sender.bitfield(job.start, told)
    job.start = at
  }

  #fill(words: Uint32Array, origin: number, from: number, end: number): void {
    const { slot, store } = this.#shared.replica
    const settled =
      this.#shared.uncommitted.length === 0 && store.syncedAddress >= store.writtenAddress
    let at = this.#nextTold(from, end)
    while (at < end) {
      const stop = settled ? slot.nextMissing(at, end) : at + 1
      fillBits(words, at - origin, stop - origin, true)
      at = this.#nextTold(stop, end)
    }
  }

  /** First block of `from .. end` that is held and on the disk. */
  #nextTold(from: number, end: number): number {
    const { slot } = this.#shared.replica
    let at = slot.nextHeld(from, end)
    while (at < end && !this.#shared.replica.isDurable(at)) at = slot.nextHeld(at + 1, end)
    return at
  }
}
