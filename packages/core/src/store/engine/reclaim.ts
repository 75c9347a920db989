/**
 * Giving space back: holes where large blocks were cleared, and deletion of segments in which nothing lives.
 *
 * Owns: when that is safe. What a checkpoint no longer needs goes when the next one is on the disk too, so that the
 * index can lose its last frame without loss. Nothing behind the last checkpoint is touched: a recovery reads it.
 * Segments in which little lives are emptied by `rewrite.ts` first.
 */

import type { Clock } from '../../base/clock.ts'
import { SLICE_MS } from '../../base/limits.ts'
import type { Checkpointer } from './checkpoint.ts'
import { type FileKind, KIND_DATA, KIND_PAGES } from './format.ts'
import type { Segment, SegmentLog } from './segments.ts'

interface Holes {
  /** Number of the first checkpoint that knows these blocks as dropped. */
  readonly known: number
  /** Rows of two: address, size. */
  readonly rows: readonly number[]
}

/** Blocks that wait for their hole, at most; the space of others comes back when their segment is rewritten. */
const HOLES_MAX = 100_000
/** A file is emptied in pieces of so much before it is deleted. */
const PIECE_BYTES = 4_194_304

export class Reclaimer {
  readonly #data: SegmentLog
  readonly #pages: SegmentLog
  readonly #checkpointer: Checkpointer
  readonly #clock: Clock
  #holes: Holes[] = []
  #holeCount = 0
  #canPunch = true

  constructor(data: SegmentLog, pages: SegmentLog, checkpointer: Checkpointer, clock: Clock) {
    this.#data = data
    this.#pages = pages
    this.#checkpointer = checkpointer
    this.#clock = clock
  }

  /** Blocks of the last commit that are worth a hole. */
  add(rows: readonly number[]): void {
    if (!this.#canPunch || this.#holeCount > HOLES_MAX) return
    this.#holes.push({ known: this.#checkpointer.next, rows })
    this.#holeCount += rows.length / 2
  }

  /** Would another checkpoint let something go? */
  get isWaiting(): boolean {
    return (
      this.#holes.length > 0 ||
      [this.#data, this.#pages].some((log) => log.segments.some((s) => s.emptySince > 0))
    )
  }

  /**
   * After a checkpoint: lets go what that made superfluous, in slices.
   *
   * @param pause - a turn of the event loop; false to end here, and leave the rest to a later checkpoint
   */
  async release(pause: () => Promise<boolean>): Promise<void> {
    const { durable } = this.#checkpointer
    // First the whole files: holes in them would be work for nothing.
    if (!(await this.#dropEmpty(this.#data, KIND_DATA, durable, pause))) return
    if (!(await this.#dropEmpty(this.#pages, KIND_PAGES, durable, pause))) return
    const isDue = ({ known }: Holes): boolean => known < durable
    for (let due = this.#holes.find(isDue); due !== undefined; due = this.#holes.find(isDue)) {
      this.#holes.splice(this.#holes.indexOf(due), 1)
      this.#holeCount -= due.rows.length / 2
      if (!(await this.#punch(due.rows, pause))) return
    }
  }

  /** Returns false when it was told to end; what is left then comes back when its segment is rewritten. */
  async #punch(rows: readonly number[], pause: () => Promise<boolean>): Promise<boolean> {
    // A call to the system for each: some hundred microseconds, or less.
    let until = this.#clock.now() + SLICE_MS
    for (let i = 0; i < rows.length && this.#canPunch; i += 2) {
      this.#canPunch = this.#data.punch(rows[i] ?? 0, rows[i + 1] ?? 0)
      if (this.#clock.now() < until) continue
      if (!(await pause())) return false
      until = this.#clock.now() + SLICE_MS
    }
    return true
  }

  /** The system takes tens of milliseconds to delete a large file that holds bytes, and none for one of holes. */
  async #dropEmpty(
    log: SegmentLog,
    kind: FileKind,
    durable: number,
    pause: () => Promise<boolean>,
  ): Promise<boolean> {
    const isDue = ({ emptySince }: Segment): boolean => emptySince > 0 && emptySince < durable
    for (let due = log.segments.find(isDue); due !== undefined; due = log.segments.find(isDue)) {
      const { start, end } = due
      // The last piece goes with the file, and so a small file goes at once.
      for (let at = start; this.#canPunch && at + PIECE_BYTES < end; at += PIECE_BYTES) {
        this.#canPunch = log.hollow(due, at, PIECE_BYTES)
        if (!(await pause())) return false
      }
      log.drop(due)
      this.#checkpointer.dropped(kind, due.start)
      if (!(await pause())) return false
    }
    return true
  }
}
